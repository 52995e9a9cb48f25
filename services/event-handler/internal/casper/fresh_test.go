package casper_test

import (
	"testing"

	"fondaco.dev/services/event-handler/internal/casper"
	"fondaco.dev/services/event-handler/internal/fakecasper"
	"fondaco.dev/services/event-handler/internal/memlog"
)

// A node that is asked without start_from sends only what is new: what it holds
// in its buffer when the handler comes for the first time would be lost.
func TestFirstConnectionAsksForTheWholeBuffer(t *testing.T) {
	t.Parallel()
	n := fakecasper.New(true, "2.0.0")
	blocks("a", 0, 3, n)
	log := &memlog.Log{}
	_, _, stop := session(t, log, casper.Settings{SSE: []string{serve(t, n)}})
	eventually(t, "the buffer is stored", count(t, log, 13))
	stop()
	if starts := n.Starts(); len(starts) == 0 || starts[0] != "0" {
		t.Errorf("requests with start_from: %v, want 0 first", starts)
	}
}
