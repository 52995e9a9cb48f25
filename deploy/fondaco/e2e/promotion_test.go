package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/nats-io/nats.go/jetstream"

	"fondaco.dev/deploy/fondaco/internal/infra"
	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/zlog"
	chainv1 "fondaco.dev/proto/chain/v1"
	"fondaco.dev/proto/config"
	"fondaco.dev/services/devnet"
	"fondaco.dev/services/devnet/evm"
	"fondaco.dev/services/devnet/fault"
)

// One more contract is a second filter: it fills a subject and a build of its
// own beside those in use, while the first ones go on under kills, and is
// promoted. Each of its services is killed with half of the fill done, the
// writer with a transaction of the fill open, and twice with the promotion's
// open. Afterwards its index is that of an undisturbed writer and of a clean
// index of the same chains.
func TestSecondFilterIsFilledAndPromotedUnderKills(t *testing.T) {
	net, first, second := twoFilters(t)
	in := startInfra(t, infra.Config{})
	s := newStack(t, in, first)
	s.start("event-handler-1", "event-handler")
	s.start("writer-1", "writer")
	s.allReady(60 * time.Second)
	stopChains := drive(t, net)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed of the kills: %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	var storm sync.WaitGroup
	storm.Go(func() { s.killer(rng, kills(t)/4, []string{"event-handler-1", "writer-1"}) })
	t.Cleanup(storm.Wait)

	n := s.secondBuild(second)
	promotion := n.hold("ctl.deployments")
	n.fill(net)
	n.promote(promotion)
	storm.Wait()
	s.end("event-handler-1")
	s.end("writer-1")
	s.killer(rng, kills(t)/10, []string{"event-handler-2", "writer-2"})
	for _, e := range net.Faulty() {
		e.ClearAll()
	}
	stopChains()
	s.allReady(60 * time.Second)
	caughtUp(t, in, net)
	n.check()
	s.still(n.db)
	t.Run("an undisturbed writer ends with the same rows", func(t *testing.T) { sameRows(t, s, n.db, "ix_"+n.build) })
	t.Run("a clean index holds the same events", func(t *testing.T) { sameEvents(t, net, second, n.db) })
}

// twoFilters is a devnet of 600 blocks with two configurations for it: the
// second has one more contract, and asks an endpoint that answers a few blocks
// at a time, so that its fill is cut into many messages.
func twoFilters(t *testing.T) (net *devnet.Devnet, first, second string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	net, err := devnet.Start(ctx, devnet.Config{Seed: "e2e", Faulty: []string{"127.0.0.1:0"}}, zlog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = net.Stop() })
	for i := range uint64(600) {
		_, minted := net.EVM.Mint(evm.Accounts()[1].Address, 1+i)
		_, made := net.EVM.Commit()
		if err := errors.Join(minted, made); err != nil {
			t.Fatal(err)
		}
	}
	narrow := net.Faulty()[0]
	if err := narrow.Set("range-error", fault.Params{Blocks: 3, K: 1}); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if second, err = devnet.WriteConfig(dir, net.Endpoints()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(second)
	if err != nil {
		t.Fatal(err)
	}
	var fewer []string
	for line := range strings.Lines(string(text)) {
		if !strings.Contains(line, "{name: market,") {
			fewer = append(fewer, line)
		}
	}
	first = filepath.Join(dir, "first.yaml")
	slow := strings.ReplaceAll(string(text), net.EVM.HTTPURL(), narrow.URL())
	if err := errors.Join(os.WriteFile(first, []byte(strings.Join(fewer, "")), 0o600), os.WriteFile(second, []byte(slow), 0o600)); err != nil {
		t.Fatal(err)
	}
	return net, first, second
}

// build is one that fills beside the live one.
type build struct {
	*stack
	db      *pgx.Conn
	bus     *bus.Bus
	subject string
	build   string
	before  string // the build that was live at first
	writer  *program
}

// secondBuild starts a writer with another configuration and returns when it
// has made its build.
func (s *stack) secondBuild(path string) *build {
	t := s.t
	t.Helper()
	file, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	s.config = path
	n := &build{stack: s, db: connect(t, s.infra.OwnerURL().Reveal()), bus: provisionerBus(t, s.infra)}
	t.Cleanup(n.bus.Close)
	for i := range file.Networks {
		if file.Networks[i].Name == "dev" {
			n.subject = file.Networks[i].Subject()
		}
	}
	n.before = n.live()
	n.writer = s.start("writer-2", "writer")
	eventually(t, 60*time.Second, "the second build", func() error {
		return n.db.QueryRow(t.Context(), "select build from ctl.builds where status = 'filling'").Scan(&n.build)
	})
	return n
}

// fill lets the event-handler fetch a piece at a time: it is frozen while the
// writer is killed in the middle of writing the piece, and killed once the
// writer's successor has written it.
func (n *build) fill(net *devnet.Devnet) {
	t := n.t
	t.Helper()
	handler := n.start("event-handler-2", "event-handler")
	for round := range 2 {
		stored := n.messages()
		release := n.hold("ix_" + n.build + ".events")
		soon(t, 60*time.Second, "a piece of the second filter", func() bool { return n.messages() >= stored+5 })
		handler.Signal(syscall.SIGSTOP)
		eventually(t, 60*time.Second, "the writer to write it", func() error { return n.waiting("ix_"+n.build+".events", 1) })
		n.writer.Kill()
		release()
		var number int64
		eventually(t, 60*time.Second, "the next writer to have written it", func() error {
			last, err := n.bus.Last(t.Context(), chainv1.Stream, n.subject)
			if err != nil {
				return err
			}
			var seq uint64
			const q = "select seq, number from ctl.cursors where build = $1 and partition = $2"
			if err := n.db.QueryRow(t.Context(), q, n.build, n.subject).Scan(&seq, &number); err != nil {
				return err
			}
			if last == nil || seq != last.Seq {
				return fmt.Errorf("the cursor is at %d of %v", seq, last)
			}
			return nil
		})
		head := net.EVM.Head().Number.Int64()
		if number >= head-32 {
			t.Errorf("round %d: the fill was at %d of %d: nothing was killed in the middle of it", round, number, head)
		}
		t.Logf("round %d: killed at block %d of %d, in %d messages", round, number, head, n.messages())
		handler.Kill()
	}
}

// promote kills the writer twice with its promotion open, and lets the third
// process do it. Until then the api's build is the first one.
func (n *build) promote(release func()) {
	t := n.t
	t.Helper()
	for round := range 2 {
		// Whom a kill leaves behind waits on: its server has not noticed yet.
		eventually(t, 120*time.Second, "the promotion", func() error { return n.waiting("ctl.deployments", round+1) })
		if live := n.live(); live != n.before {
			t.Fatalf("build %s is live before it was promoted", live)
		}
		n.writer.Kill()
		n.procs["event-handler-2"].Kill()
	}
	release()
	eventually(t, 60*time.Second, "the second build to be live", func() error {
		if live := n.live(); live != n.build {
			return fmt.Errorf("%s is", live)
		}
		return nil
	})
}

// check looks at what became of the two builds.
func (n *build) check() {
	t := n.t
	t.Helper()
	var first, second string
	var problems int
	const q = `select (select status from ctl.builds where build = $1), (select status from ctl.builds where build = $2),
(select count(*) from ctl.dead_letters) + (select count(*) from ctl.quarantine) + (select count(*) from ctl.cursors where problem is not null)`
	if err := n.db.QueryRow(t.Context(), q, n.before, n.build).Scan(&first, &second, &problems); err != nil {
		t.Fatal(err)
	}
	if first != "retired" || second != "live" || problems != 0 {
		t.Errorf("the first build is %s, the second one %s, and there are %d problems", first, second, problems)
	}
}

// live is the build that the api serves.
func (n *build) live() (name string) {
	n.t.Helper()
	if err := n.db.QueryRow(n.t.Context(), "select build from ctl.deployments").Scan(&name); err != nil {
		n.t.Fatal(err)
	}
	return name
}

// messages of the second filter's subject.
func (n *build) messages() uint64 {
	n.t.Helper()
	stream, err := n.bus.JetStream().Stream(n.t.Context(), chainv1.Stream)
	if err != nil {
		n.t.Fatal(err)
	}
	info, err := stream.Info(n.t.Context(), jetstream.WithSubjectFilter(n.subject))
	if err != nil {
		n.t.Fatal(err)
	}
	return info.State.Subjects[n.subject]
}

// hold lets nobody write to a table until it is released.
func (n *build) hold(table string) (release func()) {
	n.t.Helper()
	db := connect(n.t, n.infra.OwnerURL().Reveal())
	if _, err := db.Exec(n.t.Context(), "begin; lock table "+table+" in share mode"); err != nil {
		n.t.Fatal(err)
	}
	return func() {
		n.t.Helper()
		if err := db.Close(n.t.Context()); err != nil {
			n.t.Fatal(err)
		}
	}
}

// waiting is nil when so many transactions wait for a table.
func (n *build) waiting(table string, want int) error {
	var have int
	const q = "select count(distinct pid) from pg_locks where relation = $1::regclass and not granted"
	if err := n.db.QueryRow(n.t.Context(), q, table).Scan(&have); err != nil {
		return err
	}
	if have < want {
		return fmt.Errorf("%d transactions wait for %s", have, table)
	}
	return nil
}

// soon is eventually for what passes quickly.
func soon(t *testing.T, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waiting for %s", what)
		}
	}
}
