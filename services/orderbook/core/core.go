// Package core is the order book's steps for a simulation: a venue is recovered,
// kept warm, led and snapshotted on the caller's goroutine, over streams and
// objects of the caller's making. It reaches nothing by itself.
package core

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"fondaco.dev/services/orderbook/internal/engine"
	"fondaco.dev/services/orderbook/internal/intake"
	"fondaco.dev/services/orderbook/internal/keeper"
	"fondaco.dev/services/orderbook/internal/metric"
	"fondaco.dev/services/orderbook/internal/recovery"
	"fondaco.dev/services/orderbook/internal/snapshot"
	"fondaco.dev/services/orderbook/internal/step"
)

// The state machine; see its package.
type (
	Engine  = engine.Engine
	Options = engine.Options
	Input   = engine.Input
	Applied = engine.Applied
	Batch   = engine.Batch
	Reply   = engine.Reply
)

// GatheredPacks is the version of the behaviour from which on a message of ORDERS
// may hold packs of several gateways.
const GatheredPacks = engine.GatheredPacks

// Apply applies a message of ORDERS, pack by pack.
func Apply(e *Engine, in Input, out *Batch, reply *Reply, done func(Input, Applied)) error {
	return intake.Apply(e, in, out, reply, done)
}

// AppendGathered appends a pack to a gathered message.
func AppendGathered(b, pack []byte) []byte { return intake.AppendGathered(b, pack) }

// New returns an empty venue.
func New(o Options) *Engine { return engine.New(o) }

// What a recovery and a standby are made of.
type (
	Streams   = recovery.Streams
	Reader    = recovery.Reader
	Publisher = recovery.Publisher
	Source    = recovery.Source
	State     = recovery.State
	Follower  = recovery.Follower
	Last      = recovery.Last
)

// What a human must look at; the text says how to go on.
var (
	ErrRegressed = recovery.ErrRegressed
	ErrDiverged  = recovery.ErrDiverged
)

// What a leader is made of.
type (
	Desk   = step.Desk
	Taken  = step.Taken
	Output = step.Output
	Press  = step.Press
)

// NewDesk begins at the end of what is published.
func NewDesk(venue string, st *State) *Desk { return step.NewDesk(venue, st) }

// Regenerate makes an output whose first parts hold as many events as counts
// says.
func Regenerate(b *Batch, maxBytes int, counts ...int) *engine.Output {
	return engine.NewOutput(b, maxBytes, counts...)
}

// Where snapshots are.
type (
	Objects = snapshot.Objects
	Object  = snapshot.Object
	Keeper  = keeper.Keeper
	Save    = keeper.Save
)

// NewSource reads a venue from streams and objects.
func NewSource(streams Streams, objects Objects, venue string, partBytes int) *Source {
	return &recovery.Source{Bus: streams, Store: snapshot.Over(objects, venue), Venue: venue, Log: zap.NewNop(), PartBytes: partBytes}
}

// NewKeeper stores and confirms a source's snapshots; its Keep is one step.
func NewKeeper(s *Source) *Keeper {
	return keeper.New(s, metric.New(prometheus.NewRegistry(), s.Venue), 0, zap.NewNop())
}

// Held looks whether ORDERS still holds a message that was applied.
func Held(ctx context.Context, s Streams, created time.Time, last Last) error {
	return recovery.Held(ctx, s, created, last)
}
