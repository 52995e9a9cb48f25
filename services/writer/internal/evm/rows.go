package evm

import (
	"fondaco.dev/services/writer/internal/decode"

	chainv1 "fondaco.dev/proto/chain/v1"
	feedv1 "fondaco.dev/proto/feed/v1"
)

// Block is a row of blocks.
type Block struct {
	Number   uint64
	Hash     []byte
	Parent   []byte
	Time     uint64 // Unix seconds
	TxCount  uint32
	LogCount uint32
	Header   []byte
	Pos      uint64
	// Children are the addresses that the block's logs name as children of
	// factories, and that were none before.
	Children []decode.Child
}

// Event is a row of events: the raw log beside what it means.
type Event struct {
	BlockNumber uint64
	LogIndex    uint32
	BlockHash   []byte
	BlockTime   uint64
	TxHash      []byte
	TxIndex     uint32
	Address     []byte
	Contract    string
	Event       string
	Args        []byte // JSON, nil when not decoded
	Topics      [][]byte
	Data        []byte
	DecodeError string
	Pos         uint64
	Reads       []byte // JSON, nil when the log has none
}

// Range is a row of ranges: heights without a block row of their own.
type Range struct {
	From, To uint64
	ToHash   []byte
	Pos      uint64
}

// Check is a row of checks: final heights that were read twice.
type Check struct {
	From, To uint64
	Logs     uint64
	Digest   []byte // 32 bytes
}

// Step is one thing to do in the database, in stream order: a Segment, a
// Revert or a Repair.
type Step interface{ step() }

// Segment is a run of rows that only adds.
type Segment struct {
	Blocks []Block
	Events []Event
	Ranges []Range
	Checks []Check
}

// Revert takes every row above ToNumber out of the canonical tables.
type Revert struct {
	Pos        uint64
	ToNumber   uint64
	ToHash     []byte
	FromNumber uint64 // highest canonical block before
	FromHash   []byte
}

// Repair gives a canonical block the rows that it has, in place of those that
// an earlier sending gave it.
type Repair struct {
	Pos    uint64
	Seq    uint64 // message that says so: what earlier ones said of the block is void
	Unit   int    // in the message
	Block  Block
	Events []Event
}

// Told is the position under which feeds tell of the repair when it takes so
// many rows away. Rows may be added without being announced; what was announced
// and is wrong is taken back in any case.
func (r *Repair) Told(removed int) uint64 {
	if removed > 0 && int64(r.Pos) < 0 {
		return r.Pos + aside
	}
	return r.Pos
}

func (*Segment) step() {}
func (*Revert) step()  {}
func (*Repair) step()  {}

// Origin is the unit that a step came from.
type Origin struct {
	Seq   uint64
	Unit  int           // index in the message
	Whole *chainv1.Unit // in one piece where it came in parts
}

// Dead is a unit that could not be applied.
type Dead struct {
	Seq      uint64
	Unit     int // index in the message, -1 = the whole message
	Number   *uint64
	Hash     []byte
	Reason   string
	Body     []byte
	Orphaned bool
	Pending  bool // to be applied behind the transaction that stores it
	Healed   bool // a repair of the same plan has brought what it lacks
}

// FeedRows are the steps as live frames carry them, ascending by position. It
// stops with ok = false once they exceed maxBytes.
func FeedRows(network string, steps []Step, maxBytes int) (rows []*feedv1.Row, ok bool) {
	size := 0
	add := func(r *feedv1.Row, bytes int) bool {
		rows = append(rows, r)
		size += bytes
		return size <= maxBytes
	}
	for _, s := range steps {
		switch s := s.(type) {
		case *Segment:
			next := 0
			for i := range s.Blocks {
				b := &s.Blocks[i]
				if int64(b.Pos) < 0 {
					for ; next < len(s.Events) && s.Events[next].BlockNumber == b.Number; next++ {
					}
					continue
				}
				if !add(&feedv1.Row{Pos: b.Pos, Kind: &feedv1.Row_EvmBlock{EvmBlock: b.feed(network)}}, 160) {
					return nil, false
				}
				for ; next < len(s.Events) && s.Events[next].BlockNumber == b.Number; next++ {
					e := &s.Events[next]
					if !add(&feedv1.Row{Pos: e.Pos, Kind: &feedv1.Row_Event{Event: e.Feed(network)}}, e.size()) {
						return nil, false
					}
				}
			}
		case *Revert:
			if !add(&feedv1.Row{Pos: s.Pos, Kind: &feedv1.Row_Reverted{Reverted: &feedv1.Reverted{Network: network,
				ToNumber: s.ToNumber, ToHash: s.ToHash, FromNumber: s.FromNumber, FromHash: s.FromHash}}}, 160) {
				return nil, false
			}
		case *Repair:
			// Which of its logs are new is known in the database only.
			return nil, false
		}
	}
	return rows, true
}

func (b *Block) feed(network string) *feedv1.EvmBlock {
	return &feedv1.EvmBlock{Network: network, Number: b.Number, Hash: b.Hash, ParentHash: b.Parent, Time: b.Time,
		TxCount: b.TxCount, LogCount: b.LogCount}
}

// Feed is the event as live frames carry it.
func (e *Event) Feed(network string) *feedv1.Event {
	return &feedv1.Event{Network: network, BlockNumber: e.BlockNumber, BlockHash: e.BlockHash, BlockTime: e.BlockTime,
		TxHash: e.TxHash, TxIndex: e.TxIndex, LogIndex: e.LogIndex, Address: e.Address, Contract: e.Contract, Event: e.Event,
		Args: e.Args, Topics: e.Topics, Data: e.Data, DecodeError: e.DecodeError, Reads: e.Reads}
}

func (e *Event) size() int {
	return 256 + len(e.Args) + len(e.Reads) + len(e.Data) + 34*len(e.Topics) + len(e.Contract) + len(e.Event) + len(e.DecodeError)
}
