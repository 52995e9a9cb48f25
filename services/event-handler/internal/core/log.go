// Package core holds the steps of the event-handler that know neither a node
// nor a server: how units become messages of a subject, how the messages are
// chained to each other, and how a new instance goes on where the last one stopped.
//
// The subject is the only memory. Each message says where to go on after it
// (Resume), so a crash at any point loses nothing: what was published counts,
// what was not is fetched again.
package core

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	chainv1 "fondaco.dev/proto/chain/v1"
)

// ErrFenced says that somebody else published to the subject: what this
// instance believes about the tail is old, and it must read it again.
var ErrFenced = errors.New("another instance published to the subject")

// Message is one stored message of the subject.
type Message struct {
	Seq  uint64 // stream sequence, from 1
	Data []byte // a serialized chainv1.Pack
}

// Log is one subject of the CHAIN stream.
type Log interface {
	// Last returns the subject's newest message, nil when it is empty.
	Last(ctx context.Context) (*Message, error)
	// Get returns the message with stream sequence seq, nil when it is gone.
	Get(ctx context.Context, seq uint64) (*Message, error)
	// Next returns the subject's oldest message at or after stream sequence
	// seq, nil when there is none.
	Next(ctx context.Context, seq uint64) (*Message, error)
	// Publish appends data if the subject's newest message still has the sequence
	// expected (0: the subject is empty) and this digest, and returns its sequence;
	// ErrFenced otherwise. When it returns nil the message is durable, when it returns
	// ErrFenced it was not and will not be stored. It retries all else.
	Publish(ctx context.Context, expected uint64, digest, data []byte) (uint64, error)
}

// Tail is the end of a subject: what the next message is chained to.
type Tail struct {
	Seq    uint64 // 0: the subject is empty
	Digest []byte // SHA-256 of the message's data; nil when empty
	// Resume of the message; nil when the subject is empty.
	Resume *chainv1.Resume
}

// Open reads the tail of the subject. When it ends in a block whose parts were
// not all published, it publishes Abandon, so that the block is cut anew.
func Open(ctx context.Context, log Log) (Tail, error) {
	m, err := log.Last(ctx)
	if err != nil {
		return Tail{}, fmt.Errorf("reading the subject's last message: %w", err)
	}
	if m == nil {
		return Tail{}, nil
	}
	pack, err := Decode(m)
	if err != nil {
		return Tail{}, err
	}
	tail := Tail{Seq: m.Seq, Digest: Digest(m.Data), Resume: pack.GetResume()}
	if tail.Resume == nil {
		tail.Resume = &chainv1.Resume{}
	}
	hash, open := openBlock(pack)
	if !open {
		return tail, nil
	}
	// The parts carry the resume of the message before them, and so does this.
	unit := &chainv1.Unit{Kind: &chainv1.Unit_Abandon{Abandon: &chainv1.Abandon{Hash: hash}}}
	abandon, err := field(unit)
	if err != nil {
		return Tail{}, fmt.Errorf("serializing Abandon: %w", err)
	}
	return publish(ctx, log, tail, tail.Resume, [][]byte{abandon})
}

// openBlock returns the hash of the block that the message leaves open.
func openBlock(p *chainv1.Pack) (hash []byte, open bool) {
	if len(p.GetUnits()) == 0 {
		return nil, false
	}
	part := p.GetUnits()[len(p.GetUnits())-1].GetPart()
	if part == nil || part.GetI() >= part.GetN() {
		return nil, false
	}
	return part.GetHash(), true
}

// WalkBack hands the subject's packs to visit, from the message at seq to older
// ones, until visit returns false, the first message was visited, or one is
// gone from the stream.
func WalkBack(ctx context.Context, log Log, seq uint64, visit func(seq uint64, p *chainv1.Pack, size int) bool) error {
	for seq > 0 {
		m, err := log.Get(ctx, seq)
		if err != nil {
			return fmt.Errorf("reading message %d: %w", seq, err)
		}
		if m == nil {
			return nil
		}
		p, err := Decode(m)
		if err != nil {
			return err
		}
		if !visit(seq, p, len(m.Data)) {
			return nil
		}
		if p.GetPrevSeq() >= seq {
			return fmt.Errorf("message %d of the subject names %d as the one before it", seq, p.GetPrevSeq())
		}
		seq = p.GetPrevSeq()
	}
	return nil
}

// Decode reads a message's pack.
func Decode(m *Message) (*chainv1.Pack, error) {
	p := new(chainv1.Pack)
	if err := proto.Unmarshal(m.Data, p); err != nil {
		return nil, fmt.Errorf("message %d of the subject is not a chain.v1.Pack: %w", m.Seq, err)
	}
	return p, nil
}

// Digest is what the next message carries as prev_digest.
func Digest(data []byte) []byte {
	d := sha256.Sum256(data)
	return d[:]
}

// packUnits is the number of Pack.units in chain.proto.
const packUnits = 4

// publish appends one message behind tail and returns the new tail. units are
// serialized with their tags; what of the message depends on the one before it is
// put in front of them.
func publish(ctx context.Context, log Log, tail Tail, resume *chainv1.Resume, units [][]byte) (Tail, error) {
	size := 0
	for _, u := range units {
		size += len(u)
	}
	head := &chainv1.Pack{PrevSeq: tail.Seq, PrevDigest: tail.Digest, Resume: resume}
	data, err := proto.MarshalOptions{}.MarshalAppend(make([]byte, 0, proto.Size(head)+size), head)
	if err != nil {
		return tail, fmt.Errorf("serializing a pack of %d units: %w", len(units), err)
	}
	for _, u := range units {
		data = append(data, u...)
	}
	if len(data) > chainv1.MaxMessage {
		panic(fmt.Sprintf("pack of %d units has %d bytes, above the limit of %d", len(units), len(data), chainv1.MaxMessage))
	}
	seq, err := log.Publish(ctx, tail.Seq, tail.Digest, data)
	if err != nil {
		return tail, fmt.Errorf("publishing behind message %d: %w", tail.Seq, err)
	}
	return Tail{Seq: seq, Digest: Digest(data), Resume: resume}, nil
}
