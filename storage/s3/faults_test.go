//go:build servers

package s3

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
	"github.com/ccatobs/cdt/storage/storagetest"
	"github.com/ccatobs/cdt/testserver"
)

// through is a bucket with its marker behind a proxy that can fail.
func through(t *testing.T, change func(*Options)) (*Store, *testserver.S3Server, *testserver.FaultyS3) {
	t.Helper()
	srv := testserver.S3(t)
	proxy := srv.Faulty(t)
	s := bucket(t, srv, func(o *Options) {
		o.Endpoint, o.PartSize = proxy.URL, 5<<20
		if change != nil {
			change(o)
		}
	})
	return s, srv, proxy
}

// A server that asks to slow down, fails inside or drops connections now and then heals by itself.
func TestABusyServerIsAskedAgain(t *testing.T) {
	t.Parallel()
	s, srv, proxy := through(t, nil)
	var n atomic.Int64
	proxy.Fault(func(w http.ResponseWriter, _ *http.Request) bool {
		switch n.Add(1) % 7 {
		case 1:
			w.Header().Set("Retry-After", "1")
			return testserver.Answer(w, http.StatusServiceUnavailable, "SlowDown")
		case 3:
			return testserver.Answer(w, http.StatusInternalServerError, "InternalError")
		case 5:
			panic(http.ErrAbortHandler)
		}
		return false
	})
	b := storagetest.Bytes(17<<20, 1)
	if r := storagetest.MustPut(t, s, "p.tar", b); r.Digest != storagetest.Digest(b) {
		t.Errorf("read back %+v", r)
	}
	proxy.Fault(nil)
	if left := srv.Uploads(s.o.Bucket); len(left) > 0 {
		t.Errorf("uploads are left: %q", left)
	}
}

// One that stays busy is an error of the environment, and not at once.
func TestAServerThatStaysBusy(t *testing.T) {
	t.Parallel()
	s, _, proxy := through(t, func(o *Options) { o.Patience = 2 * time.Second })
	storagetest.MustPut(t, s, "p.tar", []byte("x"))
	for _, after := range []string{"", "1", "3600"} {
		var asked atomic.Int64
		proxy.Fault(func(w http.ResponseWriter, _ *http.Request) bool {
			asked.Add(1)
			if after != "" {
				w.Header().Set("Retry-After", after)
			}
			return testserver.Answer(w, http.StatusServiceUnavailable, "SlowDown")
		})
		_, err := s.Stat(t.Context(), "p.tar")
		f := storage.Classify(s.Location(), err)
		if f.Class != opsdb.Environment || f.Reason != "busy" || f.Subject != "location:cologne.lta" {
			t.Errorf("Retry-After %q: %v is %+v", after, err, f)
		}
		if after == "3600" && asked.Load() != 1 || after == "" && asked.Load() < 3 {
			t.Errorf("Retry-After %q: asked %d times", after, asked.Load())
		}
	}
}

// What a server refuses is named, with what to do, and never holds a key.
func TestRefusals(t *testing.T) {
	t.Parallel()
	s, srv, proxy := through(t, nil)
	storagetest.MustPut(t, s, "p.tar", []byte("x"))
	said := func(status int, code string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool { return testserver.Answer(w, status, code) }
	}
	for name, c := range map[string]struct {
		change func(*Options)
		fault  func(http.ResponseWriter, *http.Request) bool
		want   error
		text   string
	}{
		"wrong key":        {func(o *Options) { o.Keys = keys("AKIANOBODY", srv.Secret) }, nil, storage.ErrDenied, "credentials TEST are wrong"},
		"wrong secret":     {func(o *Options) { o.Keys = keys(srv.Access, "another-secret-entirely") }, nil, storage.ErrDenied, "credentials TEST are wrong"},
		"no keys":          {func(o *Options) { o.Keys = func() (Keys, error) { return Keys{}, fs.ErrNotExist } }, nil, storage.ErrDenied, "no credentials"},
		"no bucket":        {func(o *Options) { o.Bucket = "no-such-bucket" }, nil, storage.ErrOffline, "make the bucket no-such-bucket"},
		"other bucket":     {func(o *Options) { srv.Bucket("empty", false); o.Bucket = "empty" }, nil, storage.ErrOffline, "no marker"},
		"wrong region":     {func(o *Options) { o.Region = "eu-west-7" }, nil, storage.ErrDenied, "region"},
		"nobody there":     {func(o *Options) { o.Endpoint = fmt.Sprintf("http://127.0.0.1:%d", testserver.Port(t)) }, nil, storage.ErrOffline, "cannot be reached"},
		"https to http":    {func(o *Options) { o.Endpoint = strings.Replace(srv.URL, "http:", "https:", 1) }, nil, storage.ErrOffline, "http or https?"},
		"expired":          {nil, said(http.StatusBadRequest, "ExpiredToken"), storage.ErrDenied, "have expired: renew them"},
		"clock":            {nil, said(http.StatusForbidden, "RequestTimeTooSkewed"), storage.ErrDenied, "clocks"},
		"refused":          {nil, said(http.StatusForbidden, "AccessDenied"), storage.ErrDenied, "give them the right"},
		"quota":            {nil, said(http.StatusForbidden, "QuotaExceeded"), storage.ErrFull, ""},
		"no room":          {nil, said(http.StatusInsufficientStorage, "XMinioStorageFull"), storage.ErrFull, ""},
		"refused, no body": {nil, func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(http.StatusForbidden); return true }, storage.ErrDenied, "TEST"},
	} {
		t.Run(name, func(t *testing.T) {
			o := s.o
			o.Patience, o.Marker = time.Second, s.marker
			if c.change != nil {
				c.change(&o)
			}
			st, err := New(s.location, o)
			if err != nil {
				t.Fatal(err)
			}
			proxy.Fault(c.fault)
			defer proxy.Fault(nil)
			_, check := st.Check(t.Context())
			_, stat := st.Stat(t.Context(), "p.tar")
			_, put := st.Put(t.Context(), storagetest.PutOf(storagetest.NewAttempt(), "new.tar", []byte("x")))
			for _, err := range []error{check, stat, put} {
				if !errors.Is(err, c.want) || !strings.Contains(fmt.Sprint(err), c.text) || errors.Is(err, fs.ErrNotExist) {
					t.Errorf("error %v, want %v with %q", err, c.want, c.text)
				}
				if text := fmt.Sprint(err); strings.Contains(text, srv.Secret) || strings.Contains(text, "another-secret") {
					t.Errorf("the error holds a secret: %s", text)
				}
			}
		})
	}
	if got := storagetest.Content(t, s, "p.tar"); string(got) != "x" {
		t.Errorf("afterwards it holds %q", got)
	}
}

func keys(access, secret string) func() (Keys, error) {
	return func() (Keys, error) { return Keys{Access: access, Secret: secret}, nil }
}

// Keys that are corrected are taken without a restart.
func TestKeysAreExchanged(t *testing.T) {
	t.Parallel()
	s, _, _ := through(t, nil)
	p := &provider{keys: s.o.Keys}
	if !p.IsExpired() {
		t.Error("keys nobody has asked for yet are fresh")
	}
	if _, err := p.Retrieve(); err != nil || p.IsExpired() {
		t.Errorf("keys are not kept at all: %v", err)
	}
	if text := fmt.Sprintf("%v %+v %#v", Keys{"a", "hush", ""}, Keys{"a", "hush", ""}, Keys{"a", "hush", ""}); strings.Contains(text, "hush") {
		t.Error("a secret is printed: ", text)
	}
}

// The answer to the completion is lost: the next one finds the name taken, by ourselves.
func TestTheAnswerToTheCompletionIsLost(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1000, 11 << 20} {
		s, srv, proxy := through(t, nil)
		storagetest.MustPut(t, s, "first", []byte("x")) // the server is known by now
		var lost atomic.Bool
		proxy.After(func(r *http.Response) error {
			if strings.HasSuffix(r.Request.URL.Path, "/p.tar") && r.Request.URL.Query().Get("partNumber") == "" && !r.Request.URL.Query().Has("uploads") &&
				(r.Request.Method == http.MethodPost || r.Request.Method == http.MethodPut) && lost.CompareAndSwap(false, true) {
				return errors.New("lost")
			}
			return nil
		})
		b := storagetest.Bytes(size, 1)
		r := storagetest.MustPut(t, s, "p.tar", b)
		if !lost.Load() || r.Digest != storagetest.Digest(b) {
			t.Errorf("lost %v, read back %+v", lost.Load(), r)
		}
		if left := srv.Uploads(s.o.Bucket); len(left) > 0 {
			t.Errorf("uploads are left: %q", left)
		}
	}
}

// A connection that ends in the middle of an object is taken up where it ended.
func TestReadingGoesOn(t *testing.T) {
	t.Parallel()
	s, _, proxy := through(t, nil)
	b := storagetest.Bytes(11<<20, 1)
	storagetest.MustPut(t, s, "p.tar", b)
	var cuts atomic.Int64
	proxy.After(func(r *http.Response) error {
		if r.Request.Method == http.MethodGet && strings.HasSuffix(r.Request.URL.Path, "/p.tar") && cuts.Add(1) < 4 {
			r.Body = struct {
				io.Reader
				io.Closer
			}{io.MultiReader(io.LimitReader(r.Body, 2<<20), broken{}), r.Body}
		}
		return nil
	})
	r, err := s.Read(t.Context(), "p.tar", true, nil)
	if err != nil || r.Digest != storagetest.Digest(b) || cuts.Load() < 4 {
		t.Errorf("%d cuts, read %+v, %v", cuts.Load(), r, err)
	}
	in, err := s.Open(t.Context(), "p.tar", 100, 5<<20)
	if err != nil {
		t.Fatal(err)
	}
	cuts.Store(0)
	got, err := io.ReadAll(in)
	if err != nil || !bytes.Equal(got, b[100:100+5<<20]) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
