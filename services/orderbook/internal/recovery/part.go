package recovery

import (
	"crypto/sha256"
	"errors"

	"google.golang.org/protobuf/encoding/protowire"

	"fondaco.dev/pkg/bus"
)

// part is one message of TRADES, read as far as a recovery needs it: an output
// may hold a hundred thousand events.
type part struct {
	seq  uint64 // stream sequence
	data []byte
	sum  [sha256.Size]byte // of data

	firstIn, lastIn uint64
	number          uint64 // 1.. within the output
	last            bool
	firstEvent      uint64
	events          int
	digest          []byte // of the engine's state; the last part's only
	prevSeq         uint64
	prevDigest      []byte
	semantics       uint64

	pack []byte // the last PackApplied in it; nil = none
}

// Fields of trades.v1 that are read here.
const (
	outEvents        protowire.Number = 6
	eventPackApplied protowire.Number = 1
	packInSeq        protowire.Number = 1
	packGateway      protowire.Number = 2
	packNo           protowire.Number = 3
)

var errUnreadable = errors.New("it cannot be decoded")

// readPart takes a message of TRADES apart.
func readPart(m *bus.Message) (*part, error) {
	p := &part{seq: m.Seq, data: m.Data, sum: sha256.Sum256(m.Data)}
	for b := m.Data; len(b) > 0; {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return nil, errUnreadable
		}
		var v uint64
		var body []byte
		size := -1
		switch typ {
		case protowire.VarintType:
			v, size = protowire.ConsumeVarint(b[n:])
		case protowire.BytesType:
			body, size = protowire.ConsumeBytes(b[n:])
		}
		if size < 0 {
			return nil, errUnreadable
		}
		b = b[n+size:]
		switch num {
		case 1:
			p.firstIn = v
		case 2:
			p.lastIn = v
		case 3:
			p.number = v
		case 4:
			p.last = v != 0
		case 5:
			p.firstEvent = v
		case outEvents:
			p.events++
			if kind, typ, n := protowire.ConsumeTag(body); n > 0 && kind == eventPackApplied && typ == protowire.BytesType {
				if p.pack, n = protowire.ConsumeBytes(body[n:]); n < 0 {
					return nil, errUnreadable
				}
			}
		case 7:
			p.digest = body
		case 8:
			p.prevSeq = v
		case 9:
			p.prevDigest = body
		case 10:
			p.semantics = v
		}
	}
	return p, nil
}

// packApplied reads a PackApplied: which pack of which gateway.
func packApplied(b []byte) (inSeq uint64, gateway string, no uint64) {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return
		}
		size := protowire.ConsumeFieldValue(num, typ, b[n:])
		if size < 0 {
			return
		}
		switch {
		case num == packInSeq && typ == protowire.VarintType:
			inSeq, _ = protowire.ConsumeVarint(b[n:])
		case num == packNo && typ == protowire.VarintType:
			no, _ = protowire.ConsumeVarint(b[n:])
		case num == packGateway && typ == protowire.BytesType:
			body, _ := protowire.ConsumeBytes(b[n:])
			gateway = string(body)
		}
		b = b[n+size:]
	}
	return
}
