package bag

import (
	"bufio"
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// The labels of bag-info.txt: those of RFC 8493, then our own.
const (
	labelOxum       = "Payload-Oxum"
	labelDate       = "Bagging-Date"
	labelID         = "External-Identifier"
	labelGroup      = "Bag-Group-Identifier"
	labelVersion    = "CDT-Version"
	labelRoute      = "CDT-Route"
	labelStage      = "CDT-Stage"
	labelNumber     = "CDT-Number"
	labelSource     = "CDT-Source"
	labelInstrument = "CDT-Instrument"
	labelModule     = "CDT-Module"
	labelProgram    = "CDT-Program"
	labelTag        = "CDT-Tag"
	labelObserved   = "CDT-Observed-At"
	labelMade       = "CDT-Made-At"
)

// info is the content of bag-info.txt. Values given by people are escaped, one line each.
func info(p opsdb.Package, files int, bytes int64) []byte {
	var b strings.Builder
	line := func(label, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s: %s\n", label, opsdb.ShowPath(value))
		}
	}
	line(labelOxum, fmt.Sprintf("%d.%d", bytes, files))
	line(labelDate, p.MadeAt.UTC().Format(time.DateOnly))
	line(labelID, string(p.ID))
	line(labelGroup, p.Observation)
	line(labelVersion, strconv.Itoa(opsdb.FormatVersion))
	line(labelRoute, p.Route)
	line(labelStage, p.Stage)
	line(labelNumber, strconv.FormatInt(p.Number, 10))
	line(labelSource, p.Source)
	line(labelInstrument, p.Instrument)
	line(labelModule, p.Module)
	line(labelProgram, p.Program)
	for _, t := range p.Tags {
		line(labelTag, t)
	}
	line(labelObserved, p.ObservedAt.UTC().Format(time.RFC3339Nano))
	line(labelMade, p.MadeAt.UTC().Format(time.RFC3339Nano))
	return []byte(b.String())
}

// parseInfo is the inverse of info: the package's row as far as the bag knows
// it, with Files and Bytes from the Payload-Oxum.
func parseInfo(text []byte) (opsdb.Package, error) {
	var p opsdb.Package
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		label, value, ok := strings.Cut(lines.Text(), ": ")
		if !ok {
			return p, fmt.Errorf("%w: %s: line %q", ErrMalformed, InfoFile, lines.Text())
		}
		if err := setInfo(&p, label, unescape(value)); err != nil {
			return p, fmt.Errorf("%w: %s: %s: %v", ErrMalformed, InfoFile, label, err)
		}
	}
	return p, lines.Err()
}

// setInfo sets one value. Labels it does not know are left alone, as RFC 8493 asks.
func setInfo(p *opsdb.Package, label, value string) (err error) {
	switch label {
	case labelOxum:
		_, err = fmt.Sscanf(value, "%d.%d", &p.Bytes, &p.Files)
	case labelID:
		p.ID = opsdb.ID(value)
	case labelGroup:
		p.Observation = value
	case labelVersion:
		var v int
		if v, err = strconv.Atoi(value); err == nil && v != opsdb.FormatVersion {
			err = fmt.Errorf("version %d is not known", v)
		}
	case labelRoute:
		p.Route = value
	case labelStage:
		p.Stage = value
	case labelNumber:
		p.Number, err = strconv.ParseInt(value, 10, 64)
	case labelSource:
		p.Source = value
	case labelInstrument:
		p.Instrument = value
	case labelModule:
		p.Module = value
	case labelProgram:
		p.Program = value
	case labelTag:
		p.Tags = append(p.Tags, value)
	case labelObserved:
		p.ObservedAt, err = time.Parse(time.RFC3339Nano, value)
	case labelMade:
		p.MadeAt, err = time.Parse(time.RFC3339Nano, value)
	}
	return err
}

// unescape undoes opsdb.ShowPath.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(n))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
