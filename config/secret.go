package config

import (
	"fmt"
	"log/slog"
	"net/url"
	"strings"
)

// Secret is a text that cannot be printed, logged or marshalled by accident.
type Secret struct{ text string }

// NewSecret hides a text.
func NewSecret(text string) Secret { return Secret{text} }

const redacted = "(secret)"

// Reveal returns the text, for the one who needs it.
func (s Secret) Reveal() string { return s.text }

// String implements [fmt.Stringer].
func (Secret) String() string { return redacted }

// GoString implements [fmt.GoStringer].
func (Secret) GoString() string { return redacted }

// Format implements [fmt.Formatter]: no verb shows it.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// MarshalText implements [encoding.TextMarshaler].
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON implements [json.Marshaler].
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalYAML implements [yaml.Marshaler].
func (Secret) MarshalYAML() (any, error) { return redacted, nil }

// LogValue implements [slog.LogValuer].
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// Address is an address for people: a URL without its password and without
// what follows the question mark; any other text as it is.
func Address(text string) string {
	scheme, _, isURL := strings.Cut(text, "://")
	if !isURL {
		return text
	}
	u, err := url.Parse(text)
	if err != nil {
		return scheme + "://" + redacted
	}
	host := u.Host
	if host == "" {
		host = u.Query().Get("host")
	}
	user := ""
	if name := u.User.Username(); name != "" {
		user = name + "@"
	}
	return u.Scheme + "://" + user + host + u.Path
}
