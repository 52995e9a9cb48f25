package eventhandler_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"fondaco.dev/proto/topology"
	"fondaco.dev/services/event-handler/internal/fakecasper"
	"fondaco.dev/services/event-handler/internal/fakenode"
)

// TestStreamsAreTold: WebSocket endpoints and Casper nodes stand beside the
// JSON-RPC endpoints, without the keys that URLs hold.
func TestStreamsAreTold(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1337, 1)
	grow(c, 10)
	casperNode := fakecasper.New(true, "2.0.0")
	casperNode.Add(fakecasper.BlockAdded("a", 0))
	evmURL, casperURL := serve(t, fakenode.NewServer(c)), serve(t, casperNode)
	ws := "ws" + strings.TrimPrefix(evmURL, "http")
	evm := strings.Replace(evmNetwork(evmURL), "contracts:", fmt.Sprintf("ws: [%q, %q], contracts:", ws+"/v3/secret", ws+"/v3/secret2"), 1)
	h := newHouse(t, evm+fmt.Sprintf("  - {name: cspr, kind: casper, sse: [%q], rpc: [%q]}\n", casperURL+"/?key=secret", casperURL+"/rpc/secret"))
	s := h.start()
	eventually(t, "the sockets are told", func() bool {
		e := h.endpointsOf("dev").Streams
		return len(e) == 2 && e[0].Name == ws && e[1].Name == ws+"#2" && e[0].Kind == topology.StreamWS && e[0].State == topology.StreamDown && e[0].Error != "" && e[0].Since > 0
	})
	eventually(t, "the node is told", func() bool {
		e := h.endpointsOf("cspr").Streams
		return len(e) == 2 && e[0].Kind == topology.StreamSSE && e[0].State == topology.StreamUp && e[0].APIVersion == "2.0.0" && e[0].LastID != nil &&
			e[1].Kind == topology.StreamRPC && e[1].State == topology.StreamDown
	})
	text, err := json.Marshal([]topology.EndpointsStatus{h.endpointsOf("dev"), h.endpointsOf("cspr")})
	_, metrics := s.get("/metrics")
	if err != nil || strings.Contains(string(text)+metrics, "secret") {
		t.Errorf("a key is told: %s", text)
	}
	if !strings.Contains(metrics, `fondaco_eventhandler_hinting{endpoint="`+ws+`#2",network="dev"} 0`) {
		t.Error("no metric of the sockets")
	}
}

// TestStandingSecondLookIsTold: one of two endpoints is down, so nobody reads a
// second time what the other one gave. Serving goes on: /readyz stays green.
func TestStandingSecondLookIsTold(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1337, 1)
	grow(c, 40)
	c.Finalize(30)
	broken := fakenode.NewServer(c)
	broken.Fault = func(w http.ResponseWriter, _ []byte) bool { w.WriteHeader(http.StatusBadGateway); return true }
	h := newHouse(t, evmNetwork(serve(t, fakenode.NewServer(c)), serve(t, broken)))
	s := h.start()
	look := func() topology.SecondLook {
		if l := h.endpointsOf("dev").SecondLook; l != nil {
			return *l
		}
		return topology.SecondLook{}
	}
	gauge := func(value string) func() bool {
		return func() bool {
			_, metrics := s.get("/metrics")
			return strings.Contains(metrics, `fondaco_eventhandler_rescan_standing{network="dev"} `+value)
		}
	}
	eventually(t, "it is told", func() bool {
		l := look()
		return strings.Contains(l.Standing, "1 of 2 endpoints can be used") && l.Since > 0 && l.CheckedTo == 0 && l.Finalized == 30
	})
	eventually(t, "the metric says so", gauge("1"))
	if !s.ready() {
		t.Error("not ready")
	}
	broken.Lock()
	broken.Fault = nil
	broken.Unlock()
	eventually(t, "it moves", func() bool { l := look(); return l.Standing == "" && l.CheckedTo == 30 })
	eventually(t, "the metric says so", gauge("0"))
}
