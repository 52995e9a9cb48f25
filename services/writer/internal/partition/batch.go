package partition

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Batch is what one transaction writes.
type Batch interface {
	// Write writes the plan, in stream order.
	Write(ctx context.Context, tx pgx.Tx) error
	// Committed drops the plan; what it returns may rely on the commit. head
	// says that the end of the stream was reached.
	Committed(from Cursor, head bool) Outcome
}

// Sealer is a projection that plans on while what it has planned is written.
type Sealer interface {
	// Ahead gives it a way to wait until everything sealed is in Postgres: a plan
	// that looks rows up must.
	Ahead(settle func(ctx context.Context) error)
	// Seal hands the plan over. Take and Cursor go on behind it.
	Seal() Batch
}

// Unit is one unit of a batch that can be written without the others.
type Unit struct {
	Seq    uint64
	Index  int // in the message
	Number *uint64
	Hash   []byte
	Vital  bool          // what follows would be wrong without it: never left out
	Body   func() []byte // for the dead letter
	Write  func(ctx context.Context, tx pgx.Tx) error
	Leave  func(out bool) // takes it out of what Committed tells
}

// Apart is a projection that can keep the units of its plan apart, which costs
// more and finds the one that Postgres refuses. Its batches are Divided.
type Apart interface {
	Apart(on bool)
}

// Divided is a batch in units.
type Divided interface {
	Batch
	Units() []Unit
	// Rest writes what belongs to no unit, after them.
	Rest(ctx context.Context, tx pgx.Tx) error
}

// flight is the transaction under way: one at most, so that order and fence
// are what they would be without it.
type flight struct {
	done chan struct{} // nil = none
	err  error         // after done
}

// wait waits for the transaction under way and says how it ended.
func (f *flight) wait(ctx context.Context) error {
	if f.done == nil {
		return nil
	}
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// land waits for the end of the transaction under way, whatever it is.
func (f *flight) land() {
	if f.done != nil {
		<-f.done
	}
}

// start runs do in the background, once the one before has ended well.
func (f *flight) start(ctx context.Context, do func() error) error {
	if err := f.wait(ctx); err != nil {
		return err
	}
	done := make(chan struct{})
	f.done = done
	go func() {
		defer close(done)
		f.err = do()
	}()
	return nil
}
