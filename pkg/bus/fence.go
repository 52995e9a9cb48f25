package bus

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"
)

// ErrFenced says that somebody else wrote to the subject: this writer's view of
// it is old.
var ErrFenced = errors.New("fenced: the subject's last message is not the one expected")

// Tail is one subject of a stream as a fenced publish needs it: JetStream, or a
// model of it in a simulation.
type Tail interface {
	// Send asks for data to be stored under the message id, if the subject's
	// newest message has the sequence expected (0: there is none). duplicate:
	// the server holds a message of that id already, or did. An error says
	// nothing about the outcome, unless it is permanent.
	Send(ctx context.Context, id string, expected uint64, data []byte) (seq uint64, duplicate bool, err error)
	// Last reads the newest message from the leader; nil when there is none.
	Last(ctx context.Context) (*Message, error)
}

// Fence publishes to one subject, each message behind the one that its writer
// believes to be the last.
type Fence struct {
	Subject string
	Tail    Tail
	// Digest is the SHA-256 of the message that is believed to be the last; nil:
	// its sequence has to do. A stream that was restored from an older backup gives
	// sequences again, to other messages.
	Digest []byte
	// Pause waits before another try; its error ends the publish.
	Pause func(ctx context.Context) error
	// Unknown is told of each try whose outcome is not known yet.
	Unknown func(err error)
}

// Publish stores data as the message after stream sequence expected (0 = as
// the first) and returns its sequence. Every unknown outcome is resolved by
// reading the tail and comparing bytes; while the server does not answer it
// goes on until Pause fails. ErrFenced = another message stands there.
func (f *Fence) Publish(ctx context.Context, expected uint64, data []byte) (uint64, error) {
	// Never a content id: chains go A -> B -> A, and the last A must not be
	// taken for the first.
	id := f.Subject + ":" + strconv.FormatUint(expected, 10)
	for {
		seq, duplicate, err := f.Tail.Send(ctx, id, expected, data)
		if err == nil && !duplicate {
			return seq, nil
		}
		if err != nil && permanent(err) {
			return 0, fmt.Errorf("publishing to %s: %w", f.Subject, err)
		}
		// A stale expectation answers 10071 on one replica and duplicate:true on
		// three; a timeout says nothing. The tail decides.
		tail, readErr := f.Tail.Last(ctx)
		switch {
		case readErr != nil:
		case tail != nil && tail.Seq > expected && bytes.Equal(tail.Data, data):
			return tail.Seq, nil
		case tail != nil && tail.Seq != expected, tail == nil && expected != 0, !f.Is(tail):
			return 0, fmt.Errorf("publishing to %s after %d: %w", f.Subject, expected, ErrFenced)
		case err == nil:
			// A duplicate of a message that is no longer the tail's: the stream was
			// cut. Wait out the server's duplicate window.
			readErr = errors.New("the server took it for a duplicate of a message that is gone")
		}
		f.Unknown(errors.Join(err, readErr))
		if f.Pause(ctx) != nil {
			return 0, fmt.Errorf("publishing to %s after %d: outcome unknown: %w", f.Subject, expected, errors.Join(err, readErr))
		}
	}
}

// Is says whether a tail is the message that is believed to be the last, as far
// as the digest tells.
func (f *Fence) Is(tail *Message) bool {
	if f.Digest == nil || tail == nil {
		return true
	}
	d := sha256.Sum256(tail.Data)
	return bytes.Equal(d[:], f.Digest)
}
