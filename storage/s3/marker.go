package s3

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/minio/minio-go/v7"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
)

// maxMarker is more than a marker can have, in bytes.
const maxMarker = 64 << 10

// Init implements [storage.Storage]. Leftovers of attempts are no content. The bucket itself is never made.
func (s *Store) Init(ctx context.Context, m opsdb.Marker, adopt bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if m.ID == "" || m.Version == 0 {
		return fmt.Errorf("init %s: the marker has no id or version", s.location)
	}
	there, err := s.readMarker(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		there, err = s.mark(ctx, m, adopt)
	}
	if err != nil {
		return s.failed(ctx, "initialise", ".", err)
	}
	if there.ID != m.ID {
		return fmt.Errorf("bucket %s of %s has marker %s of %s: %w", s.where(), s.location, there.ID, there.Location, storage.ErrForeign)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.marker = m.ID
	return nil
}

// mark writes the marker, if there is none, and gives the one that is there then.
func (s *Store) mark(ctx context.Context, m opsdb.Marker, adopt bool) (opsdb.Marker, error) {
	if !adopt {
		for info, err := range s.list(ctx, s.in(""), "") {
			if err != nil {
				return m, err
			}
			return m, fmt.Errorf("%s holds %q: %w (adopt it, if it is the right one)", s.where(), s.out(info.Key), storage.ErrNotEmpty)
		}
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return m, err
	}
	_, err = s.putWhole(ctx, s.in(opsdb.MarkerName), append(text, '\n'), condition(true), nil)
	if err != nil && code(err) != "PreconditionFailed" {
		return m, err
	}
	return s.readMarker(ctx)
}

// where is the place of the location for messages.
func (s *Store) where() string { return s.o.Endpoint + "/" + s.in(s.o.Bucket) }

// enter checks the marker: the first thing every method does.
func (s *Store) enter(ctx context.Context) error {
	_, err := s.checkMarker(ctx)
	return err
}

func (s *Store) checkMarker(ctx context.Context) (opsdb.Marker, error) {
	if err := ctx.Err(); err != nil {
		return opsdb.Marker{}, err
	}
	m, err := s.readMarker(ctx)
	if errors.Is(err, fs.ErrNotExist) { // the cause is not wrapped: it must never read as "the object does not exist"
		return m, fmt.Errorf("bucket of %s: %w: %s has no marker %s (is it the right bucket, and was it initialised?)", s.location, storage.ErrOffline, s.where(), opsdb.MarkerName)
	}
	if err != nil {
		return m, s.failed(ctx, "read the marker of", ".", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.marker != "" && m.ID != s.marker:
		return m, fmt.Errorf("%s of %s has marker %s of %s, expected %s: %w", s.where(), s.location, m.ID, m.Location, s.marker, storage.ErrForeign)
	case s.marker == "" && m.Location != s.location:
		return m, fmt.Errorf("%s of %s has the marker of %s: %w", s.where(), s.location, m.Location, storage.ErrForeign)
	}
	s.marker = m.ID
	return m, nil
}

// readMarker reads the marker; fs.ErrNotExist: there is none.
func (s *Store) readMarker(ctx context.Context) (m opsdb.Marker, err error) {
	text, err := s.readSmall(ctx, s.in(opsdb.MarkerName))
	if err != nil {
		return m, s.named(err)
	}
	if err := json.Unmarshal(text, &m); err != nil || m.Version != opsdb.FormatVersion || m.ID == "" {
		return m, fmt.Errorf("marker of %s: %w: version %d, id %q: not a marker this version knows", s.location, storage.ErrForeign, m.Version, m.ID)
	}
	return m, nil
}

// readSmall reads a small object whole.
func (s *Store) readSmall(ctx context.Context, key string) ([]byte, error) {
	return call(ctx, s, func(ctx context.Context, _ *exchange) ([]byte, error) {
		body, _, _, err := s.client.GetObject(ctx, s.o.Bucket, key, minio.GetObjectOptions{})
		if err != nil {
			return nil, err
		}
		defer func() { _ = body.Close() }()
		return io.ReadAll(io.LimitReader(body, maxMarker))
	})
}

// Check implements [storage.Storage]. That the bucket can be written is tried by an upload
// that is begun and aborted: it leaves nothing, not even a version. How much room there is, a bucket does not tell.
func (s *Store) Check(ctx context.Context) (storage.Health, error) {
	ctx = quick(ctx)
	h := storage.Health{Free: -1}
	var err error
	if h.Marker, err = s.checkMarker(ctx); err != nil {
		return h, err
	}
	return h, s.failed(ctx, "probe", ".", s.probe(ctx))
}

func (s *Store) probe(ctx context.Context) error {
	key := s.in(opsdb.PartDir + "/" + probePrefix + string(opsdb.NewID()))
	id, err := s.initiate(ctx, key, nil)
	if err != nil {
		return err
	}
	return s.abort(context.WithoutCancel(ctx), key, id)
}
