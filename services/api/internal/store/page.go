package store

import (
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Widths of the buckets of `counts`.
const (
	heightsABucket = 1000
	dayMS          = 86400000
)

// paged is a list that is read by page number, newest first: by key, and where
// several rows share one by tie.
type paged struct {
	table, columns, where string
	key, tie              string
	tieDesc               bool
	bucket                int64 // of the key, in `counts`
	whole                 bool  // of all of a network: `sums` has what its counts add up to
}

// query queues a page of limit rows behind offset; pageOf reads its answer.
func (p *paged) query(tx *Tx, b *pgx.Batch, network, kind, scope string, offset, limit int64) *pgx.QueuedQuery {
	if p.whole { // see limited
		return b.Queue(p.sql(tx, fmt.Sprint(limit)), network, kind, scope, offset)
	}
	return b.Queue(p.sql(tx, `$5::bigint`), network, kind, scope, offset, limit)
}

// sql writes the statement of a page ($1 network, $2 kind and $3 scope of the
// counts, $4 rows before the page). Keys have gaps, so neither arithmetic nor an
// OFFSET over all rows finds it: counts are added, newest first, until they hold
// more than $4 rows. The total stands in each row, and in one that is otherwise
// null when there is none.
//
// Planning a page of a whole network took three times as long as running it.
//
// place is the bucket that the page begins in: skip rows of its n come before the
// page. It is entered from the nearer end, so that the last page of a list costs
// what its first one does.
func (p *paged) sql(tx *Tx, limit string) string {
	order, back := p.key+" desc, "+p.tie, p.key+", "+p.tie+" desc"
	if p.tieDesc {
		order, back = order+" desc", p.key+", "+p.tie
	}
	rows := `select ` + p.columns + `, ` + p.key + ` as at, ` + p.tie + ` as tied from ` + p.table + ` where ` + p.where
	above := fmt.Sprintf(` and %s < (place.bucket + 1) * %d`, p.key, p.bucket)
	from := fmt.Sprintf(` and %s >= place.bucket * %d`, p.key, p.bucket)
	below := fmt.Sprintf(` and %s < place.bucket * %d`, p.key, p.bucket)
	return `with ` + p.found(tx) + `,
		place as (select bucket, n, $4 - before as skip, ($4 - before) * 2 > n as low from bottom)
		select total.n, page.* from total left join (place cross join lateral (
			(` + rows + above + ` and not place.low order by ` + order + ` limit ` + limit + ` offset place.skip)
			union all
			(` + rows + above + from + ` and place.low order by ` + back + `
				limit least(place.n - place.skip, ` + limit + `) offset greatest(place.n - place.skip - ` + limit + `, 0))
			union all
			(` + rows + below + ` and place.low order by ` + order + ` limit greatest(` + limit + ` - (place.n - place.skip), 0))
		) page) on true order by page.at desc, page.tied` + map[bool]string{true: " desc"}[p.tieDesc]
}

// found writes total and bottom: the bucket in which row $4 lies, with the number
// of rows before it. Where there are sums it descends through them, some 32 rows
// a step.
func (p *paged) found(tx *Tx) string {
	counts := tx.table("counts") + ` where network = $1 and kind = $2 and scope = $3`
	if !p.whole {
		return `top as (` + running(counts) + `),
		total as (select coalesce(max(upto), 0) as n from top),
		bottom as (select bucket, n, upto - n as before from top where upto > $4 order by bucket desc limit 1)`
	}
	sums := func(width int) string {
		return fmt.Sprintf(`%s where network = $1 and kind = $2 and width = %d`, tx.table("sums"), width)
	}
	step := func(name, above, source string) string {
		return name + ` as (select below.* from ` + above + ` cross join lateral (
			select bucket, n, ` + above + `.before + upto - n as before from (` +
			running(source+` and bucket >= `+above+`.bucket * 32 and bucket < (`+above+`.bucket + 1) * 32`) + `) added
			where ` + above + `.before + upto > $4 order by bucket desc limit 1) below)`
	}
	return `top as (` + running(sums(1024)) + `),
		total as (select coalesce(max(upto), 0) as n from top),
		wide as (select bucket, n, upto - n as before from top where upto > $4 order by bucket desc limit 1),
		` + step("narrow", "wide", sums(32)) + `,
		` + step("bottom", "narrow", counts)
}

// running adds the rows of counts or sums up, newest first.
func running(source string) string {
	return `select bucket, n, sum(n) over (order by bucket desc)::bigint as upto from ` + source + ` and n > 0`
}

// pageOf reads what paged.sql answers.
func pageOf(rows pgx.Rows, scan func(pgx.Row) error) (total int64, err error) {
	defer rows.Close()
	for rows.Next() {
		values := rows.RawValues()
		if len(values) > 1 && values[1] == nil { // no row of the page: the total alone
			return total, rows.Scan(append([]any{&total}, make([]any, len(values)-1)...)...)
		}
		if err := scan(counted{rows, &total}); err != nil {
			return 0, err
		}
	}
	return total, rows.Err()
}

// counted scans the total before what its scanner knows of, and leaves out what
// the rows are ordered by behind it.
type counted struct {
	pgx.Row
	total *int64
}

// Scan is of pgx.Row.
func (c counted) Scan(dest ...any) error {
	return c.Row.Scan(append(append([]any{c.total}, dest...), nil, nil)...)
}
