package opsdb

import "time"

// FormatVersion is the version that every format written to disk or printed
// as JSON carries: marker, sidecar, event, receipt, `-o json`.
const FormatVersion = 1

// Names CDT keeps for itself in the root of a location.
const (
	MarkerName    = ".cdt-location.json"
	PartDir       = ".part"
	TrashDir      = ".trash"
	QuarantineDir = ".quarantine"
)

// Marker is the content of MarkerName: which location a root is (S9).
type Marker struct {
	Version  int       `json:"version"`
	ID       ID        `json:"id"`
	Location string    `json:"location"`
	MadeAt   time.Time `json:"made_at"`
}

// Sidecar is the <name>.json beside an archived package: enough to rebuild
// the catalogue from the archive alone. Written once, after the receipt.
type Sidecar struct {
	Version     int             `json:"version"`
	Package     ID              `json:"package"`
	Name        string          `json:"name"`
	Route       string          `json:"route"`
	Number      int64           `json:"number"`
	Source      string          `json:"source"`
	Location    string          `json:"location"` // the archive it lies in
	Path        string          `json:"path"`
	Size        int64           `json:"size"`
	Digest      Digest          `json:"digest"`
	SegmentSize int64           `json:"segment_size"`
	Segments    []Digest        `json:"segments"`
	Manifest    Digest          `json:"manifest"`
	Instrument  string          `json:"instrument"`
	Observation string          `json:"observation"`
	Module      string          `json:"module"`
	Program     string          `json:"program,omitempty"`
	Tags        []string        `json:"tags,omitempty"`
	ObservedAt  time.Time       `json:"observed_at"`
	MadeAt      time.Time       `json:"made_at"`
	Receipts    []Receipt       `json:"receipts"`
	Members     []SidecarMember `json:"members"` // last, so that it can be streamed
}

// SidecarMember is one member: Offset and Size give the byte range of its
// content in the tar.
type SidecarMember struct {
	File    ID        `json:"file"`
	Path    string    `json:"path"`          // percent-escaped, for people
	Raw     []byte    `json:"raw,omitempty"` // true bytes (base64), if they are not Path
	Name    string    `json:"name"`          // in the bag
	Offset  int64     `json:"offset"`
	Size    int64     `json:"size"`
	ModTime time.Time `json:"mod_time"`
	Digest  Digest    `json:"digest"`
}
