package engine

import (
	"unsafe"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	tradesv1 "fondaco.dev/proto/trades/v1"
)

// headroom is what an Output may need beside its events: numbers, two digests.
const headroom = 256

// Batch collects the events of consecutive packs, framed as they stand in a
// trades.v1.Output. The zero value is ready.
type Batch struct {
	data  []byte
	n     int
	tmp   []byte // fields of a rare event
	order []byte // an order inside of it
}

// Reset empties the batch and keeps its memory.
func (b *Batch) Reset() { b.data, b.n = b.data[:0], 0 }

// Len is the number of events.
func (b *Batch) Len() int { return b.n }

// Size is the number of bytes of all events.
func (b *Batch) Size() int { return len(b.data) }

// Bytes are the framed events; they belong to the batch.
func (b *Batch) Bytes() []byte { return b.data }

// Events decodes the batch, for tests and tools.
func (b *Batch) Events() ([]*tradesv1.Event, error) {
	out := &tradesv1.Output{}
	if err := proto.Unmarshal(b.data, out); err != nil {
		return nil, err
	}
	return out.Events, nil
}

// newEvent makes place for an event of a fixed number of bytes and returns it.
func newEvent[T any](b *Batch) *T {
	var one T
	n, at := int(unsafe.Sizeof(one)), len(b.data)
	if cap(b.data)-at < n {
		b.grow(n)
	}
	b.data = b.data[:at+n]
	b.n++
	return (*T)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(b.data)), at))
}

// balances makes place for up to n events of balances and returns where; took says
// how many bytes of it they filled.
func (b *Batch) balances(n int) unsafe.Pointer {
	size := n * len(frameBalance)
	if cap(b.data)-len(b.data) <= size { // one more: the place after the last event is pointed to
		b.grow(size + 1)
	}
	return unsafe.Add(unsafe.Pointer(unsafe.SliceData(b.data)), len(b.data))
}

// took returns the number of events.
func (b *Batch) took(bytes int) int {
	events := bytes / len(frameBalance)
	b.data = b.data[:len(b.data)+bytes]
	b.n += events
	return events
}

func (b *Batch) grow(n int) {
	data := make([]byte, len(b.data), max(2*cap(b.data), len(b.data)+n, 1<<12))
	copy(data, b.data)
	b.data = data
}

// Output is one batch of events on its way into TRADES: all that consecutive
// packs caused, cut at event borders into parts.
type Output struct {
	FirstInSeq uint64
	LastInSeq  uint64
	FirstEvent uint64 // event_seq of the first event
	Semantics  uint32
	Digest     [32]byte
	batch      *Batch
	cuts       []cut // part k is cuts[k]..cuts[k+1]
}

// cut is a border between events: how many and how many bytes are before it.
type cut struct{ events, bytes int }

// NewOutput cuts a batch into parts of at most maxBytes, each of at least one
// event. The first parts hold as many events as counts says, which is how a
// recovery keeps the borders of parts that are already published. The batch
// must not change while the output is in use.
func NewOutput(b *Batch, maxBytes int, counts ...int) *Output {
	o := &Output{batch: b, cuts: []cut{{}}}
	at := cut{}
	for _, n := range counts {
		for ; n > 0 && at.events < b.n; n-- {
			at = b.step(at)
		}
		o.cuts = append(o.cuts, at)
	}
	for at.events < b.n {
		if len(b.data)-at.bytes <= maxBytes-headroom {
			at = cut{b.n, len(b.data)}
			o.cuts = append(o.cuts, at)
			break
		}
		start := at.bytes
		at = b.step(at)
		for at.events < b.n {
			next := b.step(at)
			if next.bytes-start > maxBytes-headroom {
				break
			}
			at = next
		}
		o.cuts = append(o.cuts, at)
	}
	return o
}

// step goes over one event.
func (b *Batch) step(at cut) cut {
	n, k := protowire.ConsumeVarint(b.data[at.bytes+1:])
	return cut{at.events + 1, at.bytes + 1 + k + int(n)}
}

// Parts is the number of messages that the output takes.
func (o *Output) Parts() int { return len(o.cuts) - 1 }

// AppendPart appends the message of part k (from 0), an encoded
// trades.v1.Output that follows the message prevSeq with SHA-256 prevDigest in
// its subject (0 and empty before the first).
func (o *Output) AppendPart(b []byte, k int, prevSeq uint64, prevDigest []byte) []byte {
	last := k == o.Parts()-1
	from, to := o.cuts[k], o.cuts[k+1]
	b = putUint(putUint(b, 1, o.FirstInSeq), 2, o.LastInSeq)
	b = putBool(putUint(b, 3, uint64(k+1)), 4, last)
	b = putUint(b, 5, o.FirstEvent+uint64(from.events))
	b = append(b, o.batch.data[from.bytes:to.bytes]...)
	if last {
		b = putBytes(b, 7, o.Digest[:])
	}
	b = putUint(b, 8, prevSeq)
	b = putBytes(b, 9, prevDigest)
	return putUint(b, 10, uint64(o.Semantics))
}
