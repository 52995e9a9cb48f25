// Package snapshot keeps the order book's snapshots in the bus's object store.
//
// There is no pointer to the newest one that could be torn: a snapshot's name
// says what it holds, the listing is the pointer. An object is listed only once
// all its chunks are stored.
//
//	<venue>.<last input sequence, 20 digits>.<SHA-256 of the bytes, 64 hex>
package snapshot

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"fondaco.dev/proto/topology"
)

// Keep is the number of snapshots that stay.
const Keep = 3

// chunkSize: small chunks cost a publish each, large ones hold up the bus.
const chunkSize = 4 << 20

// maxSize bounds what is read into memory.
const maxSize = 4 << 30

// Store holds the snapshots of one venue.
type Store struct {
	js    jetstream.JetStream
	venue string
}

// New returns the store of a venue.
func New(js jetstream.JetStream, venue string) *Store { return &Store{js, venue} }

// Ref names one stored snapshot.
type Ref struct {
	Name  string
	InSeq uint64 // ORDERS sequence of the last pack in it
	Hash  [sha256.Size]byte
	Size  uint64 // bytes
}

func (s *Store) bucket(ctx context.Context) (jetstream.ObjectStore, error) {
	o, err := s.js.ObjectStore(ctx, topology.ObjectSnapshots)
	if err != nil {
		return nil, fmt.Errorf("opening object store %s: %w", topology.ObjectSnapshots, err)
	}
	return o, nil
}

// List returns the venue's snapshots, newest first. Objects of other names are
// left alone.
func (s *Store) List(ctx context.Context) ([]Ref, error) {
	o, err := s.bucket(ctx)
	if err != nil {
		return nil, err
	}
	infos, err := o.List(ctx)
	if err != nil && !errors.Is(err, jetstream.ErrNoObjectsFound) {
		return nil, fmt.Errorf("listing snapshots: %w", err)
	}
	var refs []Ref
	for _, info := range infos {
		if r, ok := s.parse(info.Name); ok {
			r.Size = info.Size
			refs = append(refs, r)
		}
	}
	slices.SortFunc(refs, func(a, b Ref) int {
		if a.InSeq != b.InSeq {
			if a.InSeq > b.InSeq {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Name, b.Name)
	})
	return refs, nil
}

func (s *Store) parse(name string) (Ref, bool) {
	rest, ok := strings.CutPrefix(name, s.venue+".")
	seq, hash, ok2 := strings.Cut(rest, ".")
	if !ok || !ok2 || len(seq) != 20 {
		return Ref{}, false
	}
	r := Ref{Name: name}
	var err error
	if r.InSeq, err = strconv.ParseUint(seq, 10, 64); err != nil {
		return Ref{}, false
	}
	sum, err := hex.DecodeString(hash)
	if err != nil || copy(r.Hash[:], sum) != len(r.Hash) || len(sum) != len(r.Hash) {
		return Ref{}, false
	}
	return r, true
}

// Load reads a snapshot and checks its bytes against its name.
func (s *Store) Load(ctx context.Context, r Ref) ([]byte, error) {
	o, err := s.bucket(ctx)
	if err != nil {
		return nil, err
	}
	res, err := o.Get(ctx, r.Name)
	if err != nil {
		return nil, fmt.Errorf("reading snapshot %s: %w", r.Name, err)
	}
	defer res.Close()
	var buf bytes.Buffer
	buf.Grow(int(min(r.Size, maxSize)))
	if _, err := io.Copy(&buf, io.LimitReader(res, maxSize)); err != nil {
		return nil, fmt.Errorf("reading snapshot %s: %w", r.Name, err)
	}
	if sha256.Sum256(buf.Bytes()) != r.Hash {
		return nil, fmt.Errorf("reading snapshot %s: its bytes do not match its name", r.Name)
	}
	return buf.Bytes(), nil
}

// Save stores a snapshot, reads it back, and then removes all but the newest
// Keep. The same snapshot again changes nothing.
func (s *Store) Save(ctx context.Context, inSeq uint64, data []byte) (Ref, error) {
	o, err := s.bucket(ctx)
	if err != nil {
		return Ref{}, err
	}
	r := Ref{InSeq: inSeq, Hash: sha256.Sum256(data), Size: uint64(len(data))}
	r.Name = fmt.Sprintf("%s.%020d.%x", s.venue, inSeq, r.Hash)
	meta := jetstream.ObjectMeta{Name: r.Name, Opts: &jetstream.ObjectMetaOptions{ChunkSize: chunkSize}}
	if _, err := o.Put(ctx, meta, bytes.NewReader(data)); err != nil {
		return Ref{}, fmt.Errorf("storing snapshot %s: %w", r.Name, err)
	}
	if _, err := s.Load(ctx, r); err != nil {
		return Ref{}, fmt.Errorf("verifying a stored snapshot: %w", err)
	}
	refs, err := s.List(ctx)
	if err != nil {
		return r, err
	}
	for i, old := range refs {
		if i < Keep {
			continue
		}
		if err := o.Delete(ctx, old.Name); err != nil {
			return r, fmt.Errorf("removing snapshot %s: %w", old.Name, err)
		}
	}
	return r, nil
}
