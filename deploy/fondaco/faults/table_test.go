package faults

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"fondaco.dev/pkg/bustest"
	"fondaco.dev/proto/topology"
	"fondaco.dev/services/devnet/evm"
	"fondaco.dev/services/devnet/fault"
)

// row is one line of the table.
type row struct {
	name      string
	endpoints [][]fault.Fault
	yaml      string // of the network, ending in a comma
	lag       uint64 // blocks between the head and the finalized one, default 16
	real      bool   // the chain is go-ethereum's; every lag-th block finalizes itself
	sockets   bool   // the endpoints' WebSockets are used
	stays     bool   // the fault is not lifted: another endpoint is honest
	// then, if not nil, is what happens in place of the growth.
	then func(w *world)
	// final: blocks that can still be reorganised are not compared. What only a
	// second look finds is found once it is final.
	final bool
	// again: the index is compared with a second, clean one of the same chain too.
	again bool
	// timeout of a request to a node, default 2 s.
	timeout time.Duration
	// from, if not 0, is the block in which the contract got its code: it has no
	// start_block.
	from uint64
	// reads are made with each event, and compared.
	reads bool
	// quiet faults need not have acted (the event-handler never asked).
	quiet bool
}

func lone(f ...fault.Fault) [][]fault.Fault { return [][]fault.Fault{f} }

// beside: the endpoint with the faults is asked first, then an honest one.
func beside(f ...fault.Fault) [][]fault.Fault { return [][]fault.Fault{f, nil} }

func named(name string) fault.Fault { return fault.Fault{Name: name} }

// rows are the table. A fault that one endpoint with verify: logs cannot see by
// its nature stands beside an honest one, whose second look finds it, or under
// verify: receipts.
func rows() []row {
	list := []row{{name: "none", endpoints: lone(), again: true}}
	for _, f := range fault.List() {
		if f.Of != "endpoint" {
			continue
		}
		switch f.Name {
		case "log-hole", "empty-under-bloom":
			list = append(list,
				row{name: f.Name + "/second-look", endpoints: beside(named(f.Name)), stays: true, final: true, again: true},
				row{name: f.Name + "/receipts", endpoints: lone(named(f.Name)), yaml: "verify: receipts,", stays: true, quiet: true})
		case "pruned-history":
			list = append(list,
				row{name: f.Name + "/beside", endpoints: beside(named(f.Name)), stays: true},
				row{name: f.Name + "/alone", endpoints: lone(named(f.Name)), then: forgetful})
		case "lagging-logs", "wrong-chain-id", "finalized-absent":
			list = append(list,
				row{name: f.Name + "/beside", endpoints: beside(named(f.Name)), stays: true},
				row{name: f.Name + "/lifted", endpoints: lone(named(f.Name))})
		case "block-swap": // while it is on, the chain never stands still
			list = append(list, row{name: f.Name + "/alone", endpoints: lone(named(f.Name))}, row{name: f.Name + "/beside", endpoints: beside(named(f.Name))})
		case "pruned-state", "null-state":
			list = append(list, stateRows(f.Name)...)
		case "null-receipts":
			list = append(list, row{name: f.Name, endpoints: lone(named(f.Name)), yaml: "verify: receipts,"})
		case "silent-socket":
			list = append(list, row{name: f.Name, endpoints: lone(named(f.Name)), sockets: true, stays: true})
		case "dropped-heads":
			list = append(list, row{name: f.Name, endpoints: lone(named(f.Name)), sockets: true, stays: true, then: dropSockets})
		default:
			list = append(list,
				row{name: f.Name + "/lifted", endpoints: lone(named(f.Name))},
				row{name: f.Name + "/beside", endpoints: beside(named(f.Name)), stays: true})
		}
	}
	// What one fault hides, another may hide better.
	list = append(list,
		row{name: "empty-under-bloom+server-error", endpoints: lone(named("empty-under-bloom"), fault.Fault{Name: "server-error", Params: fault.Params{P: 0.2}}), stays: true},
		row{name: "empty-under-bloom+null-receipts", endpoints: lone(named("empty-under-bloom"), fault.Fault{Name: "null-receipts", Params: fault.Params{Blocks: 30}}), stays: true},
		row{name: "lagging-logs+html-200", endpoints: lone(named("lagging-logs"), fault.Fault{Name: "html-200", Params: fault.Params{P: 0.15}})},
	)
	for i := range 4 {
		list = append(list, row{name: fmt.Sprintf("mixed/%d", i+1), endpoints: [][]fault.Fault{nil, nil}, then: mixed, again: i == 0})
	}
	list = append(list, row{name: "mixed/receipts", endpoints: [][]fault.Fault{nil}, yaml: "verify: receipts,", then: mixed},
		row{name: "mixed/events", endpoints: [][]fault.Fault{nil, nil}, yaml: "headers: events,", then: mixed})
	for _, way := range []struct {
		name string
		way  evm.Way
	}{{"reorg-fork", evm.Shrink}, {"reorg-flip", evm.Flip}, {"reorg-silent", evm.Silent}} {
		for _, depth := range []int{1, 8, 40} {
			list = append(list, row{name: fmt.Sprintf("%s/%d", way.name, depth), endpoints: lone(), lag: 64, then: reorganise(way.way, depth)})
		}
		list = append(list,
			row{name: way.name + "/below-finality", endpoints: lone(), then: reorganise(way.way, 40), again: way.way == evm.Flip},
			row{name: way.name + "/below-finality-of-three", endpoints: [][]fault.Fault{nil, nil, nil}, then: reorganise(way.way, 40)})
	}
	list = append(list, disputes()...)
	return append(list,
		row{name: "huge-block", endpoints: lone(), then: flood, timeout: 30 * time.Second},
		row{name: "huge-block/receipts", endpoints: lone(), yaml: "verify: receipts,", then: flood, timeout: 30 * time.Second},
	)
}

// Timings of a row.
const (
	backlog = 200 // blocks before the services start: windows of finalized ones
	growth  = 40  // blocks while they run
	pace    = 15 * time.Millisecond
	limit   = 120 * time.Second
)

func reorganise(way evm.Way, depth int) func(w *world) {
	return func(w *world) {
		w.grow(10, pace)
		w.settle(row{}, limit) // the branch that is taken back stands in the index
		if err := w.chain.Move(evm.Reorg{Way: way, Depth: depth, Blocks: depth + w.below(3), BelowFinality: true, Remine: w.below(2) == 0}); err != nil {
			w.t.Fatal(err)
		}
		w.grow(10, pace)
	}
}

// mixed changes the faults of every endpoint again and again, three at a time,
// and restarts the services. Logs that are missing from a block that keeps others
// are left out: no endpoint here is honest throughout.
func mixed(w *world) {
	var names []string
	for _, f := range fault.List() {
		if f.Of == "endpoint" && f.Name != "log-hole" {
			names = append(names, f.Name)
		}
	}
	for range 6 {
		for _, b := range w.boards {
			b.ClearAll()
			for range 3 {
				if err := b.Set(names[w.below(len(names))], fault.Params{}); err != nil {
					w.t.Fatal(err)
				}
			}
		}
		w.grow(8, pace)
		switch w.below(4) {
		case 0:
			w.handler.restart()
		case 1:
			w.writer.restart()
		}
		w.grow(4, pace)
	}
}

func flood(w *world) {
	w.grow(5, pace)
	if err := fault.Change(w.chain, "huge-block", fault.Params{K: flooded}); err != nil {
		w.t.Fatal(err)
	}
	w.grow(5, pace)
}

// forgetful: nothing can be done with a node that has forgotten, but to say so
// and to ask again; the operator gives an archive under the same URL.
func forgetful(w *world) {
	w.mine(100) // what is needed must be well below the head
	w.until("/readyz says that an archive is needed", func() bool { return strings.Contains(w.ask("/readyz"), "an archive") })
	w.lift()
}

func dropSockets(w *world) {
	for range 4 {
		w.grow(growth/4, pace)
		for _, b := range w.boards {
			b.DropSockets()
		}
	}
}

// seeds are those that each row is played with. FONDACO_SEEDS is their number,
// default 1, or from which to which: "7-7" plays what the seventh found once more.
func seeds() (list []uint64) {
	text := os.Getenv("FONDACO_SEEDS")
	first, last, found := strings.Cut(text, "-")
	if !found {
		first, last = "1", text
	}
	from, _ := strconv.ParseUint(first, 10, 64)
	to, _ := strconv.ParseUint(last, 10, 64)
	for seed := max(from, 1); seed <= max(to, from, 1); seed++ {
		list = append(list, seed)
	}
	return list
}

// server is the NATS server of all rows of a table; their networks differ in name.
func server(t *testing.T) string {
	t.Helper()
	srv := bustest.Start(t)
	bustest.Provision(t, srv, topology.Streams(), topology.Buckets(), topology.Objects())
	return srv.URL
}

// atOnce rows are played: they wait for time-outs and rests more than they work.
const atOnce = 6

// TestFaultTable: whatever the node does, no row of the index is missing,
// doubled or wrong in the end.
func TestFaultTable(t *testing.T) {
	nats, metrics := server(t), newShown(t)
	slots := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for _, seed := range seeds() {
		for _, r := range rows() {
			all.Go(func() {
				slots <- struct{}{}
				defer func() { <-slots }()
				t.Run(fmt.Sprintf("%s/seed-%d", r.name, seed), func(t *testing.T) { r.play(t, nats, seed, metrics) })
			})
		}
	}
	all.Wait()
	metrics.check(t)
}

func (r row) play(t *testing.T, nats string, seed uint64, metrics *shown) {
	w := newWorld(t, nats, seed, r)
	w.mine(backlog)
	w.start()
	w.asked()
	began := time.Now()
	if r.then != nil {
		r.then(w)
	} else {
		w.grow(growth, pace)
		w.act(r)
	}
	if !r.stays {
		w.lift()
	}
	w.mine(20) // what was new becomes final
	w.settle(r, max(limit, 9*r.timeout))
	if r.reads {
		w.compareReads()
	}
	metrics.look(w, r.name)
	if r.again {
		w.reindex(r)
	}
	var acted []string
	for _, b := range w.boards {
		acted = append(acted, b.acts()...)
	}
	t.Logf("right after %v: %s; %s", time.Since(began).Round(time.Millisecond), strings.Join(acted, ", "), strings.Join(w.counted(), " "))
}

// reindex indexes the chain once more from an honest endpoint, in a database of
// its own, and compares the two indexes.
func (w *world) reindex(r row) {
	w.t.Helper()
	clean := &world{t: w.t, seed: w.seed, rng: w.rng, nats: w.nats, log: &tail{}, chain: w.chain, token: w.token}
	clean.serve(0)
	r.name += "-clean"
	clean.configure(r)
	clean.start()
	clean.settle(r, limit)
	a, err := w.indexed(w.t.Context())
	b, failed := clean.indexed(w.t.Context())
	if err != nil || failed != nil {
		w.t.Fatal(err, failed)
	}
	if r.final {
		a, b = upTo(a, w.chain.Finalized()), upTo(b, w.chain.Finalized())
	}
	if digest(a) != digest(b) {
		w.t.Errorf("the index is not the same as a clean one:\n%s", differ(a, b))
	}
}

// asked waits until the event-handler has asked something.
func (w *world) asked() {
	w.t.Helper()
	w.until("the event-handler asks", func() bool {
		for _, b := range w.boards {
			if b.Calls("eth_chainId") > 0 {
				return true
			}
		}
		return false
	})
}

// act goes on growing until each fault did harm a few times.
func (w *world) act(r row) {
	w.t.Helper()
	if r.quiet {
		return
	}
	need := 5
	if len(r.endpoints) > 1 || len(r.endpoints[0]) > 1 {
		need = 1 // the honest endpoint is soon preferred, and faults hide each other
	}
	slower := pace // a chain that grows faster than it is read is never read at its head
	turns := 0
	w.until("each fault acts", func() bool {
		for i, faults := range r.endpoints {
			for _, f := range faults {
				if w.boards[i].Acted(f.Name) < need {
					if turns++; turns == unpreferred {
						w.honest(r, func(e endpoint) error { return e.Set("server-error", fault.Params{P: 1}) })
					}
					w.grow(1, slower)
					slower += pace / 10
					return false
				}
			}
		}
		return true
	})
	w.honest(r, func(e endpoint) error { e.ClearAll(); return nil })
}

// unpreferred turns without harm, some 2 s, an honest endpoint is out of order,
// so that the other one is asked: on a loaded machine it was found behind before
// it had done anything, and nobody goes back to it without a reason.
const unpreferred = 40

// honest does something to the endpoints that have no faults.
func (w *world) honest(r row, do func(endpoint) error) {
	w.t.Helper()
	for i, faults := range r.endpoints {
		if len(faults) > 0 {
			continue
		}
		if err := do(w.boards[i]); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) until(what string, done func() bool) {
	w.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(limit); !done(); <-tick.C {
		if time.Now().After(end) {
			w.t.Fatalf("never: %s; /readyz: %s\nlog:\n%s", what, w.ask("/readyz"), w.log.last(15))
		}
	}
}
