// Package config reads a process's own settings: from a YAML file and from the
// environment. What moves where is not a setting; that is in the routes.
//
// Precedence, strongest first: flag, environment (CDT_…), file, default. The
// flags themselves belong to the verbs; this package only decodes: it checks
// names, not values, opens nothing and imports nothing of ours.
package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Key is the name of one setting: db in the file, CDT_DB in the environment,
// --db as a flag; at_once, CDT_AT_ONCE, --at-once.
type Key struct {
	Name string
	Help string
}

// Keys lists all settings, in the order in which they are documented.
func Keys() []Key {
	return []Key{
		{"db", "operations database: a file, sqlite:FILE or postgres://…; it may hold a password and is never printed whole"},
		{"routes", "a route file or a folder of them"},
		{"role", "what `dtctl serve` does: engine, worker or all"},
		{"site", "sites whose work this process does"},
		{"at_once", "tasks at once, in all or of a stage type: 4, or package=2,transfer=4"},
		{"lease", "how long a worker may be silent before its task is taken from it"},
		{"claim_by", "how long a task may wait for a worker before it is withdrawn"},
		{"grace", "how long a stop waits for what runs"},
		{"sweep", "how often the engine looks though nothing woke it"},
		{"scan", "time between two scans of a source location"},
		{"state", "folder for the journals of results that wait for the database"},
		{"credentials", "file (YAML) or folder of the credentials that routes name, readable for its owner alone; NAME_ACCESS_KEY and NAME_SECRET_KEY in the environment outrank it"},
		{"redis", "Redis in which processes show what they do right now; it may hold a password and is never printed"},
		{"notify_webhook", "address to which notifications are posted as JSON; never printed"},
		{"notify_header", "header that proves who posts, 'Name: value'; never printed"},
		{"notify_command", "program, and its arguments, that gets notifications as JSON on its input"},
		{"listen", "address for /healthz, /readyz and /metrics"},
		{"log_level", "the least of what is logged: debug, info, warn or error"},
		{"otlp", "OpenTelemetry collector that takes spans and logs: http://host:4318"},
		{"influx_url", "InfluxDB that takes metrics: http://host:8086"},
		{"influx_token", "token of InfluxDB, or user:password of version 1.8; never printed"},
		{"influx_org", "organisation of InfluxDB 2"},
		{"influx_bucket", "bucket of InfluxDB; database/retention-policy of version 1.8"},
		{"output", "text or json"},
	}
}

// Env is the name of the environment's variable.
func (k Key) Env() string { return "CDT_" + strings.ToUpper(k.Name) }

// Flag is the name of the flag.
func (k Key) Flag() string { return strings.ReplaceAll(k.Name, "_", "-") }

// Setting is one value with the place it comes from.
type Setting struct {
	Key  Key
	Text Secret // any value may hold a secret: it is printed by nobody
	From string // "cdt.yaml:3" or "environment CDT_DB"
}

// others are names in the environment that begin with CDT_ and are no settings.
func others() []string {
	return []string{"CDT_CONFIG", "CDT_USER", "CDT_BENCH", "CDT_EFFECT_KILL", "CDT_EFFECT_LOG"}
}

// InFile is what follows a variable's name when it names a file that holds
// the value: CDT_DB_FILE=/run/secrets/cdt_db.
const InFile = "_FILE"

// Environment returns the settings in environ (as of os.Environ). A variable
// that looks like a misspelt setting is an error; other CDT_ names are let be. The value of a
// variable with [InFile] is what read gives of the file, without the line's end; both forms of one at once are an error.
func Environment(environ []string, read func(file string) ([]byte, error)) ([]Setting, error) {
	var out []Setting
	for _, e := range environ {
		name, text, _ := strings.Cut(e, "=")
		if !strings.HasPrefix(name, "CDT_") || text == "" || slices.Contains(others(), name) {
			continue
		}
		i := slices.IndexFunc(Keys(), func(k Key) bool { return k.Env() == name || k.Env()+InFile == name })
		if i >= 0 {
			s, err := valueOf(Keys()[i], name, text, read)
			if err != nil {
				return nil, err
			}
			if j := slices.IndexFunc(out, func(o Setting) bool { return o.Key == s.Key }); j >= 0 {
				return nil, fmt.Errorf("environment: %s and %s are both set: take one away", Keys()[i].Env(), Keys()[i].Env()+InFile)
			}
			out = append(out, s)
			continue
		}
		if meant := nearest(name, names(Key.Env)); meant != "" {
			return nil, fmt.Errorf("environment: there is no setting %s: did you mean %s?", name, meant)
		}
	}
	slices.SortFunc(out, func(a, b Setting) int { return cmp.Compare(a.Key.Name, b.Key.Name) })
	return out, nil
}

// valueOf is the value of a variable, or of the file it names.
func valueOf(k Key, name, text string, read func(string) ([]byte, error)) (Setting, error) {
	s := Setting{k, NewSecret(text), "environment " + name}
	if name == k.Env() {
		return s, nil
	}
	content, err := read(text)
	if err != nil {
		return s, fmt.Errorf("environment %s: %w", name, err)
	}
	value := strings.TrimRight(string(content), "\r\n")
	if value == "" {
		return s, fmt.Errorf("environment %s: %s is empty", name, text)
	}
	s.Text = NewSecret(value)
	return s, nil
}

// Merge returns the settings of all lists; of one key the last list's holds.
func Merge(lists ...[]Setting) []Setting {
	var out []Setting
	for _, list := range lists {
		for _, s := range list {
			out = slices.DeleteFunc(out, func(o Setting) bool { return o.Key == s.Key })
			out = append(out, s)
		}
	}
	return out
}

func names(of func(Key) string) []string {
	var out []string
	for _, k := range Keys() {
		out = append(out, of(k))
	}
	return out
}
