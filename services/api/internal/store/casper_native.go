package store

import (
	"context"
	"fmt"
	"math"
	"strconv"

	"github.com/jackc/pgx/v5"

	feedv1 "fondaco.dev/proto/feed/v1"
)

// SignedBlock is a Casper block with the number of validators whose finality
// signature of it is stored.
type SignedBlock struct {
	*feedv1.CasperBlock
	Signatures int64
}

// signedBlocks selects blocks with their signatures; the order comes behind it.
func signedBlocks(tx *Tx, where string) string {
	return `select ` + casperBlockColumns + `, coalesce((select n from ` + tx.table("casper_signatures") + ` s where s.network = b.network and s.block_hash = b.hash), 0)
		from ` + tx.table("casper_blocks") + ` b where ` + where
}

func scanSignedBlock(row pgx.Row, network string) (SignedBlock, error) {
	b := SignedBlock{CasperBlock: &feedv1.CasperBlock{Network: network}}
	var height int64
	var era string
	if err := row.Scan(&b.BlockHash, &b.ParentHash, &height, &era, &b.Timestamp, &b.Proposer, &b.StateRootHash, &b.Deploys, &b.Signatures); err != nil {
		return b, err
	}
	var err error
	if b.EraId, err = strconv.ParseUint(era, 10, 64); err != nil {
		return b, fmt.Errorf("reading era %q: %w", era, err)
	}
	b.Height = uint64(height)
	return b, nil
}

// Key is its place in a list in a direction.
func (b *SignedBlock) Key(desc bool) Key {
	k := Key{Block: int64(b.GetHeight())}
	if !desc {
		k.Log = math.MaxInt32
	}
	return k
}

// CasperBlocksByHeight lists Casper blocks by height with a keyset.
func (s *Store) CasperBlocksByHeight(ctx context.Context, network string, l List) (out []SignedBlock, at At, err error) {
	at, err = s.ask(ctx, network, l.Need, func(tx *Tx, b *pgx.Batch) {
		out = nil
		c := &clauses{}
		c.add("network = %s", network)
		l.between(c, "height")
		if l.After != nil {
			c.add("height "+l.op()+" %s", l.After.Block)
		}
		if l.Since > 0 {
			c.add("timestamp_ms >= %s", l.Since*1000)
		}
		if l.Until > 0 {
			c.add("timestamp_ms < %s", l.Until*1000)
		}
		q := signedBlocks(tx, c.where()) + ` order by height ` + direction(l.Desc) + `, hash` + limited(l.Limit)
		b.Queue(q, c.args...).Query(func(rows pgx.Rows) (err error) {
			out, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (SignedBlock, error) { return scanSignedBlock(row, network) })
			return reading("blocks", err)
		})
	})
	return out, at, err
}

// CasperBlockAt finds a block by its height, or by its lower-case hash when that
// is not empty.
func (s *Store) CasperBlockAt(ctx context.Context, network string, height int64, hash string, need Need) (b SignedBlock, at At, err error) {
	at, err = s.ask(ctx, network, need, func(tx *Tx, batch *pgx.Batch) {
		q, arg := signedBlocks(tx, `network = $1 and height = $2`)+` order by hash limit 1`, any(height)
		if hash != "" {
			q, arg = signedBlocks(tx, `network = $1 and hash = $2`), hash
		}
		batch.Queue(q, network, arg).QueryRow(func(row pgx.Row) (err error) {
			b, err = scanSignedBlock(row, network)
			return found(err, "reading block")
		})
	})
	return b, at, err
}

// CasperAccount is what is known of an account.
type CasperAccount struct {
	Hash         string
	PublicKey    string // "" = never seen
	FirstMs      int64
	FirstHeight  *int64 // nil: no block with it is known yet
	Deploys      int64
	TransfersIn  int64
	TransfersOut int64
}

// CasperAccount finds an account by its hash.
func (s *Store) CasperAccount(ctx context.Context, network, hash string, need Need) (a CasperAccount, at At, err error) {
	at, err = s.ask(ctx, network, need, func(tx *Tx, b *pgx.Batch) {
		q := `select account_hash, public_key, first_ms, first_height, deploys, transfers_in, transfers_out
			from ` + tx.table("casper_accounts") + ` where network = $1 and account_hash = $2`
		b.Queue(q, network, hash).QueryRow(func(row pgx.Row) error {
			err := row.Scan(&a.Hash, &a.PublicKey, &a.FirstMs, &a.FirstHeight, &a.Deploys, &a.TransfersIn, &a.TransfersOut)
			return found(err, "reading account")
		})
	})
	return a, at, err
}

// CasperMessage is one message of a contract.
type CasperMessage struct {
	MessageKey
	Entity     string
	EntityName string
	Topic      string
	TopicHash  string
	TopicIndex string // decimal
	BlockIndex string
	Text       *string // one of the two is set
	Bytes      []byte
	BlockHash  string
	Timestamp  string
}

// MessageKey is a message's place in the list of all: newest first.
type MessageKey struct {
	Ms         int64
	DeployHash string
	Index      int32
}

// Messages lists up to limit messages before a place (nil = from the newest
// on) that are of an entity or a topic, or both; "" is any.
func (s *Store) Messages(ctx context.Context, network, entity, topic string, before *MessageKey, limit int, need Need) (out []CasperMessage, at At, err error) {
	at, err = s.ask(ctx, network, need, func(tx *Tx, b *pgx.Batch) {
		out = nil
		c := &clauses{}
		c.add("network = %s", network)
		if entity != "" {
			c.add("entity = %s", entity)
		}
		if topic != "" {
			c.add("topic = %s", topic)
		}
		if before != nil {
			c.add("(timestamp_ms, deploy_hash, idx) < (%s, %s, %s)", before.Ms, before.DeployHash, before.Index)
		}
		q := `select timestamp_ms, deploy_hash, idx, entity, entity_name, topic, topic_hash, topic_index::text, block_index::text, text, bytes, block_hash, timestamp
			from ` + tx.table("casper_messages") + ` where ` + c.where() + ` order by timestamp_ms desc, deploy_hash desc, idx desc limit ` + c.value(limit)
		b.Queue(q, c.args...).Query(func(rows pgx.Rows) (err error) {
			out, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (m CasperMessage, err error) {
				err = row.Scan(&m.Ms, &m.DeployHash, &m.Index, &m.Entity, &m.EntityName, &m.Topic, &m.TopicHash, &m.TopicIndex, &m.BlockIndex, &m.Text, &m.Bytes, &m.BlockHash, &m.Timestamp)
				return m, err
			})
			return reading("messages", err)
		})
	})
	return out, at, err
}
