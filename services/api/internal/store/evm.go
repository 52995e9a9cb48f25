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

const blockColumns = `number, hash, parent_hash, time, tx_count, log_count, pos`

func scanBlock(row pgx.Row, network string) (*feedv1.EvmBlock, uint64, error) {
	b := &feedv1.EvmBlock{Network: network}
	var number, at, pos int64
	var txs, logs int32
	if err := row.Scan(&number, &b.Hash, &b.ParentHash, &at, &txs, &logs, &pos); err != nil {
		return nil, 0, err
	}
	b.Number, b.Time, b.TxCount, b.LogCount = uint64(number), uint64(at), uint32(txs), uint32(logs)
	return b, uint64(pos), nil
}

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

// Key is the place of a row in a list ordered by height: a block's has Log 0.
// An orphaned row comes before the canonical one of its place.
type Key struct {
	Block, Log int64
	Gone       int64 // position of what took an orphaned row away; 0 = it is canonical
}

// rank orders rows of one place.
func (k *Key) rank() int64 {
	if k.Gone == 0 {
		return math.MaxInt64
	}
	return k.Gone
}

// List bounds a list by height and time.
type List struct {
	From, To int64 // inclusive heights; To < 0 = no bound
	// Blocks of the times [Since, Until), Unix seconds; 0 = no bound. Along a
	// chain time does not go back.
	Since, Until int64
	Finalized    bool // up to the finalized height only
	Orphaned     bool // with what reorgs and repairs took away
	Desc         bool
	Limit        int
	After        *Key // nil = from the beginning in the list's direction
	Need         Need
}

// Before is the key that a list in ascending order starts behind: what a
// poller that got nothing yet continues from.
func (l *List) Before() Key {
	if l.After != nil {
		return *l.After
	}
	return Key{Block: max(l.From, 0) - 1, Log: math.MaxInt32}
}

// limited ends the statement of a list of a network's rows. The number stands in
// the text: where it is a parameter, Postgres takes the general plan, of which it
// knows no limit, for dearer than one made for the values at hand, and plans every
// request anew. That is as it should be for lists of one account, market or topic:
// these have from no row to millions, and one plan does not do for all.
func limited(rows int) string { return fmt.Sprintf(` limit %d`, rows) }

func direction(desc bool) string {
	if desc {
		return "desc"
	}
	return "asc"
}

// clauses collects conditions and the values that they name.
type clauses struct {
	parts []string
	args  []any
}

// value adds a value and gives its place.
func (c *clauses) value(v any) string {
	c.args = append(c.args, v)
	return fmt.Sprintf("$%d", len(c.args))
}

// add writes a condition with a %s for each value.
func (c *clauses) add(format string, values ...any) {
	marks := make([]any, len(values))
	for i, v := range values {
		marks[i] = c.value(v)
	}
	c.parts = append(c.parts, fmt.Sprintf(format, marks...))
}

func (c *clauses) where() string { return strings.Join(c.parts, " and ") }

// between writes the bounds of the height.
func (l *List) between(c *clauses, height string) {
	if l.From > 0 {
		c.add(height+" >= %s", l.From)
	}
	if l.To >= 0 && l.To < math.MaxInt64 {
		c.add(height+" <= %s", l.To)
	}
}

// op is what the next rows are, compared with the last one.
func (l *List) op() string {
	if l.Desc {
		return "<"
	}
	return ">"
}

// bound writes the list's bounds: columns are those of the height and, where a
// height has several rows, of the place in it. gone says that the table is one
// of orphaned rows.
func (l *List) bound(tx *Tx, c *clauses, network, height, place string, gone bool) {
	c.add("network = %s", network)
	l.between(c, height)
	blocks := tx.table("blocks")
	if l.Since > 0 {
		c.add(height+" >= (select number from "+blocks+" where network = %s and time >= %s order by time, number limit 1)", network, l.Since)
	}
	if l.Until > 0 {
		c.add(height+" <= (select number from "+blocks+" where network = %s and time < %s order by time desc, number desc limit 1)", network, l.Until)
	}
	if l.Finalized {
		c.add(height+" <= (select finalized from ctl.cursors where build = %s and partition = %s)", tx.snap.Build, tx.snap.Networks[network].Partition)
	}
	if l.After == nil {
		return
	}
	columns, values := []string{height}, []any{l.After.Block}
	if place != "" {
		columns, values = append(columns, place), append(values, l.After.Log)
	}
	op := l.op()
	switch {
	case gone:
		columns, values = append(columns, "revert_pos"), append(values, l.After.rank())
	case l.Orphaned && !l.Desc && l.After.Gone != 0:
		op = ">=" // the canonical row of that place is still to come
	}
	marks := strings.TrimSuffix(strings.Repeat("%s, ", len(values)), ", ")
	c.add("("+strings.Join(columns, ", ")+") "+op+" ("+marks+")", values...)
}

// goneNever is the column that stands for revert_pos where rows are canonical.
const goneNever = `null::bigint`

// BlockRow is a block and, when it was taken away, by what.
type BlockRow struct {
	*feedv1.EvmBlock
	Gone int64 // position of the revert; 0 = it is canonical
}

// Key is its place in a list in a direction.
func (b *BlockRow) Key(desc bool) Key {
	k := Key{Block: int64(b.GetNumber()), Gone: b.Gone}
	if !desc {
		k.Log = math.MaxInt32
	}
	return k
}

// Blocks lists EVM blocks by height, up to l.Limit.
func (s *Store) Blocks(ctx context.Context, network string, l List) (out []BlockRow, at At, err error) {
	at, err = s.ask(ctx, network, l.Need, func(tx *Tx, b *pgx.Batch) {
		out = nil
		c := &clauses{}
		part := func(table, gone string, orphaned bool) string {
			from := len(c.parts)
			l.bound(tx, c, network, "number", "", orphaned)
			q := `select ` + blockColumns + `, ` + gone + ` as gone from ` + tx.table(table) + ` where ` + strings.Join(c.parts[from:], " and ") +
				` order by number ` + direction(l.Desc)
			if orphaned {
				q += `, revert_pos ` + direction(l.Desc)
			}
			return q + limited(l.Limit)
		}
		q := part("blocks", goneNever, false)
		if l.Orphaned {
			q = `select * from ((` + q + `) union all (` + part("orphaned_blocks", "revert_pos", true) + `)) both_kinds order by number ` + direction(l.Desc) +
				`, coalesce(gone, 9223372036854775807) ` + direction(l.Desc) + limited(l.Limit)
		}
		b.Queue(q, c.args...).Query(func(rows pgx.Rows) (err error) {
			out, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (r BlockRow, err error) {
				r.EvmBlock, _, err = scanBlock(trailing{row, &r.Gone}, network)
				return r, err
			})
			return reading("blocks", err)
		})
	})
	return out, at, err
}

// trailing scans one nullable column more than its scanner knows of.
type trailing struct {
	pgx.Row
	gone *int64
}

// Scan is of pgx.Row.
func (t trailing) Scan(dest ...any) error {
	var gone *int64
	err := t.Row.Scan(append(dest, &gone)...)
	if gone != nil {
		*t.gone = *gone
	}
	return err
}

func reading(what string, err error) error {
	if err != nil {
		return fmt.Errorf("reading %s: %w", what, err)
	}
	return nil
}

// Block finds an EVM block by height or, with number < 0, by hash.
func (s *Store) Block(ctx context.Context, network string, number int64, hash []byte, need Need) (b *feedv1.EvmBlock, at At, err error) {
	at, err = s.ask(ctx, network, need, func(tx *Tx, batch *pgx.Batch) {
		q := `select ` + blockColumns + ` from ` + tx.table("blocks") + ` where network = $1 and `
		var arg any = number
		if number < 0 {
			q += `hash = $2`
			arg = hash
		} else {
			q += `number = $2`
		}
		batch.Queue(q, network, arg).QueryRow(func(row pgx.Row) (err error) {
			b, _, err = scanBlock(row, network)
			return found(err, "reading block")
		})
	})
	return b, at, err
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
