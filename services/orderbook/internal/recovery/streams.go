package recovery

import (
	"context"

	"fondaco.dev/pkg/bus"
)

// Streams is what a recovery reads: the bus, or a model of it in a simulation.
// See the methods of [bus.Bus].
type Streams interface {
	Stream(ctx context.Context, stream string) (bus.StreamState, error)
	// Last and Get return nil when there is no such message.
	Last(ctx context.Context, stream, subject string) (*bus.Message, error)
	Get(ctx context.Context, stream string, seq uint64) (*bus.Message, error)
	// Follow reads on from a sequence.
	Follow(ctx context.Context, stream string, subjects []string, from uint64) Reader
}

// Reader hands out messages in order; see [bus.Follower].
type Reader interface {
	Next(ctx context.Context, maxBytes int) ([]bus.Message, error)
	Close()
}

// OnBus is the streams of a bus.
func OnBus(b *bus.Bus) Streams { return onBus{b} }

type onBus struct{ *bus.Bus }

func (o onBus) Follow(ctx context.Context, stream string, subjects []string, from uint64) Reader {
	return o.Bus.Follow(ctx, stream, subjects, from)
}
