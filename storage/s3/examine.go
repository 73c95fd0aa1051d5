package s3

import (
	"context"
	"fmt"
	"time"

	"github.com/minio/minio-go/v7/pkg/lifecycle"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/storage"
)

// Examine implements [storage.Examiner]: what the server heeds, whether the bucket
// keeps versions and locks objects, whether its own rules remove anything, and how far the clocks are apart.
func (s *Store) Examine(ctx context.Context) ([]storage.Remark, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	able, err := s.try(ctx)
	if err != nil {
		return nil, s.failed(ctx, "examine", ".", err)
	}
	out := conditions(able)
	out = append(out, s.keeping(ctx, able)...)
	out = append(out, s.rules(ctx)...)
	return append(out, s.clocks(ctx)...), nil
}

func conditions(able ability) []storage.Remark {
	if able.put && able.multipart {
		return []storage.Remark{{Text: "the server heeds If-None-Match: what has a name cannot be overwritten"}}
	}
	what := "puts and uploads"
	switch {
	case able.put:
		what = "the completion of uploads"
	case able.multipart:
		what = "puts"
	}
	text := fmt.Sprintf("the server ignores If-None-Match on %s", what)
	if able.versioned {
		return []storage.Remark{{Text: text + "; names are looked at before, and what two attempts at once would overwrite stays as an older version"}}
	}
	return []storage.Remark{{Wrong: true, Text: text + ", and the bucket keeps no versions: nothing is put there", Do: "turn on versioning, or use a server that heeds it"}}
}

// keeping tells of versions and locks.
func (s *Store) keeping(ctx context.Context, able ability) []storage.Remark {
	var out []storage.Remark
	switch {
	case able.versioned && s.o.Archive:
		out = append(out, storage.Remark{Text: "the bucket keeps versions: nothing is lost by a removal from outside"})
	case able.versioned:
		out = append(out, storage.Remark{Text: "the bucket keeps versions: what is deleted goes on taking room", Do: "let a rule of the bucket expire noncurrent versions"})
	case s.o.Archive:
		out = append(out, storage.Remark{Text: "the bucket keeps no versions: whoever has the keys can remove an object for good", Do: "turn on versioning, or object lock"})
	}
	lock, mode, n, unit, err := s.client.GetObjectLockConfig(ctx, s.o.Bucket)
	if err != nil || lock != "Enabled" {
		return out
	}
	text := "the bucket has object lock"
	if mode != nil && n != nil && unit != nil {
		text += fmt.Sprintf(": %s for %d %s", *mode, *n, *unit)
	}
	if !s.o.Archive {
		return append(out, storage.Remark{Wrong: true, Text: text + ", and objects are deleted here", Do: "give this location a bucket without object lock"})
	}
	return append(out, storage.Remark{Text: text + "; records of attempts in .part/ are kept as long"})
}

// rules looks for rules of the bucket that remove objects, which in an archive is nobody's to do.
func (s *Store) rules(ctx context.Context) []storage.Remark {
	c, err := s.client.GetBucketLifecycle(ctx, s.o.Bucket)
	if err != nil {
		return nil // no rules, or no right to read them
	}
	var out []storage.Remark
	for _, r := range c.Rules {
		if r.Status == "Enabled" && removes(r) {
			out = append(out, storage.Remark{
				Wrong: true, Text: fmt.Sprintf("the rule %q of the bucket deletes objects by age", r.ID),
				Do: "take the rule away: only CDT deletes here, and in an archive nobody does",
			})
		}
	}
	return out
}

func removes(r lifecycle.Rule) bool {
	return !r.Expiration.IsDaysNull() && r.Expiration.Days > 0 || !r.Expiration.IsDateNull()
}

// A difference of clocks worth a word: servers refuse requests at 15 minutes.
const clocksApart = time.Minute

func (s *Store) clocks(ctx context.Context) []storage.Remark {
	now, err := s.now(ctx)
	if err != nil {
		return nil
	}
	if off := now.Sub(clock.System{}.Now()); off.Abs() > clocksApart {
		return []storage.Remark{{Wrong: true, Text: fmt.Sprintf("the server's clock is %s ahead of this host's; at 15 minutes it refuses everything", off.Round(time.Second)), Do: "set the clocks (NTP)"}}
	}
	return nil
}
