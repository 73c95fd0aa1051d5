package disk

import (
	"context"
	"fmt"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
)

// forgotten is how long a deletion may hold something before a person is told:
// its attempts take minutes, and each puts back what an earlier one held.
const forgotten = 24 * time.Hour

var _ storage.Examiner = (*Disk)(nil)

// Examine implements [storage.Examiner]: whether something lies in the trash that no deletion came back for.
func (d *Disk) Examine(ctx context.Context) ([]storage.Remark, error) {
	names, err := d.entries(ctx, []string{opsdb.TrashDir})
	if err != nil || len(names) == 0 {
		return nil, d.failed("look into", opsdb.TrashDir, err)
	}
	root, err := d.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer root.close()
	trash, err := root.sub(opsdb.TrashDir)
	if err != nil {
		return nil, d.failed("look into", opsdb.TrashDir, err)
	}
	defer trash.close()
	held, oldest := 0, d.clock.Now()
	for _, name := range names {
		st, err := trash.stat(name)
		if since := time.Unix(st.Ctim.Unix()).UTC(); err == nil && d.clock.Now().Sub(since) > forgotten {
			held++
			if since.Before(oldest) {
				oldest = since
			}
		}
	}
	if held == 0 {
		return nil, nil
	}
	return []storage.Remark{{
		Wrong: true,
		Text:  fmt.Sprintf("%d deletions hold something in %s, the oldest since %s: they were given up", held, opsdb.TrashDir, oldest.Format("2006-01-02 15:04Z")),
		Do:    "`dtctl tasks --state failed` and `dtctl retry`: the next attempt puts it back; what another file has taken the name of, compare with the archive by hand",
	}}, nil
}
