package orderbook

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/bustest"
	"fondaco.dev/pkg/run"
	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/services/orderbook/internal/recovery"
	"fondaco.dev/services/orderbook/internal/snapshot"
)

// asProcess makes the test binary the service itself, so that a test can kill
// and stop it as the operating system does.
const asProcess = "FONDACO_TEST_ORDERBOOK"

func TestMain(m *testing.M) {
	if os.Getenv(asProcess) != "" {
		run.Main("orderbook", run.Prompt, ConfigFromEnv, Run)
		return
	}
	os.Exit(m.Run())
}

// spawn starts the service as a process of its own.
func spawn(t *testing.T, srv *bustest.Server) (*process, *os.Process) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "fondaco.yaml")
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, admin: ln.Addr().String()}
	ln.Close()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asProcess+"=1", "FONDACO_CONFIG="+file, "FONDACO_NATS_URL="+srv.URL, "FONDACO_NATS_USER=",
		"FONDACO_ADMIN_ADDR="+p.admin, "FONDACO_SNAPSHOT_PACKS=200", "FONDACO_SNAPSHOT_DIR="+filepath.Join(dir, "snapshots"))
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGCONT)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s said: %s", p.admin, said.String()[max(0, said.Len()-3000):])
		}
	})
	return p, cmd.Process
}

// crowd is a gateway under load that keeps every answer.
type crowd struct {
	t       *testing.T
	bus     *bus.Bus
	stop    context.CancelFunc
	done    sync.WaitGroup
	mu      sync.Mutex
	answers map[uint64][]byte
	twice   int           // answers that came again
	gap     time.Duration // the longest time without a new answer
	sent    uint64
}

func startCrowd(t *testing.T, srv *bustest.Server) *crowd {
	t.Helper()
	c := &crowd{t: t, bus: srv.Bus(t), answers: map[uint64][]byte{}}
	c.fund()
	last := time.Now()
	sub, err := c.bus.Conn().Subscribe(ordersv1.ReplySubject("crowd"), func(m *nats.Msg) {
		var r ordersv1.PackReply
		if err := proto.Unmarshal(m.Data, &r); err != nil {
			t.Error(err)
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if before, again := c.answers[r.PackNo]; again {
			c.twice++
			if !bytes.Equal(before, m.Data) {
				t.Errorf("pack %d has two answers that differ", r.PackNo)
			}
			return
		}
		c.answers[r.PackNo] = m.Data
		c.gap = max(c.gap, time.Since(last))
		last = time.Now()
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sub.Unsubscribe() })
	ctx, cancel := context.WithCancel(t.Context())
	c.stop = cancel
	c.done.Go(func() { c.run(ctx) })
	return c
}

func (c *crowd) publish(ctx context.Context, from, gateway string, no uint64, cmds ...*ordersv1.Command) error {
	data, err := proto.Marshal(&ordersv1.Pack{Gateway: gateway, PackNo: no, SentAtMs: time.Now().UnixMilli(), Commands: cmds})
	if err != nil {
		return err
	}
	_, err = c.bus.PublishOnce(ctx, ordersv1.Subject("main", from), ordersv1.MsgID(gateway, no), data, nil)
	return err
}

func (c *crowd) fund() {
	c.t.Helper()
	var cmds []*ordersv1.Command
	for _, asset := range []string{"USD", "WINE"} {
		for account := uint64(1); account <= 2; account++ {
			cmds = append(cmds, &ordersv1.Command{Op: &ordersv1.Command_Deposit{Deposit: &ordersv1.Deposit{Account: account, Asset: asset, Amount: 1 << 40,
				DepositId: fmt.Sprint(asset, account)}}})
		}
	}
	if err := c.publish(c.t.Context(), ordersv1.FromFunds, "bank", 1, cmds...); err != nil {
		c.t.Fatal(err)
	}
}

func (c *crowd) run(ctx context.Context) {
	for no := uint64(1); ctx.Err() == nil; no++ {
		var cmds []*ordersv1.Command
		for k := range uint64(20) {
			n := no*20 + k
			side := ordersv1.Side(1 + n%2)
			cmds = append(cmds, &ordersv1.Command{Op: &ordersv1.Command_NewOrder{NewOrder: &ordersv1.NewOrder{Account: 1 + n%2, Market: 1, Side: side,
				Type: ordersv1.OrderType_ORDER_TYPE_LIMIT, TimeInForce: ordersv1.TimeInForce_TIME_IN_FORCE_GTC,
				PriceTicks: int64(95 + n*7%11), QuantityLots: int64(1 + n%5), ClientOrderId: fmt.Sprint("c", n)}}})
		}
		if c.publish(ctx, ordersv1.FromAPI, "crowd", no, cmds...) == nil {
			c.mu.Lock()
			c.sent = no
			c.mu.Unlock()
		}
	}
}

// answered waits for n more answers.
func (c *crowd) answered(n int) {
	c.t.Helper()
	c.mu.Lock()
	want := len(c.answers) + n
	c.mu.Unlock()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		c.mu.Lock()
		have := len(c.answers)
		c.mu.Unlock()
		if have >= want {
			return
		}
	}
	c.t.Fatalf("no %d more answers within a minute", n)
}

// verify ends the load and compares all of TRADES with a fresh replay, once all
// that was sent is in it.
func (c *crowd) verify() {
	c.t.Helper()
	c.stop()
	c.done.Wait()
	src := &recovery.Source{Bus: recovery.OnBus(c.bus), Store: snapshot.New(c.bus.JetStream(), "main", ""), Venue: "main", Log: zap.NewNop()}
	for end := time.Now().Add(time.Minute); ; {
		v, err := src.Verify(c.t.Context(), func(recovery.Verdict) {})
		if err != nil {
			c.t.Fatal(err)
		}
		orders, err := c.bus.Stream(c.t.Context(), ordersv1.Stream)
		if err != nil {
			c.t.Fatal(err)
		}
		if v.InSeq == orders.LastSeq && !v.Cut {
			c.mu.Lock() // late answers may still come
			defer c.mu.Unlock()
			c.t.Logf("%d packs in %d outputs, longest pause %v, %d answers came twice", v.Packs, v.Outputs, c.gap, c.twice)
			return
		}
		if time.Now().After(end) {
			c.t.Fatalf("TRADES ends at pack %d, ORDERS at %d", v.InSeq, orders.LastSeq)
		}
	}
}

// takeover is how long a takeover may last here: the promise is 3 s, the rest is
// for a machine that runs other tests too.
const takeover = 8 * time.Second

func (c *crowd) paused() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.gap
}

// TestLeaderKilled: the standby takes over and nothing is lost or doubled; the
// dead one comes back as a standby and takes over in turn.
func TestLeaderKilled(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	provision(t, srv)
	a, dies := spawn(t, srv)
	a.ready("")
	b, next := spawn(t, srv)
	b.ready("standing by")
	c := startCrowd(t, srv)
	c.answered(50)
	if err := dies.Kill(); err != nil {
		t.Fatal(err)
	}
	b.ready("")
	c.answered(50)
	if gap := c.paused(); gap > takeover {
		t.Errorf("the takeover lasted %v", gap)
	}
	again, _ := spawn(t, srv)
	again.ready("standing by")
	c.answered(20)
	if err := next.Kill(); err != nil {
		t.Fatal(err)
	}
	again.ready("")
	c.answered(20)
	c.verify()
}

// TestLeaderStopped: a leader that sleeps through its succession wakes up, gives
// no answer that differs, is fenced, and stands by.
func TestLeaderStopped(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	provision(t, srv)
	a, sleeps := spawn(t, srv)
	a.ready("")
	b, _ := spawn(t, srv)
	b.ready("standing by")
	c := startCrowd(t, srv)
	c.answered(50)
	if err := sleeps.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	b.ready("")
	c.answered(50)
	if err := sleeps.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	oneLeads(t, a, b)
	c.answered(50)
	c.verify()
}

// oneLeads waits until one of two serves and the other stands by: on a slow machine
// the lease may change hands once more.
func oneLeads(t *testing.T, a, b *process) {
	t.Helper()
	var ofA, ofB string
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		ofA, ofB = a.readiness(), b.readiness()
		if strings.Contains(ofA, "standing by") != strings.Contains(ofB, "standing by") && strings.Contains(ofA+ofB, `"ready"`) {
			return
		}
	}
	t.Fatalf("/readyz of the two say %s and %s", ofA, ofB)
}

// TestStandbyKilledAndStopped costs the leader nothing, and one that slept is as
// good as another.
func TestStandbyKilledAndStopped(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	provision(t, srv)
	a, leads := spawn(t, srv)
	a.ready("")
	b, dies := spawn(t, srv)
	b.ready("standing by")
	d, sleeps := spawn(t, srv)
	d.ready("standing by")
	c := startCrowd(t, srv)
	c.answered(30)
	if err := dies.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := sleeps.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	c.answered(200)
	if err := sleeps.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if err := leads.Kill(); err != nil {
		t.Fatal(err)
	}
	d.ready("")
	c.answered(20)
	c.verify()
}
