package evm_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/ethereum/go-ethereum/core/types"

	"fondaco.dev/services/event-handler/internal/evm"
	"fondaco.dev/services/event-handler/internal/fakenode"
)

// TestRescanTakesNothingAwayWithoutProof: a second reading lacks logs that are
// published, and no receipts prove it: nothing is repaired, nothing counts as
// checked, until the node answers right again.
func TestRescanTakesNothingAwayWithoutProof(t *testing.T) {
	t.Parallel()
	block := func(l *types.Log) bool { return l.BlockNumber == 77 }
	one := func(l *types.Log) bool { return l.BlockNumber == 77 && l.Index == 2 }
	for _, x := range []struct {
		name      string
		endpoints int
		hide      func(l *types.Log) bool
		receipts  string // what eth_getBlockReceipts says
		want      error
	}{
		{"an empty block while its receipts are null", 1, block, "null", evm.ErrInconsistent},
		{"an empty block while its receipts are null, of two", 2, block, "null", evm.ErrInconsistent},
		{"a log less while its receipts are null", 1, one, "null", evm.ErrInconsistent},
		{"an empty block without receipts", 1, block, "no such method", evm.ErrUnsettled},
		{"empty blocks of two without receipts", 2, block, "no such method", evm.ErrUnsettled},
		{"a log less without receipts", 1, one, "no such method", evm.ErrUnsettled},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			c := fakenode.NewChain(1, 1)
			dense(c, 100)
			c.Finalize(100)
			set := rescanSettings(usdTransfers...)
			set.Endpoints = x.endpoints
			r := newRig(t, c, set)
			r.catchUp()
			servers, second := []*fakenode.Server{r.server}, r.node
			if x.endpoints == 2 {
				var s *fakenode.Server
				s, second = r.another()
				servers = append(servers, s)
			}
			for _, s := range servers {
				s.Lock()
				s.Hide, s.NoReceipts = x.hide, x.receipts != "null"
				if x.receipts == "null" {
					s.Change = func(method string, _ []json.RawMessage, result json.RawMessage) json.RawMessage {
						if method == "eth_getBlockReceipts" {
							return json.RawMessage("null")
						}
						return result
					}
				}
				s.Unlock()
			}
			for range 3 {
				if did, err := r.follower.Rescan(t.Context(), r.node, second); did || !errors.Is(err, x.want) {
					t.Fatalf("got %v, %v", did, err)
				}
			}
			if m := r.check(isUSDTransfer); m.Repairs != 0 || m.Checked != 0 {
				t.Errorf("%d repairs, checked %d", m.Repairs, m.Checked)
			}
			for _, s := range servers {
				s.Lock()
				s.Hide, s.Change = nil, nil
				s.Unlock()
			}
			r.rescan(second)
			if m := r.check(isUSDTransfer); m.Repairs != 0 || m.Checked != 100 {
				t.Errorf("%d repairs, checked %d", m.Repairs, m.Checked)
			}
		})
	}
}
