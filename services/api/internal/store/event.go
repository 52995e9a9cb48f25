package store

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/jackc/pgx/v5"

	feedv1 "fondaco.dev/proto/feed/v1"
	"fondaco.dev/services/api/internal/filter"
)

const eventColumns = `block_number, log_index, block_hash, block_time, tx_hash, tx_index, address, contract, event, args::text, topics, data, decode_error, reads::text, pos`

func scanEvent(row pgx.Row, network string) (*feedv1.Event, uint64, error) {
	e := &feedv1.Event{Network: network}
	var number, at, pos int64
	var log, tx int32
	var args, reads *string
	if err := row.Scan(&number, &log, &e.BlockHash, &at, &e.TxHash, &tx, &e.Address, &e.Contract, &e.Event, &args, &e.Topics, &e.Data,
		&e.DecodeError, &reads, &pos); err != nil {
		return nil, 0, err
	}
	e.BlockNumber, e.LogIndex, e.BlockTime, e.TxIndex = uint64(number), uint32(log), uint64(at), uint32(tx)
	if args != nil {
		e.Args = []byte(*args)
	}
	if reads != nil {
		e.Reads = []byte(*reads)
	}
	return e, uint64(pos), nil
}

// EventRow is a log and, when it was taken away, by what.
type EventRow struct {
	*feedv1.Event
	Gone int64 // position of the revert or repair; 0 = it is canonical
}

// Key is its place in a list.
func (e *EventRow) Key() Key {
	return Key{Block: int64(e.GetBlockNumber()), Log: int64(e.GetLogIndex()), Gone: e.Gone}
}

func scanEventRows(rows pgx.Rows, network string) ([]EventRow, error) {
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (r EventRow, err error) {
		r.Event, _, err = scanEvent(trailing{row, &r.Gone}, network)
		return r, err
	})
}

// Events lists logs in chain order that the filter selects, up to l.Limit. What
// no index finds is looked for among Config.Scan rows at most: with fewer rows
// than l.Limit, more is the place up to which was looked, where the list goes on;
// nil = there is nothing behind.
func (s *Store) Events(ctx context.Context, network string, f *filter.Event, l List) (out []EventRow, more *Key, at At, err error) {
	at, err = s.ask(ctx, network, l.Need, func(tx *Tx, b *pgx.Batch) {
		out, more = nil, nil
		c := &clauses{}
		q, scanned := eventsQuery(tx, c, network, f, &l, s.cfg.Scan)
		if scanned != "" {
			q = withHorizon(q, scanned, &l, s.cfg.Scan)
		}
		b.Queue(q, c.args...).Query(func(rows pgx.Rows) (err error) {
			out, err = scanEventRows(rows, network)
			if n := len(out); n > 0 && out[n-1].Gone == horizon {
				key := out[n-1].Key()
				out, more = out[:n-1], &Key{Block: key.Block, Log: key.Log}
			}
			return reading("events", err)
		})
	})
	return out, more, at, err
}

// horizon is what the last row of a bounded look has in the place of what took it
// away, when it is none that was found but the last one that was looked at.
const horizon = -1

// withHorizon adds that row where fewer were found than wanted and there may be
// more behind. What is found is found once: looking is what costs here.
func withHorizon(q, scanned string, l *List, scan int) string {
	dir := direction(l.Desc)
	return `with found as materialized (` + q + `), last as (select block_number, log_index from (` + scanned + fmt.Sprintf(` offset %d limit 1`, scan-1) +
		fmt.Sprintf(`) looked where (select count(*) from found) < %d)`, l.Limit) +
		` select * from found union all select block_number, log_index, '', 0, '', 0, '', '', '', null, '{}', '', '', null, 0, ` + fmt.Sprint(horizon) + ` from last` +
		` order by gone nulls first, block_number ` + dir + `, log_index ` + dir
}

// eventsQuery writes the list's statement. scanned is the ordered statement
// whose first rows it looks through; "" = an index finds what is wanted. Where
// orphaned rows are listed with the others nothing bounds the look but the
// statement's time.
func eventsQuery(tx *Tx, c *clauses, network string, f *filter.Event, l *List, scan int) (q, scanned string) {
	dir := direction(l.Desc)
	order := ` order by block_number ` + dir + `, log_index ` + dir
	part := func(table, gone string, orphaned bool) string {
		from := len(c.parts)
		l.bound(tx, c, network, "block_number", "log_index", orphaned)
		narrowed(c, f)
		narrow := len(c.parts)
		filtered(c, f)
		source, conditions := tx.table(table), c.parts[from:]
		if !l.Orphaned && len(c.parts) > narrow {
			scanned = `select * from ` + source + ` where ` + strings.Join(c.parts[from:narrow], " and ") + order
			source, conditions = `(`+scanned+fmt.Sprintf(` limit %d) scanned`, scan), c.parts[narrow:]
		}
		q := `select ` + eventColumns + `, ` + gone + ` as gone from ` + source + ` where ` + strings.Join(conditions, " and ") + order
		if orphaned {
			q += `, revert_pos ` + dir
		}
		return q + limited(l.Limit)
	}
	q = part("events", goneNever, false)
	if l.Orphaned {
		q = `select * from ((` + q + `) union all (` + part("orphaned_events", "revert_pos", true) + `)) both_kinds` + order +
			`, coalesce(gone, 9223372036854775807) ` + dir + limited(l.Limit)
	}
	return q, scanned
}

// narrowed writes what an index of the events finds. Values travel as parameters
// only, but for a factory's name in the configuration: the planner has to see
// it, to know that the index events_factory holds all rows.
func narrowed(c *clauses, f *filter.Event) {
	if k := f.Contract; k != nil {
		switch {
		case k.Children:
			c.parts = append(c.parts, "contract = '"+strings.ReplaceAll(k.Name, "'", "''")+"'")
		case k.Address != nil:
			c.add("address = %s", k.Address)
		}
		if k.StartBlock > 0 && !k.Children {
			c.add("block_number >= %s", int64(k.StartBlock))
		}
	}
	if f.Address != nil {
		c.add("address = %s", f.Address)
	}
}

// filtered writes what is looked for row by row. Argument names are parameters
// as values are.
func filtered(c *clauses, f *filter.Event) {
	if k := f.Contract; k != nil && !k.Children {
		either := []string{}
		for _, sig := range k.Signatures {
			is := "topics[1] = " + c.value(sig.Topic0) + " and cardinality(topics) = " + c.value(sig.Topics)
			if sig.From > 0 {
				is += " and block_number >= " + c.value(int64(min(sig.From, math.MaxInt64)))
			}
			if sig.To > 0 {
				is += " and block_number <= " + c.value(int64(min(sig.To, math.MaxInt64)))
			}
			either = append(either, "("+is+")")
		}
		either = append(either, "contract = "+c.value(k.Name))
		c.parts = append(c.parts, "("+strings.Join(either, " or ")+")")
	}
	if f.Event != "" {
		c.add("event = %s", f.Event)
	}
	for i, t := range f.Topics {
		if t != nil {
			c.add(fmt.Sprintf("topics[%d] = %%s", i+1), t)
		}
	}
	if f.Account != nil {
		c.add("%s = any(topics[2:])", f.Account)
	}
	for _, a := range f.Args {
		c.add("args ->> %s in (%s, %s)", a.Name, a.Value, a.Written)
	}
}
