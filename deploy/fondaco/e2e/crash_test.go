package e2e

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"

	"fondaco.dev/deploy/fondaco/internal/infra"
	"fondaco.dev/services/devnet"
	"fondaco.dev/services/devnet/driver"
	"fondaco.dev/services/devnet/evm"
)

// kills of one run: 50, more by FONDACO_KILLS.
func kills(t *testing.T) int {
	t.Helper()
	n := 50
	if v := os.Getenv("FONDACO_KILLS"); v != "" {
		var err error
		if n, err = strconv.Atoi(v); err != nil || n < 1 {
			t.Fatalf("FONDACO_KILLS=%q is no number of kills", v)
		}
	}
	return n
}

// Services are killed at random in the middle of a load on both sides, two api
// replicas among them. Afterwards nothing is lost and nothing is doubled:
//
//   - the TRADES journal is contiguous, every answered order is in it once, and
//     the balances add up to the deposits less the fees;
//   - a writer that reads the same streams into an empty database, undisturbed,
//     ends with the same rows in every table;
//   - a clean index of the same chains, from the nodes on, holds the same events.
func TestKilledServicesLoseAndDoubleNothing(t *testing.T) {
	net, path := chains(t)
	in := startInfra(t, infra.Config{})
	s := newStack(t, in, path)
	s.start("event-handler", "event-handler")
	s.start("writer", "writer")
	s.start("orderbook", "orderbook")
	one, two := s.start("api-1", "api"), s.start("api-2", "api")
	s.allReady(60 * time.Second)

	clients := newClients(t, in, s.file, []string{one.http, two.http}, 4)
	stopChains := drive(t, net)
	finish := storm(t, clients)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed of the kills: %d", seed)
	count := s.killer(rand.New(rand.NewPCG(seed, 1)), kills(t), []string{"event-handler", "writer", "orderbook", "api-1", "api-2"})
	finish()
	stopChains()
	orders, retries := 0, 0
	for _, c := range clients {
		orders, retries = orders+len(c.answered), retries+c.retries
	}
	t.Logf("kills %v; %d orders answered, %d requests repeated", count, orders, retries)
	if orders < 10*kills(t) {
		t.Errorf("only %d orders were answered in %d kills: the load was no load", orders, kills(t))
	}
	s.check(net, clients)
}

// check compares everything with everything after a storm.
func (s *stack) check(net *devnet.Devnet, clients []*client) {
	t := s.t
	t.Helper()
	s.allReady(60 * time.Second)
	caughtUp(t, s.infra, net)
	db := connect(t, s.infra.OwnerURL().Reveal())
	t.Run("orders", func(t *testing.T) { checkBook(t, db, checkJournal(t, db, s.file.Venue), clients) })
	s.still(db)
	t.Run("an undisturbed writer ends with the same rows", func(t *testing.T) { sameRows(t, s, db) })
	t.Run("a clean index holds the same events", func(t *testing.T) { sameEvents(t, net, s.config, db) })
}

// NATS, Postgres and Redis go away together in the middle of a load and come
// back, Redis at another address where nobody finds it. The services wait and go
// on by themselves, and nothing is lost or doubled.
func TestServersGoAwayAndComeBack(t *testing.T) {
	net, path := chains(t)
	in := startInfra(t, infra.Config{})
	s := newStack(t, in, path)
	// Limits that replicas share refuse new orders once Redis is gone for good.
	s.more = map[string]string{"FONDACO_LIMIT_SHARED": "false"}
	s.start("event-handler", "event-handler")
	s.start("writer", "writer")
	s.start("orderbook", "orderbook")
	one := s.start("api-1", "api")
	s.allReady(60 * time.Second)

	clients := newClients(t, in, s.file, []string{one.http}, 3)
	stopChains := drive(t, net)
	finish := storm(t, clients)
	natsPort, pgPort := in.Ports()
	// The second time for longer than an order may be old: packs that were on
	// their way come back as stale.
	for _, away := range []time.Duration{time.Second, 6 * time.Second} {
		time.Sleep(3 * time.Second)
		s.infra.Stop()
		time.Sleep(away)
		again, err := infra.Start(t.Context(), infra.Config{Dir: in.Dir(), NATSPort: natsPort, PGPort: pgPort,
			System: infra.System{Profile: "dev", ManualDeposits: true}}, zap.NewNop())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(again.Stop)
		s.infra = again
	}
	time.Sleep(3 * time.Second)
	finish()
	stopChains()
	procs := maps.Clone(s.procs)
	s.check(net, clients)
	for name, p := range procs {
		if n := p.Starts(); n != 1 {
			t.Errorf("%s was started %d times: it ended while the servers were away", name, n)
		}
	}
}

// drive makes blocks on both chains, with a short reorganisation now and then,
// until the returned function is called.
func drive(t *testing.T, net *devnet.Devnet) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	// A clean index has only what the Casper node's buffer holds: a longer run
	// makes its blocks more slowly, not more of them.
	casperPeriod := 400 * time.Millisecond * time.Duration(max(1, kills(t)/50))
	d := driver.New(driver.Config{EVM: net.EVM, Casper: net.Casper, Seed: "e2e", EVMPeriod: 250 * time.Millisecond, CasperPeriod: casperPeriod, Transactions: 6})
	wg.Go(func() { _ = d.Run(ctx) })
	reorgs := 0
	wg.Go(func() {
		rng := rand.New(rand.NewPCG(5, 5))
		for pause(ctx, time.Duration(1500+rng.IntN(2500))*time.Millisecond) == nil {
			depth := 1 + rng.IntN(4)
			_, err := net.EVM.Reorg(evm.Reorg{Way: evm.Way(rng.IntN(3)), Depth: depth, Blocks: depth + rng.IntN(2), Remine: rng.IntN(2) == 0})
			switch {
			case err == nil:
				reorgs++
			case !errors.Is(err, evm.ErrBelowFinality):
				t.Errorf("a reorganisation: %v", err)
			}
		}
	})
	return func() {
		cancel()
		wg.Wait()
		height, _ := net.Casper.Head()
		t.Logf("chains: evm head %d after %d reorganisations, casper height %d", net.EVM.Head().Number, reorgs, height)
	}
}

// caughtUp waits until the streams hold the chains' heads and the database
// holds the streams.
func caughtUp(t *testing.T, in *infra.Infra, net *devnet.Devnet) {
	t.Helper()
	b := provisionerBus(t, in)
	defer b.Close()
	db := connect(t, in.OwnerURL().Reveal())
	defer func() { _ = db.Close(context.Background()) }()
	eventually(t, 60*time.Second, "the database to hold everything", func() error {
		if err := reached(t.Context(), in, net); err != nil {
			return err
		}
		return stored(t.Context(), b, db)
	})
}

// reached says whether the database holds the chains up to their heads.
func reached(ctx context.Context, in *infra.Infra, net *devnet.Devnet) error {
	db, err := pgx.Connect(ctx, in.OwnerURL().Reveal())
	if err != nil {
		return err
	}
	defer func() { _ = db.Close(context.Background()) }()
	height, _ := net.Casper.Head()
	heads := map[string]int64{"chain.v1.dev.%": net.EVM.Head().Number.Int64(), "chain.v1.casper-test.%": int64(height)}
	for partition, head := range heads {
		var number int64
		if err := db.QueryRow(ctx, "select coalesce(number, -1) from ctl.cursors where partition like $1 and build = (select build from ctl.deployments)", partition).Scan(&number); err != nil {
			return err
		}
		if number != head {
			return fmt.Errorf("%s is at %d, the node at %d", partition, number, head)
		}
	}
	return nil
}
