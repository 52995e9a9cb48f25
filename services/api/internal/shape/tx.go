package shape

// ListedBlock is a block in a list that may hold orphaned ones.
type ListedBlock struct {
	Block
	Gone
}

// ListedEvent is an event in a list that may hold orphaned ones.
type ListedEvent struct {
	Event
	Gone
}

// Gone says that a row is no longer part of the chain: a reorg or a repair took
// it away. Both are absent from what is canonical.
type Gone struct {
	Orphaned  bool   `json:"orphaned,omitempty"`
	RemovedAt uint64 `json:"removed_at,omitempty"` // seq of the reorg or repair
}

// OfGone makes it of the position of what took a row away; 0 = nothing did.
func OfGone(pos int64) Gone { return Gone{Orphaned: pos != 0, RemovedAt: uint64(pos)} }

// What is stored of a transaction.
const (
	TxIncluded = "included" // its events are part of the chain
	TxOrphaned = "orphaned" // they were, and no longer are
)

// Tx is what is stored of a transaction. Only one that succeeded has events.
type Tx struct {
	Network   string  `json:"network"`
	Hash      string  `json:"hash"`
	Status    string  `json:"status"`
	Finalized bool    `json:"finalized"`
	Block     *uint64 `json:"block_number"` // null: in no block any more
	BlockHash *string `json:"block_hash"`
	BlockTime *uint64 `json:"block_time"` // Unix seconds
	Index     *uint32 `json:"tx_index"`
	// Confirmations counts its block and those above; absent once it is final.
	Confirmations *uint64       `json:"confirmations,omitempty"`
	Truncated     bool          `json:"truncated,omitempty"` // it has more events than are told here
	Events        []Event       `json:"events"`
	Orphaned      []ListedEvent `json:"orphaned"` // of blocks that it was in before
}

// Reorg is one reorganisation: the blocks to_number+1..from_number are no
// longer part of the chain.
type Reorg struct {
	Seq uint64 `json:"seq"`
	Reverted
	Depth  uint64 `json:"depth"`
	Blocks int64  `json:"blocks"` // rows that it took away
	Events int64  `json:"events"`
}
