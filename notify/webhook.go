package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"time"
)

// Secret is a text that is not printed: not by fmt, not by slog, not as JSON.
type Secret struct{ text string }

// NewSecret wraps a secret text.
func NewSecret(text string) Secret { return Secret{text} }

const redacted = "[secret]"

// String implements [fmt.Stringer].
func (Secret) String() string { return redacted }

// GoString implements [fmt.GoStringer].
func (Secret) GoString() string { return redacted }

// LogValue implements [slog.LogValuer].
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText implements [encoding.TextMarshaler].
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Webhook posts messages as JSON. A status of 200 to 299 is a delivery;
// anything else, a redirect too, is tried again.
type Webhook struct {
	Label  string // its Name; "webhook"
	URL    Secret // it often holds a key
	Header string // a header that proves who we are, such as Authorization; "" for none
	Value  Secret
	Client *http.Client // nil: one of its own
}

// Name implements [Sink].
func (w Webhook) Name() string { return or(w.Label, "webhook") }

// Send implements [Sink].
func (w Webhook) Send(ctx context.Context, m Message) error {
	body, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("tell %s: %w", w.Name(), err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL.text, bytes.NewReader(body))
	if err != nil || req.URL.Host == "" {
		return fmt.Errorf("tell %s: its URL cannot be read", w.Name())
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "cdt")
	if w.Header != "" {
		req.Header.Set(w.Header, w.Value.text)
	}
	answer, err := w.client().Do(req)
	if err != nil {
		return fmt.Errorf("tell %s at %s: %w", w.Name(), req.URL.Host, bare(err))
	}
	defer func() { _ = answer.Body.Close() }()
	_, _ = io.CopyN(io.Discard, answer.Body, 64<<10) // so that the connection can be used again
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return fmt.Errorf("tell %s at %s: it answers %s", w.Name(), req.URL.Host, answer.Status)
	}
	return nil
}

// client follows no redirect: the secret is for one address.
func (w Webhook) client() *http.Client {
	c := http.Client{Timeout: time.Minute}
	if w.Client != nil {
		c = *w.Client
	}
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &c
}

// bare is an error of the client without the URL it names.
func bare(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
