package bbcp_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestWhatItDoes runs the tool by hand, row by row of what is known about
// bbcp: the stand-in behaves like the real one, which is held against the same
// rows when it is there. A row of the driver's own stands in driver_test.go.
func TestWhatItDoes(t *testing.T) {
	const mb = 1 << 20
	for _, row := range []struct {
		name string
		run  func(w folder)
	}{
		{"one call, 1-byte file: a second", func(w folder) {
			b := w.source("a", 1)
			_, wait := w.begin("", w.s("a"), w.d("a"))
			r := wait()
			w.expect(r, 0, "")
			w.holds("a", b, "right")
			if r.took < time.Second {
				w.t.Errorf("took %v", r.took)
			}
		}},
		{"resume -a -k -e over a damaged partial file: exit 0, wrong content", func(w folder) {
			b := w.source("a", 6*mb)
			must(w.t, os.Mkdir(w.d("ckp"), 0o755))
			w.cut("a", mb, "-a", w.d("ckp"), "-k", "-x", "1M")
			left, err := os.ReadDir(w.d("ckp")) // -a DIR keeps its checkpoint on the target
			if err != nil || len(left) != 1 {
				w.t.Errorf("checkpoints %v, %v", left, err)
			}
			must(w.t, os.Chmod(w.d("a"), 0o600))
			f, err := os.OpenFile(w.d("a"), os.O_RDWR, 0)
			must(w.t, err)
			_, err = f.WriteAt([]byte("damaged"), 1000)
			must(w.t, err)
			must(w.t, f.Close())
			r := w.run("-v", "-P", "2", "-a", w.d("ckp"), "-k", "-e", w.s("a"), w.d("a"))
			w.expect(r, 0, "Will try to complete copying "+w.d("a"))
			w.expect(r, 0, "Appending to "+w.d("a")+" at offset ")
			w.holds("a", b, "wrong")
			w.expect(w.run("-a", w.d("ckp"), "-E", "md5=00000000000000000000000000000000", w.s("a"), w.d("x")), 1, "mutually exclusive")
		}},
		{"initiator killed: its helpers finish under the final name", func(w folder) {
			b := w.source("a", 4*mb)
			cmd, wait := w.begin(quick, "-x", "2M", w.s("a"), w.d("a"))
			until(w.t, "some bytes", func() bool { return w.size("a") > mb/2 })
			must(w.t, cmd.Process.Kill())
			wait()
			if w.size("a") == int64(len(b)) {
				w.t.Fatal("killed too late")
			}
			until(w.t, "the orphans finish", func() bool { return w.size("a") == int64(len(b)) && len(helpers(cmd.Process.Pid, "SNK")) == 0 })
			w.holds("a", b, "right")
		}},
		{"target sink stopped: hangs, and -t does not bound it", func(w folder) {
			w.source("a", 8*mb)
			cmd, wait := w.begin(quick, "-t", "1", "-x", "1M", w.s("a"), w.d("a"))
			until(w.t, "some bytes", func() bool { return w.size("a") > 0 })
			for _, p := range helpers(cmd.Process.Pid, "SNK") {
				must(w.t, syscall.Kill(p.pid, syscall.SIGSTOP))
			}
			<-time.After(3 * time.Second) // three times the limit
			if syscall.Kill(cmd.Process.Pid, 0) != nil || len(helpers(cmd.Process.Pid, "SNK")) == 0 {
				w.t.Error("it ended")
			}
			must(w.t, syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL))
			wait()
		}},
		{"one helper killed: exit 255 while the destination is right", func(w folder) {
			b := w.source("a", 3*mb)
			mischief := quick + ",helper"
			if w.b.real {
				mischief = ""
			}
			cmd, wait := w.begin(mischief, "-x", "3M", w.s("a"), w.d("a"))
			if w.b.real {
				w.killFirst(cmd.Process.Pid, "SRC")
			}
			w.expect(wait(), 255, "")
			until(w.t, "the rest finishes", func() bool { return w.size("a") == int64(len(b)) && len(helpers(cmd.Process.Pid, "SNK")) == 0 })
			w.holds("a", b, "right")
		}},
		{"source truncated mid-copy: exit 128, destination removed", func(w folder) {
			b := w.source("a", 6*mb)
			_, wait := w.begin(quick, "-x", "2M", w.s("a"), w.d("a"))
			until(w.t, "some bytes", func() bool { return w.size("a") > mb/2 })
			must(w.t, os.Truncate(w.s("a"), 100))
			w.expect(wait(), 128, "")
			w.holds("a", b, "absent")
		}},
		{"source modified mid-copy with -e: exit 0", func(w folder) {
			b := w.source("a", 4*mb)
			_, wait := w.begin(quick, "-e", "-x", "2M", w.s("a"), w.d("a"))
			until(w.t, "some bytes", func() bool { return w.size("a") > mb/2 })
			f, err := os.OpenFile(w.s("a"), os.O_WRONLY, 0)
			must(w.t, err)
			_, err = f.WriteAt([]byte("modified"), 4*mb-100)
			must(w.t, err)
			must(w.t, f.Close())
			w.expect(wait(), 0, "")
			w.holds("a", b, "wrong")
		}},
		{"target exists, no -f: exit 22, untouched", func(w folder) {
			w.source("a", mb)
			must(w.t, os.WriteFile(w.d("a"), []byte("here before"), 0o644))
			w.expect(w.run(w.s("a"), w.d("a")), 22, "bbcp: File "+w.d("a")+" already exists.")
			w.holds("a", []byte("here before"), "right")
		}},
		{"-E md5=<wrong>: exit 172, target removed", func(w folder) {
			b := w.source("a", mb)
			r := w.run("-E", "md5=00000000000000000000000000000000", w.s("a"), w.d("a"))
			w.expect(r, 172, " target checksum 00000000000000000000000000000000 does not match ")
			w.holds("a", b, "absent")
		}},
		{"one missing among several sources: exit 2, none copied", func(w folder) {
			b := w.source("a", 1000)
			r := w.run(w.s("a"), w.s("nope.dat"), w.d(""))
			w.expect(r, 2, "bbcp: No such file or directory processing "+w.s("nope.dat"))
			w.holds("a", b, "absent")
		}},
		{"missing source", func(w folder) {
			w.expect(w.run(w.s("nope.dat"), w.d("a")), 2, "bbcp: No such file or directory processing "+w.s("nope.dat"))
		}},
		{"missing folder", func(w folder) {
			w.source("a", 1000)
			w.expect(w.run(w.s("a"), w.d("nodir/x")), 2, "bbcp: Target directory "+w.d("nodir/x")+" not found")
		}},
		{"names: blanks work", func(w folder) {
			b := w.source("a b", 1000)
			w.expect(w.run(w.s("a b"), w.d("x")), 0, "")
			w.holds("x", b, "right")
		}},
		{"names: -e is read as an option", func(w folder) {
			b := w.source("-e", 1000)
			w.expect(w.run("-e", w.d("x")), 1, "Copy target not specified.")
			w.holds("x", b, "absent")
		}},
		{"names: c:d is read as a host", func(w folder) {
			b := w.source("c:d", 1000)
			w.expect(w.run("-S", "/nonexistent/bbcp", "-z", "c:d", w.d("x")), 255, "bbcp unexpectedly terminated on c")
			w.holds("x", b, "absent")
		}},
		{"names: a newline splits", func(w folder) {
			b := w.source("a", 1000)
			r := w.run(w.s("a")+"\n"+w.s("a"), w.d("x"))
			if r.code == 0 {
				w.t.Errorf("exit 0: %q", r.said)
			}
			w.holds("x", b, "absent")
		}},
		{"names: a relative path is kept under a folder, and fails", func(w folder) {
			must(w.t, os.Mkdir(w.s("sub"), 0o755))
			w.source("sub/a", 1000)
			w.source("sub/b", 1000)
			w.expect(w.run("sub/a", "sub/b", w.d("")), 2, "No such file or directory opening ")
			w.expect(w.run("sub/a", w.d("x")), 0, "")
		}},
		{"in flight: mode 0200 under the final name", func(w folder) {
			w.source("a", 4*mb)
			_, wait := w.begin(quick, "-x", "2M", w.s("a"), w.d("a"))
			until(w.t, "some bytes", func() bool { return w.size("a") > 0 })
			info, err := os.Stat(w.d("a"))
			must(w.t, err)
			if info.Mode().Perm() != 0o200 {
				w.t.Errorf("mode %v in flight", info.Mode())
			}
			w.expect(wait(), 0, "")
			if info, _ = os.Stat(w.d("a")); info.Mode().Perm() != 0o644 {
				w.t.Errorf("mode %v at the end", info.Mode())
			}
		}},
		{"-v, good", func(w folder) {
			w.source("a", 5_000_000)
			r := w.run("-v", w.s("a"), w.d("a"))
			w.expect(r, 0, "File "+w.d("a")+" created; 5000000 bytes at ")
			w.expect(r, 0, "1 file copied at effectively ")
		}},
		{"-P 2: progress lines", func(w folder) {
			w.source("a", 8*mb)
			r := w.run("-v", "-P", "2", "-x", "2M", w.s("a"), w.d("a"))
			w.expect(r, 0, "bbcp: Creating "+w.d("a"))
			w.expect(r, 0, "% done; ")
			w.expect(r, 0, "B/s, avg ")
		}},
		{"no remote bbcp", func(w folder) {
			w.source("a", 1000)
			r := w.run("-T", "/nonexistent/bbcp", w.s("a"), "localhost:"+w.d("a"))
			w.expect(r, 255, "bbcp: bbcp unexpectedly terminated on localhost")
		}},
		{"-t 2: Time limit exceeded, exit 128", func(w folder) {
			b := w.source("a", 8*mb)
			w.expect(w.run("-t", "2", "-x", "1M", w.s("a"), w.d("a")), 128, "bbcp: Time limit exceeded")
			w.holds("a", b, "absent")
		}},
		{"sink killed: exit 255, nothing said, partial file kept", func(w folder) {
			b := w.source("a", 8*mb)
			cmd, wait := w.begin(quick, "-x", "1M", w.s("a"), w.d("a"))
			until(w.t, "some bytes", func() bool { return w.size("a") > mb/2 })
			for _, p := range helpers(cmd.Process.Pid, "SNK") {
				_ = syscall.Kill(p.pid, syscall.SIGKILL)
			}
			w.expect(wait(), 255, "")
			w.holds("a", b, "partial")
		}},
		{"the data connection follows the name in the target, not that of the ssh command", func(w folder) {
			b := w.source("a", 1000)
			r := w.run("-S", w.b.path, "-T", w.b.path, "-z", "127.0.0.1:"+w.s("a"), "no.such.host.invalid:"+w.d("a"))
			w.expect(r, 0, "") // with -z the source's name is the one that is called
			w.holds("a", b, "right")
		}},
		{"ports of -Z", func(w folder) {
			b := w.source("a", 1000)
			w.expect(w.run("-Z", "47101:47140", w.s("a"), w.d("a")), 0, "")
			w.holds("a", b, "right")
		}},
		{"-I: many sources in one call, under the names of links", func(w folder) {
			b := w.source("a", 1000)
			var list strings.Builder
			for _, name := range []string{"p1", "p2", "p3"} {
				must(w.t, os.Symlink(w.s("a"), filepath.Join(w.root, name)))
				list.WriteString(filepath.Join(w.root, name) + "\n")
			}
			must(w.t, os.WriteFile(w.s("list"), []byte(list.String()), 0o644))
			w.expect(w.run("-I", w.s("list"), w.d("")), 0, "")
			for _, name := range []string{"p1", "p2", "p3"} {
				w.holds(name, b, "right")
			}
		}},
		{"-N io: what follows a beginning, through programs", func(w folder) {
			b := w.source("a", 5_000_000)
			must(w.t, os.WriteFile(w.d("a"), b[:3_000_000], 0o644))
			w.expect(w.run("-k", "-F", "-N", "io", "dd if="+w.s("a")+" iflag=skip_bytes skip=3000000 bs=1M status=none",
				"dd of="+w.d("a")+" oflag=seek_bytes seek=3000000 conv=notrunc,nocreat bs=1M status=none"), 0, "")
			w.holds("a", b, "right")
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, b tool) { row.run(newFolder(t, b)) })
		})
	}
}

// cut copies a source until n bytes are there, and kills everything.
func (w folder) cut(name string, n int64, options ...string) {
	w.t.Helper()
	cmd, wait := w.begin(quick, append(options, w.s(name), w.d(name))...)
	until(w.t, "some bytes", func() bool { return w.size(name) > n })
	must(w.t, syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL))
	wait()
}

// killFirst kills the helper of a side that the initiator started, as soon as it has a child that copies.
func (w folder) killFirst(group int, side string) {
	w.t.Helper()
	until(w.t, "a child of the helper", func() bool {
		for _, p := range helpers(group, side) {
			if p.parent != group {
				return syscall.Kill(p.parent, syscall.SIGKILL) == nil
			}
		}
		return false
	})
}
