package disk

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
)

// What an attempt may have beside its part.
const (
	smallSuffix = ".s" // the part of a PutSmall
	treeSuffix  = ".d" // the unpack folder; in the trash, the folder of its files
)

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

// attemptOf is the attempt to which an entry of .part or .trash belongs.
func attemptOf(entry string) (storage.Attempt, bool) {
	return parseAttempt(strings.TrimSuffix(strings.TrimSuffix(entry, smallSuffix), treeSuffix))
}

// Leftovers implements [storage.Storage]. Attempts with an unpack folder only are among them.
func (d *Disk) Leftovers(ctx context.Context, task opsdb.ID) ([]storage.Attempt, error) {
	names, err := d.entries(ctx, []string{opsdb.PartDir})
	return attemptsOf(task, names), d.failed("look for leftovers in", opsdb.PartDir, err)
}

// Trashed implements [storage.Storage]. Attempts with files only are among them.
func (d *Disk) Trashed(ctx context.Context, task opsdb.ID) ([]storage.Attempt, error) {
	names, err := d.entries(ctx, []string{opsdb.TrashDir})
	if err != nil {
		return nil, d.failed("look for leftovers in", opsdb.TrashDir, err)
	}
	found := slices.DeleteFunc(attemptsOf(task, names), func(a storage.Attempt) bool {
		if err != nil || slices.Contains(names, a.Name()) {
			return false
		}
		var files []int // an empty folder is what a killed PurgeFile left
		files, err = d.TrashedFiles(ctx, a)
		return err == nil && len(files) == 0
	})
	return found, err
}

// attemptsOf are the attempts of a task among the names of a folder, by token.
func attemptsOf(task opsdb.ID, names []string) []storage.Attempt {
	var found []storage.Attempt
	for _, name := range names {
		if a, ok := attemptOf(name); ok && a.Task == task && !slices.Contains(found, a) {
			found = append(found, a)
		}
	}
	slices.SortFunc(found, func(a, b storage.Attempt) int {
		return cmp.Or(cmp.Compare(a.Token, b.Token), cmp.Compare(a.Epoch, b.Epoch))
	})
	return found
}

// entries are the names in one of CDT's folders; one that is missing has none.
func (d *Disk) entries(ctx context.Context, folders []string) ([]string, error) {
	root, err := d.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer root.close()
	c, err := descend(root, folders)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer c.close()
	return namesIn(c.leaf())
}

// TrashedFiles implements [storage.Tree].
func (d *Disk) TrashedFiles(ctx context.Context, a storage.Attempt) ([]int, error) {
	name, err := nameOf(a)
	if err != nil {
		return nil, err
	}
	names, err := d.entries(ctx, []string{opsdb.TrashDir, name + treeSuffix})
	if err != nil {
		return nil, d.failed("look into the trash of", a.Name(), err)
	}
	var numbers []int
	for _, name := range names {
		if n, err := strconv.Atoi(name); err == nil {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

// Discard implements [storage.Storage].
func (d *Disk) Discard(ctx context.Context, a storage.Attempt) error {
	err := d.inParts(ctx, a, func(parts *dir, name string) error {
		return errors.Join(d.removeIfThere(ctx, parts, name), d.removeIfThere(ctx, parts, name+smallSuffix))
	})
	return d.failed("discard", a.Name(), err)
}

// Reclaim implements [storage.Storage]. What a killed Check or Init left goes by age alone.
func (d *Disk) Reclaim(ctx context.Context, age time.Duration, keep func(storage.Attempt) bool) (int, error) {
	names, err := d.entries(ctx, []string{opsdb.PartDir})
	if err != nil {
		return 0, d.failed("reclaim", opsdb.PartDir, err)
	}
	removed := 0
	for _, name := range names {
		a, ok := attemptOf(name)
		if !ok && !strings.HasPrefix(name, probePrefix) && !strings.HasPrefix(name, markerPrefix) {
			continue
		}
		if ok && keep != nil && keep(a) {
			continue
		}
		gone, err := d.reclaim(ctx, name, age)
		if err != nil {
			return removed, d.failed("reclaim", name, err)
		}
		if gone {
			removed++
		}
	}
	return removed, d.failed("reclaim", opsdb.TrashDir, d.tidyTrash(ctx, age))
}

// tidyTrash removes old empty folders in the trash: a killed PurgeFile left them.
func (d *Disk) tidyTrash(ctx context.Context, age time.Duration) error {
	root, err := d.enter(ctx)
	if err != nil {
		return err
	}
	defer root.close()
	trash, err := root.sub(opsdb.TrashDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer trash.close()
	names, err := namesIn(trash)
	for _, name := range names {
		if !strings.HasSuffix(name, treeSuffix) || err != nil {
			continue
		}
		st, gone := trash.stat(name)
		if gone == nil && d.clock.Now().Sub(time.Unix(st.Mtim.Unix())) >= age {
			_, err = d.removeIfEmpty(ctx, trash, name)
		}
	}
	return err
}

func (d *Disk) reclaim(ctx context.Context, name string, age time.Duration) (gone bool, err error) {
	root, err := d.enter(ctx)
	if err != nil {
		return false, err
	}
	defer root.close()
	parts, err := root.sub(opsdb.PartDir)
	if err != nil {
		return false, err
	}
	defer parts.close()
	st, err := parts.stat(name)
	if errors.Is(err, unix.ENOENT) {
		return false, nil
	}
	if err != nil || d.clock.Now().Sub(time.Unix(st.Mtim.Unix())) < age {
		return false, err
	}
	return true, d.removeAll(ctx, parts, name)
}

// removeAll removes an entry of .part with everything in it; symlinks are removed, not followed.
func (d *Disk) removeAll(ctx context.Context, at *dir, name string) error {
	sub, err := at.sub(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, storage.ErrIrregular): // no directory
		return d.removeIfThere(ctx, at, name)
	case err != nil:
		return err
	}
	defer sub.close()
	err = eachName(sub, func(e named) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return d.removeAll(ctx, sub, e.name)
	})
	if err != nil {
		return err
	}
	return act(ctx, "rmdir", func() error { return at.unlink(name, unix.AT_REMOVEDIR) })
}
