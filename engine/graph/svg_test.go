package graph_test

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/ccatobs/cdt/engine/graph"
)

// picture is the drawing of the CCAT route that the README shows.
const picture = "../../docs/route.svg"

func TestPictureOfTheCCATRoute(t *testing.T) {
	t.Parallel()
	got := graph.SVG(good(t, string(read(t, "../../routes/ccat.yaml"))))
	if *update {
		if err := os.WriteFile(picture, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if string(read(t, picture)) != got {
		t.Error("docs/route.svg is stale: make generate")
	}
}

// words are the texts of a picture; it fails if that is not XML.
func words(t *testing.T, svg string) []string {
	t.Helper()
	var out []string
	inside := false
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, svg)
		}
		switch token := token.(type) {
		case xml.StartElement:
			inside = token.Name.Local == "text"
		case xml.EndElement:
			inside = false
		case xml.CharData:
			if inside {
				out = append(out, string(token))
			}
		}
	}
}

func TestPictureNamesEverything(t *testing.T) {
	t.Parallel()
	g := good(t, strings.ReplaceAll(small, "  obs:\n", "  obs:\n    name: A <small> & \"odd\" place\n"))
	got := strings.Join(words(t, graph.SVG(g)), "\n") + "\n"
	for _, word := range []string{
		"A <small> & \"odd\" place", "home", "disk", "lta", "source · disk", "buffer · disk · 300GB", "archive · disk", "scrub every 60d",
		"pack", "ship", "archive", "pack (package)", "ship (transfer)", "scrub (verify), every 60d",
	} {
		if n := strings.Count("\n"+got, "\n"+word+"\n"); n == 0 {
			t.Errorf("it does not say %q:\n%s", word, got)
		}
	}
	if n := strings.Count(got, "\nbuffer\n"); n != 2 {
		t.Errorf("two buffers are named %d times", n)
	}
}

func TestPictureIsTheSameEachTime(t *testing.T) {
	t.Parallel()
	text := string(read(t, "../../routes/ccat.yaml"))
	first := graph.SVG(good(t, text))
	for range 20 {
		if graph.SVG(good(t, text)) != first {
			t.Fatal("the same routes give another picture")
		}
	}
}

// Each frame and each location stands clear of the others.
func TestPictureHasNothingOnTopOfAnother(t *testing.T) {
	t.Parallel()
	routes := map[string]string{
		"ccat": string(read(t, "../../routes/ccat.yaml")), "small": small,
		"third": strings.NewReplacer("  home:\n", "  mid:\n    locations: {buffer: {type: buffer, disk: {path: /b}}, work: {type: processing, disk: {path: /w}}}\n  home:\n",
			"links:\n", "links:\n  - {from: obs, to: mid, transport: local}\n  - {from: mid, to: home, transport: local}\n",
			"from: obs.buffer, to: home.buffer}", "from: obs.buffer, to: mid.buffer}\n      on: {type: transfer, from: mid.buffer, to: home.buffer}\n      work: {type: stage, from: mid.buffer, to: mid.work, when: requested}").Replace(small),
	}
	for name, text := range routes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var all []rect
			for d := xml.NewDecoder(strings.NewReader(graph.SVG(good(t, text)))); ; {
				var r rect
				token, err := d.Token()
				if errors.Is(err, io.EOF) {
					break
				}
				if start, ok := token.(xml.StartElement); ok && start.Name.Local == "rect" {
					if err := d.DecodeElement(&r, &start); err != nil {
						t.Fatal(err)
					}
					all = append(all, r)
				}
			}
			if len(all) < 4 {
				t.Fatalf("it has %d rectangles", len(all))
			}
			for i, a := range all {
				for _, b := range all[:i] {
					if !b.holds(a) && a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H {
						t.Errorf("%+v lies over %+v", a, b)
					}
				}
			}
		})
	}
}

// rect is a rectangle of a picture; frames come before what is in them.
type rect struct {
	X float64 `xml:"x,attr"`
	Y float64 `xml:"y,attr"`
	W float64 `xml:"width,attr"`
	H float64 `xml:"height,attr"`
}

func (r rect) holds(o rect) bool {
	return r.X <= o.X && r.Y <= o.Y && r.X+r.W >= o.X+o.W && r.Y+r.H >= o.Y+o.H
}
