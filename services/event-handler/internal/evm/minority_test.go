package evm_test

import (
	"context"
	"testing"
	"time"

	"fondaco.dev/services/event-handler/internal/fakenode"
	"fondaco.dev/services/event-handler/internal/memlog"
)

// TestMinorityIsLeft: the endpoint that is followed stays on a branch, and says
// nothing wrong; the others have left it together, below finality. The second
// reading of final heights meets them, and most of the endpoints decide.
func TestMinorityIsLeft(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1, 1)
	grow(c, 60)
	c.Finalize(50)
	first := copyOf(c, 50)
	log := &memlog.Log{}
	s, _ := runSource(t, log, 1, fakenode.NewServer(first), fakenode.NewServer(c), fakenode.NewServer(c))
	published(t, log, s, c)
	c.Fork(30)
	grow(c, 40)
	c.Finalize(60)
	grow(first, 15)
	first.Finalize(60)
	published(t, log, s, c)
	stored(t, log, c, 1)
}

// TestDisputeThatIsDecidedEnds: the steps and the second reading may find the same
// reorganisation below finality. Who comes second asks about a block that is not
// ours any more, and must not wait for anybody to agree with it.
func TestDisputeThatIsDecidedEnds(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1, 1)
	grow(c, 60)
	c.Finalize(50)
	log := &memlog.Log{}
	s, _ := runSource(t, log, 1, fakenode.NewServer(c), fakenode.NewServer(c))
	published(t, log, s, c)
	left := c.At(45)
	c.Fork(30)
	grow(c, 40)
	c.Finalize(60)
	published(t, log, s, c)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := s.Dispute(ctx, 45, left.Hash); err != nil {
		t.Fatal(err)
	}
	stored(t, log, c, 1)
}
