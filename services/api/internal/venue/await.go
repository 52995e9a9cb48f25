package venue

import (
	"context"
	"errors"
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
