package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	feedv1 "fondaco.dev/proto/feed/v1"
)

// SignedBlock is a Casper block with the number of validators whose finality
// signature of it is stored.
type SignedBlock struct {
	*feedv1.CasperBlock
	Signatures int64
}

// signedBlocks selects blocks with their signatures; the rest of the statement
// comes behind it.
func signedBlocks(tx *Tx) string {
	return `select ` + casperBlockColumns + `, coalesce((select n from ` + tx.table("casper_signatures") + ` s where s.network = b.network and s.block_hash = b.hash), 0)
		from ` + tx.table("casper_blocks") + ` b where network = $1 `
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

// CasperBlocksByHeight lists Casper blocks by height with a keyset.
func (s *Store) CasperBlocksByHeight(ctx context.Context, network string, l List) (out []SignedBlock, err error) {
	err = s.viewLive(ctx, func(tx *Tx) error {
		out = nil
		lo, hi := l.bounds()
		q := signedBlocks(tx) + `and height > $2 and height < $3 order by height ` + direction(l.Desc) + `, hash limit $4`
		rows, err := tx.Query(ctx, q, network, lo.Block, hi.Block, l.Limit)
		if err != nil {
			return fmt.Errorf("reading blocks: %w", err)
		}
		out, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (SignedBlock, error) { return scanSignedBlock(row, network) })
		if err != nil {
			return fmt.Errorf("reading blocks: %w", err)
		}
		return nil
	})
	return out, err
}

// CasperBlockAt finds a block by its height, or by its lower-case hash when that
// is not empty.
func (s *Store) CasperBlockAt(ctx context.Context, network string, height int64, hash string) (b SignedBlock, err error) {
	err = s.viewLive(ctx, func(tx *Tx) error {
		if hash != "" {
			b, err = scanSignedBlock(tx.QueryRow(ctx, signedBlocks(tx)+`and hash = $2`, network, hash), network)
		} else {
			b, err = scanSignedBlock(tx.QueryRow(ctx, signedBlocks(tx)+`and height = $2 order by hash limit 1`, network, height), network)
		}
		return found(err, "reading block")
	})
	return b, err
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
func (s *Store) CasperAccount(ctx context.Context, network, hash string) (a CasperAccount, err error) {
	err = s.viewLive(ctx, func(tx *Tx) error {
		q := `select account_hash, public_key, first_ms, first_height, deploys, transfers_in, transfers_out
			from ` + tx.table("casper_accounts") + ` where network = $1 and account_hash = $2`
		err := tx.QueryRow(ctx, q, network, hash).Scan(&a.Hash, &a.PublicKey, &a.FirstMs, &a.FirstHeight, &a.Deploys, &a.TransfersIn, &a.TransfersOut)
		return found(err, "reading account")
	})
	return a, err
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
func (s *Store) Messages(ctx context.Context, network, entity, topic string, before *MessageKey, limit int) (out []CasperMessage, err error) {
	err = s.viewLive(ctx, func(tx *Tx) error {
		out = nil
		where, args := []string{`network = $1`}, []any{network}
		add := func(condition string, values ...any) {
			for _, v := range values {
				args = append(args, v)
				condition = strings.Replace(condition, "?", fmt.Sprint("$", len(args)), 1)
			}
			where = append(where, condition)
		}
		if entity != "" {
			add(`entity = ?`, entity)
		}
		if topic != "" {
			add(`topic = ?`, topic)
		}
		if before != nil {
			add(`(timestamp_ms, deploy_hash, idx) < (?, ?, ?)`, before.Ms, before.DeployHash, before.Index)
		}
		q := `select timestamp_ms, deploy_hash, idx, entity, entity_name, topic, topic_hash, topic_index::text, block_index::text, text, bytes, block_hash, timestamp
			from ` + tx.table("casper_messages") + ` where ` + strings.Join(where, ` and `) +
			fmt.Sprintf(` order by timestamp_ms desc, deploy_hash desc, idx desc limit %d`, limit)
		rows, err := tx.Query(ctx, q, args...)
		if err != nil {
			return fmt.Errorf("reading messages: %w", err)
		}
		out, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (m CasperMessage, err error) {
			err = row.Scan(&m.Ms, &m.DeployHash, &m.Index, &m.Entity, &m.EntityName, &m.Topic, &m.TopicHash, &m.TopicIndex, &m.BlockIndex, &m.Text, &m.Bytes, &m.BlockHash, &m.Timestamp)
			return m, err
		})
		if err != nil {
			return fmt.Errorf("reading messages: %w", err)
		}
		return nil
	})
	return out, err
}
