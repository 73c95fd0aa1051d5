package bag

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/ccatobs/cdt/opsdb"
)

// NewSidecar is the sidecar of a package's copy, without its members.
func NewSidecar(p opsdb.Package, location, path string, receipts []opsdb.Receipt) opsdb.Sidecar {
	return opsdb.Sidecar{
		Version: opsdb.FormatVersion, Package: p.ID, Name: p.Name, Route: p.Route, Number: p.Number, Source: p.Source,
		Location: location, Path: path, Size: p.Size, Digest: p.Digest,
		SegmentSize: opsdb.SegmentSize, Segments: p.Segments, Manifest: p.Manifest,
		Instrument: p.Instrument, Observation: p.Observation, Module: p.Module, Program: p.Program, Tags: p.Tags,
		ObservedAt: p.ObservedAt, MadeAt: p.MadeAt, Receipts: receipts, Members: []opsdb.SidecarMember{},
	}
}

// WriteSidecar writes a sidecar with its members, which are not held.
func WriteSidecar(w io.Writer, head opsdb.Sidecar, members iter.Seq2[opsdb.Member, error]) error {
	head.Members = []opsdb.SidecarMember{}
	text, err := json.Marshal(head)
	if err != nil {
		return fmt.Errorf("write the sidecar of %s: %w", head.Name, err)
	}
	open, ok := bytes.CutSuffix(text, []byte("]}"))
	if !ok {
		return fmt.Errorf("write the sidecar of %s: members are not its last field", head.Name)
	}
	buf := bufio.NewWriterSize(w, 64<<10)
	_, _ = buf.Write(open) // an error stays with buf until Flush
	lead := "\n"
	for m, err := range members {
		if err != nil {
			return fmt.Errorf("list members: %w", err)
		}
		line, err := json.Marshal(sidecarMember(m))
		if err != nil {
			return fmt.Errorf("write the sidecar of %s: %w", head.Name, err)
		}
		_, _ = buf.WriteString(lead)
		_, _ = buf.Write(line)
		lead = ",\n"
	}
	_, _ = buf.WriteString("\n]}\n")
	return buf.Flush()
}

func sidecarMember(m opsdb.Member) opsdb.SidecarMember {
	s := opsdb.SidecarMember{File: m.File, Path: opsdb.ShowPath(m.Path), Name: m.Name, Offset: m.Offset, Size: m.Size, ModTime: m.ModTime, Digest: m.Digest}
	if s.Path != m.Path {
		s.Raw = []byte(m.Path)
	}
	return s
}

// ReadSidecar reads a sidecar and gives each member to visit, with the
// package it belongs to. The sidecar is returned without its members.
func ReadSidecar(r io.Reader, visit func(opsdb.Member) error) (opsdb.Sidecar, error) {
	var head opsdb.Sidecar
	dec := json.NewDecoder(r)
	if err := expect(dec, json.Delim('{')); err != nil {
		return head, err
	}
	fields := map[string]json.RawMessage{}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return head, unreadable(err)
		}
		if key == "members" {
			if err := setHead(&head, fields); err != nil {
				return head, err
			}
			return head, readMembers(dec, head.Package, visit)
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return head, unreadable(err)
		}
		fields[fmt.Sprint(key)] = value
	}
	return head, malformed("a sidecar without members")
}

func setHead(head *opsdb.Sidecar, fields map[string]json.RawMessage) error {
	text, err := json.Marshal(fields)
	if err == nil {
		err = json.Unmarshal(text, head)
	}
	if err != nil {
		return unreadable(err)
	}
	if head.Version != opsdb.FormatVersion {
		return malformed("sidecar of version %d", head.Version)
	}
	return nil
}

func readMembers(dec *json.Decoder, pkg opsdb.ID, visit func(opsdb.Member) error) error {
	if err := expect(dec, json.Delim('[')); err != nil {
		return err
	}
	for dec.More() {
		var s opsdb.SidecarMember
		if err := dec.Decode(&s); err != nil {
			return unreadable(err)
		}
		path := s.Path
		if s.Raw != nil {
			path = string(s.Raw)
		}
		m := opsdb.Member{Package: pkg, File: s.File, Path: path, Name: s.Name, Offset: s.Offset, Size: s.Size, ModTime: s.ModTime, Digest: s.Digest}
		if err := visit(m); err != nil {
			return err
		}
	}
	if err := expect(dec, json.Delim(']')); err != nil {
		return err
	}
	return expect(dec, json.Delim('}'))
}

func expect(dec *json.Decoder, want json.Delim) error {
	got, err := dec.Token()
	if err != nil {
		return unreadable(err)
	}
	if got != want {
		return malformed("sidecar: %v where %v belongs", got, want)
	}
	return nil
}

// unreadable tells a broken sidecar from one that could not be read.
func unreadable(err error) error {
	var syntax *json.SyntaxError
	var typ *json.UnmarshalTypeError
	if errors.As(err, &syntax) || errors.As(err, &typ) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return malformed("sidecar: %v", err)
	}
	return err
}
