package snapshot

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"fondaco.dev/pkg/bustest"
	"fondaco.dev/proto/topology"
)

func TestStore(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	bustest.Provision(t, srv, nil, topology.Buckets(), topology.Objects())
	js := srv.Bus(t).JetStream()
	ctx := t.Context()
	s, other := New(js, "main", ""), New(js, "main2", "")
	if refs, err := s.List(ctx); err != nil || len(refs) != 0 {
		t.Fatalf("%v %v", refs, err)
	}
	if _, err := other.Save(ctx, 1, []byte("another venue's")); err != nil {
		t.Fatal(err)
	}
	objects, err := js.ObjectStore(ctx, topology.ObjectSnapshots)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"main.12", "main.00000000000000000012.zz", "README"} {
		if _, err := objects.Put(ctx, jetstream.ObjectMeta{Name: name}, bytes.NewReader([]byte("x"))); err != nil {
			t.Fatal(err)
		}
	}
	large := bytes.Repeat([]byte("0123456789"), 1<<20) // more than one chunk
	for _, seq := range []uint64{9, 11, 10, 100, 100} {
		if _, err := s.Save(ctx, seq, append(large, fmt.Sprint(seq)...)); err != nil {
			t.Fatal(err)
		}
	}
	refs, err := s.List(ctx)
	if err != nil || len(refs) != Keep || refs[0].InSeq != 100 || refs[1].InSeq != 11 || refs[2].InSeq != 10 {
		t.Fatalf("%v %v", refs, err)
	}
	data, err := s.Load(ctx, refs[1])
	if err != nil || !bytes.Equal(data, append(large, "11"...)) {
		t.Fatalf("%d bytes, %v", len(data), err)
	}
	if refs, err := other.List(ctx); err != nil || len(refs) != 1 {
		t.Fatalf("the other venue has %v, %v", refs, err)
	}
}

func sum(text string) [sha256.Size]byte { return sha256.Sum256([]byte(text)) }
