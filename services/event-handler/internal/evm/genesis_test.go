package evm_test

import (
	"strings"
	"testing"

	"fondaco.dev/proto/topology"
	"fondaco.dev/services/event-handler/internal/evm"
	"fondaco.dev/services/event-handler/internal/fakenode"
	"fondaco.dev/services/event-handler/internal/memlog"
)

// TestEmptySubjectIsNotBoundWhileEndpointsDiffer: nothing is published yet, so a
// wrong endpoint that comes first, or two of three, would decide for good which
// chain the name stands for.
func TestEmptySubjectIsNotBoundWhileEndpointsDiffer(t *testing.T) {
	t.Parallel()
	right, wrong := fakenode.NewChain(1, 1), fakenode.NewChain(1, 2)
	grow(right, 10)
	grow(wrong, 50)
	log := &memlog.Log{}
	first, second := fakenode.NewServer(wrong), fakenode.NewServer(wrong)
	s, w := runSource(t, log, 1, first, second, fakenode.NewServer(right))
	eventually(t, "the endpoints and their genesis are named", func() bool {
		says := w.says()
		for _, ep := range s.Endpoints {
			if !strings.Contains(says, ep.Name+" has genesis ") {
				return false
			}
		}
		return strings.Contains(says, right.At(0).Hash.Hex()) && strings.Contains(says, wrong.At(0).Hash.Hex())
	})
	if p, _ := log.Packs(); len(p) > 0 {
		t.Fatal("something was published")
	}
	setFault(first, down) // the operator takes the wrong ones away
	setFault(second, down)
	published(t, log, s, right)
	setFault(first, nil)
	setFault(second, nil)
	eventually(t, "the wrong ones are known as such", func() bool {
		st := s.Status()
		return st[0].State == topology.EndpointWrongChain && st[1].State == topology.EndpointWrongChain
	})
	stored(t, log, right, 0)
}

// TestEndpointThatIsDownDoesNotHoldUpTheStart: those that answer agree.
func TestEndpointThatIsDownDoesNotHoldUpTheStart(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1, 1)
	grow(c, 10)
	log := &memlog.Log{}
	broken, other := fakenode.NewServer(c), fakenode.NewServer(fakenode.NewChain(7, 3))
	setFault(broken, down)
	s, _ := runSource(t, log, 1, broken, other, fakenode.NewServer(c))
	published(t, log, s, c)
	stored(t, log, c, 0)
}

// TestOnceRefusesEndpointsThatDiffer on an empty subject.
func TestOnceRefusesEndpointsThatDiffer(t *testing.T) {
	t.Parallel()
	right, wrong := fakenode.NewChain(1, 1), fakenode.NewChain(1, 2)
	grow(right, 10)
	grow(wrong, 10)
	r := newRig(t, right, settings(0, usdTransfers...))
	r.follower.Bind([32]byte{})
	s := &evm.Source{Follower: r.follower, ChainID: 1, Endpoints: []evm.Endpoint{
		{Name: "a", Node: r.node}, {Name: "b", Node: nodeOf(t, fakenode.NewServer(wrong))},
	}}
	_, err := s.Once(t.Context(), evm.Range{From: 0, To: 5})
	if err == nil || !strings.Contains(err.Error(), "a has genesis "+right.At(0).Hash.Hex()) || !strings.Contains(err.Error(), "b has genesis "+wrong.At(0).Hash.Hex()) {
		t.Errorf("got %v", err)
	}
}
