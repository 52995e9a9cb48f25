package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// maxChanges bounds what is remembered of a network's changes, and read at the
// start.
const maxChanges = 10000

// Changes knows from which height on a network was changed after it had been
// told: by reorgs and by repairs. It is never changed; the zero value knows
// nothing.
type Changes struct {
	known bool
	from  uint64   // what came at or before this position is not known
	upTo  uint64   // read up to here
	at    []change // ascending in both: the lowest height that was touched at or after pos
}

type change struct {
	pos    uint64
	number int64
}

// Since is the lowest height that was changed behind a position; ok = false
// when the memory does not reach back to it. math.MaxInt64 = none.
func (c *Changes) Since(pos uint64) (lowest int64, ok bool) {
	if !c.known || pos < c.from {
		return 0, false
	}
	i, _ := slices.BinarySearchFunc(c.at, pos+1, func(e change, pos uint64) int {
		switch {
		case e.pos < pos:
			return -1
		case e.pos > pos:
			return 1
		}
		return 0
	})
	if i == len(c.at) {
		return 1<<63 - 1, true
	}
	return c.at[i].number, true
}

// add appends what came later; more ascends by position.
func (c Changes) add(more []change, upTo uint64) Changes {
	if len(more) > 0 {
		at := slices.Clone(c.at)
		for _, e := range more {
			for len(at) > 0 && at[len(at)-1].number >= e.number {
				at = at[:len(at)-1]
			}
			at = append(at, e)
		}
		if n := len(at) - maxChanges; n > 0 {
			c.from, at = at[n-1].pos, at[n:]
		}
		c.at = at
	}
	c.upTo = upTo
	return c
}

// readChanges completes the networks of a snapshot with what changed since was,
// the former one of the same server.
func readChanges(ctx context.Context, tx *Tx, was *Snapshot) error {
	for name, n := range tx.snap.Networks {
		cur, ok := tx.snap.cursors[n.Partition]
		if n.Kind != "evm" || !ok {
			continue
		}
		var before Changes
		if was != nil && was.Build == tx.snap.Build && was.cursors[n.Partition].Epoch == cur.Epoch {
			before = was.Networks[name].Changes
		}
		if !before.known {
			before = Changes{known: true}
		}
		q := `select pos, number from (
				select pos, to_number + 1 as number from ` + tx.table("reverts") + ` where network = $1 and pos > $2
				union all
				select pos, number from ` + tx.table("repairs") + ` where network = $1 and pos > $2
			) both_kinds order by pos desc limit $3`
		rows, err := tx.Query(ctx, q, name, int64(before.upTo), maxChanges)
		if err != nil {
			return fmt.Errorf("reading what was changed: %w", err)
		}
		var pos int64
		var e change
		var more []change
		if _, err := pgx.ForEachRow(rows, []any{&pos, &e.number}, func() error {
			e.pos = uint64(pos)
			more = append(more, e)
			return nil
		}); err != nil {
			return fmt.Errorf("reading what was changed: %w", err)
		}
		slices.Reverse(more)
		if len(more) == maxChanges { // there may be older ones
			before = Changes{known: true, from: more[0].pos}
		}
		n.Changes = before.add(more, max(before.upTo, cur.Pos))
		tx.snap.Networks[name] = n
	}
	return nil
}

// Final says whether the rows of a network up to a height were final when they
// were read at a position, and have been left alone since, by all that this
// process knows without asking: the height is final, nothing that belongs there
// is missing, and nothing there was changed. An older reading, or another epoch
// or build, proves nothing.
func (s *Store) Final(network, build, life string, pos uint64, top int64, need Need) bool {
	snap := s.live.Load()
	if snap == nil || snap.Build != build || time.Since(snap.Taken) > s.cfg.MaxLag {
		return false
	}
	n := snap.Networks[network]
	cur, ok := snap.Cursor(n.Partition)
	at := At{Cursor: cur, Partition: n.Partition}
	if !ok || at.Life() != life || at.meets(need) != nil || n.Proof.Holes > 0 || top > min(cur.Finalized, cur.Number) {
		return false
	}
	lowest, ok := n.Changes.Since(pos)
	return ok && lowest > top
}
