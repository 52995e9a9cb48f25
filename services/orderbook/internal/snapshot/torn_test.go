package snapshot

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"fondaco.dev/pkg/bustest"
	"fondaco.dev/proto/topology"
)

// place is a store with a folder, and the server behind it.
type place struct {
	*Store
	t   *testing.T
	js  jetstream.JetStream
	dir string
}

func newPlace(t *testing.T) *place {
	t.Helper()
	srv := bustest.Start(t)
	bustest.Provision(t, srv, nil, topology.Buckets(), topology.Objects())
	js, dir := srv.Bus(t).JetStream(), filepath.Join(t.TempDir(), "snapshots")
	return &place{New(js, "main", dir), t, js, dir}
}

func (p *place) save(seq uint64, text string) Ref {
	p.t.Helper()
	r, err := p.Save(p.t.Context(), seq, []byte(text))
	if err != nil {
		p.t.Fatal(err)
	}
	return r
}

// newest is the first listed snapshot that loads, and what it holds.
func (p *place) newest() (Ref, string) {
	p.t.Helper()
	refs, err := p.List(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	for _, r := range refs {
		if data, err := p.Load(p.t.Context(), r); err == nil {
			return r, string(data)
		}
	}
	p.t.Fatalf("none of %v loads", refs)
	return Ref{}, ""
}

func (p *place) want(text string) {
	p.t.Helper()
	if r, got := p.newest(); got != text {
		p.t.Fatalf("%s holds %q, want %q", r.Name, got, text)
	}
}

func (p *place) write(name, text string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// TestTornFile is a crash at each step of writing a file: while it is written,
// before its bytes reached the disk, after the file and before the object.
func TestTornFile(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.save(1, "first")
	next := Ref{InSeq: 2, Hash: sum("second")}
	name := p.name(2, next.Hash)
	p.write(name+".17"+partial, "sec")
	p.want("first")
	p.write(name, "sec") // renamed, and the power went before the bytes were there
	p.want("first")
	p.write(name, "second")
	p.want("second")
	p.save(2, "second") // the object is made up for
	if err := os.RemoveAll(p.dir); err != nil {
		t.Fatal(err)
	}
	p.want("second")
}

// TestTornObject is a crash at each step of storing an object: chunks without
// their end, and an end whose chunks are gone.
func TestTornObject(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.files = files{}
	p.save(1, "first")
	chunk := "$O." + topology.ObjectSnapshots + ".C."
	if _, err := p.js.Publish(t.Context(), chunk+"torn", []byte("sec")); err != nil {
		t.Fatal(err)
	}
	p.want("first")
	second := p.save(2, "second")
	b, err := objects{p.js}.bucket(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	info, err := b.GetInfo(t.Context(), second.Name)
	if err != nil {
		t.Fatal(err)
	}
	s, err := p.js.Stream(t.Context(), "OBJ_"+topology.ObjectSnapshots)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Purge(t.Context(), jetstream.WithPurgeSubject(chunk+info.NUID)); err != nil {
		t.Fatal(err)
	}
	p.want("first")
}

// TestDamagedFile: the object is read instead.
func TestDamagedFile(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	r := p.save(1, "first")
	p.want("first")
	p.write(r.Name, "fIrst")
	p.want("first")
	if got, err := p.files.load(r.Name); err != nil || string(got) != "fIrst" {
		t.Fatal("the test damages nothing")
	}
}

// TestVerifiedStays: the one that lets streams be trimmed outlives younger ones.
func TestVerifiedStays(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	r := p.save(1, "first")
	if err := p.Verify(t.Context(), r, 77); err != nil {
		t.Fatal(err)
	}
	for seq := range uint64(6) {
		p.save(2+seq, "more")
	}
	refs, err := p.List(t.Context())
	if err != nil || len(refs) != Keep+1 {
		t.Fatalf("%d snapshots, %v", len(refs), err)
	}
	if last := refs[Keep]; !last.Verified || last.TradesSeq != 77 || last.InSeq != 1 {
		t.Fatalf("%+v", last)
	}
	if data, err := p.Load(t.Context(), refs[Keep]); err != nil || !bytes.Equal(data, []byte("first")) {
		t.Fatalf("%q %v", data, err)
	}
}

// TestSweep removes a file that a crash left an hour ago, and only that.
func TestSweep(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.save(1, "first")
	old, young := p.name(2, sum("x"))+".1"+partial, p.name(3, sum("y"))+".2"+partial
	p.write(old, "x")
	p.write(young, "y")
	hourAgo := time.Now().Add(-2 * time.Hour)
	if err := os.Chtimes(filepath.Join(p.dir, old), hourAgo, hourAgo); err != nil {
		t.Fatal(err)
	}
	p.save(4, "fourth")
	if _, err := os.Stat(filepath.Join(p.dir, old)); !os.IsNotExist(err) {
		t.Error("the old one is still there")
	}
	if _, err := os.Stat(filepath.Join(p.dir, young)); err != nil {
		t.Error(err)
	}
}
