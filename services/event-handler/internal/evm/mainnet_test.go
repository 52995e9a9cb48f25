package evm_test

import (
	"fmt"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"fondaco.dev/services/event-handler/internal/evm"
	"fondaco.dev/services/event-handler/internal/fakenode"
)

// TestMainnet sends 23 real blocks through the follower: all logs, each once,
// however the work is split between windows and single blocks.
func TestMainnet(t *testing.T) {
	t.Parallel()
	blocks := fakenode.Mainnet(t)
	for _, c := range []struct {
		name  string
		final uint64
		span  uint64
		fault func(*fakenode.Server)
		set   func(*evm.Settings)
	}{
		{name: "block by block", final: 17686115},
		{name: "both", final: 17686121, span: 1},
		{name: "receipts, block by block", final: 17686115, set: func(s *evm.Settings) { s.Receipts = true }},
		{name: "receipts, in windows", final: 17686130, span: 1, set: func(s *evm.Settings) { s.Receipts = true }},
		{name: "events", final: 17686130, span: 1, set: func(s *evm.Settings) { s.HeadersEvents = true }},
		{name: "events by receipts", final: 17686130, span: 1, set: func(s *evm.Settings) { s.HeadersEvents, s.Receipts = true, true }},
		{name: "result limit", final: 17686130, span: 1, fault: func(s *fakenode.Server) { s.MaxLogs = 900 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			chain := fakenode.FromBlocks(1, blocks.Canonical())
			chain.Genesis = blocks.Genesis
			chain.Finalize(c.final)
			set, total := everything(chain)
			set.FollowSpan = c.span
			if c.set != nil {
				c.set(&set)
			}
			r := newRig(t, chain, set)
			if c.fault != nil {
				r.server.Lock()
				c.fault(r.server)
				r.server.Unlock()
			}
			r.catchUp()
			m := r.applied()
			sent, got := map[string]bool{}, 0
			for n, b := range m.Blocks {
				for _, l := range b.GetLogs() {
					id := fmt.Sprint(n, l.GetIndex())
					if sent[id] {
						t.Fatalf("log %s twice", id)
					}
					sent[id] = true
					got++
				}
			}
			// 10,591 in the recording, less those of the two single blocks.
			if got != total || total != 9807 {
				t.Errorf("%d logs, the receipts hold %d", got, total)
			}
			for _, b := range chain.Canonical() {
				u := m.Blocks[b.Number()]
				if len(u.GetLogs()) != len(b.Logs) {
					t.Errorf("block %d: %d logs, want %d", b.Number(), len(u.GetLogs()), len(b.Logs))
				}
			}
			if m.Finalized != c.final {
				t.Errorf("finalized %d, want %d", m.Finalized, c.final)
			}
		})
	}
}

// everything is a filter that wants each log of the chain: all first topics at
// any address, and whole addresses for logs without topics.
func everything(c *fakenode.Chain) (evm.Settings, int) {
	topics, bare := map[common.Hash]bool{}, map[common.Address]bool{}
	total := 0
	for _, b := range c.Canonical() {
		for _, l := range b.Logs {
			total++
			if len(l.Topics) == 0 {
				bare[l.Address] = true
				continue
			}
			topics[l.Topics[0]] = true
		}
	}
	all := evm.Contract{Any: true}
	for t := range topics {
		all.Topics = append(all.Topics, t)
	}
	contracts := []evm.Contract{all}
	for a := range bare {
		contracts = append(contracts, evm.Contract{Address: a, AllTopics: true})
	}
	return settings(17686110, contracts...), total
}
