package faults

import (
	"strings"
	"testing"

	"fondaco.dev/pkg/bustest"
	"fondaco.dev/proto/topology"
	"fondaco.dev/services/devnet/evm"
)

// The bus has no room left while the chain goes on and reorganises, and the
// services and the bus are started anew without room. What was not acknowledged
// is not taken for stored; with room again all goes on by itself.
func TestFullStoreLosesNothing(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t, bustest.MaxStore(24<<20))
	bustest.Provision(t, srv, topology.Streams(), topology.Buckets(), topology.Objects())
	r := row{name: "full-store", endpoints: lone(), again: true}
	w := newWorld(t, srv.URL, 1, r)
	w.mine(backlog)
	w.start()
	w.settle(r, limit)
	before := w.rows()

	free := srv.Fill(t)
	w.grow(20, pace)
	refused := func() bool { return strings.Contains(w.log.last(400), "insufficient") }
	w.until("a publish is refused", refused)
	w.handler.restart()
	w.writer.restart()
	srv.Restart(t)
	if err := w.chain.Move(evm.Reorg{Way: evm.Flip, Depth: 8, Blocks: 9}); err != nil {
		t.Fatal(err)
	}
	w.grow(5, pace)
	w.until("/readyz says that it cannot go on", func() bool { return strings.Contains(w.ask("/readyz"), `"not ready"`) })
	if w.rows() != before {
		t.Error("rows came while the bus could store nothing")
	}
	free()
	w.grow(5, pace)
	w.settle(r, limit)
	w.reindex(r)
}
