package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/pflag"
	"go.opentelemetry.io/otel"

	"github.com/ccatobs/cdt/node"
	"github.com/ccatobs/cdt/telemetry"
)

// observing are the settings of what shows others how a process is.
type observing struct {
	listen   string
	logLevel string
	otlp     string
	influx   telemetry.Influx
}

func (o *observing) flags(f *pflag.FlagSet) {
	f.StringVar(&o.listen, "listen", "", "address for /healthz, /readyz and /metrics, like :8080 or 127.0.0.1:8080 (default: none)")
	f.StringVar(&o.logLevel, "log-level", "info", "the least of what is logged: debug, info, warn or error")
	f.StringVar(&o.otlp, "otlp", "", "OpenTelemetry collector that takes spans and logs: http://host:4318 (default: none)")
	f.StringVar(&o.influx.URL, "influx-url", "", "InfluxDB that takes metrics: http://host:8086 (default: none)")
	f.StringVar(&o.influx.Token, "influx-token", "", "token of InfluxDB; user:password of version 1.8; better in the environment or a file")
	f.StringVar(&o.influx.Org, "influx-org", "", "organisation of InfluxDB 2")
	f.StringVar(&o.influx.Bucket, "influx-bucket", "cdt", "bucket of InfluxDB; database/retention-policy of version 1.8")
}

// seen is how a process is seen from outside.
type seen struct {
	*telemetry.Telemetry
	server *http.Server
	health atomic.Pointer[func(context.Context) node.Health]
}

// farewell is how long the end of a process waits for what was not delivered yet.
const farewell = 3 * time.Second

// observe begins to log and measure, and listens if it is to. Call close.
func (o *observing) observe(ctx context.Context, a *app, c telemetry.Config) (*seen, error) {
	if err := c.Level.UnmarshalText([]byte(o.logLevel)); err != nil {
		return nil, misuse("choose debug, info, warn or error", "--log-level %q is unknown", o.logLevel)
	}
	c.Version, c.Out, c.OTLP, c.Influx = programVersion, a.errs, o.otlp, o.influx
	c.Hide = append(c.Hide, o.influx.Token, passwordOf(o.influx.URL), passwordOf(o.otlp))
	t, err := telemetry.Start(ctx, c)
	if err != nil {
		return nil, &useError{err, "see --otlp and --influx-url"}
	}
	otel.SetErrorHandler(t.Complaints())
	s := &seen{Telemetry: t}
	if o.listen == "" {
		return s, nil
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.listen)
	if err != nil {
		return nil, errors.Join(hint(fmt.Errorf("listen on %s: %w", o.listen, err), "%s", listenHint(err)), s.close())
	}
	s.server = &http.Server{Handler: s.routes(), ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 30 * time.Second, ErrorLog: slog.NewLogLogger(t.Log.Handler(), slog.LevelWarn)}
	go func() { _ = s.server.Serve(listener) }()
	t.Log.InfoContext(ctx, "listening", "address", listener.Addr().String())
	return s, nil
}

// listenHint says what to do about an address that cannot be listened on.
func listenHint(err error) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return "another process has the port (`ss -ltnp` shows which): give --listen another one"
	case errors.Is(err, syscall.EACCES):
		return "this user may not take that port: give --listen one above 1023"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "this host has no such address: write --listen as :8080, for all that it has"
	}
	return "write --listen as :8080 or 127.0.0.1:8080"
}

func (s *seen) routes() http.Handler {
	m := http.NewServeMux()
	m.Handle("GET /metrics", s.Handler)
	m.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		h := s.look(r.Context())
		answer(w, h.Alive, h)
	})
	m.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		h := s.look(r.Context())
		answer(w, h.Ready, h)
	})
	return m
}

// look asks the node; before there is one the process is alive and not ready.
func (s *seen) look(ctx context.Context) node.Health {
	if ask := s.health.Load(); ask != nil {
		return (*ask)(ctx)
	}
	return node.Health{Alive: true, Checks: []node.Check{{Name: "start", Text: "it is starting"}}}
}

func answer(w http.ResponseWriter, good bool, h node.Health) {
	w.Header().Set("Content-Type", "application/json")
	if !good {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(h)
}

// patience bears that the database is away, and says so once for all parts of the process.
func (s *seen) patience(db string) *patience {
	p, log := newPatience(db, s.Log.Handler())
	s.Log = log
	return p
}

// configure has the node measured and traced.
func (s *seen) configure(c *node.Config) {
	c.Measure, c.Tracer, c.Log = s.Measure(), s.Tracer(), s.Log
}

// of shows the health of a node.
func (s *seen) of(n *node.Node) {
	ask := n.Health
	s.health.Store(&ask)
}

// close ends it, and delivers what can be delivered soon. That a receiver takes
// nothing is said, and is no failure of the process: nothing depends on it.
func (s *seen) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	var err error
	if s.server != nil {
		err = s.server.Close()
	}
	if lost := s.Stop(ctx); lost != nil {
		s.Log.WarnContext(ctx, "not all telemetry was delivered before the end", "error", lost)
	}
	return err
}

// passwordOf is the password in an address or in a list of keywords, if there is one: it must not appear in logs.
func passwordOf(address string) string {
	if _, rest, is := strings.Cut(address, "://"); is {
		if at := strings.LastIndex(rest, "@"); at >= 0 {
			if _, password, has := strings.Cut(rest[:at], ":"); has {
				return password
			}
		}
	}
	_, password, _ := strings.Cut(address, "password=")
	if end := strings.IndexAny(password, " &"); end >= 0 {
		password = password[:end]
	}
	return strings.Trim(password, "'")
}
