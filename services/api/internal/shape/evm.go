package shape

import (
	"encoding/json"

	feedv1 "fondaco.dev/proto/feed/v1"
)

// Block is an EVM block.
type Block struct {
	Network    string `json:"network"`
	Number     uint64 `json:"number"`
	Hash       string `json:"hash"`
	ParentHash string `json:"parent_hash"`
	Time       uint64 `json:"time"` // Unix seconds
	TxCount    uint32 `json:"tx_count"`
	LogCount   uint32 `json:"log_count"` // logs that the network's filter matched
	Finalized  bool   `json:"finalized"`
}

// OfBlock makes the shape of a row; finalized is the network's finalized
// height, -1 while it is unknown.
func OfBlock(b *feedv1.EvmBlock, finalized int64) Block {
	return Block{Network: b.GetNetwork(), Number: b.GetNumber(), Hash: Hex(b.GetHash()), ParentHash: Hex(b.GetParentHash()), Time: b.GetTime(),
		TxCount: b.GetTxCount(), LogCount: b.GetLogCount(), Finalized: int64(b.GetNumber()) <= finalized}
}

// Event is one log with its decoded arguments. Args is {} and Event "" when
// the log was not decoded, and DecodeError says why.
type Event struct {
	Network     string          `json:"network"`
	BlockNumber uint64          `json:"block_number"`
	BlockHash   string          `json:"block_hash"`
	BlockTime   uint64          `json:"block_time"` // Unix seconds
	TxHash      string          `json:"tx_hash"`
	TxIndex     uint32          `json:"tx_index"`
	LogIndex    uint32          `json:"log_index"`
	Address     string          `json:"address"`
	Contract    string          `json:"contract"`
	Event       string          `json:"event"`
	Args        json.RawMessage `json:"args"`
	Topics      []string        `json:"topics"`
	Data        string          `json:"data"`
	Finalized   bool            `json:"finalized"`
	DecodeError string          `json:"decode_error,omitempty"`
	// Reads are the contract's eth_calls at the block's hash, by name; absent
	// when the contract has none. {"raw","error"} stands for an answer that
	// does not have the configured types, with "reverted":true for a revert.
	Reads json.RawMessage `json:"reads,omitempty"`
}

// OfEvent makes the shape of a row; finalized as in OfBlock.
func OfEvent(e *feedv1.Event, finalized int64) Event {
	topics := make([]string, len(e.GetTopics()))
	for i, t := range e.GetTopics() {
		topics[i] = Hex(t)
	}
	var reads json.RawMessage
	if len(e.GetReads()) > 0 {
		reads = canonical(e.GetReads())
	}
	return Event{Network: e.GetNetwork(), BlockNumber: e.GetBlockNumber(), BlockHash: Hex(e.GetBlockHash()), BlockTime: e.GetBlockTime(),
		TxHash: Hex(e.GetTxHash()), TxIndex: e.GetTxIndex(), LogIndex: e.GetLogIndex(), Address: Hex(e.GetAddress()), Contract: e.GetContract(),
		Event: e.GetEvent(), Args: canonical(e.GetArgs()), Topics: topics, Data: Hex(e.GetData()),
		Finalized: int64(e.GetBlockNumber()) <= finalized, DecodeError: e.GetDecodeError(), Reads: reads}
}

// Reverted says that the blocks to_number+1..from_number are no longer part of
// the chain.
type Reverted struct {
	Network    string `json:"network"`
	FromNumber uint64 `json:"from_number"`
	FromHash   string `json:"from_hash"`
	ToNumber   uint64 `json:"to_number"`
	ToHash     string `json:"to_hash"`
}

// OfReverted makes the shape of a row.
func OfReverted(r *feedv1.Reverted) Reverted {
	return Reverted{Network: r.GetNetwork(), FromNumber: r.GetFromNumber(), FromHash: Hex(r.GetFromHash()),
		ToNumber: r.GetToNumber(), ToHash: Hex(r.GetToHash())}
}

// Repaired says that a block of the chain has other events than were told
// before: those whose log_index is in Removed are not its own, and what it has
// besides what was told follows as events.
type Repaired struct {
	Network     string   `json:"network"`
	BlockNumber uint64   `json:"block_number"`
	BlockHash   string   `json:"block_hash"`
	LogCount    uint32   `json:"log_count"` // of the block, in place of what it said itself
	Removed     []uint32 `json:"removed"`   // ascending; [] when events were missing only
}

// OfRepaired makes the shape of a row.
func OfRepaired(r *feedv1.Repaired) Repaired {
	removed := r.GetRemoved()
	if removed == nil {
		removed = []uint32{}
	}
	return Repaired{Network: r.GetNetwork(), BlockNumber: r.GetBlockNumber(), BlockHash: Hex(r.GetBlockHash()), LogCount: r.GetLogCount(), Removed: removed}
}
