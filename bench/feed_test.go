//go:build servers

package bench_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
)

// holeRoutes packs every file by itself and archives it.
const holeRoutes = `
version: 1
sites:
  lab:
    locations:
      camera: {type: source, disk: {path: ROOT/camera}, layout: "{instrument}/{observation}/**", final: {by: rename}}
      buffer: {type: buffer, disk: {path: ROOT/buffer}}
      lta:    {type: long_term_archive, disk: {path: ROOT/lta}}
routes:
  raw:
    stages:
      pack:    {type: package, from: lab.camera, to: lab.buffer, max_size: 50MB, close_when: group.files >= 1}
      archive: {type: archive, from: lab.buffer, to: lab.lta}
      scrub:   {type: verify, at: lab.lta, every: 90d}
`

const (
	holeSize  = 20_000 // small: what is told of a package weighs the more
	holeFeed  = 25     // packages that are put in together
	holeAhead = 200    // packages that wait at least
)

// archivedNow is how many packages are archived, however many tasks there were.
const archivedNow = `SELECT coalesce(sum(count), 0) FROM tally_now WHERE kind = 'copy' AND a = 'lab.lta' AND b = 'present'`

// feeding puts packages in, so that some always wait, until the returned function is called.
func (s *swallowed) feeding() (stop func()) {
	conn, err := pgx.Connect(s.Context(), s.url)
	s.check(err)
	halt, ended := make(chan struct{}), make(chan error)
	go func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			done := 0
			err := conn.QueryRow(s.Context(), archivedNow).Scan(&done)
			for err == nil && s.fed-done < holeAhead {
				err = s.feed()
			}
			select {
			case <-halt:
				ended <- errors.Join(err, conn.Close(s.Context()))
				return
			case <-tick.C:
				if err != nil {
					fmt.Println("feed:", err)
				}
			}
		}
	}()
	return func() {
		close(halt)
		s.check(<-ended)
	}
}

func (s *swallowed) feed() error {
	made := filepath.Join(s.root, "made", strconv.Itoa(s.fed))
	content := make([]byte, holeSize)
	for i := range holeFeed {
		dir := filepath.Join(made, fmt.Sprintf("o%03d", i))
		copy(content, fmt.Sprint(s.fed, " ", i))
		if err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, "f.fits"), content, 0o600)); err != nil {
			return err
		}
	}
	if err := os.Rename(made, filepath.Join(s.root, "camera", filepath.Base(made))); err != nil {
		return err
	}
	s.fed += holeFeed
	return nil
}
