package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"fondaco.dev/pkg/embedded/natsd"
	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/proto/topology"
	tradesv1 "fondaco.dev/proto/trades/v1"
)

// Settings with which no snapshot is taken while something else is measured.
var noSnapshots = []string{"FONDACO_SNAPSHOT_PACKS=100000000", "FONDACO_SNAPSHOT_INTERVAL=1h"}

// load brings a venue up with rich traders and publishes packs to it; it
// returns the sequence of the last one and the time from the first publish until
// all events were in TRADES.
func (w *bookWorld) load(ctx context.Context, gateway string, packs [][]byte) (seq uint64, took time.Duration, err error) {
	began := time.Now()
	if seq, err = send(ctx, w.pack.JetStream(), gateway, packs); err != nil {
		return 0, 0, err
	}
	return seq, time.Since(began), w.published(ctx, seq)
}

// bus measures packs straight onto the bus.
func (b *Book) bus(ctx context.Context) error {
	packs, err := mixPacks(b.Commands)
	if err != nil {
		return err
	}
	b.table.section(fmt.Sprintf("packs of 1,000 commands straight onto the bus, %d commands, sync always on both streams", b.Commands))
	return b.inBook(ctx, func(w *bookWorld) error {
		p, err := w.up(ctx, "orderbook")
		if err != nil {
			return err
		}
		if err := w.fund(ctx); err != nil {
			return err
		}
		// The first packs fill caches and tables.
		warm := max(1, len(packs)/10)
		if _, _, err := w.load(ctx, "bench-warm", packs[:warm]); err != nil {
			return err
		}
		cpu, self := p.cpu(), selfCPU()
		began := time.Now()
		seq, stored, err := w.load(ctx, "bench", packs[warm:])
		if err != nil {
			return err
		}
		took, n := time.Since(began), b.Commands-warm*ordersv1.MaxCommands
		cpu, self = p.cpu()-cpu, selfCPU()-self
		bare, err := w.bare(ctx, packs[warm:])
		if err != nil {
			return err
		}
		rate := float64(n) / took.Seconds()
		b.table.rate("commands applied and their events published", rate, "commands/s", 500_000)
		b.table.rate("  packs stored meanwhile", float64(n)/stored.Seconds(), "commands/s", 0)
		b.table.rate("ceiling: the same packs published to an empty server", float64(n)/bare.Seconds(), "commands/s", 0)
		b.table.ratio("applied and published / published", rate/(float64(n)/bare.Seconds()), 0)
		b.table.nanos("processor time of orderbook, a command", float64(cpu.Nanoseconds())/float64(n), 0)
		b.table.nanos("processor time of NATS with this program, a command", float64(self.Nanoseconds())/float64(n), 0)
		return w.counted(p, seq)
	}, noSnapshots...)
}

// counted checks that an order book refused no more than the mix's cancels of
// filled orders: a bench of refusals would be a fast one.
func (w *bookWorld) counted(p *program, seq uint64) error {
	all, err := counter(p.admin, "fondaco_orderbook_commands_total")
	if err != nil {
		return err
	}
	refused, err := counter(p.admin, "fondaco_orderbook_commands_rejected_total")
	if err != nil {
		return err
	}
	at, err := counter(p.admin, "fondaco_orderbook_input_sequence")
	if err != nil {
		return err
	}
	if refused*4 > all || uint64(at) < seq {
		return fmt.Errorf("of %d commands %d were refused, at pack %d of %d", all, refused, at, seq)
	}
	return nil
}

// bare publishes the packs to a server of its own, with the same settings.
func (w *bookWorld) bare(ctx context.Context, packs [][]byte) (time.Duration, error) {
	srv, err := natsd.Start(natsd.Config{Dir: filepath.Join(w.dir.Path("bare"), "nats")}, zap.NewNop())
	if err != nil {
		return 0, err
	}
	defer srv.Stop()
	nc, err := nats.Connect(srv.URL())
	if err != nil {
		return 0, err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return 0, err
	}
	for _, s := range topology.Streams() {
		if s.Name == ordersv1.Stream {
			if _, err := js.CreateStream(ctx, s); err != nil {
				return 0, fmt.Errorf("making the stream: %w", err)
			}
		}
	}
	began := time.Now()
	if _, err := send(ctx, js, "bench", packs); err != nil {
		return 0, err
	}
	return time.Since(began), nil
}

// selfCPU is the processor time of this program and of the server in it.
func selfCPU() time.Duration {
	p, _ := readProcess(os.Getpid())
	return p.own
}

// replay measures a recovery from the stream alone.
func (b *Book) replay(ctx context.Context) error {
	packs, err := mixPacks(b.Commands)
	if err != nil {
		return err
	}
	b.table.section(fmt.Sprintf("replay of %d commands from the stream, no snapshot", b.Commands))
	return b.inBook(ctx, func(w *bookWorld) error {
		p, err := w.up(ctx, "orderbook")
		if err != nil {
			return err
		}
		if err := w.fund(ctx); err != nil {
			return err
		}
		seq, _, err := w.load(ctx, "bench", packs)
		if err != nil {
			return err
		}
		w.kill(p)
		if p, err = w.up(ctx, "orderbook"); err != nil {
			return err
		}
		took, err := gauge(p.admin, "fondaco_orderbook_recovery_seconds")
		if err != nil {
			return err
		}
		replayed, err := counter(p.admin, "fondaco_orderbook_packs_replayed_total")
		if err != nil {
			return err
		}
		if uint64(replayed) < uint64(len(packs)) {
			return fmt.Errorf("%d packs were replayed, want at least %d: was there a snapshot?", replayed, len(packs))
		}
		b.table.rate("replay", float64(b.Commands)/took, "commands/s", 1_000_000)
		return w.holds(ctx, p, seq)
	}, noSnapshots...)
}

// holds checks that a restarted order book is where the last one was.
func (w *bookWorld) holds(ctx context.Context, p *program, seq uint64) error {
	return w.until(ctx, 30*time.Second, 5*time.Millisecond, func() (bool, string) {
		at, err := counter(p.admin, "fondaco_orderbook_input_sequence")
		return err == nil && uint64(at) >= seq, fmt.Sprintf("it is at pack %d of %d, %v", at, seq, err)
	})
}

// restart measures a restart with a snapshot of many open orders.
func (b *Book) restart(ctx context.Context) error {
	packs, err := restPacks(b.Open)
	if err != nil {
		return err
	}
	b.table.section(fmt.Sprintf("restart with %d open orders in a snapshot, after kill -9", b.Open))
	return b.inBook(ctx, func(w *bookWorld) error {
		p, err := w.up(ctx, "orderbook")
		if err != nil {
			return err
		}
		if err := w.fund(ctx); err != nil {
			return err
		}
		if _, _, err := w.load(ctx, "bench", packs); err != nil {
			return err
		}
		// The newest snapshot holds everything: nothing came while it was taken.
		for range 2 {
			if err := w.snapshot(ctx, p); err != nil {
				return err
			}
			if _, _, err := w.load(ctx, "bench-idle-"+fmt.Sprint(time.Now().UnixNano()), packs[:1]); err != nil {
				return err
			}
		}
		if err := w.snapshot(ctx, p); err != nil {
			return err
		}
		size, err := gauge(p.admin, "fondaco_orderbook_snapshot_bytes")
		if err != nil {
			return err
		}
		w.kill(p)
		began := time.Now()
		if p, err = w.up(ctx, "orderbook"); err != nil {
			return err
		}
		took := time.Since(began)
		// One more order, and the book is told as it is.
		seq, _, err := w.load(ctx, "bench-more", packs[:1])
		if err != nil {
			return err
		}
		if err := w.holds(ctx, p, seq); err != nil {
			return err
		}
		open, err := counter(p.admin, "fondaco_orderbook_open_orders")
		if err != nil {
			return err
		}
		if int(open) < b.Open {
			return fmt.Errorf("%d orders are open after the restart, want %d", open, b.Open)
		}
		recovery, err := gauge(p.admin, "fondaco_orderbook_recovery_seconds")
		if err != nil {
			return err
		}
		b.table.seconds("from the start of the program until it serves", took, 5*time.Second)
		b.table.seconds("  of that: reading the snapshot and what came after it", time.Duration(recovery*float64(time.Second)), 0)
		b.table.memory("size of the snapshot", int64(size), 0)
		b.table.memory("memory of the program, peak", peakMemory(p.proc.Pid()), 0)
		return nil
	}, "FONDACO_SNAPSHOT_PACKS=100000000", "FONDACO_SNAPSHOT_INTERVAL=1s")
}

// snapshot waits for one more snapshot.
func (w *bookWorld) snapshot(ctx context.Context, p *program) error {
	before, err := counter(p.admin, "fondaco_orderbook_snapshots_total")
	if err != nil {
		return err
	}
	return w.until(ctx, time.Minute, 10*time.Millisecond, func() (bool, string) {
		n, err := counter(p.admin, "fondaco_orderbook_snapshots_total")
		return err == nil && n > before, fmt.Sprintf("no snapshot after the %d, %v", before, err)
	})
}

// failover kills a leader with a standby beside it, under load.
func (b *Book) failover(ctx context.Context) error {
	packs, err := mixPacks(max(b.Commands/10, 20*ordersv1.MaxCommands))
	if err != nil {
		return err
	}
	b.table.section("failover to the standby: kill -9 of the leader between two packs of a stream of them")
	return b.inBook(ctx, func(w *bookWorld) error {
		leader, err := w.up(ctx, "orderbook")
		if err != nil {
			return err
		}
		standby, err := w.start("orderbook")
		if err != nil {
			return err
		}
		if err := w.fund(ctx); err != nil {
			return err
		}
		half := len(packs) / 2
		seq, _, err := w.load(ctx, "bench", packs[:half])
		if err != nil {
			return err
		}
		if err := w.holds(ctx, standby, seq); err != nil {
			return fmt.Errorf("waiting for the standby: %w", err)
		}
		w.kill(leader)
		began := time.Now()
		if _, _, err := w.load(ctx, "bench-after", packs[half:half+1]); err != nil {
			return err
		}
		took := time.Since(began)
		last, _, err := w.load(ctx, "bench-later", packs[half+1:])
		if err != nil {
			return err
		}
		if err := w.counted(standby, last); err != nil {
			return err
		}
		applied, err := w.applied(ctx)
		if err != nil {
			return err
		}
		b.table.seconds("from the kill until a new pack's events are published", took, 3*time.Second)
		// Every stored pack has its PackApplied in TRADES: the standby checked the
		// first half byte by byte, and leads since.
		b.table.count("packs stored and not applied", float64(last-min(last, applied)), 0)
		return nil
	}, noSnapshots...)
}

// applied counts the distinct input packs that have events in TRADES.
func (w *bookWorld) applied(ctx context.Context) (n uint64, err error) {
	end, err := w.read.Last(ctx, tradesv1.Stream, tradesv1.Subject(venue))
	if err != nil || end == nil {
		return 0, fmt.Errorf("reading the end of TRADES: %w", err)
	}
	f := w.read.Follow(ctx, tradesv1.Stream, []string{tradesv1.Subject(venue)}, 1)
	defer f.Close()
	seen := map[uint64]bool{}
	for {
		got, err := f.Next(ctx, 32<<20)
		if err != nil {
			return 0, fmt.Errorf("reading TRADES: %w", err)
		}
		for _, m := range got {
			var out tradesv1.Output
			if err := proto.Unmarshal(m.Data, &out); err != nil {
				return 0, fmt.Errorf("decoding an output: %w", err)
			}
			for _, e := range out.Events {
				if p := e.GetPackApplied(); p != nil {
					if seen[p.InSeq] {
						return 0, fmt.Errorf("pack %d was applied twice", p.InSeq)
					}
					seen[p.InSeq] = true
				}
			}
			if m.Seq >= end.Seq {
				return uint64(len(seen)), nil
			}
		}
	}
}
