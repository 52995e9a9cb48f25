// Package standby keeps a second instance of a venue warm: it applies, muted,
// what the leader published, compares every output with its own, takes the
// snapshots so that the leader need not pause for them, and hands over a state
// that stands at the end of TRADES when the lease is to be had.
//
// # Two leaders
//
// A lease only saves work. A leader that was stopped (SIGSTOP, a paused virtual
// machine, a network cut) does not know that another took over, and goes on
// where it was when it wakes up: it applies the packs that it had read and
// answers them. Those answers are late, and true: an answer is a function of
// the stream up to its pack alone, so that both leaders send the same bytes for
// the same pack, and a gateway that has had the first ignores the second. It
// cannot be wrong, since what it had read was durable in ORDERS before: the
// server delivers nothing that it has not stored, and nothing stored is taken
// back but by restoring the stream from a copy, which is looked for every few
// seconds and ends the leader. What must not happen twice are events: its next
// output has the position of the other's as its expectation and is refused, and
// the refused leader begins anew as a standby.
package standby

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/services/orderbook/internal/keeper"
	"fondaco.dev/services/orderbook/internal/metric"
	"fondaco.dev/services/orderbook/internal/recovery"
)

// Term is how long a leader may be silent before its lease is taken. Together
// with the rest of a takeover it stays below 3 s.
const Term = 2 * time.Second

// checkEvery is the time between two looks at the streams and the snapshots.
const checkEvery = 5 * time.Second

// Lease and Presence name the keys of a venue: who leads, and who stands by.
func Lease(venue string) string    { return "orderbook." + venue }
func Presence(venue string) string { return "orderbook." + venue + ".standby" }

// Options of a standby.
type Options struct {
	Venue         string
	SnapshotPacks int           // packs after which a snapshot is taken
	SnapshotEvery time.Duration // a changed state is snapshotted this often
}

// Standby is one instance that waits for its turn.
type Standby struct {
	Options
	Bus     *bus.Bus
	Source  *recovery.Source
	Wire    recovery.Publisher
	Keeper  *keeper.Keeper
	Metrics *metric.Metrics
	Log     *zap.Logger
	// Waiting is told, from time to time, where the standby is.
	Waiting func(error)
}

// Wait keeps st warm until the venue's lease is held, and returns with st at
// the end of TRADES. After an error, which may be a divergence, the state is
// used up and no lease is held.
func (s *Standby) Wait(ctx context.Context, st *recovery.State) (*bus.Lease, error) {
	f, err := s.Source.Follow(ctx, st)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lease, err := s.follow(ctx, f)
	if err != nil {
		return nil, err
	}
	if err := f.Finish(ctx, s.Wire); err != nil {
		lease.Release()
		return nil, err
	}
	return lease, nil
}

// follow applies outputs as they come, until the lease is held.
func (s *Standby) follow(ctx context.Context, f *recovery.Follower) (*bus.Lease, error) {
	inner, cancel := context.WithCancel(ctx)
	got := make(chan *bus.Lease, 1)
	go func() {
		defer cancel()
		lease, err := s.Bus.LeaseWithin(inner, Lease(s.Venue), Term)
		if err == nil {
			got <- lease
		}
		close(got)
	}()
	err := s.warm(inner, f)
	cancel()
	lease := <-got
	switch {
	case ctx.Err() != nil:
		err = ctx.Err()
	case err == nil && lease == nil:
		err = errors.New("waiting for the lease ended without it")
	}
	if err != nil {
		if lease != nil {
			lease.Release()
		}
		return nil, err
	}
	return lease, nil
}

// warm applies outputs until ctx ends, which is no error.
func (s *Standby) warm(ctx context.Context, f *recovery.Follower) error {
	present := presence{standby: s}
	defer present.end()
	present.begin(ctx)
	savedAt, savedSeq, packs := time.Now(), f.Engine.LastInSeq(), f.Replayed
	for {
		s.Metrics.InSeq.Set(float64(f.Engine.LastInSeq()))
		next, cancel := context.WithTimeout(ctx, checkEvery)
		whole, err := f.Next(next)
		late := next.Err() != nil
		cancel()
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && !late:
			return err
		case err != nil:
			// Nothing was published for a while.
		case whole:
			s.Metrics.Compared.Inc()
		}
		if late || present.due() {
			if err := f.Check(ctx); err != nil {
				return err
			}
			s.Waiting(s.position(f))
			present.renew()
		}
		at := f.Engine.LastInSeq()
		due := f.Replayed-packs >= s.SnapshotPacks || time.Since(savedAt) >= s.SnapshotEvery
		if err == nil && whole && due && at > savedSeq && present.held() && s.Keeper.Free() {
			s.Keeper.Offer(keeper.Save{Engine: f.Engine.Clone(), Digest: f.Engine.Digest(), TradesSeq: f.Tail, Compared: true})
			savedAt, savedSeq, packs = time.Now(), at, f.Replayed
		}
	}
}

func (s *Standby) position(f *recovery.Follower) error {
	return fmt.Errorf("standing by: another instance holds the lease %s; warm up to pack %d", Lease(s.Venue), f.Engine.LastInSeq())
}
