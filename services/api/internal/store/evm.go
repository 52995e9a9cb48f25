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
type Key struct{ Block, Log int64 }

// Start is before every row.
var start = Key{Block: -1, Log: math.MaxInt32}

// List bounds a list by height.
type List struct {
	From, To int64 // inclusive heights; To < 0 = no bound
	Desc     bool
	Limit    int
	After    *Key // nil = from the beginning in the list's direction
}

// bounds gives the exclusive keys that the list lies between.
func (l *List) bounds() (lo, hi Key) {
	lo, hi = Key{l.From - 1, math.MaxInt32}, Key{math.MaxInt64, 0}
	if l.From <= 0 {
		lo = start
	}
	if l.To >= 0 && l.To < math.MaxInt64 {
		hi = Key{l.To + 1, 0}
	}
	if l.After != nil {
		if l.Desc && less(*l.After, hi) {
			hi = *l.After
		} else if !l.Desc && less(lo, *l.After) {
			lo = *l.After
		}
	}
	return lo, hi
}

// Before is the key that a list in ascending order starts behind: what a
// poller that got nothing yet continues from.
func (l *List) Before() Key {
	lo, _ := l.bounds()
	return lo
}

func less(a, b Key) bool { return a.Block < b.Block || a.Block == b.Block && a.Log < b.Log }

func direction(desc bool) string {
	if desc {
		return "desc"
	}
	return "asc"
}

// Blocks lists EVM blocks by height; one more than the limit is never read.
func (s *Store) Blocks(ctx context.Context, network string, l List) (out []*feedv1.EvmBlock, finalized int64, err error) {
	err = s.viewLive(ctx, func(tx *Tx) error {
		out, finalized = nil, tx.finalized(network)
		lo, hi := l.bounds()
		q := `select ` + blockColumns + ` from ` + tx.table("blocks") + ` where network = $1 and number > $2 and number < $3 order by number ` + direction(l.Desc) + ` limit $4`
		rows, err := tx.Query(ctx, q, network, lo.Block, hi.Block, l.Limit)
		if err != nil {
			return fmt.Errorf("reading blocks: %w", err)
		}
		out, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (*feedv1.EvmBlock, error) {
			b, _, err := scanBlock(row, network)
			return b, err
		})
		if err != nil {
			return fmt.Errorf("reading blocks: %w", err)
		}
		return nil
	})
	return out, finalized, err
}

// finalized is the network's finalized height as of the last poll, -1 = unknown.
func (tx *Tx) finalized(network string) int64 {
	if c, ok := tx.snap.Cursor(tx.snap.Networks[network].Partition); ok {
		return c.Finalized
	}
	return -1
}

// Block finds an EVM block by height or, with number < 0, by hash.
func (s *Store) Block(ctx context.Context, network string, number int64, hash []byte) (b *feedv1.EvmBlock, finalized int64, err error) {
	err = s.viewLive(ctx, func(tx *Tx) error {
		finalized = tx.finalized(network)
		q := `select ` + blockColumns + ` from ` + tx.table("blocks") + ` where network = $1 and `
		var arg any = number
		if number < 0 {
			q += `hash = $2`
			arg = hash
		} else {
			q += `number = $2`
		}
		b, _, err = scanBlock(tx.QueryRow(ctx, q, network, arg), network)
		return found(err, "reading block")
	})
	return b, finalized, err
}

// Events lists logs in chain order that the filter selects.
func (s *Store) Events(ctx context.Context, network string, f *filter.Event, l List) (out []*feedv1.Event, finalized int64, err error) {
	err = s.viewLive(ctx, func(tx *Tx) error {
		out, finalized = nil, tx.finalized(network)
		where, args := eventConditions(network, f, &l)
		q := `select ` + eventColumns + ` from ` + tx.table("events") + ` where ` + where + ` order by block_number ` + direction(l.Desc) +
			`, log_index ` + direction(l.Desc) + fmt.Sprintf(` limit $%d`, len(args)+1)
		rows, err := tx.Query(ctx, q, append(args, l.Limit)...)
		if err != nil {
			return fmt.Errorf("reading events: %w", err)
		}
		out, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (*feedv1.Event, error) {
			e, _, err := scanEvent(row, network)
			return e, err
		})
		if err != nil {
			return fmt.Errorf("reading events: %w", err)
		}
		return nil
	})
	return out, finalized, err
}

// eventConditions writes the filter as SQL. Values and argument names travel
// as parameters only, but for a factory's name in the configuration: the
// planner has to see it, to know that the index events_factory holds all rows.
func eventConditions(network string, f *filter.Event, l *List) (string, []any) {
	var parts []string
	var args []any
	add := func(format string, values ...any) {
		marks := make([]any, len(values))
		for i, v := range values {
			args = append(args, v)
			marks[i] = fmt.Sprintf("$%d", len(args))
		}
		parts = append(parts, fmt.Sprintf(format, marks...))
	}
	add("network = %s", network)
	lo, hi := l.bounds()
	add("(block_number, log_index) > (%s, %s)", lo.Block, lo.Log)
	add("(block_number, log_index) < (%s, %s)", hi.Block, hi.Log)
	if c := f.Contract; c != nil && c.Children {
		parts = append(parts, "contract = '"+strings.ReplaceAll(c.Name, "'", "''")+"'")
	} else if c != nil {
		if c.Address != nil {
			add("address = %s", c.Address)
		}
		if c.StartBlock > 0 {
			add("block_number >= %s", int64(c.StartBlock))
		}
		either := []string{}
		for _, sig := range c.Signatures {
			args = append(args, sig.Topic0, sig.Topics)
			is := fmt.Sprintf("topics[1] = $%d and cardinality(topics) = $%d", len(args)-1, len(args))
			if sig.From > 0 {
				args = append(args, int64(min(sig.From, math.MaxInt64)))
				is += fmt.Sprintf(" and block_number >= $%d", len(args))
			}
			if sig.To > 0 {
				args = append(args, int64(min(sig.To, math.MaxInt64)))
				is += fmt.Sprintf(" and block_number <= $%d", len(args))
			}
			either = append(either, "("+is+")")
		}
		args = append(args, c.Name)
		either = append(either, fmt.Sprintf("contract = $%d", len(args)))
		parts = append(parts, "("+strings.Join(either, " or ")+")")
	}
	if f.Address != nil {
		add("address = %s", f.Address)
	}
	if f.Event != "" {
		add("event = %s", f.Event)
	}
	for i, t := range f.Topics {
		if t != nil {
			add(fmt.Sprintf("topics[%d] = %%s", i+1), t)
		}
	}
	for _, a := range f.Args {
		if strings.HasPrefix(a.Value, "0x") {
			add("lower(args ->> %s) = %s", a.Name, a.Value)
		} else {
			add("args ->> %s = %s", a.Name, a.Value)
		}
	}
	return strings.Join(parts, " and "), args
}
