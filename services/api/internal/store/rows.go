package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	feedv1 "fondaco.dev/proto/feed/v1"
)

// Which rows of a network's feed are wanted.
type Kinds struct{ Blocks, Events bool }

// Page is a stretch of a network's feed: every row with a position in
// (after, UpTo], ascending. Complete: UpTo is the cursor's own position.
type Page struct {
	Cursor    Cursor
	Partition string
	Rows      []*feedv1.Row
	UpTo      uint64
	Complete  bool
}

// FeedRows reads a network's feed behind `after`, up to about limit rows a
// table. The view reads the cursor first and the page is complete up to that
// cursor only. Where no server is at atLeast in time the error is ErrBehind, and
// the page is what the primary has.
func (s *Store) FeedRows(ctx context.Context, network string, kinds Kinds, after, atLeast uint64, limit int) (Page, error) {
	n, err := s.Network(network)
	if err != nil {
		return Page{}, err
	}
	var page Page
	err = s.viewNeed(ctx, n.Partition, Need{Pos: atLeast}, func(tx *Tx) error {
		page, err = feedRows(ctx, tx, n, kinds, after, limit)
		if err == nil && page.Cursor.Pos < atLeast {
			return ErrBehind
		}
		return err
	})
	return page, err
}

func feedRows(ctx context.Context, tx *Tx, n Network, kinds Kinds, after uint64, limit int) (Page, error) {
	cur, err := readCursor(ctx, tx, tx.snap.Build, n.Partition)
	if err != nil {
		return Page{}, err
	}
	page := Page{Cursor: cur, Partition: n.Partition, UpTo: cur.Pos, Complete: true}
	if cur.Pos <= after {
		page.UpTo = after
		return page, nil
	}
	var sources []source
	switch {
	case n.Kind == "casper":
		sources = append(sources, source{tx.table("casper_feed"), `row, pos`, scanFeedRow})
	default:
		sources = append(sources, source{tx.table("reverts"), revertColumns, scanRevertRow}, source{tx.table("repairs"), repairColumns, scanRepairRow})
		if kinds.Blocks {
			sources = append(sources, source{tx.table("blocks"), blockColumns, scanBlockRow}, source{tx.table("orphaned_blocks"), blockColumns, scanBlockRow})
		}
		if kinds.Events {
			sources = append(sources, source{tx.table("events"), eventColumns, scanEventRow}, source{tx.table("orphaned_events"), eventColumns, scanEventRow})
		}
	}
	for _, src := range sources {
		rows, err := src.read(ctx, tx, n.Name, after, cur.Pos, limit)
		if err != nil {
			return Page{}, err
		}
		if len(rows) == limit {
			// The table may hold more: nothing behind its last row is complete.
			if last := rows[limit-1].GetPos(); last < page.UpTo {
				page.UpTo, page.Complete = last, false
			}
		}
		page.Rows = append(page.Rows, rows...)
	}
	page.Rows = slices.DeleteFunc(page.Rows, func(r *feedv1.Row) bool { return r.GetPos() > page.UpTo })
	slices.SortFunc(page.Rows, func(a, b *feedv1.Row) int {
		switch {
		case a.GetPos() < b.GetPos():
			return -1
		case a.GetPos() > b.GetPos():
			return 1
		}
		return 0
	})
	return page, nil
}

// source is one table of a feed. The columns end with pos.
type source struct {
	table, columns string
	scan           func(pgx.Row, string) (*feedv1.Row, error)
}

func (src source) read(ctx context.Context, tx *Tx, network string, after, upTo uint64, limit int) ([]*feedv1.Row, error) {
	q := `select ` + src.columns + ` from ` + src.table + ` where network = $1 and pos > $2 and pos <= $3 order by pos limit $4`
	rows, err := tx.Query(ctx, q, network, int64(after), int64(upTo), limit)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", src.table, err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*feedv1.Row, error) { return src.scan(row, network) })
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", src.table, err)
	}
	return out, nil
}

func scanBlockRow(row pgx.Row, network string) (*feedv1.Row, error) {
	b, pos, err := scanBlock(row, network)
	return &feedv1.Row{Pos: pos, Kind: &feedv1.Row_EvmBlock{EvmBlock: b}}, err
}

func scanEventRow(row pgx.Row, network string) (*feedv1.Row, error) {
	e, pos, err := scanEvent(row, network)
	return &feedv1.Row{Pos: pos, Kind: &feedv1.Row_Event{Event: e}}, err
}

const revertColumns = `to_number, to_hash, from_number, from_hash, pos`

func scanRevertRow(row pgx.Row, network string) (*feedv1.Row, error) {
	r := &feedv1.Reverted{Network: network}
	var to, from, pos int64
	if err := row.Scan(&to, &r.ToHash, &from, &r.FromHash, &pos); err != nil {
		return nil, err
	}
	r.ToNumber, r.FromNumber = uint64(to), uint64(from)
	return &feedv1.Row{Pos: uint64(pos), Kind: &feedv1.Row_Reverted{Reverted: r}}, nil
}

const repairColumns = `number, hash, log_count, removed, pos`

func scanRepairRow(row pgx.Row, network string) (*feedv1.Row, error) {
	r := &feedv1.Repaired{Network: network}
	var number, pos int64
	var logs int32
	var removed []int32
	if err := row.Scan(&number, &r.BlockHash, &logs, &removed, &pos); err != nil {
		return nil, err
	}
	r.BlockNumber, r.LogCount = uint64(number), uint32(logs)
	for _, index := range removed {
		r.Removed = append(r.Removed, uint32(index))
	}
	return &feedv1.Row{Pos: uint64(pos), Kind: &feedv1.Row_Repaired{Repaired: r}}, nil
}

// scanFeedRow reads a row that is stored as it was sent.
func scanFeedRow(row pgx.Row, _ string) (*feedv1.Row, error) {
	var data []byte
	var pos int64
	if err := row.Scan(&data, &pos); err != nil {
		return nil, err
	}
	r := &feedv1.Row{}
	if err := proto.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("reading the feed row at %d: %w", pos, err)
	}
	r.Pos = uint64(pos)
	return r, nil
}
