package evm_test

import (
	"testing"

	"github.com/ethereum/go-ethereum/core/types"

	"fondaco.dev/services/event-handler/internal/fakenode"
)

// TestRescanAfterASwitch: the endpoint that gave the holes is the second one by
// now. Asked again it would agree with itself.
func TestRescanAfterASwitch(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1, 1)
	dense(c, 100)
	c.Finalize(90)
	set := rescanSettings(usdTransfers...)
	set.Endpoints = 2
	r := newRig(t, c, set)
	hole := func(l *types.Log) bool { return l.BlockNumber%10 == 3 && l.Index == 2 }
	r.server.Lock()
	r.server.Hide = hole
	r.server.Unlock()
	r.catchUp()
	holed := r.node
	_, r.node = r.another()
	dense(c, 100)
	c.Finalize(190)
	r.catchUp()
	if blamed := r.rescan(holed); blamed == 0 {
		t.Error("the holes after the switch were not blamed on the second endpoint")
	}
	// 3 to 93 of the first hundred; above 100 the whole endpoint gave them.
	if m := r.check(isUSDTransfer); m.Repairs != 10 || m.Checked != 190 {
		t.Errorf("%d repairs, checked %d", m.Repairs, m.Checked)
	}
}

// TestRescanAfterARestart: nobody knows any more which endpoint gave what; two are
// asked, whichever of them is named first.
func TestRescanAfterARestart(t *testing.T) {
	t.Parallel()
	for _, swapped := range []bool{false, true} {
		c := fakenode.NewChain(1, 1)
		dense(c, 60)
		c.Finalize(60)
		set := rescanSettings(usdTransfers...)
		set.Endpoints = 2
		r := newRig(t, c, set)
		r.server.Lock()
		r.server.Hide = func(l *types.Log) bool { return l.BlockNumber%10 == 3 && l.Index == 2 }
		r.server.Unlock()
		r.catchUp()
		r.restart()
		_, second := r.another()
		if swapped {
			r.node, second = second, r.node
		}
		r.rescan(second)
		if m := r.check(isUSDTransfer); m.Repairs != 6 || m.Checked != 60 {
			t.Errorf("swapped %v: %d repairs, checked %d", swapped, m.Repairs, m.Checked)
		}
	}
}

// TestRescanWaitsForAnother: while the other endpoint rests nothing counts as
// checked.
func TestRescanWaitsForAnother(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1, 1)
	dense(c, 60)
	c.Finalize(60)
	set := rescanSettings(usdTransfers...)
	set.Endpoints = 2
	r := newRig(t, c, set)
	r.catchUp()
	r.rescan(r.node)
	r.restart()
	r.rescan(r.node)
	if m := r.check(isUSDTransfer); m.Checked != 0 {
		t.Fatalf("checked %d", m.Checked)
	}
	_, second := r.another()
	r.rescan(second)
	if m := r.check(isUSDTransfer); m.Checked != 60 {
		t.Errorf("checked %d", m.Checked)
	}
}

// TestRescanOfBlockZeroAlone: one endpoint gave block 0 and another the rest.
// "Checked up to 0" is the same as "nothing checked", so that a pass over
// block 0 alone would be made again and again.
func TestRescanOfBlockZeroAlone(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1, 1)
	set := rescanSettings(usdTransfers...)
	set.Endpoints = 2
	r := newRig(t, c, set)
	r.catchUp()
	first := r.node
	_, r.node = r.another()
	dense(c, 30)
	c.Finalize(20)
	r.catchUp()
	for range 3 {
		r.drain()
		if _, err := r.follower.Rescan(t.Context(), r.node, first); err != nil {
			t.Fatal(err)
		}
	}
	r.drain()
	if m := r.check(isUSDTransfer); m.Checked != 20 {
		t.Errorf("checked %d", m.Checked)
	}
}
