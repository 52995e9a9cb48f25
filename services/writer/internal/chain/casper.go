package chain

import (
	"context"
	"encoding/hex"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"google.golang.org/protobuf/proto"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/services/writer/internal/casper"
	"fondaco.dev/services/writer/internal/evm"
	"fondaco.dev/services/writer/internal/partition"

	chainv1 "fondaco.dev/proto/chain/v1"
	"fondaco.dev/proto/config"
	feedv1 "fondaco.dev/proto/feed/v1"
)

// Casper is the projection of a Casper network. Facts are keyed by content and
// come in any order, some of them more than once: what was there already
// changes nothing, is not counted and makes no frame.
type Casper struct {
	index

	link   link
	stable partition.Cursor
	facts  []fact
	dead   []dead
	unread int // facts kept raw

	written []*feedv1.Row // frames of the last Write
	stats   casperStats
	parts   []casperPart // of the facts, when they are written one by one
}

type casperStats struct{ facts, blocks, deploys, transfers, messages, duplicates, quarantined int }

// fact is one unit with what it projects to.
type fact struct {
	seq      uint64
	unit     int
	pos      uint64
	kind     string
	key      string
	raw      []byte
	received int64
	casper.Projection
}

// NewCasper makes the projection of a network in a build.
func NewCasper(build string, n config.Network, pool *pgxpool.Pool, b *bus.Bus, m *partition.Metrics) *Casper {
	return &Casper{index: newIndex(build, n, pool, b, m)}
}

// Load forgets everything and goes on after cur.
func (c *Casper) Load(cur partition.Cursor) {
	c.link = link{seq: cur.Seq, digest: cur.Digest}
	c.stable = cur
	c.clear()
}

func (c *Casper) clear() {
	c.facts, c.dead, c.unread, c.written, c.stats = nil, nil, 0, nil, casperStats{}
}

// Take plans one message.
func (c *Casper) Take(_ context.Context, m bus.Message) (int, error) {
	pack, err := evm.ReadPack(m.Data)
	if err != nil {
		c.dead = append(c.dead, dead{seq: m.Seq, unit: -1, reason: "the message cannot be read: " + err.Error(), body: m.Data})
		c.advance(m)
		return 1, nil
	}
	if err := c.link.follows(pack); err != nil {
		return 0, err
	}
	if len(pack.GetUnits()) > feedv1.MaxRows {
		return 0, partition.Stopf("message %d counts more than %d rows", m.Seq, feedv1.MaxRows)
	}
	for i, u := range pack.GetUnits() {
		c.unit(m.Seq, i, u)
	}
	c.advance(m)
	return len(pack.GetUnits()), nil
}

// maxKey bounds a fact's kind and key: both are in an index, whose entries end
// at 2,704 bytes.
const maxKey = 512

func (c *Casper) unit(seq uint64, i int, u *chainv1.Unit) {
	f := u.GetFact()
	switch {
	case f == nil:
		body, _ := proto.Marshal(u)
		c.dead = append(c.dead, dead{seq: seq, unit: i, reason: "does not belong to a casper network", body: body})
		return
	case !storable(f.GetKind()) || !storable(f.GetKey()):
		body, _ := proto.Marshal(u)
		c.dead = append(c.dead, dead{seq: seq, unit: i, reason: "its kind or key cannot be stored", body: body})
		return
	}
	p, err := casper.Parse(f.GetKind(), f.GetRaw())
	if err != nil {
		c.unread++
	}
	raw := f.GetRaw()
	if raw == nil {
		raw = []byte{}
	}
	c.facts = append(c.facts, fact{seq: seq, unit: i, pos: feedv1.Position(seq, i), kind: f.GetKind(), key: f.GetKey(),
		raw: raw, received: f.GetReceivedMs(), Projection: p})
	if b := p.Block; b != nil && (c.stable.Number == nil || b.Height > *c.stable.Number) {
		height := b.Height
		// A block that the node has added is final.
		c.stable.Number, c.stable.Finalized = &height, &height
		c.stable.Hash, _ = hex.DecodeString(b.Hash)
	}
}

func storable(s string) bool {
	return s != "" && len(s) <= maxKey && utf8.ValidString(s) && !strings.ContainsRune(s, 0)
}

// advance does not wait for the node's gaps, as an EVM network does for its
// backfill: without JSON-RPC they may stay for ever.
func (c *Casper) advance(m bus.Message) {
	c.link = link{seq: m.Seq, digest: partition.Digest(m)}
	c.stable.Seq, c.stable.Digest, c.stable.Pos = m.Seq, c.link.digest, feedv1.EndOf(m.Seq)
	c.stable.CaughtUp = c.stable.CaughtUp || m.Pending == 0
}

// Cursor is where a transaction that writes the plan ends.
func (c *Casper) Cursor() partition.Cursor { return c.stable }

// Committed drops the plan and tells what it was.
func (c *Casper) Committed(from partition.Cursor, head bool) partition.Outcome {
	hint := c.hint(&from, &c.stable)
	hint.RowsLeftOut = true
	size := 0
	for _, r := range c.written {
		size += proto.Size(r)
	}
	if head && size <= maxHintBytes {
		hint.Rows, hint.RowsLeftOut = c.written, false
	}
	c.rows("casper_facts", c.stats.facts)
	c.rows("casper_blocks", c.stats.blocks)
	c.rows("casper_deploys", c.stats.deploys)
	c.rows("casper_transfers", c.stats.transfers)
	c.rows("casper_messages", c.stats.messages)
	c.metrics.DecodeErrors.WithLabelValues(c.name()).Add(float64(c.unread))
	c.metrics.DeadLetters.WithLabelValues(c.name()).Add(float64(len(c.dead)))
	c.metrics.Duplicates.WithLabelValues(c.name()).Add(float64(c.stats.duplicates))
	c.metrics.Quarantined.WithLabelValues(c.name()).Add(float64(c.stats.quarantined))
	c.clear()
	return partition.Outcome{Hint: hint}
}

// SeekBack reads the subject again from its beginning: facts are keyed by
// content, so that what is held already is met and passed. Positions of the
// former life go below zero, and each fact gets its new one when it is met.
func (c *Casper) SeekBack(_ context.Context, cur partition.Cursor, _ error) (partition.Target, error) {
	distance, err := shift(cur.SeekBacks)
	if err != nil {
		return partition.Target{}, err
	}
	to := cur
	to.Seq, to.Digest, to.Pos = 0, []byte{}, 0
	return partition.Target{Cursor: to, Write: func(ctx context.Context, tx pgx.Tx) error {
		for _, table := range []string{"casper_facts", "casper_blocks", "casper_deploys", "casper_transfers", "casper_feed"} {
			if _, err := tx.Exec(ctx, c.sql(`update ix.`+table+` set pos = pos - $2 where network = $1 and pos >= 0`), c.network.Name, distance); err != nil {
				return err
			}
		}
		return nil
	}}, nil
}
