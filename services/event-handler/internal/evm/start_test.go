package evm_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"fondaco.dev/services/event-handler/internal/evm"
	"fondaco.dev/services/event-handler/internal/fakenode"
	"fondaco.dev/services/event-handler/internal/jsonrpc"
)

func endpoints(t *testing.T, servers ...*fakenode.Server) []evm.Endpoint {
	t.Helper()
	var out []evm.Endpoint
	for i, s := range servers {
		srv := httptest.NewServer(s)
		t.Cleanup(srv.Close)
		c, err := jsonrpc.New(srv.URL, jsonrpc.Options{Timeout: 5 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, evm.Endpoint{Name: fmt.Sprint("node", i), Node: evm.NewRPCNode(c)})
	}
	return out
}

func TestFindStart(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1, 1)
	for range 900 {
		c.Mine()
	}
	other := fakenode.NewChain(2, 1)
	archive := func() *fakenode.Server {
		s := fakenode.NewServer(c)
		s.Code = fakenode.Code{usd: 412}
		return s
	}
	pruned := func() *fakenode.Server { s := archive(); s.PrunedBelow = 800; return s }
	liar := func() *fakenode.Server { s := pruned(); s.EmptyBelow = true; return s }
	none := func() *fakenode.Server { s := archive(); s.Code = nil; return s }
	stranger := func() *fakenode.Server {
		s := fakenode.NewServer(other)
		s.Code = fakenode.Code{usd: 0}
		return s
	}
	// For some requests, it does not do what it can.
	moody := func(s *fakenode.Server, times int, fault func(w http.ResponseWriter)) *fakenode.Server {
		s.Fault = func(w http.ResponseWriter, _ []byte) bool {
			if times--; times < 0 {
				return false
			}
			fault(w)
			return true
		}
		return s
	}
	down := func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) }
	null := func() *fakenode.Server {
		s, n := archive(), 0
		s.Change = func(method string, _ []json.RawMessage, result json.RawMessage) json.RawMessage {
			if method != "eth_getCode" {
				return result
			}
			if n++; n%3 > 0 {
				return json.RawMessage("null")
			}
			return result
		}
		return s
	}
	for name, want := range map[string]struct {
		servers []*fakenode.Server
		start   uint64
		says    string
	}{
		"one archive node":                             {[]*fakenode.Server{archive()}, 412, ""},
		"a pruned one first":                           {[]*fakenode.Server{pruned(), archive()}, 412, ""},
		"one that answers no code where it knows none": {[]*fakenode.Server{liar(), archive()}, 412, ""},
		"one of another chain":                         {[]*fakenode.Server{stranger(), archive()}, 412, ""},
		"one that is away for a moment":                {[]*fakenode.Server{liar(), moody(archive(), 3, down)}, 412, ""},
		"one that answers null now and then":           {[]*fakenode.Server{null()}, 412, ""},
		"one that is away for good":                    {[]*fakenode.Server{archive(), moody(archive(), 1000, down)}, 412, ""},
		"all away":                                     {[]*fakenode.Server{moody(archive(), 1000, down)}, 0, "503"},
		"pruned ones only":                             {[]*fakenode.Server{pruned(), pruned()}, 0, "contract usd has no start_block"},
		"no code":                                      {[]*fakenode.Server{none()}, 0, "has no code in the newest block"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := evm.FindStart(t.Context(), "usd", usd, 1, endpoints(t, want.servers...), time.Millisecond)
			if want.says == "" {
				if err != nil || got != want.start {
					t.Errorf("got %d, %v", got, err)
				}
				return
			}
			var start *evm.StartError
			if !errors.As(err, &start) || start.Contract != "usd" || !strings.Contains(err.Error(), want.says) || !strings.Contains(err.Error(), "set start_block") {
				t.Errorf("got %d, %v", got, err)
			}
			if want.says == "contract usd has no start_block" && !strings.Contains(err.Error(), "archive node") {
				t.Errorf("no word of an archive node: %v", err)
			}
		})
	}
}

// TestFindStartNearTheHead: a creation that may still move is not taken at its
// word.
func TestFindStartNearTheHead(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1, 1)
	for range 200 {
		c.Mine()
	}
	s := fakenode.NewServer(c)
	s.Code = fakenode.Code{usd: 190, wine: 90, common.Address{1}: 0}
	for address, want := range map[common.Address]uint64{usd: 62, wine: 0, {1}: 0} {
		if got, err := evm.FindStart(t.Context(), "c", address, 1, endpoints(t, s), time.Millisecond); err != nil || got != want {
			t.Errorf("%s: %d, %v", address, got, err)
		}
	}
}
