package shape

import (
	"encoding/hex"
	"strconv"
	"sync"
)

// Appender is a shape that writes itself: what there are many of, in lists and
// frames. It gives the bytes that encoding/json would, for a fraction of its
// time; TestRows holds it to that.
type Appender interface{ Append(b []byte) []byte }

// Append writes v as Encode does.
func Append(b []byte, v any) []byte {
	if a, ok := v.(Appender); ok {
		return a.Append(b)
	}
	return append(b, reflected(v)...)
}

// maxRoom bounds what is kept of memory for rows, in bytes.
const maxRoom = 64 << 10

var rooms = sync.Pool{New: func() any { return new([]byte) }}

// encoded is an appender's own bytes.
func encoded(a Appender) []byte {
	room := rooms.Get().(*[]byte)
	b := a.Append((*room)[:0])
	out := append(make([]byte, 0, len(b)), b...)
	if cap(b) <= maxRoom {
		*room = b
	}
	rooms.Put(room)
	return out
}

// Append writes the block.
func (x Block) Append(b []byte) []byte { return append(x.open(b), '}') }

// open leaves the end out.
func (x *Block) open(b []byte) []byte {
	b = AppendString(append(b, `{"network":`...), x.Network)
	b = strconv.AppendUint(append(b, `,"number":`...), x.Number, 10)
	b = AppendString(append(b, `,"hash":`...), x.Hash)
	b = AppendString(append(b, `,"parent_hash":`...), x.ParentHash)
	b = strconv.AppendUint(append(b, `,"time":`...), x.Time, 10)
	b = strconv.AppendUint(append(b, `,"tx_count":`...), uint64(x.TxCount), 10)
	b = strconv.AppendUint(append(b, `,"log_count":`...), uint64(x.LogCount), 10)
	return strconv.AppendBool(append(b, `,"finalized":`...), x.Finalized)
}

// Append writes the event.
func (x Event) Append(b []byte) []byte { return append(x.open(b), '}') }

func (x *Event) open(b []byte) []byte {
	b = AppendString(append(b, `{"network":`...), x.Network)
	b = strconv.AppendUint(append(b, `,"block_number":`...), x.BlockNumber, 10)
	b = AppendString(append(b, `,"block_hash":`...), x.BlockHash)
	b = strconv.AppendUint(append(b, `,"block_time":`...), x.BlockTime, 10)
	b = AppendString(append(b, `,"tx_hash":`...), x.TxHash)
	b = strconv.AppendUint(append(b, `,"tx_index":`...), uint64(x.TxIndex), 10)
	b = strconv.AppendUint(append(b, `,"log_index":`...), uint64(x.LogIndex), 10)
	b = AppendString(append(b, `,"address":`...), x.Address)
	b = AppendString(append(b, `,"contract":`...), x.Contract)
	b = AppendString(append(b, `,"event":`...), x.Event)
	b = append(append(b, `,"args":`...), x.Args...)
	b = appendStrings(append(b, `,"topics":`...), x.Topics)
	b = AppendString(append(b, `,"data":`...), x.Data)
	b = strconv.AppendBool(append(b, `,"finalized":`...), x.Finalized)
	if x.DecodeError != "" {
		b = AppendString(append(b, `,"decode_error":`...), x.DecodeError)
	}
	if len(x.Reads) > 0 {
		b = append(append(b, `,"reads":`...), x.Reads...)
	}
	return b
}

// Append writes the block.
func (x ListedBlock) Append(b []byte) []byte { return x.Gone.close(x.Block.open(b)) }

// Append writes the event.
func (x ListedEvent) Append(b []byte) []byte { return x.Gone.close(x.Event.open(b)) }

func (x *Gone) close(b []byte) []byte {
	if x.Orphaned {
		b = append(b, `,"orphaned":true`...)
	}
	if x.RemovedAt != 0 {
		b = strconv.AppendUint(append(b, `,"removed_at":`...), x.RemovedAt, 10)
	}
	return append(b, '}')
}

// Append writes the block.
func (x CasperBlock) Append(b []byte) []byte { return append(x.open(b), '}') }

func (x *CasperBlock) open(b []byte) []byte {
	b = AppendString(append(b, `{"blockHash":`...), x.BlockHash)
	b = AppendString(append(b, `,"parentHash":`...), x.ParentHash)
	b = AppendString(append(b, `,"timestamp":`...), x.Timestamp)
	b = strconv.AppendUint(append(b, `,"eraId":`...), x.EraID, 10)
	b = AppendString(append(b, `,"proposer":`...), x.Proposer)
	b = AppendString(append(b, `,"state":`...), x.State)
	b = strconv.AppendUint(append(b, `,"height":`...), x.Height, 10)
	b = appendStrings(append(b, `,"deploys":`...), x.Deploys)
	b = strconv.AppendInt(append(b, `,"deployCount":`...), int64(x.DeployCount), 10)
	return AppendString(append(b, `,"stateRootHash":`...), x.StateRootHash)
}

// Append writes the block.
func (x CasperSignedBlock) Append(b []byte) []byte {
	return append(strconv.AppendInt(append(x.CasperBlock.open(b), `,"signatures":`...), x.Signatures, 10), '}')
}

// appendStrings writes an array, never null.
func appendStrings(b []byte, all []string) []byte {
	b = append(b, '[')
	for i, s := range all {
		if i > 0 {
			b = append(b, ',')
		}
		b = AppendString(b, s)
	}
	return append(b, ']')
}

// Hex writes bytes as 0x hex.
func Hex(b []byte) string {
	var room [2 + 2*64]byte
	return string(hex.AppendEncode(append(room[:0], "0x"...), b))
}
