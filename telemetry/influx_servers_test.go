//go:build servers

package telemetry

import (
	"strings"
	"testing"
	"time"

	"github.com/ccatobs/cdt/testserver"
)

// A real InfluxDB that wants to know who asks: a wrong token and a bucket that is not there are named, once; the right ones are taken.
func TestInfluxThatRefuses(t *testing.T) {
	t.Parallel()
	srv := testserver.InfluxWithUsers(t)
	for _, c := range []struct{ token, bucket, want string }{
		{srv.Token, srv.Bucket, ""},
		{"cdt:wrong", srv.Bucket, "is --influx-token right"},
		{"", srv.Bucket, "is --influx-token right"},
		{srv.Token, "nowhere", "no such bucket"},
	} {
		to := Influx{URL: srv.URL, Token: c.token, Bucket: c.bucket}
		if err := TryInflux(t.Context(), to); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", to, err, c.want)
		}
		out := &safeBuffer{}
		s := start(t, Config{Out: out, Influx: to, Interval: time.Hour})
		s.Measure().PassAge(t.Context(), time.Second)
		if err := s.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		if c.want == "" && out.String() != "" || !strings.Contains(out.String(), c.want) || strings.Count(out.String(), "telemetry is not taken") > 1 {
			t.Errorf("%+v: logged %s, want %q", to, out, c.want)
		}
	}
}
