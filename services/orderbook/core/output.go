package core

// headroom is what an Output may need beside its events: numbers, two digests.
const headroom = 256

// Output is one batch of events on its way into TRADES: all that consecutive
// packs caused, cut at event borders into parts.
type Output struct {
	FirstInSeq uint64
	LastInSeq  uint64
	FirstEvent uint64 // event_seq of the first event
	Digest     [32]byte
	batch      *Batch
	cuts       []int // part k holds the events cuts[k]..cuts[k+1]-1
}

// NewOutput cuts a batch into parts of at most maxBytes, each of at least one
// event. The first parts hold as many events as counts says, which is how a
// recovery keeps the borders of parts that are already published. The batch
// must not change while the output is in use.
func NewOutput(b *Batch, maxBytes int, counts ...int) *Output {
	o := &Output{batch: b, cuts: []int{0}}
	at := 0
	for _, n := range counts {
		at += n
		if at > len(b.ends) {
			at = len(b.ends)
		}
		o.cuts = append(o.cuts, at)
	}
	for at < len(b.ends) {
		start, end := b.start(at), at+1
		for end < len(b.ends) && b.ends[end]-start <= maxBytes-headroom {
			end++
		}
		o.cuts = append(o.cuts, end)
		at = end
	}
	return o
}

func (b *Batch) start(event int) int {
	if event == 0 {
		return 0
	}
	return b.ends[event-1]
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
	b = putUint(b, 5, o.FirstEvent+uint64(from))
	b = append(b, o.batch.data[o.batch.start(from):o.batch.start(to)]...)
	if last {
		b = putBytes(b, 7, o.Digest[:])
	}
	b = putUint(b, 8, prevSeq)
	b = putBytes(b, 9, prevDigest)
	return putUint(b, 10, Semantics)
}
