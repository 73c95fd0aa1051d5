package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// listed is one file the source has.
type listed struct {
	number  int
	size    int64
	time    int64
	target  string
	from    int64 // where an append goes on
	reached int64
}

// sink asks for the list, looks whether everything can be taken, and takes it.
func (j *job) sink() int {
	code, total := 0, int64(0)
	files, bad := j.list()
	switch {
	case bad:
		code = 2
	default:
		code = j.look(files)
	}
	for i := 0; i < len(files) && code == 0; i++ {
		code = j.take(&files[i])
		total += files[i].reached
	}
	if code == 0 {
		_, _ = fmt.Fprintf(j.out, "200 End: %d %d\n", len(files), total)
	}
	if lie, ok := value(j.mischief, "exit"); ok && code == 0 {
		code = int(lie)
	}
	_, _ = fmt.Fprintf(j.ctl, "exit %d\n", code)
	if code == 0 || !j.has('N') { // a source that reads a program may wait for it in vain
		_, _ = io.Copy(io.Discard, j.line) // until the source is through
	}
	return code
}

// list reads what the source has.
func (j *job) list() (files []listed, bad bool) {
	target := j.files[0].path
	if strings.Contains(j.set['N'], "o") || strings.Contains(j.set['N'], "i") {
		_, _ = j.line.ReadString('\n')
		return []listed{{target: target}}, false
	}
	info, err := os.Stat(target)
	into := err == nil && info.IsDir() || j.many
	for {
		line, err := j.line.ReadString('\n')
		if err != nil || strings.HasPrefix(line, "eol") {
			return files, err != nil || !strings.Contains(line, "good")
		}
		var f listed
		var name string
		if n, _ := fmt.Sscanf(line, "file %d %d %d", &f.number, &f.size, &f.time); n != 3 {
			return files, true
		}
		name = strings.SplitN(strings.TrimSuffix(line, "\n"), " ", 5)[4]
		if f.target = target; into {
			f.target = filepath.Join(target, name)
		}
		files = append(files, f)
	}
}

// look says whether everything can be taken: the folder, the names, the room.
func (j *job) look(files []listed) int {
	target := j.files[0].path
	folder := filepath.Dir(target)
	if j.many {
		folder = target
	}
	if j.has('N') {
		return 0
	}
	if info, err := os.Stat(folder); err != nil || j.many && !info.IsDir() {
		say(j.told, "Target directory %s not found", target)
		return 2
	}
	var total int64
	for i := range files {
		total += files[i].size
		if code := j.exists(&files[i]); code != 0 {
			return code
		}
	}
	var st syscall.Statfs_t
	if err := syscall.Statfs(folder, &st); !j.has('F') && (err != nil || int64(st.Bavail)*st.Bsize <= total || has(j.mischief, "nospace")) {
		say(j.told, "Insufficient space to copy all the files from [::ffff:127.0.0.1]")
		return 28
	}
	return 0
}

// exists looks for something under the name of the target.
func (j *job) exists(f *listed) int {
	info, err := os.Stat(f.target)
	switch {
	case err != nil:
		return 0
	case j.has('f'):
		_ = os.Remove(f.target)
		return 0
	case j.has('a'):
		return j.resume(f, info.Size())
	case !info.Mode().IsRegular():
		say(j.told, "Is a directory creating %s", f.target)
		return 2
	}
	say(j.told, "File %s already exists.", f.target)
	return 22
}

// resume goes on behind what is there, unread: that is what makes -a dangerous.
func (j *job) resume(f *listed, have int64) int {
	b, err := os.ReadFile(j.checkpoint(f))
	switch {
	case err != nil && have == f.size:
		say(j.told, "File %s appears to have already been copied; copy skipped.", f.target)
		f.from = have
		return 0
	case err != nil:
		say(j.told, "File %s changed since the copy completed; append not possible.", f.target)
		return 22
	case string(b) != fmt.Sprint(f.size, f.time):
		say(j.told, "Cannot append to  %s", f.target)
		return 22
	}
	say(j.told, "Will try to complete copying %s", f.target)
	f.from = have
	return 0
}

// checkpoint is the file in which -a remembers the source.
func (j *job) checkpoint(f *listed) string {
	folder := j.set['a']
	if folder == "" {
		folder = os.TempDir()
	}
	return filepath.Join(folder, "bbcp."+filepath.Base(f.target))
}
