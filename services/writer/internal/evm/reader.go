package evm

import (
	"crypto/sha256"
	"fmt"

	feedv1 "fondaco.dev/proto/feed/v1"
)

// Place is how far a subject is applied: what a cursor holds of it.
type Place struct {
	Seq    uint64 // message, 0: none
	Digest []byte // of the message, empty: none
	Pos    uint64 // feed position of its end
	Head   Head
	// CaughtUp: the end of the subject was reached once, with no backfill running.
	CaughtUp bool
}

// Message is a stored message of the subject. Its data may not change: the plan
// shares it.
type Message struct {
	Seq     uint64
	Data    []byte
	Pending uint64 // messages behind it when it was read
}

// Digest is the link of the next message to this one.
func (m *Message) Digest() []byte {
	d := sha256.Sum256(m.Data)
	return d[:]
}

// Reader takes a subject's messages, in order, into a plan.
type Reader struct {
	Plan *Planner

	seq    uint64 // last message taken
	digest []byte
	place  Place // end of the plan; before the first part of an open block
}

// NewReader goes on behind a place; the plan's head is set to it.
func NewReader(plan *Planner, at Place) *Reader {
	plan.Head = at.Head
	return &Reader{Plan: plan, seq: at.Seq, digest: at.Digest, place: at}
}

// Place is where a transaction that writes the plan ends.
func (r *Reader) Place() Place { return r.place }

// Take plans one message and says how many rows it adds. ErrBroken: it does not
// continue what was taken. After an error the plan is as it was before.
func (r *Reader) Take(m Message) (rows int, err error) {
	pack, err := ReadPack(m.Data)
	if err != nil {
		// The next message carries the digest of these bytes: it can be trusted
		// whatever this one was.
		r.Plan.poison(m.Seq, -1, nil, nil, "the message cannot be read: "+err.Error(), m.Data)
		r.advance(m, 0)
		return 1, nil
	}
	if pack.GetPrevSeq() != r.seq || string(pack.GetPrevDigest()) != string(r.digest) {
		return 0, fmt.Errorf("%w: its predecessor is message %d %.8x, the cursor is at %d %.8x",
			ErrBroken, pack.GetPrevSeq(), pack.GetPrevDigest(), r.seq, r.digest)
	}
	before := r.Plan.Rows
	if err := r.Plan.Take(m.Seq, pack); err != nil {
		return 0, err
	}
	r.advance(m, pack.GetResume().GetBackfillHeight())
	return r.Plan.Rows - before, nil
}

func (r *Reader) advance(m Message, backfill uint64) {
	r.seq, r.digest = m.Seq, m.Digest()
	if r.Plan.Open() {
		return // the cursor stays before the first part
	}
	r.place = Place{Seq: r.seq, Digest: r.digest, Pos: feedv1.EndOf(m.Seq), Head: r.Plan.Head,
		CaughtUp: r.place.CaughtUp || m.Pending == 0 && backfill == 0}
}
