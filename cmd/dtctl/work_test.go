package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/worker"
)

func TestAtOnce(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"4": "4", "package=2,transfer=4": "6,package=2,transfer=4", "package=1": "4,package=1", "8, package=2": "8,package=2",
		"": "!", "0": "!", "-1": "!", "four": "!", "4,5": "!", "package=0": "!", "package=1,package=2": "!", "pack=1": "!", "=3": "!",
	} {
		got, err := parseAtOnce(text)
		if want == "!" && err == nil || want != "!" && (err != nil || got.String() != want) {
			t.Errorf("%q: got %s, %v; want %s", text, got, err, want)
		}
	}
}

// Two processes never have one identity, not even with one process number.
func TestWorkerNamesDiffer(t *testing.T) {
	t.Parallel()
	if a, b := workerName(), workerName(); a == b || strings.Count(a, ":") != 2 {
		t.Errorf("%s and %s", a, b)
	}
}

func TestEveryWorkerHasAJournalOfItsOwn(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "state")
	take := func() (*worker.Journal, func()) {
		t.Helper()
		j, release, err := ownJournal(folder, []string{"cologne"})
		if err != nil {
			t.Fatal(err)
		}
		return j, release
	}
	first, release := take()
	second, releaseSecond := take()
	defer releaseSecond()
	if err := first.Add(t.Context(), worker.Result{Version: opsdb.FormatVersion, ID: "r"}); err != nil {
		t.Fatal(err)
	}
	if second.Len() != 0 {
		t.Fatal("two workers share a journal")
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	release() // as when the process ends
	again, releaseAgain := take()
	defer releaseAgain()
	if again.Len() != 1 {
		t.Errorf("its successor finds %d results, want the one that waits", again.Len())
	}
	if _, _, err := ownJournal(filepath.Join(folder, "work-cologne-1.journal", "no"), nil); err == nil {
		t.Error("a folder below a file was made")
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != 4 {
		t.Errorf("in the folder: %v, %v", entries, err)
	}
}

func TestSubjectsOfATask(t *testing.T) {
	t.Parallel()
	got := strings.Join(subjectsOf(opsdb.Task{Route: "raw", Stage: "ship", From: "ccat.buffer", To: "cologne.buffer", Link: "ccat>cologne", SendSite: "ccat", ReceiveSite: "cologne"}), " ")
	for _, want := range []string{"route:raw", "stage:raw/ship", "location:ccat.buffer", "location:cologne.buffer", "link:ccat>cologne", "site:ccat", "site:cologne"} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is not among %s", want, got)
		}
	}
}
