// Package await lets requests wait for what is not there yet: a height, a
// transaction. Who waits is woken by the hints of what was committed, or by the
// poll that finds what hints did not tell; nobody asks Postgres in a loop.
package await

import (
	"context"
	"errors"
	"sync"
	"time"

	feedv1 "fondaco.dev/proto/feed/v1"
	"fondaco.dev/services/api/internal/position"
	"fondaco.dev/services/api/internal/store"
)

var (
	// ErrLate: it did not come in the time that the caller gave.
	ErrLate = errors.New("it did not come in time")
	// ErrFull: too many wait already.
	ErrFull = errors.New("too many requests wait")
)

const (
	// maxWaiting bounds the requests that wait in this process.
	maxWaiting = 10000
	// lookEvery is how often one who waits for a transaction may look into
	// Postgres while commits come whose rows no hint told, as in a backfill.
	lookEvery = 500 * time.Millisecond
)

// Board knows how far each network is. It is safe for concurrent use.
type Board struct {
	mu       sync.Mutex
	networks map[string]*network
	waiting  int
}

type network struct {
	partition, epoch string // the cursor's own
	pos              uint64 // told up to here
	head             int64  // highest block; -1 = none
	moved            chan struct{}
	txs              map[[32]byte]map[*waiter]struct{}
}

// waiter waits for one transaction.
type waiter struct {
	found chan store.Need // where it is; room for one
	look  chan struct{}   // it may be in Postgres; room for one
}

// New makes a board that knows nothing yet.
func New() *Board { return &Board{networks: map[string]*network{}} }

// of finds or makes a network; mu is held.
func (b *Board) of(name string) *network {
	n := b.networks[name]
	if n == nil {
		n = &network{head: -1, moved: make(chan struct{}), txs: map[[32]byte]map[*waiter]struct{}{}}
		b.networks[name] = n
	}
	return n
}

// OnPoll takes what Postgres says of its cursors.
func (b *Board) OnPoll(snap *store.Snapshot) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for name, at := range snap.Networks {
		cur, ok := snap.Cursor(at.Partition)
		n := b.of(name)
		if !ok || n.partition == at.Partition && n.epoch == cur.Epoch && n.pos >= cur.Pos {
			continue // a hint told it before
		}
		n.partition, n.epoch = at.Partition, cur.Epoch
		n.move(cur.Pos, cur.Number)
		n.lookAll()
	}
}

// OnHint takes a hint of a network's live partition.
func (b *Board) OnHint(name string, h *feedv1.Hint) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := b.of(name)
	if n.partition != h.GetPartition() || n.epoch != h.GetEpoch() || h.GetPos() <= n.pos {
		return // the next poll tells of another epoch
	}
	gap := h.GetPrevPos() > n.pos || h.GetRowsLeftOut()
	head := int64(h.GetHead())
	if head == 0 {
		head = n.head // a network without a block yet says 0
	}
	n.move(h.GetPos(), head)
	need := n.need()
	for _, r := range h.GetRows() {
		if e := r.GetEvent(); e != nil && len(n.txs) > 0 && len(e.GetTxHash()) == 32 {
			for w := range n.txs[[32]byte(e.GetTxHash())] {
				offer(w.found, need)
			}
		}
	}
	if gap {
		n.lookAll()
	}
}

func (n *network) need() store.Need {
	return store.Need{Epoch: position.ChainEpoch(n.partition, n.epoch), Pos: n.pos}
}

func (n *network) move(pos uint64, head int64) {
	n.pos, n.head = pos, head
	close(n.moved)
	n.moved = make(chan struct{})
}

func (n *network) lookAll() {
	for _, all := range n.txs {
		for w := range all {
			offer(w.look, struct{}{})
		}
	}
}

func offer[T any](ch chan T, v T) {
	select {
	case ch <- v:
	default:
	}
}

// enter counts one who waits.
func (b *Board) enter() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.waiting >= maxWaiting {
		return ErrFull
	}
	b.waiting++
	return nil
}

func (b *Board) leave() {
	b.mu.Lock()
	b.waiting--
	b.mu.Unlock()
}

// Block waits until a network is at a height and says which position a reading
// has to have then. ErrLate when ctx ends first.
func (b *Board) Block(ctx context.Context, name string, number int64) (store.Need, error) {
	if err := b.enter(); err != nil {
		return store.Need{}, err
	}
	defer b.leave()
	for {
		b.mu.Lock()
		n := b.of(name)
		need, there, moved := n.need(), n.partition != "" && n.head >= number, n.moved
		b.mu.Unlock()
		if there {
			return need, nil
		}
		select {
		case <-ctx.Done():
			return store.Need{}, ErrLate
		case <-moved:
		}
	}
}

// Tx waits until a transaction has events and says which position a reading has
// to have then. look asks Postgres: once at the beginning, and again only when
// rows came that no hint told.
func (b *Board) Tx(ctx context.Context, name string, hash [32]byte, look func(context.Context) (store.Need, bool, error)) (store.Need, error) {
	if err := b.enter(); err != nil {
		return store.Need{}, err
	}
	defer b.leave()
	w := b.join(name, hash)
	defer b.part(name, hash, w)
	for {
		looked := time.Now()
		need, found, err := look(ctx)
		switch {
		case ctx.Err() != nil:
			return store.Need{}, ErrLate
		case err != nil && !errors.Is(err, store.ErrLoading):
			return store.Need{}, err
		case found:
			return need, nil
		}
		select {
		case <-ctx.Done():
			return store.Need{}, ErrLate
		case need := <-w.found:
			return need, nil
		case <-w.look:
		}
		select {
		case <-ctx.Done():
			return store.Need{}, ErrLate
		case need := <-w.found:
			return need, nil
		case <-time.After(lookEvery - time.Since(looked)):
		}
	}
}

func (b *Board) join(name string, hash [32]byte) *waiter {
	w := &waiter{found: make(chan store.Need, 1), look: make(chan struct{}, 1)}
	b.mu.Lock()
	defer b.mu.Unlock()
	n := b.of(name)
	if n.txs[hash] == nil {
		n.txs[hash] = map[*waiter]struct{}{}
	}
	n.txs[hash][w] = struct{}{}
	return w
}

func (b *Board) part(name string, hash [32]byte, w *waiter) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := b.of(name)
	delete(n.txs[hash], w)
	if len(n.txs[hash]) == 0 {
		delete(n.txs, hash)
	}
}
