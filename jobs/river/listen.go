package river

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver"
)

// listener listens as River's own does. Woken while nothing is in hand it fetches at once, on the connection that brought the
// word, and River finds the jobs when it comes for them: its way there leads through five goroutines and another connection.
type listener struct {
	pool   *pgxpool.Pool
	early  *early
	schema string
	prefix string // of channels

	mu   sync.Mutex // of whatever is done with conn
	conn *pgx.Conn
	sql  string // run after connecting
}

var _ riverdriver.Listener = (*listener)(nil)

// GetListener implements [riverdriver.Driver].
func (d driver) GetListener(p *riverdriver.GetListenenerParams) riverdriver.Listener {
	return &listener{pool: d.pool, early: d.early, schema: p.Schema, prefix: p.Schema + "."}
}

// Connect implements [riverdriver.Listener].
func (l *listener) Connect(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn != nil {
		return errors.New("the queue listens already")
	}
	c, err := l.pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("listen to the queue: %w", err)
	}
	if l.sql != "" {
		if _, err := c.Exec(ctx, l.sql); err != nil {
			c.Release()
			return fmt.Errorf("listen to the queue: %w", err)
		}
	}
	l.conn = c.Hijack() // what listens does not go back among the others
	return nil
}

// Close implements [riverdriver.Listener].
func (l *listener) Close(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn == nil {
		return nil
	}
	err := l.conn.Close(ctx)
	l.conn = nil
	return err
}

// Listen implements [riverdriver.Listener].
func (l *listener) Listen(ctx context.Context, topic string) error {
	return l.exec(ctx, "LISTEN ", topic)
}

// Unlisten implements [riverdriver.Listener].
func (l *listener) Unlisten(ctx context.Context, topic string) error {
	return l.exec(ctx, "UNLISTEN ", topic)
}

func (l *listener) exec(ctx context.Context, what, topic string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, err := l.conn.Exec(ctx, what+pgx.Identifier{l.prefix + topic}.Sanitize())
	return err
}

// Ping implements [riverdriver.Listener].
func (l *listener) Ping(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.conn.Ping(ctx)
}

// Schema implements [riverdriver.Listener].
func (l *listener) Schema() string { return l.schema }

// SetAfterConnectExec implements [riverdriver.Listener].
func (l *listener) SetAfterConnectExec(sql string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sql = sql
}

// River's topics of inserted jobs, and of what is to be done with others, and what it calls a cancel.
const (
	inserted = "river_insert"
	control  = "river_control"
	cancel   = "cancel"
)

// WaitForNotification implements [riverdriver.Listener].
func (l *listener) WaitForNotification(ctx context.Context) (*riverdriver.Notification, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, err := l.conn.WaitForNotification(ctx)
	if err != nil {
		return nil, err
	}
	topic := strings.TrimPrefix(n.Channel, l.prefix)
	var said struct {
		Queue  string `json:"queue"`
		Action string `json:"action"`
		Job    int64  `json:"job_id"`
	}
	switch err := json.Unmarshal([]byte(n.Payload), &said); {
	case err != nil: // River says so
	case topic == inserted:
		l.early.told(ctx, l.conn, said.Queue)
	case topic == control && said.Action == cancel:
		l.early.hands.cancelled(said.Job) // River knows nothing of a job that it has not come for
	}
	return &riverdriver.Notification{Topic: topic, Payload: n.Payload}, nil
}
