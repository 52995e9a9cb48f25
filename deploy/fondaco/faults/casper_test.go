package faults

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fondaco.dev/services/devnet/casper"
)

// casperRow is one line of the table for Casper nodes.
type casperRow struct {
	name  string
	fault string
	at    casper.Params
	once  bool
	peer  bool // an honest node beside
	both  bool // the peer misbehaves as well
}

func casperRows() []casperRow {
	stay, once := casper.FaultNames()
	var list []casperRow
	for _, f := range stay {
		r := casperRow{name: "casper-" + f, fault: f}
		switch f {
		case casper.LoseSignatures: // nothing says how many there should be
			r.peer = true
		case casper.LoseBlocks, casper.LoseOutcomes:
			r.at.P = 0.5
		case casper.Disorder:
			r.peer, r.both = true, true
		}
		list = append(list, r)
	}
	for _, f := range once {
		list = append(list, casperRow{name: "casper-" + f, fault: f, once: true})
		if f == casper.IDsBack {
			list = append(list, casperRow{name: "casper-" + f + "/two-nodes", fault: f, once: true, peer: true})
		}
	}
	return list
}

// casperEnd is a node, or a peer of it.
type casperEnd interface {
	Set(name string, p casper.Params) error
	Clear(name string)
	Happen(name string, p casper.Params) error
	Acted(name string) int
}

const (
	casperSignatures = 5 // of each block
	casperDeploys    = 2 // of each block, and as many transfers
)

func (r casperRow) play(t *testing.T, nats string, seed uint64, metrics *shown) {
	node, err := casper.Start(t.Context(), casper.Config{Seed: fmt.Sprint(r.name, seed), KeepAlive: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = node.Stop() })
	w := &world{t: t, seed: seed, nats: nats, log: &tail{}}
	ends, urls := []casperEnd{node}, []string{node.SSEURL()}
	if r.peer {
		p, err := node.Peer(t.Context(), 77_000)
		if err != nil {
			t.Fatal(err)
		}
		urls = append(urls, p.SSEURL())
		if r.both {
			ends = append(ends, p)
		}
	}
	w.load(fmt.Sprintf("networks:\n  - {name: %s, kind: casper, sse: [%s], rpc: [%q]}\n",
		networkName(r.name, seed), `"`+strings.Join(urls, `","`)+`"`, node.RPCURL()))
	c := &casperChain{w: w, node: node}
	if _, hash := node.Head(); hash != "" {
		c.known = append(c.known, hash)
	}
	w.start()
	if err := node.WaitSubscribers(t.Context(), 3); err != nil { // 1.x: three streams
		t.Fatal(err)
	}
	c.grow(5)
	c.settle()
	if !r.once {
		for _, e := range ends {
			if err := e.Set(r.fault, r.at); err != nil {
				t.Fatal(err)
			}
		}
		if r.fault == casper.Refuse || r.fault == casper.Chunks { // met by those who come anew
			node.DropConnections()
		}
	}
	for range 3 {
		c.grow(4)
		if r.once {
			if err := node.Happen(r.fault, r.at); err != nil {
				t.Fatal(err)
			}
		}
	}
	if r.fault == casper.RPCDown {
		if err := node.Happen(casper.Overrun, casper.Params{}); err != nil {
			t.Fatal(err)
		}
		c.grow(2)
	}
	w.until("the fault acts", func() bool { return node.Acted(r.fault) > 0 })
	for _, e := range ends {
		e.Clear(r.fault)
	}
	c.grow(2)
	c.settle()
	metrics.look(w, r.name)
	t.Logf("right, %s acted %d times", r.fault, node.Acted(r.fault))
}

// casperChain is what was made.
type casperChain struct {
	w     *world
	node  *casper.Node
	known []string // hashes of the blocks
	made  int      // blocks with deploys in them
}

func (c *casperChain) grow(blocks int) {
	c.w.t.Helper()
	clock := time.NewTicker(pace)
	defer clock.Stop()
	for range blocks {
		<-clock.C
		hash, err := c.node.MakeBlock(casperDeploys, casperDeploys)
		if err != nil {
			c.w.t.Fatal(err)
		}
		c.known = append(c.known, hash)
		c.made++
	}
}

// complete says what the index lacks, or has too much.
func (c *casperChain) complete(ctx context.Context) error {
	var build string
	if err := c.w.pool.QueryRow(ctx, "select build from ctl.deployments").Scan(&build); err != nil {
		return errNoBuild
	}
	ix, network := "ix_"+build, c.w.file.Networks[0].Name
	rows, err := c.w.pool.Query(ctx, "select hash from "+ix+".casper_blocks where network = $1 order by height", network)
	if err != nil {
		return err
	}
	var have []string
	for rows.Next() {
		var hash string
		if err := rows.Scan(&hash); err != nil {
			return err
		}
		have = append(have, hash)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	want := c.known
	if len(have) == len(want)-1 && c.known[0] == c.node.Genesis() {
		want = want[1:] // what was there before the first event needs start_block
	}
	if !slices.Equal(have, want) {
		return fmt.Errorf("%d blocks, or others than the %d that were made", len(have), len(want))
	}
	for q, n := range map[string]int{
		"select count(*) from %s.casper_deploys where network = $1 and state = 'processed'": 2 * casperDeploys * c.made,
		"select count(*) from %s.casper_deploys where network = $1":                         2 * casperDeploys * c.made,
		"select count(*) from %s.casper_transfers where network = $1":                       casperDeploys * c.made,
		"select count(*) from %s.casper_signatures where network = $1 and n = 5":            c.made,
	} {
		var got int
		if err := c.w.pool.QueryRow(ctx, fmt.Sprintf(q, ix), network).Scan(&got); err != nil {
			return err
		}
		if got != n && !(strings.Contains(q, "signatures") && got == n+1) { // block 0 may be signed
			return fmt.Errorf("%d where %d are right: %s", got, n, q)
		}
	}
	return c.w.problems(ctx)
}

func (c *casperChain) settle() {
	c.w.t.Helper()
	ctx, cancel := context.WithTimeout(c.w.t.Context(), limit)
	defer cancel()
	tick := time.NewTicker(40 * time.Millisecond)
	defer tick.Stop()
	var err error
	for {
		again := c.complete(ctx)
		if again == nil {
			return
		}
		if ctx.Err() == nil {
			err = again
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			c.w.t.Fatalf("after %v: %v\n/readyz: %s\nlog:\n%s", limit, err, c.w.ask("/readyz"), c.w.log.last(25))
		}
	}
}

// TestCasperFaultTable: whatever a Casper node does, every block, deploy,
// transfer and signature that the chain has is in the index, once.
func TestCasperFaultTable(t *testing.T) {
	nats, metrics := server(t), newShown(t)
	var all sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for _, seed := range seeds() {
		for _, r := range casperRows() {
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
