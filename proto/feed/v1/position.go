package feedv1

import (
	"fmt"
	"strings"
	"time"
)

// A position is a place in a chain partition's feed: (stream sequence of the
// message, row index within the message), in one integer that a JSON number
// holds exactly (below 2^53).
//
//	 63      53 52                     20 19           0
//	+----------+-------------------------+--------------+
//	|    0     |  message sequence (33)  |  row (20)    |
//	+----------+-------------------------+--------------+
//
// Rows are counted the same way in every build of a subject: a Block and a
// Repair count one for the block and one for each of its logs, decodable or
// not; every other unit counts one. In a block that was cut into parts the
// sequence is that of the last part.
const rowBits = 20

// LateRows are the highest rows of each message. No message counts them: they
// are for units that are applied after it out of their order, which is what a
// replayed dead letter is, so that whoever has seen the message sees them too.
const LateRows = 1 << 16

// MaxRows is the number of rows that one message may count.
const MaxRows = 1<<rowBits - LateRows

// Position of row (0-based) in the message with stream sequence seq.
func Position(seq uint64, row int) uint64 {
	if row < 0 || row >= MaxRows+LateRows || seq >= 1<<33 {
		panic(fmt.Sprintf("feed position out of range: seq %d row %d", seq, row))
	}
	return seq<<rowBits | uint64(row)
}

// EndOf is the highest position that message seq itself can have: everything
// up to and including that message, less what was applied late.
func EndOf(seq uint64) uint64 { return Position(seq, MaxRows-1) }

// SplitPosition is the reverse of Position.
func SplitPosition(pos uint64) (seq uint64, row int) {
	return pos >> rowBits, int(pos & (1<<rowBits - 1))
}

// Epoch names a life of a partition's positions: a stream that was made anew
// or a cursor that had to seek back starts another one, and a client that
// holds positions of an older epoch starts from a snapshot.
func Epoch(streamCreated time.Time, seekBacks uint64) string {
	return fmt.Sprintf("%x-%d", streamCreated.UnixMilli(), seekBacks)
}

// TradePartition, IdentityPartition and the CHAIN subject itself are the
// names of the writer's partitions.
func TradePartition(venue string) string { return "trade." + venue }

// IdentityPartition is the writer's partition of identity requests.
const IdentityPartition = "identity"

// HintChannel is the Redis channel of a partition's hints.
func HintChannel(build, partition string) string {
	return strings.Join([]string{"hint", build, partition}, ":")
}
