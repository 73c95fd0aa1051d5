package tables

import (
	"github.com/ccatobs/cdt/opsdb"
)

// contentOf is what a file holds, as events tell it.
func contentOf(size, modTime int64) string {
	return JSON(map[string]int64{"size": size, "mod_time": modTime})
}

// ChangeFile gives a file that is not packed another content; the counters of its groups follow.
func ChangeFile(t Tx, old Filed, size, modTime int64, identity string, digest opsdb.Digest, actor, why string) error {
	err := t.Exec(`UPDATE file SET size = $1, mod_time = $2, identity = $3, digest = $4, version = version + 1 WHERE key = $5`,
		size, modTime, identity, string(digest), old.Row)
	if err != nil {
		return err
	}
	if register := t.Dialect().Counted.Register; register != "" {
		if err := t.Exec(register, old.Location, 0, size-old.Size); err != nil {
			return err
		}
	}
	observed, err := Observed(t)
	if err != nil {
		return err
	}
	err = t.Exec(`UPDATE file_group SET bytes = bytes + $1, last = $2, version = version + 1 WHERE closed = `+t.Dialect().No+` AND key IN (SELECT grp FROM group_file WHERE file = $3)`,
		size-old.Size, Time(observed), old.Row)
	t.Event(opsdb.Event{Actor: actor, Kind: opsdb.EventFileChanged, Subject: "file:" + string(old.ID), Location: old.Location,
		Why: why, Before: contentOf(old.Size, old.ModTime.UnixNano()), After: contentOf(size, modTime)})
	return err
}
