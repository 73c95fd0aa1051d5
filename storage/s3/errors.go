package s3

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"strings"

	"github.com/minio/minio-go/v7"

	"github.com/ccatobs/cdt/storage"
)

// failed says what s was doing when err came, in the words of package storage.
func (s *Store) failed(ctx context.Context, doing, path string, err error) error {
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil {
		return fmt.Errorf("%s %s:%q: %w", doing, s.location, path, cause)
	}
	return fmt.Errorf("%s %s:%q: %w", doing, s.location, path, s.named(err))
}

// named wraps an error in the error of package storage it means, with what a person can do.
func (s *Store) named(err error) error {
	var (
		r   minio.ErrorResponse
		net *url.Error
	)
	switch {
	case errors.Is(err, errNoKeys) && errors.Is(err, storage.ErrDenied):
		return err // said already
	case errors.Is(err, errNoKeys):
		return fmt.Errorf("%w: %w", storage.ErrDenied, err)
	case isNamed(err) && !errors.As(err, &net):
		return err
	case wrongCertificate(err):
		return fmt.Errorf("%w: the certificate of %s is not trusted: give its issuer to this host, or correct the endpoint: %v", storage.ErrOffline, s.o.Endpoint, err)
	case wrongScheme(err):
		return fmt.Errorf("%w: %s does not speak as the endpoint says: http or https? %v", storage.ErrOffline, s.o.Endpoint, err)
	case !errors.As(err, &r):
		return fmt.Errorf("%w: %s cannot be reached: is the endpoint right, and the net up? %v", storage.ErrOffline, s.o.Endpoint, err)
	}
	advice, kind := s.ofAnswer(r)
	if kind == nil {
		return fmt.Errorf("%s (%s)", r.Error(), r.Code)
	}
	return fmt.Errorf("%w: %s (%s)%s", kind, r.Error(), r.Code, advice)
}

// isNamed reports an error that says already what it is.
func isNamed(err error) bool {
	for _, known := range []error{
		storage.ErrOffline, storage.ErrForeign, storage.ErrFull, storage.ErrReadOnly, storage.ErrDenied, storage.ErrIrregular, storage.ErrMismatch,
		storage.ErrOutside, storage.ErrNotEmpty, storage.ErrBusy, storage.ErrKept, storage.ErrUnsafe, fs.ErrNotExist, fs.ErrExist, errWriting,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}

// ofAnswer is what the answer of a server means, and what to do.
func (s *Store) ofAnswer(r minio.ErrorResponse) (advice string, kind error) {
	switch r.Code {
	case "NoSuchKey", "NotFound":
		return "", fs.ErrNotExist
	case "NoSuchBucket":
		return fmt.Sprintf(": make the bucket %s at %s, or correct its name in the route", s.o.Bucket, s.o.Endpoint), storage.ErrOffline
	case "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "InvalidSecurity", "NotSignedUp":
		return fmt.Sprintf(": the credentials %s are wrong: correct them, no restart is needed", s.o.Credentials), storage.ErrDenied
	case "ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired":
		return fmt.Sprintf(": the credentials %s have expired: renew them, no restart is needed", s.o.Credentials), storage.ErrDenied
	case "RequestTimeTooSkewed", "RequestExpired":
		return ": the clocks of this host and of the server differ too much: set this host's (NTP)", storage.ErrDenied
	case "AuthorizationHeaderMalformed", "AuthorizationQueryParametersError", "PermanentRedirect", "TemporaryRedirect", "IllegalLocationConstraintException", "InvalidRegion":
		return fmt.Sprintf(": is the region of the bucket %s right? The route says %s", s.o.Bucket, s.o.Region), storage.ErrDenied
	case "AccessDenied", "AllAccessDisabled", "AccountProblem", "InvalidPayer", "MethodNotAllowed":
		return fmt.Sprintf(": the server refuses the credentials %s this in the bucket %s: give them the right to list, read, write and abort uploads", s.o.Credentials, s.o.Bucket), storage.ErrDenied
	case "QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "InsufficientCapacity":
		return "", storage.ErrFull
	}
	switch {
	case r.StatusCode == http.StatusInsufficientStorage:
		return "", storage.ErrFull
	case overloaded(r):
		return "", storage.ErrBusy
	case r.StatusCode == http.StatusForbidden, r.StatusCode == http.StatusUnauthorized:
		return fmt.Sprintf(": look at the credentials %s", s.o.Credentials), storage.ErrDenied
	}
	return "", nil
}

// code is the code of a server's answer; "" if it is none.
func code(err error) string {
	var r minio.ErrorResponse
	if !errors.As(err, &r) {
		return ""
	}
	if r.StatusCode == http.StatusPreconditionFailed {
		return "PreconditionFailed" // however the server words it
	}
	return r.Code
}

// missing reports that there is no such object.
func missing(err error) bool { return code(err) == "NoSuchKey" || code(err) == "NotFound" }

func wrongCertificate(err error) bool {
	var (
		verify    *tls.CertificateVerificationError
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
	)
	return errors.As(err, &verify) || errors.As(err, &authority) || errors.As(err, &host) || errors.As(err, &invalid)
}

// wrongScheme reports http where https is spoken, or the other way round.
func wrongScheme(err error) bool {
	var header tls.RecordHeaderError
	return errors.As(err, &header) || errors.Is(err, http.ErrSchemeMismatch) || strings.Contains(err.Error(), "HTTP response to HTTPS client")
}
