package evm

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"go.uber.org/zap"

	"fondaco.dev/services/event-handler/internal/fakenode"
	"fondaco.dev/services/event-handler/internal/jsonrpc"
)

// TestScoutOfANodeWithoutTheTag: where a depth is configured beside the tag, an
// endpoint that does not know "finalized" is as good as another.
func TestScoutOfANodeWithoutTheTag(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1, 1)
	c.Mine()
	honest := fakenode.NewServer(c)
	node := serving(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { honest.ServeHTTP(w, r) }), jsonrpc.Options{})
	honest.Fault = func(w http.ResponseWriter, body []byte) bool {
		var calls []struct {
			Params []any `json:"params"`
		}
		if json.Unmarshal(body, &calls) != nil || len(calls) != 2 || len(calls[1].Params) == 0 || calls[1].Params[0] != "finalized" {
			return false
		}
		head, _ := json.Marshal(c.Head())
		_, _ = fmt.Fprintf(w, `[{"jsonrpc":"2.0","id":1,"result":%s},{"jsonrpc":"2.0","id":2,"error":{"code":-32602,"message":"unknown tag"}}]`, head)
		return true
	}
	s := &Source{
		ChainID: 1, Endpoints: []Endpoint{{Name: "a", Node: node}}, Log: zap.NewNop(),
		Follower: &Follower{set: Settings{Filter: NewFilter(0, nil), Finality: Finality{Tag: true, Depth: 5}}},
	}
	s.begin()
	s.lookAt(t.Context(), s.eps[0], false)
	if ep := s.eps[0]; ep.err != nil || ep.head != 1 {
		t.Errorf("head %d, %v", ep.head, ep.err)
	}
}
