package ssh

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// AttemptVariable is the environment variable by which the processes of an
// attempt are found: it names one attempt, or several with commas between.
const AttemptVariable = "CDT_ATTEMPT"

var attemptName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// Attempt reports whether s may name an attempt.
func Attempt(s string) bool { return attemptName.MatchString(s) }

// EndAttempt ends every process of this user that carries the attempt in its
// environment, or carries another one and has a file open that is named as this attempt is (its part, written by a call
// that lasts), and returns nil only when none of them runs any more. None at all is fine.
func EndAttempt(ctx context.Context, attempt string) error {
	if !Attempt(attempt) {
		return fmt.Errorf("end attempt %q: that is no attempt's name", attempt)
	}
	signal, hard := syscall.SIGTERM, time.After(grace)
	for {
		pids := processesOf(attempt)
		if len(pids) == 0 {
			return nil
		}
		for _, pid := range pids {
			_ = syscall.Kill(pid, signal) // it may have ended meanwhile
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("end attempt %s: %d processes still run: %w", attempt, len(pids), ctx.Err())
		case <-hard:
			signal = syscall.SIGKILL
		case <-time.After(look):
		}
	}
}

// processesOf are the processes that carry the attempt, or write its part for another one. Zombies carry nothing, and this process is not meant.
func processesOf(attempt string) []int {
	var out []int
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range files {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil || pid == os.Getpid() {
			continue
		}
		b, err := os.ReadFile(path) // another user's cannot be read
		if err == nil && (carries(b, attempt) || bytes.Contains(b, []byte(AttemptVariable+"=")) && holds(pid, attempt)) {
			out = append(out, pid)
		}
	}
	return out
}

func carries(environ []byte, attempt string) bool {
	for v := range bytes.SplitSeq(environ, []byte{0}) {
		if list, ok := bytes.CutPrefix(v, []byte(AttemptVariable+"=")); ok && slices.Contains(strings.Split(string(list), ","), attempt) {
			return true
		}
	}
	return false
}

// holds reports whether a process has a file open that is named as an attempt is.
func holds(pid int, attempt string) bool {
	open, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/fd/*")
	for _, fd := range open {
		if path, err := os.Readlink(fd); err == nil && strings.TrimSuffix(filepath.Base(path), " (deleted)") == attempt {
			return true
		}
	}
	return false
}
