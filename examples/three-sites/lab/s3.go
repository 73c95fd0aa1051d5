package lab

import (
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/ccatobs/cdt/examples/three-sites/machine"
	"github.com/ccatobs/cdt/testserver"
)

// Cologne's archive: its server listens on s3Port of Cologne, its objects are files below Disk("cologne", "s3").
const (
	s3Port   = "7070"
	s3Access = "AKIATHREESITES"
	s3Secret = "not-a-secret-but-long-enough"
)

// startS3 starts the S3 servers that the routes name, with their buckets.
func (l *Lab) startS3() {
	l.Helper()
	for _, loc := range l.Graph.Locations {
		if loc.S3 != nil {
			l.startBucket(loc.Site.Name, loc.S3.Name)
		}
	}
}

func (l *Lab) startBucket(site, bucket string) {
	l.Helper()
	l.Must(os.MkdirAll(l.Disk(site, "s3"), 0o755))
	cmd := exec.Command(testserver.Build(l, testserver.VersityGW), "--port", Address(site)+":"+s3Port, //nolint:noctx // it ends with its machine
		"--access", s3Access, "--secret", s3Secret, "--keep-alive", "--quiet", "posix", machine.Disks+"/s3")
	l.start(site, "versitygw", cmd)
	l.awaitPort(site, s3Port)
	client, err := minio.New(Address(site)+":"+s3Port, &minio.Options{
		Creds: credentials.NewStaticV4(s3Access, s3Secret, ""), Region: "us-east-1", BucketLookup: minio.BucketLookupPath,
		Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return l.dial(ctx, site, s3Port) }},
	})
	l.Must(err)
	l.Must(client.MakeBucket(l.Context(), bucket, minio.MakeBucketOptions{}))
}
