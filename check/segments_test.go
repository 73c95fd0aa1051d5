package check

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"testing"

	"github.com/ccatobs/cdt/opsdb"
)

func TestSegmentsEndWhereTheyMust(t *testing.T) {
	t.Parallel()
	content := bytes.Repeat([]byte{7}, opsdb.SegmentSize+5)
	s := &segments{h: sha256.New()}
	for part := range slices.Chunk(content, 1<<20+3) {
		if n, err := s.Write(part); n != len(part) || err != nil {
			t.Fatal(n, err)
		}
	}
	got := s.end()
	first, last := sha256.Sum256(content[:opsdb.SegmentSize]), sha256.Sum256(content[opsdb.SegmentSize:])
	if len(got) != 2 || got[0] != hexDigest(first[:]) || got[1] != hexDigest(last[:]) {
		t.Errorf("segments are %q", got)
	}
}
