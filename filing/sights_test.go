package filing

import (
	"fmt"
	"testing"
	"time"
)

func TestSightsAreReadAsTheyWereKept(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, sightsHeld, sightsHeld + 1, 3 * sightsHeld} {
		l := &sights{}
		t.Cleanup(l.drop)
		for i := range n {
			if err := l.add(sight{path: fmt.Sprintf("%08d\xff\n", 2*i), size: int64(i), modTime: time.Unix(int64(i), 7), identity: "1:2", since: time.Duration(n - i)}); err != nil {
				t.Fatal(err)
			}
		}
		if n > 0 && l.oldest != 1 {
			t.Errorf("%d: the oldest is %d", n, l.oldest)
		}
		for range 2 { // a scan that failed reads them again
			r, err := l.read()
			if err != nil {
				t.Fatal(err)
			}
			for i := range n {
				if s, err := r.at(fmt.Sprintf("%08d", 2*i)); s != nil || err != nil {
					t.Fatalf("%d: a path that is not there gives %+v, %v", i, s, err)
				}
				if i%3 == 1 {
					continue // not asked for
				}
				s, err := r.at(fmt.Sprintf("%08d\xff\n", 2*i))
				if err != nil || s == nil || s.size != int64(i) || !s.modTime.Equal(time.Unix(int64(i), 7)) || s.identity != "1:2" || s.since != time.Duration(n-i) {
					t.Fatalf("%d of %d: %+v, %v", i, n, s, err)
				}
			}
			if s, err := r.at("~"); s != nil || err != nil {
				t.Errorf("after the last: %+v, %v", s, err)
			}
		}
	}
	var none *sights
	none.drop()
	if r, err := none.read(); err != nil || r == nil {
		t.Errorf("%v", err)
	}
}

func TestSightsComeInChunks(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 7, sightsHeld, sightsHeld + 5} {
		l := &sights{}
		t.Cleanup(l.drop)
		for i := range n {
			if err := l.add(sight{path: fmt.Sprint(i)}); err != nil {
				t.Fatal(err)
			}
		}
		seen := 0
		for chunk, err := range l.chunks(7) {
			if err != nil || len(chunk) == 0 || len(chunk) < 7 && seen+len(chunk) != n {
				t.Fatalf("%d after %d of %d: %v", len(chunk), seen, n, err)
			}
			for _, s := range chunk {
				if s.path != fmt.Sprint(seen) {
					t.Fatalf("%s comes as number %d", s.path, seen)
				}
				seen++
			}
		}
		if seen != n {
			t.Errorf("%d of %d came", seen, n)
		}
		for range l.chunks(1) {
			break // and nothing goes on
		}
	}
	lost := &sights{}
	for i := range 3 * sightsHeld {
		if err := lost.add(sight{path: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := lost.buf.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := lost.file.Truncate(1000); err != nil {
		t.Fatal(err)
	}
	var last error
	for _, err := range lost.chunks(10) {
		last = err
	}
	if last == nil {
		t.Error("most of the list is gone, and nothing was said")
	}
	lost.drop()
}
