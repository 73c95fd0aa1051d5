package opsdb

import "fmt"

// MayLift says why the quarantine of a package cannot be lifted.
func MayLift(p Package) error {
	switch {
	case p.Quarantined == "":
		return fmt.Errorf("it is in no quarantine: %w", ErrNotFound)
	case p.Files == 0:
		return fmt.Errorf("no file is left of it (%s): %w", p.Quarantined, ErrInvariant)
	}
	return nil
}

// Lifted is the event of a quarantine that a person lifts.
func Lifted(p Package, who, why string) Event {
	return Event{Actor: "person:" + who, Kind: EventLifted, Subject: "package:" + string(p.ID), Package: p.ID, Why: why, Before: p.Quarantined}
}
