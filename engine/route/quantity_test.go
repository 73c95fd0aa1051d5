package route

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestQuantities(t *testing.T) {
	t.Parallel()
	for text, c := range map[string]struct {
		of   quantity
		want int64
	}{
		"0B":                   {sizes(), 0},
		"50GB":                 {sizes(), 50_000_000_000},
		"8MiB":                 {sizes(), 8 << 20},
		"200TB":                {sizes(), 200_000_000_000_000},
		"8191PiB":              {sizes(), 8191 << 50},
		"9223372036854775807B": {sizes(), math.MaxInt64},
		"007KB":                {sizes(), 7000},
		"90d":                  {durations(), int64(90 * 24 * time.Hour)},
		"10m":                  {durations(), int64(10 * time.Minute)},
		"60s":                  {durations(), int64(time.Minute)},
		"24h":                  {durations(), int64(24 * time.Hour)},
		"220ms":                {durations(), int64(220 * time.Millisecond)},
		"1Gbit/s":              {rates(), 1e9},
		"600Mbit/s":            {rates(), 6e8},
		"100MB/s":              {rates(), 8e8},
		"1MiB/s":               {rates(), 8 << 20},
		"80%":                  {shares(), 80},
		"100%":                 {shares(), 100},
		"0%":                   {shares(), 0},
	} {
		got, wrong := c.of.parse(text)
		if wrong != nil || got != c.want {
			t.Errorf("%s is %d (%v), want %d", text, got, wrong, c.want)
		}
	}
}

func TestQuantitiesThatAreNone(t *testing.T) {
	t.Parallel()
	for text, c := range map[string]struct {
		of   quantity
		code string
		hint string
	}{
		"":                     {sizes(), codeNoQuantity, "write it as 50GB"},
		"GB":                   {sizes(), codeNoQuantity, "write it as 50GB"},
		"50":                   {sizes(), codeNoUnit, "for example 50GB"},
		"50 GB":                {sizes(), codeNoQuantity, "write 50GB"},
		" 50GB":                {sizes(), codeNoQuantity, "write 50GB"},
		"+50GB":                {sizes(), codeNoQuantity, "write 50GB"},
		"--5GB":                {sizes(), codeNegative, ""},
		"5GB5":                 {sizes(), codeNoQuantity, "write it as"},
		"5０GB":                 {sizes(), codeUnknownUnit, "did you mean GB?"},
		"0x5GB":                {sizes(), codeNoQuantity, ""},
		"5G":                   {sizes(), codeUnknownUnit, "units are B, KB"},
		"9223372036854775808B": {sizes(), codeOutOfRange, ""},
		"8192PiB":              {sizes(), codeOutOfRange, ""},
		"106751d":              {durations(), "", ""},
		"106752d":              {durations(), codeOutOfRange, ""},
		"2w":                   {durations(), codeUnknownUnit, "units are ms"},
		"5minutes":             {durations(), codeUnknownUnit, "did you mean m?"},
		"101%":                 {shares(), codeOutOfRange, "0% to 100%"},
		"80 %":                 {shares(), codeNoQuantity, "write 80%"},
		"0.8":                  {shares(), codeNoQuantity, ""},
		"1Gb/s":                {rates(), codeUnknownUnit, "did you mean GB/s?"},
	} {
		_, wrong := c.of.parse(text)
		if wrong == nil {
			wrong = &misread{}
		}
		if wrong.code != c.code || !strings.HasPrefix(wrong.hint, c.hint) {
			t.Errorf("%q gives %+v, want %s with the hint %q", text, wrong, c.code, c.hint)
		}
	}
}

// Whatever the text, a quantity that is read is between zero and its maximum.
func TestQuantitiesStayInRange(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		q := rapid.SampledFrom([]quantity{sizes(), durations(), rates(), shares()}).Draw(t, "grammar")
		text := rapid.StringMatching(`[-+]?[0-9]{0,20}`).Draw(t, "number") + rapid.SampledFrom(append(q.names(), "", "x")).Draw(t, "unit")
		if v, wrong := q.parse(text); wrong == nil && (v < 0 || v > q.most) {
			t.Fatalf("%s is %d", text, v)
		}
	})
}
