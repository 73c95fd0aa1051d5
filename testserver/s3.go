package testserver

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// VersityGW is the S3 server of tests, over a folder. It is built from its module.
const VersityGW = "github.com/versity/versitygw/cmd/versitygw@v1.8.0"

// S3Server is an S3 server of a test's own.
type S3Server struct {
	URL            string // http://127.0.0.1:PORT
	Access, Secret string // keys that may do everything
	Root           string // the folder below which buckets are folders and objects are files

	t      testing.TB
	client *minio.Client
}

// S3 starts an S3 server with no bucket. It is gone with the test.
func S3(t testing.TB) *S3Server {
	t.Helper()
	dir := folder(t, nil)
	s := &S3Server{Access: "AKIATESTTESTTEST", Secret: "not-a-secret-but-long-enough", Root: filepath.Join(dir, "data"), t: t}
	for _, sub := range []string{"data", "versions", "iam"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(Port(t)))
	s.URL = "http://" + addr
	program := Build(t, VersityGW)
	// Not bound to the test's context: that ends before the clean-up that stops it.
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), program, "--port", addr, "--access", s.Access, "--secret", s.Secret,
		"--keep-alive", "--quiet", "--iam-dir", filepath.Join(dir, "iam"), "posix", "--versioning-dir", filepath.Join(dir, "versions"), s.Root)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir}
	(&server{name: "versitygw", cmd: cmd, ready: "internal IAM", signal: syscall.SIGTERM}).start(t)
	s.await(addr)
	s.client = s.Client(s.Access, s.Secret)
	return s
}

// await waits until the port answers.
func (s *S3Server) await(addr string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	for {
		var d net.Dialer
		c, err := d.DialContext(ctx, "tcp", addr)
		if err == nil {
			_ = c.Close()
			return
		}
		if ctx.Err() != nil {
			s.t.Fatalf("the S3 server does not answer at %s: %v", addr, err)
		}
	}
}

// Client speaks to the server with other keys than its own.
func (s *S3Server) Client(access, secret string) *minio.Client {
	s.t.Helper()
	u, err := url.Parse(s.URL)
	if err != nil {
		s.t.Fatal(err)
	}
	c, err := minio.New(u.Host, &minio.Options{Creds: credentials.NewStaticV4(access, secret, ""), Region: "us-east-1", BucketLookup: minio.BucketLookupPath, Transport: &http.Transport{}})
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// Bucket makes a bucket; lock: with object lock, and so with versions.
func (s *S3Server) Bucket(name string, lock bool) {
	s.t.Helper()
	if err := s.client.MakeBucket(s.t.Context(), name, minio.MakeBucketOptions{ObjectLocking: lock}); err != nil {
		s.t.Fatalf("make the bucket %s: %v", name, err)
	}
}

// Versioned turns on versions of a bucket.
func (s *S3Server) Versioned(name string) {
	s.t.Helper()
	if err := s.client.EnableVersioning(s.t.Context(), name); err != nil {
		s.t.Fatalf("turn on versions of %s: %v", name, err)
	}
}

// Uploads are the keys of a bucket's unfinished uploads.
func (s *S3Server) Uploads(bucket string) []string {
	s.t.Helper()
	var keys []string
	for u := range s.client.ListIncompleteUploads(s.t.Context(), bucket, "", true) {
		if u.Err != nil {
			s.t.Fatalf("list the uploads of %s: %v", bucket, u.Err)
		}
		keys = append(keys, u.Key)
	}
	return keys
}

// Objects are the keys in a bucket.
func (s *S3Server) Objects(bucket string) []string {
	s.t.Helper()
	var keys []string
	for o := range s.client.ListObjects(s.t.Context(), bucket, minio.ListObjectsOptions{Recursive: true}) {
		if o.Err != nil {
			s.t.Fatalf("list %s: %v", bucket, o.Err)
		}
		keys = append(keys, o.Key)
	}
	return keys
}
