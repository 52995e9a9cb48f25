package evm_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/ethereum/go-ethereum/core/types"

	"fondaco.dev/services/event-handler/internal/evm"
	"fondaco.dev/services/event-handler/internal/fakenode"
)

// TestRescanAfterDeepReorgOfUncheckedHeights: what was final and not yet checked
// was taken back. The branch that lost still stands in the subject, with the
// finalized height that it had, before the one that is compared.
func TestRescanAfterDeepReorgOfUncheckedHeights(t *testing.T) {
	t.Parallel()
	for _, receipts := range []bool{false, true} {
		for _, restart := range []bool{false, true} {
			t.Run(fmt.Sprint("receipts ", receipts, " restart ", restart), func(t *testing.T) {
				t.Parallel()
				c := fakenode.NewChain(1, 1)
				dense(c, 200)
				c.Finalize(190)
				set := rescanSettings(usdTransfers...)
				set.Receipts = receipts
				r := newRig(t, c, set)
				hide := func(l *types.Log) bool { return l.BlockNumber%50 == 7 && l.Index == 2 }
				if receipts {
					hide = nil
				}
				r.server.Lock()
				r.server.Hide = hide
				r.server.Unlock()
				r.catchUp()
				c.Fork(120)
				c.Finalize(120)
				dense(c, 130)
				r.deep++
				if err := r.follower.Rewind(t.Context(), r.node, nil); err != nil {
					t.Fatal(err)
				}
				c.Finalize(150)
				r.catchUp()
				if restart {
					r.restart()
				}
				_, node := r.another()
				did, err := r.follower.Rescan(t.Context(), r.node, node)
				var blame *evm.BlameError // the first endpoint's holes may be found
				if !did || err != nil && (!errors.As(err, &blame) || blame.Node == node) {
					t.Errorf("an honest endpoint was blamed: %v, %v", did, err)
				}
				c.Finalize(245)
				r.catchUp()
				r.rescan(node)
				want := 5 // 7, 57, 107, 157 and 207
				if receipts {
					want = 0
				}
				r.server.Lock()
				r.server.Hide = nil
				r.server.Unlock()
				if m := r.check(isUSDTransfer); m.Checked != 245 || m.Repairs != want {
					t.Errorf("checked %d, %d repairs, want %d", m.Checked, m.Repairs, want)
				}
			})
		}
	}
}

// TestRescanTakesNoBlockOfAForkedEndpoint: where only blocks with events are
// listed, the hash of another one comes from the endpoints. One that stayed on a
// fork must not bring its blocks in.
func TestRescanTakesNoBlockOfAForkedEndpoint(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1, 1)
	for h := range 1200 { // none in 999, where the first pass ends
		if h%7 == 0 {
			c.Mine(event(usd, transfer, "here"))
		} else {
			c.Mine()
		}
	}
	c.Finalize(1190)
	set := rescanSettings(usdTransfers...)
	set.HeadersEvents = true
	set.Endpoints = 2
	r := newRig(t, c, set)
	r.catchUp()
	forked := fakenode.FromBlocks(1, c.Canonical()[:101])
	for range 1200 {
		forked.Mine(event(usd, transfer, "forked"))
	}
	forked.Finalize(1290)
	server, node := r.another()
	server.Chain = forked
	for range 5 {
		_, err := r.follower.Rescan(t.Context(), r.node, node)
		var blame *evm.BlameError
		if err != nil && !errors.As(err, &blame) && !errors.Is(err, evm.ErrUnsettled) {
			t.Fatal(err)
		}
	}
	r.drain()
	if m := r.check(isUSDTransfer); m.Repairs > 0 {
		t.Errorf("%d repairs", m.Repairs)
	}
}
