package casper_test

import (
	"net/http"
	"testing"

	"fondaco.dev/proto/topology"
	"fondaco.dev/services/event-handler/internal/casper"
	"fondaco.dev/services/event-handler/internal/fakecasper"
	"fondaco.dev/services/event-handler/internal/memlog"
)

// TestStatusOfNodes: a 2.x node that leads, a 1.x node that lags, one that is
// down, and two JSON-RPC endpoints of which one answers.
func TestStatusOfNodes(t *testing.T) {
	t.Parallel()
	ahead, behind := fakecasper.New(true, "2.0.0"), fakecasper.New(false, "1.5.6")
	blocks("a", 0, 9, ahead)
	blocks("a", 0, 6, behind)
	broken := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	s, _, _ := session(t, &memlog.Log{}, casper.Settings{
		SSE: []string{serve(t, ahead), serve(t, behind), serve(t, broken)}, RPC: rpc(serve(t, broken), serve(t, rpcNode("a", 100))),
	})
	at := func(name string) topology.StreamStatus {
		for _, o := range s.Status() {
			if len(o.Name) >= len(name) && o.Name[len(o.Name)-len(name):] == name && o.Kind == topology.StreamSSE && o.State == topology.StreamUp {
				return o
			}
		}
		return topology.StreamStatus{}
	}
	eventually(t, "both nodes have told their blocks", func() bool {
		a, b := at("/events"), at("/events/main")
		return a.Head != nil && *a.Head == 9 && *a.Lag == 0 && a.LastID != nil && *a.LastID == 29 && b.Head != nil && *b.Head == 6 && *b.Lag == 3
	})
	if a, b := at("/events"), at("/events/main"); a.APIVersion != "2.0.0" || b.APIVersion != "1.5.6" || a.Since == 0 {
		t.Errorf("%+v, %+v", a, b)
	}
	eventually(t, "the others are told", func() bool {
		kinds := map[string]int{}
		for _, o := range s.Status() {
			kinds[o.Kind+" "+o.State]++
			if o.State == topology.StreamDown && o.Kind == topology.StreamRPC && (o.Error == "" || o.ErrorAt == 0) {
				return false
			}
		}
		// The 1.x node has three streams; /events of it does not exist.
		return kinds["sse up"] == 4 && kinds["sse down"] == 1 && kinds["rpc up"] == 1 && kinds["rpc down"] == 1
	})
	last := s.Status()
	for i, o := range last[len(last)-2:] {
		if o.Kind != topology.StreamRPC {
			t.Errorf("%d: %+v", i, o)
		}
	}
}
