package evm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	chainv1 "fondaco.dev/proto/chain/v1"
	"fondaco.dev/services/event-handler/internal/fakenode"
	"fondaco.dev/services/event-handler/internal/jsonrpc"
)

// serving is the node behind a server.
func serving(t *testing.T, h http.Handler, opts jsonrpc.Options) *RPCNode {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	c, err := jsonrpc.New(srv.URL, opts)
	if err != nil {
		t.Fatal(err)
	}
	return NewRPCNode(c)
}

// TestNullForLogs: null is no answer about logs; it is not "none".
func TestNullForLogs(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1, 1)
	head := c.Mine()
	s := fakenode.NewServer(c)
	s.Change = func(method string, _ []json.RawMessage, result json.RawMessage) json.RawMessage {
		if method == "eth_getLogs" {
			return json.RawMessage("null")
		}
		return result
	}
	n := serving(t, s, jsonrpc.Options{})
	want := Want{Queries: []Query{{Topics: []common.Hash{{1}}}}}
	if _, err := n.Window(t.Context(), 0, 1, want); !errors.Is(err, ErrInconsistent) {
		t.Errorf("a window: %v", err)
	}
	if _, err := n.Blocks(t.Context(), []common.Hash{head.Hash}, want); !errors.Is(err, ErrInconsistent) {
		t.Errorf("a block: %v", err)
	}
}

// TestWindowHasRoom: a window that takes many exchanges is given up once it takes
// too many bytes together, in a way that makes the next one smaller.
func TestWindowHasRoom(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1, 1)
	for range 50 {
		c.Mine()
	}
	s := fakenode.NewServer(c)
	n := serving(t, s, jsonrpc.Options{MaxBatch: 5})
	n.room = 10_000
	if _, err := n.Window(t.Context(), 1, 50, Want{Headers: true}); jsonrpc.ClassOf(err) != jsonrpc.ClassTooMuch || !jsonrpc.MayBeTooMuch(err) {
		t.Errorf("got %v", err)
	}
	if asked := s.Calls["eth_getBlockByNumber"]; asked > 20 {
		t.Errorf("%d headers were asked for", asked)
	}
	if _, err := n.Window(t.Context(), 1, 5, Want{Headers: true}); err != nil {
		t.Errorf("a smaller one: %v", err)
	}
}

// TestNoReceiptsInOtherWords: what hosted nodes answer for a method that they do
// not serve; anything else may pass.
func TestNoReceiptsInOtherWords(t *testing.T) {
	t.Parallel()
	for text, none := range map[string]bool{
		`{"code":-32601,"message":"x"}`: true,
		`{"code":-32004,"message":"x"}`: true, // EIP-1474
		`{"code":-32600,"message":"Unsupported method: eth_getBlockReceipts on ETH_MAINNET"}`:         true,
		`{"code":-32000,"message":"the method eth_getBlockReceipts does not exist/is not available"}`: true,
		`{"code":-32000,"message":"header not found"}`:                                                false,
		`{"code":-32005,"message":"daily request count exceeded"}`:                                    false,
		`{"code":-32000,"message":"missing trie node"}`:                                               false,
	} {
		n := serving(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprintf(w, `[{"jsonrpc":"2.0","id":1,"error":%s},{"jsonrpc":"2.0","id":2,"error":%s}]`, text, text)
		}), jsonrpc.Options{})
		if _, err := n.Receipts(t.Context(), make([]common.Hash, 2)); errors.Is(err, ErrNoReceipts) != none {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestLogOfAnotherHeightIsNotDropped: a log whose height is below its contract's
// first would be left out as not wanted, and nobody would know.
func TestLogOfAnotherHeightIsNotDropped(t *testing.T) {
	t.Parallel()
	b := fakenode.Recorded(t)[2]
	h, r := decoded(t, b)
	logs, err := proven(h, r, Tolerance{})
	if err != nil {
		t.Fatal(err)
	}
	c := &checker{filter: NewFilter(h.Number, []Contract{{Address: logs[1].Address, AllTopics: true}})}
	for i := range r {
		for k := range r[i].Logs {
			if r[i].Logs[k].Index == 1 {
				r[i].Logs[k].BlockNumber = 7
			}
		}
	}
	if _, err := c.receipts(h, r); !errors.Is(err, ErrInconsistent) {
		t.Errorf("receipts: %v", err)
	}
	logs[1].BlockNumber = 7
	if _, err := c.answer(h.Hash, &Answer{Header: h, Logs: [][]Log{logs}}, Want{}); !errors.Is(err, ErrInconsistent) {
		t.Errorf("logs: %v", err)
	}
}

// TestRepairReadsFromWhoKeepsState: the endpoint that is asked first may have no
// old state; another one that has is enough.
func TestRepairReadsFromWhoKeepsState(t *testing.T) {
	t.Parallel()
	full, archive := NewRPCNode(&jsonrpc.Client{}), NewRPCNode(&jsonrpc.Client{})
	f := &Follower{set: Settings{Enrich: func(_ context.Context, n Node, _ []*chainv1.Block) error {
		if n == Node(full) {
			return ErrNoState
		}
		return nil
	}}}
	blocks := []*chainv1.Block{{Number: 1}}
	f.turn.Lock() // as Rescan does
	defer f.turn.Unlock()
	if items, err := f.repairUnits(t.Context(), []Node{full, archive}, blocks); err != nil || len(items) != 1 {
		t.Errorf("%d items, %v", len(items), err)
	}
	var blame *BlameError
	if _, err := f.repairUnits(t.Context(), []Node{full}, blocks); !errors.As(err, &blame) || blame.Node != Node(full) {
		t.Errorf("got %v", err)
	}
}
