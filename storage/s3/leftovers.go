package s3

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
)

// probePrefix begins the names in .part that belong to no attempt.
const probePrefix = "probe."

// record is what an attempt leaves in .part/<attempt> while it uploads: by it, what
// it began is found again after a kill. Upload is empty between the record and the beginning.
type record struct {
	Key    string `json:"key"`
	Upload string `json:"upload,omitempty"`
}

func (s *Store) recordKey(name string) string { return s.in(opsdb.PartDir + "/" + name) }

// writeRecord writes an attempt's own record, over its earlier one.
func (s *Store) writeRecord(ctx context.Context, name string, r record) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return act(ctx, "record", func() error {
		_, err := s.putWhole(ctx, s.recordKey(name), text, minio.PutObjectOptions{}, nil)
		return err
	})
}

func (s *Store) removeRecord(ctx context.Context, name string) error {
	return s.remove(ctx, "unrecord", s.recordKey(name), "")
}

// readRecord reads a record; one that is not there, or that was cut off, is empty.
func (s *Store) readRecord(ctx context.Context, name string) (r record, err error) {
	text, err := s.readSmall(ctx, s.recordKey(name))
	if missing(err) {
		return r, nil
	}
	if err == nil {
		_ = json.Unmarshal(text, &r)
	}
	return r, err
}

// remove removes an object, with an etag only if that is the one it has. What is not there is fine.
func (s *Store) remove(ctx context.Context, effect, key, etag string) error {
	err := act(ctx, effect, func() error {
		return s.do(ctx, func(ctx context.Context, x *exchange) error {
			x.ifMatch = etag
			return s.client.RemoveObject(ctx, s.o.Bucket, key, minio.RemoveObjectOptions{})
		})
	})
	if missing(err) {
		return nil
	}
	return err
}

// parseAttempt reads "<task>.<epoch>.<token>"; the epoch may have dots.
func parseAttempt(name string) (storage.Attempt, bool) {
	task, rest, ok := strings.Cut(name, ".")
	i := strings.LastIndexByte(rest, '.')
	if !ok || i < 0 || task == "" {
		return storage.Attempt{}, false
	}
	token, err := strconv.ParseInt(rest[i+1:], 10, 64)
	if err != nil || rest[i+1:] != strconv.FormatInt(token, 10) {
		return storage.Attempt{}, false
	}
	return storage.Attempt{Task: opsdb.ID(task), Epoch: rest[:i], Token: token}, true
}

// Leftovers implements [storage.Storage].
func (s *Store) Leftovers(ctx context.Context, task opsdb.ID) ([]storage.Attempt, error) {
	return s.attempts(ctx, opsdb.PartDir, task)
}

// Trashed implements [storage.Storage].
func (s *Store) Trashed(ctx context.Context, task opsdb.ID) ([]storage.Attempt, error) {
	return s.attempts(ctx, opsdb.TrashDir, task)
}

// attempts are those of a task in one of CDT's folders, by token.
func (s *Store) attempts(ctx context.Context, folder string, task opsdb.ID) ([]storage.Attempt, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	var found []storage.Attempt
	for o, err := range s.list(ctx, s.in(folder+"/"+string(task)+"."), "") {
		if err != nil {
			return nil, s.failed(ctx, "look for leftovers in", folder, err)
		}
		if a, ok := parseAttempt(lastOf(o.Key)); ok && a.Task == task {
			found = append(found, a)
		}
	}
	slices.SortFunc(found, func(a, b storage.Attempt) int {
		return cmp.Or(cmp.Compare(a.Token, b.Token), cmp.Compare(a.Epoch, b.Epoch))
	})
	return found, nil
}

func lastOf(key string) string { return key[strings.LastIndexByte(key, '/')+1:] }

// Discard implements [storage.Storage]: the upload is aborted, then the record goes.
func (s *Store) Discard(ctx context.Context, a storage.Attempt) error {
	name, err := nameOf(a)
	if err != nil {
		return err
	}
	if err := s.enter(ctx); err != nil {
		return err
	}
	return s.failed(ctx, "discard", name, s.discard(ctx, name))
}

func (s *Store) discard(ctx context.Context, name string) error {
	r, err := s.readRecord(ctx, name)
	if err != nil {
		return err
	}
	if r.Key != "" && r.Upload != "" {
		if err := s.abort(ctx, r.Key, r.Upload); err != nil {
			return err
		}
	}
	return s.removeRecord(ctx, name)
}

// Reclaim implements [storage.Storage]. Uploads that no record names, as of an attempt that was killed between the
// two, go by age alone. Age is told by the server's clock alone: by when it says something was made, and when it says it is now.
func (s *Store) Reclaim(ctx context.Context, age time.Duration, keep func(storage.Attempt) bool) (int, error) {
	if err := s.enter(ctx); err != nil {
		return 0, err
	}
	removed, err := s.reclaim(ctx, age, keep)
	return removed, s.failed(ctx, "reclaim", opsdb.PartDir, err)
}

func (s *Store) reclaim(ctx context.Context, age time.Duration, keep func(storage.Attempt) bool) (removed int, err error) {
	now, err := s.now(ctx)
	if err != nil {
		return 0, err
	}
	old := func(t time.Time) bool { return now.Sub(t) >= age }
	kept := map[string]bool{} // uploads that a record speaks for
	for o, err := range s.list(ctx, s.in(opsdb.PartDir+"/"), "") {
		if err != nil {
			return removed, err
		}
		a, ok := parseAttempt(lastOf(o.Key))
		if !ok || old(o.LastModified) && (keep == nil || !keep(a)) {
			continue
		}
		r, err := s.readRecord(ctx, a.Name())
		if err != nil {
			return removed, err
		}
		kept[r.Upload] = true
	}
	for u, err := range s.uploads(ctx) {
		if err != nil {
			return removed, err
		}
		if kept[u.UploadID] || !old(u.Initiated) || s.held(u.Key, keep) {
			continue
		}
		if err := s.abort(ctx, u.Key, u.UploadID); err != nil {
			return removed, err
		}
		removed++
	}
	return removed, s.removeRecords(ctx, old, keep)
}

// held reports an upload into the trash of an attempt that may return.
func (s *Store) held(key string, keep func(storage.Attempt) bool) bool {
	name, ok := strings.CutPrefix(s.out(key), opsdb.TrashDir+"/")
	if !ok || keep == nil {
		return false
	}
	a, ok := parseAttempt(name)
	return ok && keep(a)
}

// removeRecords removes the old records of attempts that nobody keeps; their uploads are gone.
func (s *Store) removeRecords(ctx context.Context, old func(time.Time) bool, keep func(storage.Attempt) bool) error {
	for o, err := range s.list(ctx, s.in(opsdb.PartDir+"/"), "") {
		if err != nil {
			return err
		}
		a, ok := parseAttempt(lastOf(o.Key))
		if !ok || !old(o.LastModified) || keep != nil && keep(a) {
			continue
		}
		if err := s.removeRecord(ctx, a.Name()); err != nil {
			return err
		}
	}
	return nil
}

// uploads streams the unfinished uploads of the location.
func (s *Store) uploads(ctx context.Context) iter.Seq2[minio.ObjectMultipartInfo, error] {
	return func(yield func(minio.ObjectMultipartInfo, error) bool) {
		var key, id string
		for {
			page, err := call(ctx, s, func(ctx context.Context, _ *exchange) (minio.ListMultipartUploadsResult, error) {
				return s.client.ListMultipartUploads(ctx, s.o.Bucket, s.in(""), key, id, "", pageSize)
			})
			if err != nil {
				yield(minio.ObjectMultipartInfo{}, err)
				return
			}
			for _, u := range page.Uploads {
				if !yield(u, nil) {
					return
				}
			}
			if key, id = page.NextKeyMarker, page.NextUploadIDMarker; !page.IsTruncated {
				return
			}
		}
	}
}

// now is the server's time.
func (s *Store) now(ctx context.Context) (time.Time, error) {
	return call(ctx, s, func(ctx context.Context, x *exchange) (time.Time, error) {
		_, err := s.client.StatObject(ctx, s.o.Bucket, s.in(opsdb.MarkerName), minio.StatObjectOptions{})
		if err == nil && x.now.IsZero() {
			err = errors.New("the server does not tell its time")
		}
		return x.now.Add(time.Second), err // it is cut to the second
	})
}
