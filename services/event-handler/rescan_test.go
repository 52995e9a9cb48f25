package eventhandler_test

import (
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/core/types"

	"fondaco.dev/services/event-handler/internal/fakenode"
)

// TestSecondLook: one endpoint leaves out logs for ever; whichever of the two
// delivers, the subject holds all of them in the end, and says how far it is checked.
func TestSecondLook(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1337, 1)
	grow(c, 300)
	c.Finalize(280)
	holed, whole := fakenode.NewServer(c), fakenode.NewServer(c)
	holed.Hide = func(l *types.Log) bool { return l.BlockNumber%9 == 0 && l.Index == 1 }
	h := newHouse(t, evmNetwork(serve(t, holed), serve(t, whole)))
	s := h.start()
	subject := h.file.Networks[0].Subject()
	eventually(t, "all final heights are checked", func() bool { return h.applied(subject).Checked == 280 })
	eventually(t, "the metric says so", func() bool {
		_, body := s.get("/metrics")
		return strings.Contains(body, `fondaco_eventhandler_rescan_checked_height{network="dev"} 280`)
	})
	m := h.applied(subject)
	for _, b := range c.Canonical()[:281] {
		if len(m.Blocks[b.Number()].GetLogs()) != len(b.Logs) {
			t.Fatalf("block %d: %d logs, the chain has %d", b.Number(), len(m.Blocks[b.Number()].GetLogs()), len(b.Logs))
		}
	}
	if _, body := s.get("/metrics"); strings.Contains(body, `fondaco_eventhandler_rescan_differences_total{network="dev"} 0`) ||
		!strings.Contains(body, "fondaco_eventhandler_rescan_differences_total") {
		t.Error("no difference was found")
	}
}
