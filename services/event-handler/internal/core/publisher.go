package core

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	chainv1 "fondaco.dev/proto/chain/v1"
)

// Item is one unit and where to go on once it is published. Neither may be
// changed before Put returns, nor the Resume after it.
type Item struct {
	Unit   *chainv1.Unit
	Resume *chainv1.Resume
}

// ErrStopped is what Put returns once Run has ended.
var ErrStopped = errors.New("the publisher has stopped")

// Limits bound what a publisher holds and sends. Zero fields take the default.
type Limits struct {
	// PackBytes ends a message: no unit is added to one that is as large.
	// Default 2 MiB: a stream that is synced at every message takes twice as much
	// as in messages of 1 MiB. One unit alone may reach chainv1.MaxMessage.
	PackBytes int
	// PackUnits is the most units of one message. Default 2,000.
	PackUnits int
	// QueueBytes is what may wait behind the message in flight; Put waits
	// above it. Default 16 MiB. One Put may exceed it once.
	QueueBytes int
	// MaxMessage is the largest message; only tests set it lower. Default
	// chainv1.MaxMessage.
	MaxMessage int
}

func (l Limits) withDefaults() Limits {
	set := func(v *int, def int) {
		if *v <= 0 {
			*v = def
		}
	}
	set(&l.PackBytes, 2<<20)
	set(&l.PackUnits, 2000)
	set(&l.QueueBytes, 16<<20)
	set(&l.MaxMessage, chainv1.MaxMessage)
	return l
}

// Published tells of one stored message.
type Published struct {
	Seq    uint64
	Units  int
	Resume *chainv1.Resume
}

// Publisher turns units into messages: one message is in flight while the next
// one fills; when nothing is in flight a unit is sent at once. Units keep their
// order. It is for one session on a subject: after ErrFenced, open the subject again.
type Publisher struct {
	log    Log
	limits Limits
	notify func(Published)

	mu      sync.Mutex
	queue   []sized
	bytes   int           // sum of queue sizes
	flying  bool          // a message is in flight
	changed chan struct{} // closed and replaced at every change of the queue
	stopped bool

	tail Tail // touched by Run only
}

// sized is a unit in its place in a pack: serialized by Put, on the goroutine of
// the one who made it, while Run waits for the ack of another message.
type sized struct {
	data   []byte // field 4 of a Pack, tag and length included
	resume *chainv1.Resume
	size   int           // bytes of data
	whole  *chainv1.Unit // set when the unit is too large for one message
}

// NewPublisher returns a publisher that goes on behind tail. notify, if not
// nil, is called after each message, in order, on Run's goroutine.
func NewPublisher(log Log, tail Tail, limits Limits, notify func(Published)) *Publisher {
	if notify == nil {
		notify = func(Published) {}
	}
	return &Publisher{log: log, limits: limits.withDefaults(), notify: notify, tail: tail, changed: make(chan struct{})}
}

// Put queues items in order. It waits while the queue is full, and returns
// ErrStopped once Run has ended.
func (p *Publisher) Put(ctx context.Context, items ...Item) error {
	add := make([]sized, len(items))
	total := 0
	for i, it := range items {
		data, err := field(it.Unit)
		if err != nil {
			return fmt.Errorf("serializing a unit %T: %w", it.Unit.GetKind(), err)
		}
		add[i] = sized{data: data, resume: it.Resume, size: len(data)}
		if add[i].size+p.overhead(it.Resume) > p.limits.MaxMessage {
			if cuttable(it.Unit) == nil {
				return fmt.Errorf("a unit %T of %d bytes is above the limit of a message and cannot be cut", it.Unit.GetKind(), add[i].size)
			}
			add[i].data, add[i].whole = nil, it.Unit
		}
		total += add[i].size
	}
	for {
		p.mu.Lock()
		if p.stopped {
			p.mu.Unlock()
			return ErrStopped
		}
		if p.bytes == 0 || p.bytes+total <= p.limits.QueueBytes {
			p.queue = append(p.queue, add...)
			p.bytes += total
			p.signal()
			p.mu.Unlock()
			return nil
		}
		changed := p.changed
		p.mu.Unlock()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

// Idle reports whether everything that was put is stored.
func (p *Publisher) Idle() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.queue) == 0 && !p.flying
}

// Flush waits until everything that was put is stored; ErrStopped when Run
// ends before that.
func (p *Publisher) Flush(ctx context.Context) error {
	for {
		p.mu.Lock()
		idle, stopped, changed := len(p.queue) == 0 && !p.flying, p.stopped, p.changed
		p.mu.Unlock()
		switch {
		case idle:
			return nil
		case stopped:
			return ErrStopped
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

// Run publishes until ctx ends (nil) or the log refuses: ErrFenced.
func (p *Publisher) Run(ctx context.Context) error {
	defer func() {
		p.mu.Lock()
		p.stopped = true
		p.signal()
		p.mu.Unlock()
	}()
	for {
		sent, changed, err := p.next(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		case sent:
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
	}
}

// Send publishes one message of what waits, and reports whether anything did. It
// is Run for a caller that does everything on one goroutine.
func (p *Publisher) Send(ctx context.Context) (bool, error) {
	sent, _, err := p.next(ctx)
	return sent, err
}

// next publishes the next message; when nothing waits, changed is closed once
// something does.
func (p *Publisher) next(ctx context.Context) (sent bool, changed <-chan struct{}, err error) {
	p.mu.Lock()
	batch := p.take()
	if p.flying && len(batch) == 0 {
		p.signal() // for Flush
	}
	p.flying = len(batch) > 0
	changed = p.changed
	p.mu.Unlock()
	if len(batch) == 0 {
		return false, changed, nil
	}
	return true, changed, p.send(ctx, batch)
}

// take removes the units of the next message from the queue. A block that is
// too large for one message comes alone. Called with mu held.
func (p *Publisher) take() []sized {
	n, size := 0, 0
	for _, it := range p.queue {
		over := p.overhead(it.resume)
		if n > 0 && (n >= p.limits.PackUnits || size >= p.limits.PackBytes || size+it.size+over > p.limits.MaxMessage) {
			break
		}
		n++
		size += it.size
	}
	batch := p.queue[:n:n]
	p.queue = p.queue[n:]
	if len(p.queue) == 0 {
		p.queue = nil
	}
	p.bytes -= size
	if n > 0 {
		p.signal()
	}
	return batch
}

func (p *Publisher) send(ctx context.Context, batch []sized) error {
	last := batch[len(batch)-1]
	if last.whole != nil { // it comes alone
		return p.sendParts(ctx, Item{Unit: last.whole, Resume: last.resume})
	}
	units := make([][]byte, len(batch))
	for i := range batch {
		units[i] = batch[i].data
	}
	return p.publish(ctx, last.resume, units)
}

// field serializes a unit as a Pack holds it.
func field(u *chainv1.Unit) ([]byte, error) {
	n := proto.Size(u)
	data := make([]byte, 0, n+protowire.SizeTag(packUnits)+protowire.SizeBytes(n)-n)
	data = protowire.AppendTag(data, packUnits, protowire.BytesType)
	data = protowire.AppendVarint(data, uint64(n))
	return proto.MarshalOptions{UseCachedSize: true}.MarshalAppend(data, u)
}

// cuttable is the block that a unit may be cut down to, nil for units that
// cannot be cut.
func cuttable(u *chainv1.Unit) *chainv1.Block {
	if r := u.GetRepair(); r != nil {
		return r.GetBlock()
	}
	return u.GetBlock()
}

// sendParts cuts a block, or the block of a Repair, into parts, each alone in
// its message. All but the last say to go on before the block.
func (p *Publisher) sendParts(ctx context.Context, it Item) error {
	block := cuttable(it.Unit)
	data, err := proto.Marshal(block)
	if err != nil {
		return fmt.Errorf("serializing block %d: %w", block.GetNumber(), err)
	}
	before := p.tail.Resume
	if before == nil {
		before = &chainv1.Resume{Genesis: it.Resume.GetGenesis()}
	}
	room := p.limits.MaxMessage - max(p.overhead(it.Resume), p.overhead(before)) - 128
	n := (len(data) + room - 1) / room
	for i := range n {
		resume := before
		if i == n-1 {
			resume = it.Resume
		}
		part := &chainv1.BlockPart{
			Hash: block.GetHash(), I: uint32(i + 1), N: uint32(n), Data: data[i*room : min((i+1)*room, len(data))], Repair: it.Unit.GetRepair() != nil,
		}
		unit, err := field(&chainv1.Unit{Kind: &chainv1.Unit_Part{Part: part}})
		if err != nil {
			return fmt.Errorf("serializing a part of block %d: %w", block.GetNumber(), err)
		}
		if err := p.publish(ctx, resume, [][]byte{unit}); err != nil {
			return err
		}
	}
	return nil
}

func (p *Publisher) publish(ctx context.Context, resume *chainv1.Resume, units [][]byte) error {
	tail, err := publish(ctx, p.log, p.tail, resume, units)
	if err != nil {
		return err
	}
	p.tail = tail
	p.notify(Published{Seq: tail.Seq, Units: len(units), Resume: resume})
	return nil
}

// signal wakes whoever waits for a change. Called with mu held.
func (p *Publisher) signal() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// overhead is the size of a pack without its units: resume, prev_seq (11
// bytes at most), prev_digest (34), and some room.
func (p *Publisher) overhead(r *chainv1.Resume) int { return packed(proto.Size(r)) + 64 }

// packed is the size of a field of n bytes: tag, length (at most 4 bytes below
// 256 MiB), content.
func packed(n int) int { return n + 5 }

// Assemble puts the parts of one block together again.
func Assemble(parts []*chainv1.BlockPart) (*chainv1.Block, error) {
	var data []byte
	for i, part := range parts {
		if int(part.GetI()) != i+1 || int(part.GetN()) != len(parts) {
			return nil, fmt.Errorf("part %d of %d stands at place %d of %d", part.GetI(), part.GetN(), i+1, len(parts))
		}
		data = append(data, part.GetData()...)
	}
	b := new(chainv1.Block)
	if err := proto.Unmarshal(data, b); err != nil {
		return nil, fmt.Errorf("reading a block from %d parts: %w", len(parts), err)
	}
	return b, nil
}
