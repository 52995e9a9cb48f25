// Package chain projects CHAIN subjects onto a chain index, one projection for
// EVM networks and one for Casper networks.
package chain

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/services/writer/internal/partition"
	"fondaco.dev/services/writer/internal/projection"
	"fondaco.dev/services/writer/internal/schema"

	chainv1 "fondaco.dev/proto/chain/v1"
	"fondaco.dev/proto/config"
	feedv1 "fondaco.dev/proto/feed/v1"
)

// maxHintBytes is the size above which a hint names its range instead of
// carrying its rows.
const maxHintBytes = 256 << 10

// maxShift bounds the seek backs of a partition: former positions are told
// apart by a multiple of 2^53 each (see shift).
const maxShift = 1000

// index is one network of one build.
type index struct {
	build   string
	network config.Network
	pool    *pgxpool.Pool
	bus     *bus.Bus
	metrics *partition.Metrics
	prefix  string // "ix_<build>."
}

func newIndex(build string, n config.Network, pool *pgxpool.Pool, b *bus.Bus, m *partition.Metrics) index {
	return index{build: build, network: n, pool: pool, bus: b, metrics: m, prefix: schema.Schema(build) + "."}
}

func (ix *index) name() string { return ix.network.Subject() }

// sql names the build's tables: they are written ix.<table>.
func (ix *index) sql(q string) string { return strings.ReplaceAll(q, "ix.", ix.prefix) }

func (ix *index) table(name string) pgx.Identifier {
	return pgx.Identifier{schema.Schema(ix.build), name}
}

func (ix *index) rows(table string, n int) {
	if n > 0 {
		ix.metrics.Rows.WithLabelValues(ix.name(), table).Add(float64(n))
	}
}

// link is the last message read.
type link struct {
	seq    uint64
	digest []byte
}

// follows says whether a pack continues the link.
func (l *link) follows(p *chainv1.Pack) error {
	if p.GetPrevSeq() != l.seq || string(p.GetPrevDigest()) != string(l.digest) {
		return fmt.Errorf("%w: its predecessor is message %d %.8x, the cursor is at %d %.8x",
			partition.ErrBroken, p.GetPrevSeq(), p.GetPrevDigest(), l.seq, l.digest)
	}
	return nil
}

// hint begins the hint of a transaction.
func (ix *index) hint(from, to *partition.Cursor) *feedv1.Hint {
	return &feedv1.Hint{Build: ix.build, Partition: ix.name(), Epoch: to.Epoch(), PrevPos: from.Pos, Pos: to.Pos,
		Head: to.Height(), Finalized: to.Final(), Projection: projection.Version, CaughtUp: to.CaughtUp}
}

// shift moves positions of a former life out of the way of new ones: below
// zero, where no replay looks, each life in a range of its own. $2 in the
// statements below is this distance.
func shift(seekBacks uint64) (int64, error) {
	if seekBacks >= maxShift {
		return 0, partition.Stopf("the partition sought back %d times; index it anew", seekBacks)
	}
	return int64(seekBacks+1) << 53, nil
}

// counts collects changes of the exact totals.
type counts map[countKey]int64

type countKey struct {
	kind, scope string
	bucket      int64
}

// heightsPerBucket is the width of a bucket of heights.
const heightsPerBucket = 1000

func (c counts) height(kind string, number uint64, n int64) {
	c[countKey{kind: kind, bucket: int64(number / heightsPerBucket)}] += n
}

func (c counts) write(ctx context.Context, tx pgx.Tx, ix *index) error {
	var kinds, scopes []string
	var buckets, ns []int64
	for k, n := range c {
		if n != 0 {
			kinds, scopes, buckets, ns = append(kinds, k.kind), append(scopes, k.scope), append(buckets, k.bucket), append(ns, n)
		}
	}
	if len(ns) == 0 {
		return nil
	}
	const q = `
insert into ix.counts as c (network, kind, scope, bucket, n)
select $1, u.* from unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[]) as u
on conflict (network, kind, scope, bucket) do update set n = c.n + excluded.n`
	if _, err := tx.Exec(ctx, ix.sql(q), ix.network.Name, kinds, scopes, buckets, ns); err != nil {
		return fmt.Errorf("adding to the totals: %w", err)
	}
	return nil
}

// dead stores units that could not be applied.
type dead struct {
	seq      uint64
	unit     int
	number   *uint64
	hash     []byte
	reason   string
	body     []byte
	orphaned bool
	status   string // "" = dead
}

// bury stores units in the transaction that passes them: what holds their key
// already is of a pass that a seek back made void.
func (ix *index) bury(ctx context.Context, tx pgx.Tx, list []dead) error {
	const q = `
insert into ctl.dead_letters (build, partition, seq, unit, block_number, block_hash, reason, body, orphaned, status)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, coalesce(nullif($10, ''), 'dead'))
on conflict (build, partition, seq, unit) do update set block_number = excluded.block_number, block_hash = excluded.block_hash,
	reason = excluded.reason, body = excluded.body, orphaned = excluded.orphaned, status = excluded.status, attempts = 1,
	next_try = null, last_error = null, created_at = now(), updated_at = now()`
	for _, d := range list {
		if d.body == nil {
			d.body = []byte{}
		}
		if _, err := tx.Exec(ctx, q, ix.build, ix.name(), d.seq, d.unit, d.number, d.hash, d.reason, d.body, d.orphaned, d.status); err != nil {
			return fmt.Errorf("storing a dead letter: %w", err)
		}
	}
	return nil
}
