package evm_test

import (
	"testing"

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
