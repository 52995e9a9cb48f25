package store

import (
	"fmt"
	"math"
	"strings"
)

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
