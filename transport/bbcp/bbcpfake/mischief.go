package main

import (
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// mischiefVariable names the environment variable of the first process that
// says how to misbehave: words, separated by commas, some with a number of bytes of a file:
//
//	quick        no second of waiting at the end (bbcp waits)
//	unreachable  the data connection is refused
//	nospace      the target says it has no room
//	full=N       the disk is full after N bytes
//	hang=N       the sink takes no more after N bytes; its progress lines go on
//	silent       no progress lines
//	babble       endless words and no bytes
//	wrong=N      exit 0, and the bit at N is turned around
//	short=N      exit 0 after N bytes
//	long=N       exit 0, and N bytes too many
//	nothing      exit 0 without a file
//	exit=C       everything right, exit code C
//	helper       everything right, and the source's helper is killed
//	dies=N       the sink is killed after N bytes
//	orphan=N     the first process is killed after N bytes; the others finish
//	disallow     no program pipes here
//	blame        who is asked to end says that the other end has gone
//	lag=N        a program at the target gets the last N bytes only when more come
const mischiefVariable = "BBCP_FAKE"

func has(mischief, word string) bool {
	for w := range strings.SplitSeq(mischief, ",") {
		if w == word || strings.HasPrefix(w, word+"=") {
			return true
		}
	}
	return false
}

func value(mischief, word string) (int64, bool) {
	for w := range strings.SplitSeq(mischief, ",") {
		if text, ok := strings.CutPrefix(w, word+"="); ok {
			n, err := strconv.ParseInt(text, 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}

// spoil is what goes wrong with a block before it is written.
func (t *taking) spoil(b []byte, at int64) ([]byte, error) {
	if has(t.mischief, "babble") {
		t.babble()
	}
	if n, ok := value(t.mischief, "wrong"); ok && n >= at && n < at+int64(len(b)) {
		b[n-at] ^= 1
	}
	if n, ok := value(t.mischief, "short"); ok {
		b = b[:max(0, min(int64(len(b)), n-at))]
	}
	if n, ok := value(t.mischief, "full"); ok && at+int64(len(b)) > n {
		return nil, syscall.ENOSPC
	}
	return b, nil
}

// blame waits to be asked to end.
func blame(told io.Writer) {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM)
	go func() {
		<-asked
		say(told, "Unexpected end of control stream from elsewhere")
		os.Exit(32)
	}()
}

// babble never ends.
func (t *taking) babble() {
	long := strings.Repeat("babble ", 100_000)
	for {
		_, _ = io.WriteString(t.told, long)
		for range 100 {
			say(t.told, "%s 101%% done; -nan B/s, avg inf B/s", time.Now().Format("060102 15:04:05"))
		}
	}
}

// hurt is what goes wrong after so many bytes.
func (t *taking) hurt() error {
	moved := t.moved.Load()
	if n, ok := value(t.mischief, "hang"); ok && moved >= n {
		select {}
	}
	if n, ok := value(t.mischief, "dies"); ok && moved >= n {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
	if n, ok := value(t.mischief, "orphan"); ok && moved >= n {
		if parent := os.Getppid(); parent > 1 && t.secret == strconv.Itoa(parent) {
			_ = syscall.Kill(parent, syscall.SIGKILL)
		}
	}
	return nil
}

// lie changes the file after everything was well.
func (t *taking) lie() {
	n, ok := value(t.mischief, "long")
	if !ok {
		return
	}
	if f, err := os.OpenFile(t.f.target, os.O_WRONLY|os.O_APPEND, 0); err == nil {
		_, _ = f.Write(make([]byte, n))
		_ = f.Close()
	}
}
