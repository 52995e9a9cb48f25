package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"fondaco.dev/deploy/fondaco/internal/home"
	"fondaco.dev/deploy/fondaco/internal/infra"
	"fondaco.dev/deploy/fondaco/internal/operator"
	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/embedded/child"
	"fondaco.dev/pkg/hugepage"
	identityv1 "fondaco.dev/proto/identity/v1"
	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/proto/topology"
	tradesv1 "fondaco.dev/proto/trades/v1"
	"fondaco.dev/services/writer"
)

// The venue of every run: one market, tick 0.01, lot 1, no fees.
const (
	venue       = "bench"
	bookMarket  = 1
	venueConfig = `venue: bench
assets:
  - {name: USD, scale: 2}
  - {name: WINE, scale: 0}
markets:
  - {symbol: WINE-USD, base: WINE, quote: USD, tick: "0.01", lot: "1"}
`
)

// Numbers of accounts that packs are for; those of tokens are made by the writer.
const (
	firstTrader = 1_000_000
	traders     = 1000
	richUSD     = 1_000_000_000_000_000
	richWine    = 1_000_000_000_000
)

// natsHeap is what this process's heap is made of from the beginning: the servers
// of NATS run in it, as they do in the all-in-one.
const natsHeap = 384 << 20

// busy is what the services are told that take orders from clients: their memory
// is there before the first one comes, and no snapshot falls into what is measured.
var busy = append([]string{"FONDACO_READY_HEAP=256", "FONDACO_READY_ORDERS=2500000"}, noSnapshots...)

// bookWorld is a world with a venue.
type bookWorld struct {
	*world
	pack  *bus.Bus // publishes packs, as the api does
	read  *bus.Bus
	seats int
}

// newBookWorld makes an empty house. networks is a section of the configuration.
func (b *Book) newBookWorld(ctx context.Context, node *helper, networks string, env ...string) (w *bookWorld, err error) {
	// A limit would be measured instead of the book.
	env = append([]string{"FONDACO_ORDERS_PER_SECOND=0", "FONDACO_WS_ORDERS_PER_SECOND=0", "FONDACO_LIMIT_READS=0", "FONDACO_LIMIT_ADDRESS_READS=0"}, env...)
	hugepage.Heap{Ready: natsHeap}.Set()
	w = &bookWorld{world: &world{b: &Bench{Bin: b.Bin, Env: append(env, b.Env...), Profiles: b.Profiles}, node: node}}
	if w.dir, err = home.Temp(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	if w.infra, err = infra.Start(ctx, infra.Config{Dir: w.dir, System: infra.System{Profile: "dev", ManualDeposits: true}}, zap.NewNop()); err != nil {
		return nil, err
	}
	w.config = w.dir.Path("fondaco.yaml")
	if err := errors.Join(os.WriteFile(w.dir.Path("token.json"), []byte(abi), 0o600), os.WriteFile(w.config, []byte(networks+venueConfig), 0o600)); err != nil {
		return nil, err
	}
	if err := writer.Migrate(ctx, w.infra.OwnerURL()); err != nil {
		return nil, err
	}
	if w.pack, err = w.bus(ctx, topology.UserAPI); err != nil {
		return nil, err
	}
	w.read, err = w.reader(ctx)
	return w, err
}

func (w *bookWorld) close() {
	for _, b := range []*bus.Bus{w.pack, w.read} {
		if b != nil {
			b.Close()
		}
	}
	w.world.close()
}

// inBook runs in a world of its own.
func (b *Book) inBook(ctx context.Context, do func(*bookWorld) error, env ...string) error {
	w, err := b.newBookWorld(ctx, nil, "", env...)
	if err != nil {
		return err
	}
	defer w.close()
	return do(w)
}

// up starts services and waits until they are ready.
func (w *bookWorld) up(ctx context.Context, services ...string) (last *program, err error) {
	var all []*program
	for _, s := range services {
		if last, err = w.start(s); err != nil {
			return nil, err
		}
		all = append(all, last)
	}
	for _, p := range all {
		if err := w.ready(ctx, p); err != nil {
			return nil, err
		}
	}
	return last, nil
}

// kill ends a program at once.
func (w *bookWorld) kill(p *program) {
	p.peak = max(p.peak, peakMemory(p.proc.Pid()), 1)
	p.proc.Stop(child.Step{Signal: syscall.SIGKILL, Wait: 5 * time.Second})
}

// fund makes the traders that packs are for rich.
func (w *bookWorld) fund(ctx context.Context) error {
	b, err := w.bus(ctx, topology.UserOperator)
	if err != nil {
		return err
	}
	defer b.Close()
	for no, asset := range []string{"USD", "WINE"} {
		p := &ordersv1.Pack{Gateway: "bench-funds", PackNo: uint64(no + 1), SentAtMs: time.Now().UnixMilli()}
		for a := range uint64(traders) {
			amount := int64(richUSD)
			if asset == "WINE" {
				amount = richWine
			}
			p.Commands = append(p.Commands, &ordersv1.Command{Op: &ordersv1.Command_Deposit{Deposit: &ordersv1.Deposit{
				Account: firstTrader + a, Asset: asset, Amount: amount, DepositId: fmt.Sprintf("bench-%s-%d", asset, a)}}})
		}
		data, err := proto.Marshal(p)
		if err != nil {
			return fmt.Errorf("encoding deposits: %w", err)
		}
		if _, err := b.PublishOnce(ctx, ordersv1.Subject(venue, ordersv1.FromFunds), ordersv1.MsgID(p.Gateway, p.PackNo), data, nil); err != nil {
			return fmt.Errorf("publishing deposits: %w", err)
		}
	}
	return nil
}

// tokens makes accounts that trade over HTTP; the writer runs.
func (w *bookWorld) tokens(ctx context.Context, n int) (tokens []string, err error) {
	b, err := w.bus(ctx, topology.UserOperator)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	for range n {
		w.seats++
		made, err := operator.CreateAccount(ctx, b, operator.Account{Name: fmt.Sprintf("bench-%d", w.seats), Role: identityv1.Role_ROLE_TRADER, Venue: venue,
			Deposits: []operator.Deposit{{Asset: "USD", Amount: richUSD}, {Asset: "WINE", Amount: richWine}}})
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, made.Token)
	}
	return tokens, nil
}

// send publishes packs as fast as their acks allow and returns the sequence of
// the last one.
func send(ctx context.Context, js jetstream.JetStream, gateway string, packs [][]byte) (last uint64, err error) {
	const window = 16 // packs without an ack: 1 MB on the way
	flying := make([]jetstream.PubAckFuture, 0, window)
	settle := func(f jetstream.PubAckFuture) error {
		select {
		case ack := <-f.Ok():
			last = max(last, ack.Sequence)
			return nil
		case err := <-f.Err():
			return fmt.Errorf("publishing a pack: %w", err)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	var head []byte
	for i, commands := range packs {
		if len(flying) == window {
			if err := settle(flying[0]); err != nil {
				return 0, err
			}
			flying = append(flying[:0], flying[1:]...)
		}
		no := uint64(i + 1)
		head = protowire.AppendString(protowire.AppendTag(head[:0], 1, protowire.BytesType), gateway)
		head = protowire.AppendVarint(protowire.AppendTag(head, 2, protowire.VarintType), no)
		head = protowire.AppendVarint(protowire.AppendTag(head, 3, protowire.VarintType), uint64(time.Now().UnixMilli()))
		m := &nats.Msg{Subject: ordersv1.Subject(venue, ordersv1.FromAPI), Data: append(head[:len(head):len(head)], commands...)}
		f, err := js.PublishMsgAsync(m, jetstream.WithMsgID(ordersv1.MsgID(gateway, no)))
		if err != nil {
			return 0, fmt.Errorf("publishing a pack: %w", err)
		}
		flying = append(flying, f)
	}
	for _, f := range flying {
		if err := settle(f); err != nil {
			return 0, err
		}
	}
	return last, nil
}

// published waits until the events of the pack at seq are in TRADES.
func (w *bookWorld) published(ctx context.Context, seq uint64) error {
	return w.until(ctx, 4*time.Minute, 5*time.Millisecond, func() (bool, string) {
		m, err := w.read.Last(ctx, tradesv1.Stream, tradesv1.Subject(venue))
		if err != nil || m == nil {
			return false, fmt.Sprintf("no output yet: %v", err)
		}
		at, last := covers(m.Data)
		return last && at >= seq, fmt.Sprintf("TRADES is at the pack %d of %d", at, seq)
	})
}

// covers reads an Output's last_in_seq and last, which stand before its events.
func covers(b []byte) (lastInSeq uint64, last bool) {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 || typ != protowire.VarintType {
			return lastInSeq, last
		}
		v, m := protowire.ConsumeVarint(b[n:])
		if m < 0 {
			return lastInSeq, last
		}
		switch num {
		case 2:
			lastInSeq = v
		case 4:
			last = v != 0
		}
		b = b[n+m:]
	}
	return lastInSeq, last
}
