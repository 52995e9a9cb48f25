package apitest

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
	"google.golang.org/protobuf/proto"

	feedv1 "fondaco.dev/proto/feed/v1"
)

// TransferTopic is the first topic of an ERC-20 Transfer.
var TransferTopic = crypto.Keccak256Hash([]byte("Transfer(address,address,uint256)"))

// Chain plays the writer of one EVM network.
type Chain struct {
	DB        *DB
	Network   string
	Partition string
	Redis     *redis.Client // nil = no hints
	LeaveOut  bool          // hints without rows
	Lose      bool          // no hint for the next commits
	Contract  string        // name that logs are stored under
	Address   common.Address

	seq, pos, head uint64
	hashes         map[uint64]common.Hash
	salt           uint64
	finalized      uint64
}

// NewChain adds an EVM network to the database; its cursor is at the stream's
// beginning.
func NewChain(t testing.TB, db *DB, network string) *Chain {
	t.Helper()
	c := &Chain{DB: db, Network: network, Partition: "chain.v1." + network + ".0123456789abcdef", Contract: "usd",
		Address: common.HexToAddress("0x00000000000000000000000000000000000000AA"), hashes: map[uint64]common.Hash{}}
	db.Exec(t, `insert into ix_`+Build+`.networks (network, kind, ordinal, partition, chain_id) values ($1, 'evm', 0, $2, 1337)`, network, c.Partition)
	db.Cursor(t, Build, c.Partition, 0, 0)
	return c
}

// Head is the highest canonical block.
func (c *Chain) Head() uint64 { return c.head }

// Pos is the position of everything committed.
func (c *Chain) Pos() uint64 { return c.pos }

// Tx is the hash of the i-th transaction of a canonical block.
func (c *Chain) Tx(number uint64, i int) string { return txHash(c.hashes[number], i).Hex() }

// NextTx is that of the block that is committed next.
func (c *Chain) NextTx(i int) string { return txHash(blockHash(c.salt+1), i).Hex() }

func blockHash(salt uint64) common.Hash {
	return crypto.Keccak256Hash(binary.BigEndian.AppendUint64(nil, salt))
}

func txHash(block common.Hash, i int) common.Hash {
	return crypto.Keccak256Hash(block[:], []byte{byte(i), byte(i >> 8)})
}

// Block commits the next block with n transfers.
func (c *Chain) Block(t testing.TB, n int) { t.Helper(); c.Blocks(t, 1, n) }

// Blocks commits count blocks of n transfers each in one transaction and one
// message a block.
func (c *Chain) Blocks(t testing.TB, count, n int) {
	t.Helper()
	ctx := context.Background()
	tx, err := c.DB.Super.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(ctx) }()
	batch := &pgx.Batch{}
	exec := func(q string, args ...any) { batch.Queue(q, args...) }
	prev := c.pos
	var rows []*feedv1.Row
	for range count {
		c.head++
		c.seq++
		c.salt++
		hash := blockHash(c.salt)
		c.hashes[c.head] = hash
		parent := c.hashes[c.head-1]
		pos := feedv1.Position(c.seq, 0)
		b := &feedv1.EvmBlock{Network: c.Network, Number: c.head, Hash: hash[:], ParentHash: parent[:], Time: 1700000000 + c.head, TxCount: uint32(n), LogCount: uint32(n)}
		exec(`insert into ix_`+Build+`.blocks values ($1,$2,$3,$4,$5,$6,$7,'',$8)`, c.Network, int64(c.head), b.Hash, b.ParentHash, int64(b.Time), n, n, int64(pos))
		rows = append(rows, &feedv1.Row{Pos: pos, Kind: &feedv1.Row_EvmBlock{EvmBlock: b}})
		c.pos = pos
		for i := range n {
			e := c.event(b, i)
			c.pos = feedv1.Position(c.seq, i+1)
			exec(`insert into ix_`+Build+`.events (network, block_number, log_index, block_hash, block_time, tx_hash, tx_index, address, contract, event, args, topics, data, pos)
				values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14)`, c.Network, int64(c.head), i, b.Hash, int64(b.Time), e.TxHash, i, e.Address, e.Contract, e.Event,
				string(e.Args), e.Topics, e.Data, int64(c.pos))
			rows = append(rows, &feedv1.Row{Pos: c.pos, Kind: &feedv1.Row_Event{Event: e}})
		}
	}
	exec(`update ctl.cursors set seq = $1, pos = $2, number = $3, caught_up = true where build = $4 and partition = $5`, int64(c.seq), int64(c.pos), int64(c.head), Build, c.Partition)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	c.hint(t, prev, rows)
}

// event makes the i-th transfer of a block.
func (c *Chain) event(b *feedv1.EvmBlock, i int) *feedv1.Event {
	tx := txHash(common.Hash(b.Hash), i)
	from, to := common.BigToHash(common.Big1), common.BytesToHash([]byte{2, byte(i % 3)})
	args, _ := json.Marshal(map[string]string{"from": strings.ToLower(common.BytesToAddress(from[:]).Hex()), "to": fmt.Sprintf("0x%040x", to.Big()), "value": fmt.Sprint(b.Number*1000 + uint64(i))})
	data := common.BigToHash(common.Big2)
	return &feedv1.Event{Network: c.Network, BlockNumber: b.Number, BlockHash: b.Hash, BlockTime: b.Time, TxHash: tx[:], TxIndex: uint32(i), LogIndex: uint32(i),
		Address: c.Address[:], Contract: c.Contract, Event: "Transfer", Args: args, Topics: [][]byte{TransferTopic[:], from[:], to[:]}, Data: data[:]}
}

// Revert takes away the blocks above `to`.
func (c *Chain) Revert(t testing.TB, to uint64) {
	t.Helper()
	c.seq++
	prev, pos := c.pos, feedv1.Position(c.seq, 0)
	toHash, fromHash := c.hashes[to], c.hashes[c.head]
	ix := "ix_" + Build
	c.DB.Exec(t, fmt.Sprintf(`with b as (delete from %[1]s.blocks where network = '%[2]s' and number > %[3]d returning *),
		e as (delete from %[1]s.events where network = '%[2]s' and block_number > %[3]d returning *),
		ob as (insert into %[1]s.orphaned_blocks select %[4]d, b.* from b),
		oe as (insert into %[1]s.orphaned_events select %[4]d, e.* from e),
		r as (insert into %[1]s.reverts values ('%[2]s', %[4]d, %[3]d, '\x%[5]x', %[6]d, '\x%[7]x'))
		update ctl.cursors set seq = %[8]d, pos = %[4]d, number = %[3]d where build = '%[9]s' and partition = '%[10]s'`,
		ix, c.Network, to, pos, toHash[:], c.head, fromHash[:], c.seq, Build, c.Partition))
	r := &feedv1.Reverted{Network: c.Network, ToNumber: to, ToHash: toHash[:], FromNumber: c.head, FromHash: fromHash[:]}
	c.head, c.pos = to, pos
	c.hint(t, prev, []*feedv1.Row{{Pos: pos, Kind: &feedv1.Row_Reverted{Reverted: r}}})
}

// Finalize moves the finalized height; that has no row of its own.
func (c *Chain) Finalize(t testing.TB, number uint64) {
	t.Helper()
	c.seq++
	prev := c.pos
	c.pos, c.finalized = feedv1.Position(c.seq, 0), number
	c.DB.Exec(t, `update ctl.cursors set seq = $1, pos = $2, finalized = $3 where build = $4 and partition = $5`, int64(c.seq), int64(c.pos), int64(number), Build, c.Partition)
	c.hint(t, prev, nil)
}

func (c *Chain) hint(t testing.TB, prev uint64, rows []*feedv1.Row) {
	t.Helper()
	if c.Redis == nil || c.Lose {
		return
	}
	h := &feedv1.Hint{Build: Build, Partition: c.Partition, Epoch: feedv1.Epoch(Created, 0), PrevPos: prev, Pos: c.pos, Rows: rows,
		Head: c.head, Finalized: c.finalized, Projection: 1, CaughtUp: true}
	if c.LeaveOut {
		h.Rows, h.RowsLeftOut = nil, true
	}
	data, err := proto.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Redis.Publish(context.Background(), feedv1.HintChannel(Build, c.Partition), data).Err(); err != nil {
		t.Logf("publishing a hint: %v", err)
	}
}
