package graph

import (
	"net"
	"net/url"
	"path"
	"regexp"
	"strings"

	"github.com/ccatobs/cdt/engine/diag"
	"github.com/ccatobs/cdt/engine/route"
)

// Bucket is where an S3 location keeps its bytes.
type Bucket struct {
	Endpoint    string // https://host[:port]
	Name        string
	Credentials string // their name
	Prefix      string // without slashes at its ends
	Region      string
	PathStyle   bool
}

// String is the address of the bucket, for people.
func (b *Bucket) String() string {
	return strings.TrimSuffix(b.Endpoint+"/"+b.Name+"/"+b.Prefix, "/")
}

// Library is the commands of a tape library behind a folder. Each is a list of words.
type Library struct{ Put, Recall, Verify []string }

// What names may be: of buckets as servers take them, of credentials as environment variables.
const (
	bucketWord      = `^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`
	credentialsWord = `^[A-Z][A-Z0-9_]{0,63}$`
	prefixWord      = `^[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$`
)

// bucket makes and checks a location's s3 block.
func (c *compiler) bucket(f route.Fields) *Bucket {
	if !f.Set {
		return nil
	}
	b := &Bucket{
		Endpoint: strings.TrimSuffix(f.String("endpoint").V, "/"), Name: f.String("bucket").V, Credentials: f.String("credentials").V,
		Prefix: f.String("prefix").V, Region: f.String("region").V, PathStyle: f.Bool("path_style").V || !f.Bool("path_style").Set,
	}
	c.endpoint(f.String("endpoint"))
	for _, w := range []struct{ key, pattern, hint string }{
		{"bucket", bucketWord, "lower-case letters, digits, dots and dashes, 3 to 63 of them"},
		{"credentials", credentialsWord, "a name like COLOGNE_LTA; the keys themselves stand in the worker's environment or its file of credentials"},
		{"prefix", prefixWord, "words of letters, digits, dots, dashes and underscores, with single slashes between them"},
	} {
		v := f.String(w.key)
		if v.Set && !regexp.MustCompile(w.pattern).MatchString(v.V) {
			c.list.Errorf(v.At, diag.BadStorage, w.hint, "%q is no %s", v.V, w.key)
		}
	}
	return b
}

func (c *compiler) endpoint(v route.Value[string]) {
	if !v.Set {
		return // reported by the parser
	}
	u, err := url.Parse(v.V)
	const hint = "for example https://s3.example.org"
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		c.list.Errorf(v.At, diag.BadStorage, hint, "%q is no address of a server", v.V)
	case u.User != nil:
		c.list.Errorf(v.At, diag.BadStorage, "give the name of the credentials as `credentials`", "the endpoint holds a user or password")
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		c.list.Errorf(v.At, diag.BadStorage, hint+"; bucket and prefix stand by themselves", "the endpoint %q has more than a server", v.V)
	case u.Scheme == "http" && !loopback(u.Hostname()):
		c.list.Warnf(v.At, diag.BadStorage, "https, if the server has it", "%s: data goes in the clear", v.V)
	}
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// library makes and checks a location's tape block.
func (c *compiler) library(f route.Fields) *Library {
	if !f.Set {
		return nil
	}
	l := &Library{Put: f.List("put").Names(), Recall: f.List("recall").Names(), Verify: f.List("verify").Names()}
	for _, name := range []string{"put", "recall", "verify"} {
		words := f.List(name)
		if !words.Set {
			continue
		}
		if len(words.V) == 0 || !path.IsAbs(words.V[0].V) {
			c.list.Errorf(words.At, diag.BadStorage, "for example ["+"/usr/local/bin/hsm-"+name+`, "{path}"]`, "the command %s does not begin with the absolute path of a program", name)
			continue
		}
		for _, w := range words.V[1:] {
			if strings.Contains(w.V, "{") && w.V != "{path}" {
				c.list.Errorf(w.At, diag.BadStorage, "{path} is a word of its own", "%q is not replaced by anything", w.V)
			}
		}
	}
	if len(l.Put)+len(l.Recall)+len(l.Verify) == 0 {
		c.list.Errorf(f.At, diag.BadStorage, "make it disk, or give put, recall or verify", "a tape library without commands is a folder")
	}
	return l
}
