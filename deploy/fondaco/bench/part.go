package bench

import (
	"context"
	"fmt"
	"time"
)

// dense indexes the dense chain from go-ethereum, with the ceilings, and once
// more from its recorded answers.
func (b *Bench) dense(ctx context.Context) error {
	b.say("  loading a dev chain with %d blocks of 100 logs", b.Blocks)
	dev, err := b.node(helperDev, nodeSpec{Blocks: b.Blocks, Txs: 10, Logs: 10})
	if err != nil {
		return err
	}
	defer dev.stop()
	chain := fmt.Sprintf("%d blocks x 100 logs", b.Blocks)
	if err := b.fromNode(ctx, dev, chain); err != nil {
		return fmt.Errorf("from the node: %w", err)
	}
	b.say("  recording the node")
	replay, err := b.node(helperReplay, nodeSpec{Record: &dev.load})
	if err != nil {
		return err
	}
	dense := replay.load
	err = b.inWorld(ctx, replay, dense, "logs", func(w *world) error {
		b.say("  indexing the recorded answers")
		r, err := w.run(ctx, "recorded", dense, replayFirst(dense.URL), 0)
		if err != nil {
			return err
		}
		b.table.section("recorded answers of that node, " + chain)
		b.table.rate("end to end", r.rate(), "logs/s", 60_000)
		b.cpu(r, 0)
		return nil
	})
	replay.stop()
	if err != nil {
		return fmt.Errorf("from the recording: %w", err)
	}
	return nil
}

// fromNode is the run with go-ethereum and everything that it is held against.
func (b *Bench) fromNode(ctx context.Context, dev *helper, chain string) error {
	g, err := newGate(dev.load.URL[len("http://"):])
	if err != nil {
		return err
	}
	defer g.ln.Close()
	l := dev.load
	l.URL, l.WS = g.url(), ""
	first, err := getLogs(ctx, dev.load)
	if err != nil {
		return err
	}
	return b.inWorld(ctx, dev, l, "logs", func(w *world) error {
		b.say("  indexing from the node")
		r, err := w.run(ctx, "node", l, g.asked, 0)
		if err != nil {
			return err
		}
		b.say("  ceilings")
		second, err := getLogs(ctx, dev.load)
		if err != nil {
			return err
		}
		bare, bareCPU, err := w.bareCopy(ctx, r)
		if err != nil {
			return err
		}
		pub, messages, size, err := w.publish(ctx)
		if err != nil {
			return err
		}
		logs := float64(l.Logs)
		getLogs, copied := min(first, second), bare
		b.table.section("go-ethereum on the same machine, " + chain)
		b.table.rate("end to end, node to row", r.rate(), "logs/s", 0)
		b.table.rate("ceiling: the node's getLogs of everything, answers dropped", logs/getLogs.Seconds(), "logs/s", 0)
		b.table.rate(fmt.Sprintf("ceiling: bare COPY + cursor, %d transactions", r.commits), logs/copied.Seconds(), "logs/s", 0)
		b.table.rate(fmt.Sprintf("ceiling: publish %d packs, %.1f MB", messages, float64(size)/1e6), logs/pub.Seconds(), "logs/s", 0)
		b.cpu(r, bareCPU)
		b.table.ratio("end to end / getLogs", r.rate()/(logs/getLogs.Seconds()), 0)
		b.table.ratio("end to end / COPY", r.rate()/(logs/copied.Seconds()), 0)
		b.table.ratio("end to end / publish", r.rate()/(logs/pub.Seconds()), 0)
		b.table.ratio("end to end / (1/(1/getLogs + 1/COPY))", r.rate()*(getLogs+copied).Seconds()/logs, 0.6)
		return nil
	})
}

// head follows the node's head.
func (b *Bench) head(ctx context.Context) error {
	dev, err := b.node(helperDev, nodeSpec{Blocks: 64, Txs: 10, Logs: 10})
	if err != nil {
		return err
	}
	defer dev.stop()
	return b.inWorld(ctx, dev, dev.load, "logs", func(w *world) error {
		b.say("  following the head for %d blocks", b.Samples)
		var api *program
		for _, s := range []string{"writer", "api", "event-handler"} {
			p, err := w.start(s)
			if err != nil {
				return err
			}
			if s == "api" {
				api = p
			}
		}
		r := &backfill{load: dev.load}
		if err := w.live(ctx, r); err != nil {
			return err
		}
		if _, err := w.rows(ctx, dev.load, func(uint64) {}); err != nil {
			return err
		}
		for _, p := range w.procs {
			if err := w.ready(ctx, p); err != nil {
				return err
			}
			w.profile(p, "head", 10*time.Second)
		}
		lat, err := w.follow(ctx, dev, r, api, b.Samples, 200*time.Millisecond)
		if err != nil {
			return err
		}
		b.profiles.Wait()
		b.table.section(fmt.Sprintf("a new block of 100 logs every 200 ms, %d blocks", lat.samples))
		b.table.latency("head to row p50 (seen by a query every 2 ms)", at(lat.row, 0.5), 0)
		b.table.latency("head to row p99", at(lat.row, 0.99), 0)
		b.table.latency("head to WebSocket frame p50 (last log of the block)", at(lat.frame, 0.5), 0)
		b.table.latency("head to WebSocket frame p99", at(lat.frame, 0.99), 100*time.Millisecond)
		return nil
	})
}

// staged measures event-handler and writer one after the other.
func (b *Bench) staged(ctx context.Context) error {
	return b.synthetic(ctx, Shape{Blocks: b.Stage / 100, Logs: 100, PerTx: 10}, "logs", func(w *world, l Load) error {
		r, err := w.staged(ctx, "staged", l, replayFirst(l.URL))
		if err != nil {
			return err
		}
		bare, bareCPU, err := w.bareCopy(ctx, r)
		if err != nil {
			return err
		}
		logs := float64(l.Logs)
		b.table.section(fmt.Sprintf("one after the other, %d generated logs", l.Logs))
		b.table.rate("event-handler alone, node to stream", logs/r.handler.Seconds(), "logs/s", 0)
		b.table.rate("writer alone, stream to rows", logs/r.writer.Seconds(), "rows/s", 0)
		b.table.rate(fmt.Sprintf("bare COPY + cursor of the same rows, %d transactions", r.commits), logs/bare.Seconds(), "rows/s", 0)
		b.cpu(r, bareCPU)
		b.table.ratio("writer alone / bare COPY", bare.Seconds()/r.writer.Seconds(), 0.7)
		return nil
	})
}

// flat indexes many rows and prints each piece of them.
func (b *Bench) flat(ctx context.Context) error {
	return b.synthetic(ctx, Shape{Blocks: b.Rows / 100, Logs: 100, PerTx: 10}, "logs", func(w *world, l Load) error {
		step := min(1_000_000, max(1, l.Logs/5))
		r, err := w.run(ctx, "flat", l, replayFirst(l.URL), step)
		if err != nil {
			return err
		}
		b.table.section(fmt.Sprintf("%d generated logs, all services at once", l.Logs))
		b.table.rate("end to end", r.rate(), "logs/s", 0)
		b.cpu(r, 0)
		for i, d := range r.marks {
			b.table.rate(fmt.Sprintf("  rows up to %d", (i+1)*step), float64(step)/d.Seconds(), "logs/s", 0)
		}
		if n := len(r.marks); n > 2 {
			// The first piece holds the start of everything.
			b.table.ratio("last piece / second piece", r.marks[1].Seconds()/r.marks[n-1].Seconds(), 0.9)
		}
		return nil
	})
}

// verify compares verify: receipts with verify: logs.
func (b *Bench) verify(ctx context.Context) error {
	b.table.section(fmt.Sprintf("verify: receipts beside verify: logs, %d generated logs each, node to row", b.Verify))
	for _, c := range []struct {
		perTx int
		most  float64
	}{{10, 2}, {1, 3}} {
		if b.quick && c.perTx != 1 {
			continue
		}
		took := map[string]time.Duration{}
		for _, mode := range []string{"logs", "receipts"} {
			err := b.synthetic(ctx, Shape{Blocks: b.Verify / 100, Logs: 100, PerTx: c.perTx}, mode, func(w *world, l Load) error {
				r, err := w.run(ctx, fmt.Sprintf("verify-%s-%d", mode, c.perTx), l, replayFirst(l.URL), 0)
				if err != nil {
					return err
				}
				took[mode] = r.wall
				b.table.rate(fmt.Sprintf("%s, %d logs a transaction", mode, c.perTx), r.rate(), "logs/s", 0)
				b.table.cpu("  processor time of event-handler", r.cpu["event-handler"], l.Logs)
				return nil
			})
			if err != nil {
				return err
			}
		}
		b.table.atMost(fmt.Sprintf("cost of receipts, %d logs a transaction", c.perTx), took["receipts"].Seconds()/took["logs"].Seconds(), c.most)
	}
	return nil
}

// sparse indexes blocks that hold next to nothing.
func (b *Bench) sparse(ctx context.Context) error {
	return b.synthetic(ctx, Shape{Blocks: b.Sparse, Logs: 1, PerTx: 1, Every: 100}, "logs", func(w *world, l Load) error {
		r, err := w.run(ctx, "sparse", l, replayFirst(l.URL), 0)
		if err != nil {
			return err
		}
		b.table.section(fmt.Sprintf("%d generated blocks, one in 100 with a log", l.Blocks()))
		b.table.rate("end to end", float64(l.Blocks())/r.wall.Seconds(), "blocks/s", 0)
		b.table.rate("", r.rate(), "logs/s", 0)
		return nil
	})
}
