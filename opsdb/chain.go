package opsdb

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// EventHash is the hash of an event in the chain: sha256 of the previous hash (as
// text) and the JSON of the event with its Seq and without its Hash.
func EventHash(previous Digest, e Event) (Digest, error) {
	e.Hash = ""
	b, err := json.Marshal(e)
	if err != nil {
		return "", fmt.Errorf("link event %s: %w", e.ID, err)
	}
	h := sha256.New()
	h.Write([]byte(previous))
	h.Write(b)
	return Digest(hex.EncodeToString(h.Sum(nil))), nil
}

// Follow checks the next event of a chain that is read in order: it extends
// the chain, lies in its tail, or breaks it. After the first break only the tail is counted.
func (c *Chained) Follow(e Event) error {
	if e.Seq == 0 {
		c.Tail++
	}
	if e.Seq == 0 || c.Broken != 0 {
		return nil
	}
	want, err := EventHash(c.LastHash, e)
	if err != nil {
		return err
	}
	switch {
	case e.Seq != c.Events+1:
		c.Broken, c.Text = c.Events+1, fmt.Sprintf("event %d follows event %d", e.Seq, c.Events)
	case e.Hash != want:
		c.Broken, c.Text = e.Seq, fmt.Sprintf("event %s of %s has another content than was chained", e.ID, e.At.Format("2006-01-02T15:04:05Z"))
	default:
		c.Events, c.LastHash = e.Seq, e.Hash
	}
	return nil
}
