package venue

import (
	"context"
	"errors"
	"time"
)

var (
	// ErrBehind: the projection is not at that position yet.
	ErrBehind = errors.New("the projection is behind that position")
	// ErrOtherEpoch: the position is of another life of the venue.
	ErrOtherEpoch = errors.New("the position is of another epoch")
)

// Epoch is that of the projection's positions; "" while loading. It may be asked
// for within View, and is then that of what is viewed: it takes no lock, since
// one that is held for reading cannot be taken again while a writer waits.
func (v *Venue) Epoch() string {
	if e := v.epoch.Load(); e != nil {
		return *e
	}
	return ""
}

// Await waits until the projection holds an event and an input pack of an
// epoch; ErrBehind when ctx ends first.
func (v *Venue) Await(ctx context.Context, epoch string, event, pack uint64) error {
	for {
		v.mu.RLock()
		loaded, other := v.state != nil, v.Epoch() != epoch
		done, applied := loaded && v.state.Seq >= event && v.state.InSeq >= pack, v.applied
		v.mu.RUnlock()
		switch {
		case loaded && other:
			return ErrOtherEpoch
		case done:
			return nil
		}
		v.hurry()
		select {
		case <-ctx.Done():
			if !loaded {
				return ErrLoading
			}
			return ErrBehind
		case <-applied:
		}
	}
}

// Remember makes the account's own reads wait for an input pack.
func (v *Venue) Remember(account, inSeq uint64) {
	v.waiting.Lock()
	defer v.waiting.Unlock()
	if len(v.waits) > 10000 {
		done := v.inSeq.Load()
		for a, seq := range v.waits {
			if seq <= done {
				delete(v.waits, a)
			}
		}
	}
	v.waits[account] = max(v.waits[account], inSeq)
}

// readYourWrite bounds how long a read waits for the account's last write.
const readYourWrite = time.Second

// WaitOwn waits until the projection holds what the account last wrote through
// this replica, but no longer than a second.
func (v *Venue) WaitOwn(ctx context.Context, account uint64) {
	v.waiting.Lock()
	seq, waits := v.waits[account]
	v.waiting.Unlock()
	if !waits || v.inSeq.Load() >= seq {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, readYourWrite)
	defer cancel()
	for {
		v.mu.RLock()
		done, applied := v.state != nil && v.state.InSeq >= seq, v.applied
		v.mu.RUnlock()
		if done {
			return
		}
		v.hurry()
		select {
		case <-ctx.Done():
			return
		case <-applied:
		}
	}
}
