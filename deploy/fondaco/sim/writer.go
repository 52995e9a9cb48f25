package sim

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"fondaco.dev/pkg/bus"
	writer "fondaco.dev/services/writer/core"
)

// partition is one writer of the subject; reader is nil while it is down.
type partition struct {
	world  *World
	reader *writer.Reader
	from   cursor // when the plan was begun
	next   uint64 // stream sequence to read from
}

// open reads the cursor and checks that the stream still holds its message.
func (p *partition) open(ctx context.Context) error {
	w := p.world
	cur := w.Store.place
	if cur.Seq > 0 {
		m := w.Stream.Get(cur.Seq)
		if m == nil || sha256.Sum256(m.Data) != [32]byte(cur.Digest) {
			return p.seekBack(ctx)
		}
	}
	p.reader = writer.NewReader(w.net, cur, w.Store.held)
	p.from, p.next = w.Store.cursor(), cur.Seq+1
	return nil
}

// step does something that a writer does.
func (p *partition) step(ctx context.Context) error {
	if p.reader == nil {
		return p.open(ctx)
	}
	if p.world.rng.IntN(3) == 0 {
		return p.commit()
	}
	_, err := p.take(ctx)
	return err
}

// take plans the next message, and reports whether there was one.
func (p *partition) take(ctx context.Context) (bool, error) {
	w := p.world
	if cur := w.Store.place; cur.Seq > 0 && p.from.place.Seq == cur.Seq {
		// What the real partition looks after every few seconds.
		if m := w.Stream.Get(cur.Seq); m == nil || sha256.Sum256(m.Data) != [32]byte(cur.Digest) {
			return true, p.seekBack(ctx)
		}
	}
	m := w.Stream.Next(subject, p.next)
	if m == nil {
		return false, nil
	}
	_, err := p.reader.Take(writer.Message{Seq: m.Seq, Data: m.Data})
	switch {
	case errors.Is(err, writer.ErrBroken):
		return true, p.seekBack(ctx)
	case err != nil:
		return true, fmt.Errorf("message %d: %w", m.Seq, err)
	}
	p.next = m.Seq + 1
	return true, nil
}

// commit writes the plan. Now and then the answer to it is lost, done or not.
func (p *partition) commit() error {
	w := p.world
	plan, end := p.reader.Plan, p.reader.Place()
	if end.Seq == p.from.place.Seq {
		return nil // parts of a block so far
	}
	lost := w.rng.IntN(10) == 0
	if lost && w.rng.IntN(2) == 0 {
		p.reader = nil
		return nil
	}
	err := w.Store.commit(p.from, end, plan.Steps, plan.Dead)
	switch {
	case errors.Is(err, errMoved):
		w.count("writer fenced")
		p.reader = nil
		return nil
	case err != nil:
		// A row in the way is a broken chain: the real partition seeks back.
		return fmt.Errorf("committing up to message %d: %w", end.Seq, err)
	}
	if lost {
		p.reader = nil
		return nil
	}
	plan.Clear()
	p.from = w.Store.cursor()
	return nil
}

// seekBack goes back to where stream and store agree.
func (p *partition) seekBack(ctx context.Context) error {
	w := p.world
	p.reader = nil
	cur := w.Store.place
	at, err := writer.SeekBack(ctx, subjectOf{w}, cur.Head, w.Store.checked, w.Store.held)
	if err != nil {
		return err
	}
	to := cur
	var steps []writer.Step
	switch {
	case at.Message != nil:
		to.Seq, to.Digest = at.Message.Seq, at.Message.Digest()
		to.Head.Number, to.Head.Hash = at.Resume.GetHead(), at.Resume.GetHash()
		to.Head.Finalized = min(to.Head.Finalized, to.Head.Number)
		steps = append(steps, &writer.Revert{ToNumber: to.Head.Number, ToHash: to.Head.Hash})
	case !cur.Head.Started && at.Beginning:
		to = writer.Place{}
	default:
		return errors.New("the partition stands still: no message ends at a block of the store")
	}
	w.count("seek back")
	from := w.Store.cursor()
	w.Store.life++
	from.life++
	return w.Store.commit(from, to, steps, nil)
}

// quiet applies everything that stands in the stream.
func (p *partition) quiet(ctx context.Context) error {
	for range 100_000 {
		if p.reader == nil {
			if err := p.open(ctx); err != nil {
				return err
			}
			continue
		}
		more, err := p.take(ctx)
		if err != nil {
			return err
		}
		if p.reader == nil || more {
			continue
		}
		if err := p.commit(); err != nil {
			return err
		}
		last := p.world.Stream.Last(subject)
		if p.reader != nil && (last == nil || bytes.Equal(p.world.Store.place.Digest, digest(last))) {
			return nil
		}
	}
	return errors.New("the writer never comes to rest")
}

func digest(m *bus.Message) []byte {
	d := sha256.Sum256(m.Data)
	return d[:]
}

// subjectOf is the subject as the writer has it.
type subjectOf struct{ world *World }

func (s subjectOf) Last(context.Context) (*writer.Message, error) {
	return writerMessage(s.world.Stream.Last(subject)), nil
}

func (s subjectOf) Get(_ context.Context, seq uint64) (*writer.Message, error) {
	return writerMessage(s.world.Stream.Get(seq)), nil
}

func (s subjectOf) Next(_ context.Context, seq uint64) (*writer.Message, error) {
	return writerMessage(s.world.Stream.Next(subject, seq)), nil
}

func writerMessage(m *bus.Message) *writer.Message {
	if m == nil {
		return nil
	}
	return &writer.Message{Seq: m.Seq, Data: m.Data}
}
