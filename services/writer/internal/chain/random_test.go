package chain_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"fondaco.dev/services/writer/internal/partition"
	"fondaco.dev/services/writer/internal/writertest"

	chainv1 "fondaco.dev/proto/chain/v1"
)

// follower is a client that reads a feed page by page, as `since` does: by
// position, whatever table a row is in.
type follower struct {
	w     *writertest.World
	build string
	part  string
	held  uint64
	rows  map[string]int // "block/log" to how often it is held
}

func (c *follower) read(ctx context.Context) error {
	return pgx.BeginTxFunc(ctx, c.w.Pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead}, func(tx pgx.Tx) error {
		cur, ok, err := partition.ReadCursor(ctx, tx, c.build, c.part)
		if err != nil || !ok {
			return err
		}
		q := strings.ReplaceAll(`
select pos, 'r', to_number, 0 from ix.reverts where pos > $1 and pos <= $2
union all select pos, 'b', number, -1 from ix.blocks where pos > $1 and pos <= $2
union all select pos, 'b', number, -1 from ix.orphaned_blocks where pos > $1 and pos <= $2
union all select pos, 'e', block_number, log_index from ix.events where pos > $1 and pos <= $2
union all select pos, 'e', block_number, log_index from ix.orphaned_events where pos > $1 and pos <= $2
order by 1`, "ix.", "ix_"+c.build+".")
		list, err := tx.Query(ctx, q, int64(c.held), int64(cur.Pos))
		if err != nil {
			return err
		}
		var pos, number, log int64
		var kind string
		last := int64(-1)
		_, err = pgx.ForEachRow(list, []any{&pos, &kind, &number, &log}, func() error {
			if pos == last {
				return fmt.Errorf("position %d is given twice", pos)
			}
			last = pos
			if kind != "r" {
				c.rows[fmt.Sprintf("%d/%d", number, log)]++
				return nil
			}
			for k := range c.rows {
				var block int64
				if _, err := fmt.Sscanf(k, "%d/", &block); err != nil {
					return err
				}
				if block > number {
					delete(c.rows, k)
				}
			}
			return nil
		})
		c.held = cur.Pos
		return err
	})
}

// Reorgs, repairs, refused blocks, replays of dead letters and deaths of the
// writer in any order: in the end the rows are those of the chain, a client that
// followed holds each once, and the totals are right.
func TestAnythingInAnyOrder(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	for seed := range uint64(3) {
		rnd := rand.New(rand.NewPCG(seed, 11))
		n := writertest.EVMNetwork(fmt.Sprint("dev", seed))
		f := w.NewFeed(n.Subject())
		build := w.Build(fmt.Sprint("any", seed), n)
		refused := func(on bool) {
			w.Exec(`alter table ix_` + build + `.events drop constraint if exists poison`)
			if on {
				w.Exec(`alter table ix_` + build + `.events add constraint poison check (block_number % 5 <> 3) not valid`)
			}
		}
		var until atomic.Int64 // steps that are left
		start := func() *writertest.Writer {
			return indexer(w, build, n, func(string) error {
				if until.Add(-1) < 0 {
					return writertest.ErrKilled
				}
				return nil
			}, hasty, func(p *partition.Partition) { p.MaxRows = 1 + rnd.IntN(10) })
		}
		client := &follower{w: w, build: build, part: n.Subject(), rows: map[string]int{}}
		var chain []*chainv1.Block // whole blocks
		short := map[string]bool{} // by hash: was sent without its first log
		final := 0
		for round := range 12 {
			refused(rnd.IntN(2) == 0)
			var units []*chainv1.Unit
			for range 1 + rnd.IntN(5) {
				if len(chain) > final+2 && rnd.IntN(4) == 0 {
					chain = chain[:final+1+rnd.IntN(len(chain)-final-1)]
					units = append(units, writertest.Revert(chain[len(chain)-1]))
				}
				var parent *chainv1.Block
				if len(chain) > 0 {
					parent = chain[len(chain)-1]
				}
				b := writertest.Block(parent, rnd.IntN(4), rnd.Uint64())
				chain = append(chain, b)
				if len(b.Logs) > 0 && rnd.IntN(3) == 0 {
					short[string(b.Hash)] = true
					b = proto.Clone(b).(*chainv1.Block)
					b.Logs = b.Logs[1:]
				}
				units = append(units, writertest.U(b))
			}
			if rnd.IntN(2) == 0 {
				final = max(final, rnd.IntN(len(chain)))
				units = append(units, writertest.Final(chain[final]))
			}
			if final > 0 && rnd.IntN(2) == 0 {
				units = append(units, repairUnit(chain[rnd.IntN(final+1)]))
			}
			f.Publish(units...)
			until.Store(int64(rnd.IntN(60)))
			r := start()
			if rnd.IntN(2) == 0 {
				w.Exec(`update ctl.dead_letters set status = 'pending' where build = $1 and status = 'dead' and not orphaned`, build)
			}
			w.Until("a death or the end", func() bool {
				if err := client.read(context.Background()); err != nil {
					t.Fatalf("seed %d, round %d: %v", seed, round, err)
				}
				return until.Load() < 0 || w.Cursor(build, n.Subject()).Seq == f.Last
			})
			r.Stop()
		}
		refused(false)
		until.Store(1 << 40)
		last := []*chainv1.Unit{writertest.Final(chain[len(chain)-1])}
		for _, b := range chain {
			if short[string(b.Hash)] {
				last = append(last, repairUnit(b))
			}
		}
		f.Publish(last...)
		w.Exec(`update ctl.dead_letters set status = 'pending' where build = $1 and status = 'dead' and not orphaned`, build)
		r := start()
		w.Wait(build, n.Subject(), f.Last)
		w.Until("the letters' end", func() bool {
			w.Exec(`update ctl.dead_letters set status = 'pending' where build = $1 and status = 'dead' and not orphaned`, build)
			return writertest.Value[int64](w, `select count(*) from ctl.dead_letters where build = $1 and status <> 'done' and not orphaned`, build) == 0
		})
		r.Stop()
		if err := client.read(context.Background()); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		var want, held []string
		for _, b := range chain {
			want = append(want, fmt.Sprintf("%d/-1=1", b.Number))
			for _, l := range b.Logs {
				want = append(want, fmt.Sprintf("%d/%d=1", b.Number, l.Index))
			}
		}
		for k, times := range client.rows {
			held = append(held, fmt.Sprint(k, "=", times))
		}
		slices.Sort(want)
		slices.Sort(held)
		if !slices.Equal(held, want) {
			t.Errorf("seed %d: the client holds\n%v\nwant\n%v", seed, held, want)
		}
		const rows = `select coalesce(string_agg(k || '=1', ' ' order by k collate "C"), '') from (
			select number || '/-1' as k from ix.blocks union all select block_number || '/' || log_index from ix.events) x`
		if got := writertest.Value[string](w, strings.ReplaceAll(rows, "ix.", "ix_"+build+".")); got != strings.Join(want, " ") {
			t.Errorf("seed %d: rows\n%s\nwant\n%s", seed, got, strings.Join(want, " "))
		}
		if got := writertest.Value[int64](w, strings.ReplaceAll(`select count(*) from ix.events e join ix.blocks b on b.network = e.network and b.number = e.block_number where b.hash <> e.block_hash`, "ix.", "ix_"+build+".")); got != 0 {
			t.Errorf("seed %d: %d events are of other blocks", seed, got)
		}
		w.CheckCounts(build)
	}
}
