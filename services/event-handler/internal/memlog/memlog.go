// Package memlog is a subject of the CHAIN stream in memory, for tests.
package memlog

import (
	"bytes"
	"context"
	"fmt"
	"sort"
	"sync"
	"time"

	chainv1 "fondaco.dev/proto/chain/v1"
	"fondaco.dev/services/event-handler/internal/core"
)

// Log is a subject in memory. The zero value is empty.
type Log struct {
	// Delay is what an ack takes.
	Delay time.Duration
	// Fail, if not nil, is called before the n-th publish, from 0; its error
	// is the publish's.
	Fail func(n int) error

	mu    sync.Mutex
	msgs  []core.Message
	tries int
}

// Last is core.Log.
func (m *Log) Last(context.Context) (*core.Message, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.msgs) == 0 {
		return nil, nil
	}
	last := m.msgs[len(m.msgs)-1]
	return &last, nil
}

// Get is core.Log.
func (m *Log) Get(_ context.Context, seq uint64) (*core.Message, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, msg := range m.msgs {
		if msg.Seq == seq {
			return &msg, nil
		}
	}
	return nil, nil
}

// Next is core.Log.
func (m *Log) Next(_ context.Context, seq uint64) (*core.Message, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := sort.Search(len(m.msgs), func(i int) bool { return m.msgs[i].Seq >= seq })
	if i == len(m.msgs) {
		return nil, nil
	}
	msg := m.msgs[i]
	return &msg, nil
}

// Publish is core.Log; sequences have gaps, as other subjects use the stream too.
func (m *Log) Publish(ctx context.Context, expected uint64, _, data []byte) (uint64, error) {
	if m.Delay > 0 {
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(m.Delay):
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.Fail != nil {
		if err := m.Fail(m.tries); err != nil {
			return 0, err
		}
	}
	m.tries++
	var last uint64
	if len(m.msgs) > 0 {
		last = m.msgs[len(m.msgs)-1].Seq
	}
	if last != expected {
		return 0, core.ErrFenced
	}
	seq := last + 3
	m.msgs = append(m.msgs, core.Message{Seq: seq, Data: bytes.Clone(data)})
	return seq, nil
}

// Packs decodes all messages, and checks that each is chained to the one before.
func (m *Log) Packs() ([]*chainv1.Pack, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return Chained(m.msgs)
}

// Chained decodes messages and checks prev_seq and prev_digest; the first one
// may be the rest of a purged subject.
func Chained(msgs []core.Message) ([]*chainv1.Pack, error) {
	var out []*chainv1.Pack
	for i, msg := range msgs {
		p, err := core.Decode(&msg)
		if err != nil {
			return nil, err
		}
		if i > 0 && (p.GetPrevSeq() != msgs[i-1].Seq || !bytes.Equal(p.GetPrevDigest(), core.Digest(msgs[i-1].Data))) {
			return nil, fmt.Errorf("message %d is not chained to message %d", msg.Seq, msgs[i-1].Seq)
		}
		out = append(out, p)
	}
	if len(out) > 0 && len(out[0].GetResume().GetGenesis()) == 0 && out[0].GetPrevSeq() == 0 && out[0].GetUnits()[0].GetFact() == nil {
		return nil, fmt.Errorf("the first message holds no genesis")
	}
	return out, nil
}

// SetFail changes Fail while the log is used.
func (m *Log) SetFail(fail func(n int) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.Fail = fail
}

// Purge removes the first n messages.
func (m *Log) Purge(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.msgs = m.msgs[n:]
}

// CutTail removes the last n messages, as a restored backup of the stream does.
func (m *Log) CutTail(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.msgs = m.msgs[:len(m.msgs)-n]
}
