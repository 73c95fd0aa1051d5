//go:build servers

package bench_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// turn is what was done in a time.
type turn struct {
	packages float64
	took     time.Duration
	cpu      map[string]time.Duration // by program
}

func (t *turn) add(more turn) {
	if t.cpu == nil {
		t.cpu = map[string]time.Duration{}
	}
	t.packages, t.took = t.packages+more.packages, t.took+more.took
	for name, d := range more.cpu {
		t.cpu[name] += d
	}
}

func (t *turn) rate() float64 { return t.packages / t.took.Seconds() }

// each is the processor time of a program for one package, in milliseconds.
func (t *turn) each(program string) float64 { return t.cpu[program].Seconds() * 1000 / t.packages }

// block is some turns with a hole, and as many without.
type block struct {
	kind       string
	gone, here turn
	rates      []string
}

func (b *block) add(gone bool, t turn) {
	of, mark := &b.here, ""
	if gone {
		of, mark = &b.gone, "*"
	}
	of.add(t)
	b.rates = append(b.rates, fmt.Sprintf("%.1f%s", t.rate(), mark))
}

// ratio is how many packages go through with a hole, of those without.
func (b *block) ratio() float64 { return b.gone.rate() / b.here.rate() }

// dear is what a package costs CDT's own processes with a hole, over without.
func (b *block) dear() float64 { return b.gone.each("dtctl") / b.here.each("dtctl") }

func (b *block) String() string {
	var cost []string
	for _, name := range slices.Sorted(maps.Keys(b.here.cpu)) {
		if b.here.each(name) >= 0.01 || b.gone.each(name) >= 0.01 {
			cost = append(cost, fmt.Sprintf("%s %.2f/%.2f", name, b.gone.each(name), b.here.each(name)))
		}
	}
	return fmt.Sprintf("%s hole, packages/s in turns (* with it) %s, ratio %.3f; ms of processor for a package with/without: %s", b.kind, strings.Join(b.rates, " "), b.ratio(), strings.Join(cost, ", "))
}

// processors is the processor time so far of this process and all below it, by the names of their programs.
func (s *swallowed) processors() map[string]time.Duration {
	s.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	s.check(err)
	type process struct {
		name   string
		parent string
		cpu    time.Duration
	}
	all := map[string]process{}
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		pid, rest, _ := strings.Cut(string(text), " (")
		name, rest, _ := strings.Cut(rest, ") ")
		fields := strings.Fields(rest) // from the third on
		const parent, utime, stime, ticks = 1, 11, 12, 100
		user, err1 := strconv.Atoi(fields[utime])
		system, err2 := strconv.Atoi(fields[stime])
		if err1 == nil && err2 == nil {
			all[pid] = process{name, fields[parent], time.Duration(user+system) * time.Second / ticks}
		}
	}
	out, self := map[string]time.Duration{}, strconv.Itoa(os.Getpid())
	for pid, p := range all {
		for at := pid; at != "" && at != "0"; at = all[at].parent {
			if at == self {
				out[p.name] += p.cpu
				break
			}
		}
	}
	return out
}

// between is the median of figures, and between what bounds it lies with 95 %: of the medians of 4,000 lists drawn from them.
func between(list []float64) string {
	r, medians := rand.New(rand.NewPCG(1, 2)), make([]float64, 4000) //nolint:gosec // repeatable on purpose
	drawn := make([]float64, len(list))
	for i := range medians {
		for j := range drawn {
			drawn[j] = list[r.IntN(len(list))]
		}
		medians[i] = median(drawn)
	}
	slices.Sort(medians)
	return fmt.Sprintf("median %.3f of %d blocks (95 %%: %.3f to %.3f)", median(list), len(list), medians[len(medians)/40], medians[len(medians)*39/40])
}

func median(list []float64) float64 {
	sorted := slices.Sorted(slices.Values(list))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
