// Package snapshot keeps the order book's snapshots in the bus's object store
// and, if a folder is given, beside it on the local disk, from where a restart
// reads them faster.
//
// There is no pointer to the newest one that could be torn: a snapshot's name
// says what it holds, the listing is the pointer. An object is listed only once
// all its chunks are stored, a file only once it is whole on the disk.
//
//	<venue>.<last input sequence, 20 digits>.<SHA-256 of the bytes, 64 hex>
//
// A snapshot that a second engine has confirmed carries that as metadata of its
// object; only such a one lets the streams be trimmed.
package snapshot

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// Keep is the number of snapshots that stay.
const Keep = 3

// maxSize bounds what is read into memory.
const maxSize = 16 << 30

// Store holds the snapshots of one venue.
type Store struct {
	objects Objects
	files   files
	venue   string
}

// New returns the store of a venue. dir is the folder of the local copies,
// which is made when missing; "" = none.
func New(js jetstream.JetStream, venue, dir string) *Store {
	return &Store{objects: objects{js}, files: files{dir}, venue: venue}
}

// Over returns a store without local copies over objects of another making.
func Over(o Objects, venue string) *Store { return &Store{objects: o, venue: venue} }

// Objects is the bucket of snapshots: the bus's, or a model of it.
type Objects interface {
	List(ctx context.Context) ([]Object, error)
	Load(ctx context.Context, name string, size uint64) ([]byte, error)
	Save(ctx context.Context, name string, data []byte) error
	// Verify notes where in TRADES the snapshot's events end.
	Verify(ctx context.Context, name string, tradesSeq uint64) error
	Remove(ctx context.Context, name string) error
}

// Object is a listed one.
type Object struct {
	Name      string
	Size      uint64 // bytes
	TradesSeq uint64 // 0 = not verified
}

// Ref names one stored snapshot.
type Ref struct {
	Name  string
	InSeq uint64 // ORDERS sequence of the last pack in it
	Hash  [sha256.Size]byte
	Size  uint64 // bytes
	// Verified: a second engine came to the same state from the snapshot before.
	Verified bool
	// TradesSeq is the TRADES sequence of the message that ends with InSeq; 0
	// unless verified.
	TradesSeq uint64

	local, object bool
}

// List returns the venue's snapshots, newest first. Objects and files of other
// names are left alone. A folder that cannot be read counts as empty when the
// object store answers.
func (s *Store) List(ctx context.Context) ([]Ref, error) {
	objects, err := s.objects.List(ctx)
	if err != nil {
		return nil, err
	}
	var refs []Ref
	for _, o := range objects {
		if r, ok := s.parse(o.Name); ok {
			r.Size, r.object = o.Size, true
			r.Verified, r.TradesSeq = o.TradesSeq > 0, o.TradesSeq
			refs = append(refs, r)
		}
	}
	for _, f := range s.files.list() {
		r, ok := s.parse(f.name)
		if !ok {
			continue
		}
		if i := slices.IndexFunc(refs, func(o Ref) bool { return o.Name == f.name }); i >= 0 {
			refs[i].local = true
			continue
		}
		r.Size, r.local = f.size, true
		refs = append(refs, r)
	}
	slices.SortFunc(refs, func(a, b Ref) int {
		return cmp.Or(cmp.Compare(b.InSeq, a.InSeq), strings.Compare(a.Name, b.Name))
	})
	return refs, nil
}

func (s *Store) name(inSeq uint64, hash [sha256.Size]byte) string {
	return fmt.Sprintf("%s.%020d.%x", s.venue, inSeq, hash)
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
	if err != nil || len(sum) != len(r.Hash) {
		return Ref{}, false
	}
	copy(r.Hash[:], sum)
	return r, true
}

// Load reads a snapshot and checks its bytes against its name: the local copy,
// or the object when that is missing or damaged.
func (s *Store) Load(ctx context.Context, r Ref) ([]byte, error) {
	var local error
	if r.local {
		data, err := s.files.load(r.Name)
		if err == nil && sha256.Sum256(data) == r.Hash {
			return data, nil
		}
		local = fmt.Errorf("reading the file of snapshot %s: %w", r.Name, cmp.Or(err, errDamaged))
	}
	if !r.object {
		return nil, local
	}
	data, err := s.objects.Load(ctx, r.Name, r.Size)
	if err == nil && sha256.Sum256(data) != r.Hash {
		err = errDamaged
	}
	if err != nil {
		return nil, errors.Join(local, fmt.Errorf("reading snapshot %s: %w", r.Name, err))
	}
	return data, nil
}

var errDamaged = errors.New("its bytes do not match its name")

// Save stores a snapshot, reads it back, and then removes the oldest beyond
// Keep; the newest verified one always stays. The same snapshot again changes
// nothing. The state's events must be durable before.
func (s *Store) Save(ctx context.Context, inSeq uint64, data []byte) (Ref, error) {
	r := Ref{InSeq: inSeq, Hash: sha256.Sum256(data), Size: uint64(len(data)), object: true}
	r.Name = s.name(inSeq, r.Hash)
	refs, err := s.List(ctx)
	if err != nil {
		return Ref{}, err
	}
	if i := slices.IndexFunc(refs, func(o Ref) bool { return o.Name == r.Name && o.object }); i >= 0 {
		return refs[i], nil
	}
	local := s.files.save(r.Name, data)
	r.local = s.files.dir != "" && local == nil
	if err := s.objects.Save(ctx, r.Name, data); err != nil {
		return Ref{}, errors.Join(local, err)
	}
	stored, err := s.objects.Load(ctx, r.Name, r.Size)
	if err == nil && sha256.Sum256(stored) != r.Hash {
		err = errDamaged
	}
	if err != nil {
		return Ref{}, errors.Join(local, fmt.Errorf("reading snapshot %s back: %w", r.Name, err))
	}
	return r, errors.Join(local, s.prune(ctx, append(refs, r)))
}

// Verify notes that a second engine confirmed the snapshot, and where its
// events end in TRADES.
func (s *Store) Verify(ctx context.Context, r Ref, tradesSeq uint64) error {
	return s.objects.Verify(ctx, r.Name, tradesSeq)
}

// Clear removes every snapshot of the venue: none leads to what its streams hold
// from now on.
func (s *Store) Clear(ctx context.Context) error {
	refs, err := s.List(ctx)
	if err != nil {
		return err
	}
	return s.remove(ctx, refs)
}

func (s *Store) remove(ctx context.Context, refs []Ref) error {
	var errs []error
	for _, r := range refs {
		if r.object {
			errs = append(errs, s.objects.Remove(ctx, r.Name))
		}
		if r.local {
			errs = append(errs, s.files.remove(r.Name))
		}
	}
	return errors.Join(errs...)
}

// prune removes all but the newest Keep.
func (s *Store) prune(ctx context.Context, refs []Ref) error {
	slices.SortFunc(refs, func(a, b Ref) int { return cmp.Compare(b.InSeq, a.InSeq) })
	confirmed := slices.IndexFunc(refs, func(r Ref) bool { return r.Verified })
	var old []Ref
	for i, r := range refs {
		if i >= Keep && i != confirmed {
			old = append(old, r)
		}
	}
	return errors.Join(s.remove(ctx, old), s.files.sweep(s.venue+"."))
}
