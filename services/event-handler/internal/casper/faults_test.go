package casper_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"fondaco.dev/services/event-handler/internal/casper"
	"fondaco.dev/services/event-handler/internal/core"
	"fondaco.dev/services/event-handler/internal/fakecasper"
	"fondaco.dev/services/event-handler/internal/memlog"
)

// tell adds block h with its deploy's outcome and two signatures, in an order of
// the node's own when r is not nil.
func tell(n *fakecasper.Node, h uint64, r *rand.Rand) {
	block := fakecasper.BlockHash("a", h)
	events := []string{
		fakecasper.Signature(block, 1), fakecasper.DeployProcessed(deployHash(h), block),
		fakecasper.BlockAdded("a", h, deployHash(h)), fakecasper.Signature(block, 2),
	}
	if r != nil {
		r.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
	}
	for _, e := range events {
		n.Add(e)
	}
}

// complete says whether the blocks lo..hi are stored with all that belongs to them.
func complete(t *testing.T, log *memlog.Log, lo, hi uint64) func() bool {
	return func() bool {
		have := facts(t, log)
		for h := lo; h <= hi; h++ {
			block := fakecasper.BlockHash("a", h)
			if have["BlockAdded "+block] == nil || have["DeployProcessed "+deployHash(h)] == nil ||
				have[fmt.Sprintf("FinalitySignature %s:01%062x", block, 1)] == nil || have[fmt.Sprintf("FinalitySignature %s:01%062x", block, 2)] == nil {
				return false
			}
		}
		return true
	}
}

// TestFaultTable: whatever a node does, all of blocks 0..19 is stored, once.
func TestFaultTable(t *testing.T) {
	t.Parallel()
	drop := func(kind string) func(n *fakecasper.Node, h uint64) {
		return func(n *fakecasper.Node, h uint64) {
			block := fakecasper.BlockHash("a", h)
			for _, e := range []string{fakecasper.DeployProcessed(deployHash(h), block), fakecasper.BlockAdded("a", h, deployHash(h)),
				fakecasper.Signature(block, 1), fakecasper.Signature(block, 2)} {
				if h%3 != 1 || !strings.HasPrefix(e, `{"`+kind) && (kind != "Block" || strings.HasPrefix(e, `{"Deploy`)) {
					n.Add(e)
				}
			}
		}
	}
	for name, c := range map[string]struct {
		rpc  bool
		tell func(n *fakecasper.Node, h uint64) // default: all of the block
		at   map[uint64]func(n *fakecasper.Node)
	}{
		"ids-go-back": {at: map[uint64]func(n *fakecasper.Node){7: func(n *fakecasper.Node) { n.Crash(0, "1.5.6") }}},
		"api-version-changes-at-restart": {at: map[uint64]func(n *fakecasper.Node){
			7: func(n *fakecasper.Node) { n.Crash(0, "1.5.8") }, 12: func(n *fakecasper.Node) { n.Crash(5000, "2.0.0") }}},
		"shutdown": {at: map[uint64]func(n *fakecasper.Node){7: func(n *fakecasper.Node) { n.Add(`"Shutdown"`); n.Disconnect() }}},
		"lag-disconnect": {rpc: true, at: map[uint64]func(n *fakecasper.Node){
			5: func(n *fakecasper.Node) { n.Disconnect() }, 9: func(n *fakecasper.Node) { n.Disconnect(); n.Forget(2) }}},
		"status-503": {at: map[uint64]func(n *fakecasper.Node){
			5: func(n *fakecasper.Node) {
				refused := 0
				n.Fault(func(w http.ResponseWriter, _ *http.Request) bool {
					if refused++; refused > 3 {
						return false
					}
					w.WriteHeader(http.StatusServiceUnavailable)
					return true
				})
				n.Disconnect()
			}}},
		"buffer-overrun": {rpc: true, at: map[uint64]func(n *fakecasper.Node){
			6: func(n *fakecasper.Node) {
				n.Fault(func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(http.StatusBadGateway); return true })
				n.Disconnect()
			},
			16: func(n *fakecasper.Node) { n.Forget(3); n.Fault(nil) }}},
		"chunks":        {at: map[uint64]func(n *fakecasper.Node){0: func(n *fakecasper.Node) { n.Chunk = 7 }}},
		"outcomes-lost": {rpc: true, tell: drop("DeployProcessed")},
		"blocks-lost":   {rpc: true, tell: drop("Block")},
		"joining":       {rpc: true, at: map[uint64]func(n *fakecasper.Node){0: func(n *fakecasper.Node) { n.Joining = true }}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := fakecasper.New(false, "1.5.6")
			set := casper.Settings{SSE: []string{serve(t, n)}, Quiet: time.Second, StartBlock: 0}
			if c.rpc {
				set.RPC = rpc(serve(t, rpcNode("a", 19)))
			}
			if name == "joining" {
				set.StartBlock = 1 // with none, the newest block is the first
				n.Joining = true
			}
			log := &memlog.Log{}
			s, _, _ := session(t, log, set)
			for h := range uint64(20) {
				if f := c.at[h]; f != nil && name != "joining" {
					if h > 0 && !c.rpc { // what the node forgets is nowhere else
						eventually(t, "what there is", complete(t, log, 0, h-1))
					}
					f(n)
				}
				if c.tell != nil {
					c.tell(n, h)
				} else {
					tell(n, h, nil)
				}
				if h%4 == 3 && c.rpc == false {
					eventually(t, fmt.Sprint("block ", h), complete(t, log, h, h))
				} else if h == 2 && name != "joining" {
					eventually(t, "the head", func() bool { return s.State().Head >= 2 })
				}
			}
			lo := uint64(0)
			if name == "joining" {
				lo = 1
			}
			eventually(t, "all is stored", complete(t, log, lo, 19))
			eventually(t, "nothing is owed", func() bool { st := s.State(); return st.Owed == 0 && st.Gap == 0 && st.Head == 19 })
		})
	}
}

// Two nodes tell the same in different orders; one of them is behind.
func TestTwoNodesDisagreeOnOrder(t *testing.T) {
	t.Parallel()
	a, b := fakecasper.New(false, "1.5.6"), fakecasper.New(false, "1.5.6")
	r := rand.New(rand.NewPCG(1, 2))
	log := &memlog.Log{}
	s, w, _ := session(t, log, casper.Settings{SSE: []string{serve(t, a), serve(t, b)}})
	order := r.Perm(20)
	slices.Sort(order[:3]) // the first three in order, so that both begin at one height
	tell(a, 0, nil)
	eventually(t, "the chain's beginning", complete(t, log, 0, 0))
	for h := range uint64(20) {
		tell(a, h, r)
		tell(b, uint64(order[h]), r)
	}
	eventually(t, "all is stored", complete(t, log, 0, 19))
	eventually(t, "the doubles are counted", func() bool { return w.taken() >= 2*80 })
	if st := s.State(); st.Gap != 0 || st.Owed != 0 || st.Head != 19 {
		t.Errorf("state %+v", st)
	}
	if n := len(facts(t, log)); n != 81 { // the two nodes' ApiVersion is one fact
		t.Errorf("%d facts", n)
	}
}

// A deploy that a node does not have yet is asked for again, and at the next
// endpoint; a restart in between forgets nothing.
func TestOwedOutcomeOutlivesARestart(t *testing.T) {
	t.Parallel()
	n := fakecasper.New(false, "1.5.6")
	log := &memlog.Log{}
	none := answers(func(method string, height *uint64, _ string) string {
		if method == "chain_get_block" && height != nil {
			return fmt.Sprintf(`{"block":%s}`, fakecasper.BlockJSON("a", *height))
		}
		return ""
	})
	base := serve(t, n)
	s, _, stop := session(t, log, casper.Settings{SSE: []string{base}, RPC: rpc(serve(t, none))})
	n.Add(fakecasper.BlockAdded("a", 4, deployHash(4)))
	tell(n, 5, nil)
	eventually(t, "it is owed", func() bool { return s.State().Owed == 1 && s.State().Head == 5 })
	eventually(t, "it is stored", func() bool { return resume(t, log).GetHead() == 5 })
	stop()
	if r := resume(t, log); r.GetBackfillHeight() != 4 {
		t.Errorf("resume %+v, want what lies from block 4 on to be looked at again", r)
	}
	s, w, _ := session(t, log, casper.Settings{SSE: []string{base}, RPC: rpc(serve(t, none), serve(t, rpcNode("a", 5)))})
	eventually(t, "it is paid", func() bool { return s.State().Owed == 0 && facts(t, log)["DeployProcessed "+deployHash(4)] != nil })
	w.lock(func() {
		if w.paid != 1 {
			t.Errorf("%d outcomes fetched", w.paid)
		}
	})
}

// What contracts emitted is not in the answer of info_get_transaction: a node
// that streams the outcome later is heard all the same, also after a restart.
func TestMessagesComeAfterAFetchedOutcome(t *testing.T) {
	t.Parallel()
	n := fakecasper.New(true, "2.0.0")
	tx := deployHash(1)
	node := answers(func(method string, height *uint64, hash string) string {
		switch {
		case method == "info_get_transaction" && hash == tx:
			return `{"api_version":"2.0.0","transaction":{"Version1":{"hash":"` + tx + `","payload":{"initiator_addr":{"PublicKey":"01ab"},"timestamp":"2025-01-03T23:41:23.840Z","ttl":"30m"}}},` +
				`"execution_info":{"block_hash":"` + fakecasper.BlockHash("a", 1) + `","block_height":1,"execution_result":{"Version2":{"cost":"1"}}}}`
		case method == "chain_get_block" && height != nil:
			return `{"block_with_signatures":{"block":` + fakecasper.BlockV2JSON("a", *height, tx) + `,"proofs":[{"public_key":"01aa","signature":"01bb"}]}}`
		}
		return ""
	})
	log := &memlog.Log{}
	set := casper.Settings{SSE: []string{serve(t, n)}, RPC: rpc(serve(t, node))}
	s, _, stop := session(t, log, set)
	n.Add(`{"BlockAdded":{"block_hash":"` + fakecasper.BlockHash("a", 1) + `","block":` + fakecasper.BlockV2JSON("a", 1, tx) + `}}`)
	eventually(t, "the outcome is owed", func() bool { return s.State().Owed == 1 })
	eventually(t, "the outcome is fetched", func() bool { return s.State().Owed == 0 })
	eventually(t, "the outcome is stored", func() bool { return facts(t, log)["TransactionProcessed "+tx] != nil })
	if raw := string(facts(t, log)["TransactionProcessed "+tx]); strings.Contains(raw, "messages") || !strings.Contains(raw, `"initiator_addr":{"PublicKey":"01ab"}`) {
		t.Errorf("fetched outcome: %s", raw)
	}
	stop()
	_, _, _ = session(t, log, set)
	told := `{"TransactionProcessed":{"transaction_hash":{"Version1":"` + tx + `"},"block_hash":"` + fakecasper.BlockHash("a", 1) + `","messages":[{"topic_name":"sold"}]}}`
	n.Add(told)
	eventually(t, "the outcome with its messages is stored", func() bool {
		packs, err := log.Packs()
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range packs {
			for _, u := range p.GetUnits() {
				if string(u.GetFact().GetRaw()) == told {
					return true
				}
			}
		}
		return false
	})
}

// A backfill of 300 blocks goes on where it was, while the stream is live.
func TestBackfillWithTheStreamRunning(t *testing.T) {
	t.Parallel()
	n := fakecasper.New(false, "1.5.6")
	log := &memlog.Log{}
	set := casper.Settings{SSE: []string{serve(t, n)}, RPC: rpc(serve(t, rpcNode("a", 100_000))), StartBlock: 20}
	head := uint64(320)
	tell(n, head, nil)
	for session1 := range 4 {
		s, w, stop := session(t, log, set)
		eventually(t, "some blocks are fetched", func() bool {
			if head < 600 { // a slow machine polls often, and each look at the log reads all of it
				head++
				tell(n, head, nil)
			}
			enough := false
			w.lock(func() { enough = w.filled >= 60 || session1 == 3 })
			return enough || s.State().Gap == 0 && s.State().Started
		})
		if session1 < 3 {
			stop()
			continue
		}
		eventually(t, "all is stored", complete(t, log, 20, head))
		eventually(t, "nothing is missing", func() bool { st := s.State(); return st.Gap == 0 && st.Owed == 0 })
	}
	if facts(t, log)["BlockAdded "+fakecasper.BlockHash("a", 19)] != nil {
		t.Error("a block below the start is stored")
	}
}

// Killed behind any event of a block that it fetched, a handler fetches the rest
// of the block when it is back: the event that says "this height is stored" is
// the last one.
func TestKilledWithinAFetchedBlock(t *testing.T) {
	t.Parallel()
	n := fakecasper.New(false, "1.5.6")
	log := &memlog.Log{}
	set := casper.Settings{SSE: []string{serve(t, n)}, RPC: rpc(serve(t, rpcNode("a", 9))), StartBlock: 3}
	tell(n, 9, nil)
	for cut := range 9 {
		_, _, stop := packed(t, log, set, core.Limits{PackUnits: 1})
		eventually(t, fmt.Sprintf("all is stored after %d events were cut off", cut), complete(t, log, 3, 9))
		stop()
		log.CutTail(cut + 1)
	}
}

// Signatures that were lost with a node's crash are still owed by a handler that
// was killed before it could fetch them.
func TestDoubtOutlivesARestart(t *testing.T) {
	t.Parallel()
	n := fakecasper.New(false, "1.5.6")
	log := &memlog.Log{}
	set := casper.Settings{SSE: []string{serve(t, n)}, RPC: rpc(serve(t, answers(func(string, *uint64, string) string { return "" })))}
	_, _, stop := session(t, log, set)
	for h := range uint64(6) {
		tell(n, h, nil)
	}
	eventually(t, "what there is", complete(t, log, 0, 5))
	n.Crash(0, "1.5.6")
	n.Add(fakecasper.DeployProcessed(deployHash(6), fakecasper.BlockHash("a", 6)))
	n.Add(fakecasper.BlockAdded("a", 6, deployHash(6)))
	tell(n, 7, nil)
	eventually(t, "what comes after the loss", complete(t, log, 7, 7))
	stop()
	if complete(t, log, 6, 6)() {
		t.Fatal("nothing was lost")
	}
	set.RPC = rpc(serve(t, rpcNode("a", 7)))
	_, _, _ = session(t, log, set)
	eventually(t, "what was lost", complete(t, log, 6, 6))
}
