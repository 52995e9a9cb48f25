package eventhandler_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/core/types"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/zlog"
	chainv1 "fondaco.dev/proto/chain/v1"
	eventhandler "fondaco.dev/services/event-handler"
	"fondaco.dev/services/event-handler/internal/fakenode"
	"fondaco.dev/services/event-handler/internal/once"
)

// once makes a one-shot run, and returns what it prints.
func (h *house) once(o once.Options) (string, error) {
	h.t.Helper()
	var out bytes.Buffer
	o.Out = &out
	if o.Wait == 0 {
		o.Wait = 20 * time.Second
	}
	cfg := eventhandler.Config{File: h.file, Bus: bus.Config{URL: h.srv.URL, Name: "event-handler"}, Once: &o}
	ctx, cancel := context.WithTimeout(h.t.Context(), 90*time.Second)
	defer cancel()
	err := eventhandler.Run(ctx, cfg, zlog.Nop())
	return out.String(), err
}

// TestOnce publishes a range on an empty subject, repairs it, and serves on.
func TestOnce(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1337, 1)
	grow(c, 90)
	c.Finalize(80)
	holed, whole := fakenode.NewServer(c), fakenode.NewServer(c)
	holed.Hide = func(l *types.Log) bool { return l.BlockNumber == 45 && l.Index == 0 }
	h := newHouse(t, evmNetwork(serve(t, holed), serve(t, whole)))
	out, err := h.once(once.Options{Network: "dev", From: 0, To: 60})
	if err != nil || !strings.Contains(out, "0 compared (0 logs), 0 differed, 0 repaired, 61 published") {
		t.Fatalf("%q, %v", out, err)
	}
	if m := h.applied(h.file.Networks[0].Subject()); m.Head != 60 {
		t.Fatalf("head %d", m.Head)
	}
	out, err = h.once(once.Options{Network: "dev", From: 30, To: 60, Contract: "usd", StoreOnly: true})
	if err != nil || !strings.Contains(out, "31 compared") || !strings.Contains(out, "1 differed, 1 repaired, 0 published") {
		t.Fatalf("%q, %v", out, err)
	}
	last, err := h.bus.Last(t.Context(), chainv1.Stream, h.file.Networks[0].Subject())
	if err != nil || last.Header.Get(bus.HeaderQuiet) != "1" {
		t.Errorf("the repair is not quiet: %v, %v", last.Header, err)
	}
	h.start()
	eventually(t, "caught up", h.reached(c))
	if m := h.matches(c); m.Repairs != 1 {
		t.Errorf("%d repairs", m.Repairs)
	}
	// The instance that serves holds the lease: that is told at once, and what of the
	// range is there.
	eventually(t, "it is checked", func() bool { l := h.endpointsOf("dev").SecondLook; return l != nil && l.CheckedTo == 80 })
	for to, want := range map[uint64]string{
		90: "covers the whole range already, since its head is 90, and that instance reads final heights a second time by itself: up to 80 so far",
		91: "the subject's head is 90, and that instance publishes what lies above it by itself",
	} {
		began := time.Now()
		_, err = h.once(once.Options{Network: "dev", From: 0, To: to, Wait: time.Millisecond})
		if err == nil || !strings.Contains(err.Error(), "another instance publishes network dev") || !strings.Contains(err.Error(), want) ||
			!strings.Contains(err.Error(), "stop that event-handler") || !strings.Contains(err.Error(), "--wait") {
			t.Errorf("while another instance serves: %v", err)
		}
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("told after %v", took)
		}
	}
}

func TestOnceRefusesByName(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1337, 1)
	grow(c, 20)
	h := newHouse(t, evmNetwork(serve(t, fakenode.NewServer(c)))+"  - {name: cspr, kind: casper, sse: [\"http://127.0.0.1:1\"]}\n")
	for want, o := range map[string]once.Options{
		`no network "main", only ["dev" "cspr"]`: {Network: "main", To: 1},
		"network cspr is of kind casper":         {Network: "cspr", To: 1},
		`has no contract "wine", only ["usd"]`:   {Network: "dev", To: 1, Contract: "wine"},
		"the first range begins at block 0":      {Network: "dev", From: 2, To: 3},
	} {
		if _, err := h.once(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if m := h.messages(h.file.Networks[0].Subject()); len(m) > 0 {
		t.Error("something was published")
	}
}

// TestStartIsFound: without a start_block the contract's first block is asked
// for; the subject remembers it when no node does any more.
func TestStartIsFound(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1337, 1)
	grow(c, 400)
	c.Finalize(380)
	node := fakenode.NewServer(c)
	node.PrunedBelow = 300
	h := newHouse(t, strings.Replace(evmNetwork(serve(t, node)), "start_block: 0, ", "", 1))
	s := h.start()
	eventually(t, "the pruned node is named", func() bool {
		return s.says("contract usd has no start_block")() && s.says("set start_block")()
	})
	if m := h.messages(h.file.Networks[0].Subject()); len(m) > 0 {
		t.Error("something was published")
	}
	node.Lock()
	node.PrunedBelow = 0
	node.Unlock()
	eventually(t, "the missing code is named", s.says("has no code in the newest block"))
	node.Lock()
	node.Code = fakenode.Code{usd: 123}
	node.Unlock()
	eventually(t, "caught up", h.reached(c))
	if m := h.messages(h.file.Networks[0].Subject()); len(m) == 0 {
		t.Fatal("nothing was published")
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	node.Lock()
	node.PrunedBelow, node.Code = 400, nil
	node.Unlock()
	grow(c, 10)
	h.start()
	eventually(t, "caught up after the state was pruned", h.reached(c))
	m := h.applied(h.file.Networks[0].Subject())
	if len(m.Blocks) == 0 || m.Blocks[122] != nil || m.Blocks[123] == nil {
		t.Errorf("blocks 122 and 123: %v, %v", m.Blocks[122] != nil, m.Blocks[123] != nil)
	}
}
