package builtin

import (
	"context"
	"fmt"

	"github.com/ccatobs/cdt/opsdb"
)

// unlike notes members that were read with another digest than their
// instrument announced, while the bag is written; then judges them.
type unlike struct {
	members []opsdb.Member
	told    []opsdb.ChangedMember
}

func (u *unlike) note(m opsdb.Member) {
	if m.Announced != "" && m.Announced != m.Digest && len(u.members) < toldAtOnce {
		u.members = append(u.members, m)
	}
}

// readAgain reads them once more, from the medium, before the source is blamed. A
// file that is read the same way twice is another one than its instrument had: it
// is packed as it is, which keeps what there is, and a person is told. One that is not read the same way fails the attempt.
func (p *packer) readAgain(ctx context.Context) error {
	p.unlike.told = nil
	for _, m := range p.unlike.members {
		got, err := p.tree.Read(ctx, m.Path, true, func(_ string, n int64) { p.Moved(n) })
		if err != nil {
			return p.unreadable(ctx, m, err)
		}
		if got.Digest != m.Digest {
			return badData("%s was read with digest %s, and then with %s", opsdb.ShowPath(m.Path), m.Digest, got.Digest)
		}
		p.unlike.told = append(p.unlike.told, opsdb.ChangedMember{File: m.File, Size: m.Size, ModTime: m.ModTime, Identity: m.Identity,
			Reason: fmt.Sprintf("it was read twice with digest %s, its instrument announced %s", m.Digest, m.Announced)})
	}
	return nil
}
