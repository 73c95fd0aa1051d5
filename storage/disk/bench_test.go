package disk

import (
	"fmt"
	"io"
	"testing"

	"github.com/ccatobs/cdt/storage"
)

// BenchmarkPut writes, syncs, reads back and names 512 MiB.
func BenchmarkPut(b *testing.B) {
	const size = 512 << 20
	d, err := New(location, b.TempDir(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	if err := d.Init(b.Context(), markerFor(location), true); err != nil {
		b.Fatal(err)
	}
	block := random(1<<20, 1)
	b.SetBytes(size)
	for i := range b.N {
		_, err := d.Put(b.Context(), storage.Put{Attempt: attempt(int64(i)), Path: fmt.Sprintf("p%d", i), Write: func(w io.Writer) error {
			for range size >> 20 {
				if _, err := w.Write(block); err != nil {
					return err
				}
			}
			return nil
		}})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRead digests 512 MiB from the medium and from the cache.
func BenchmarkRead(b *testing.B) {
	d, err := New(location, b.TempDir(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	if err := d.Init(b.Context(), markerFor(location), true); err != nil {
		b.Fatal(err)
	}
	content := random(512<<20, 1)
	if _, err := d.Put(b.Context(), putOf("p", 1, content)); err != nil {
		b.Fatal(err)
	}
	for _, medium := range []bool{true, false} {
		b.Run(fmt.Sprintf("medium=%v", medium), func(b *testing.B) {
			b.SetBytes(512 << 20)
			for range b.N {
				if _, err := d.Read(b.Context(), "p", medium, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
