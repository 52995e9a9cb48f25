package evm

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	chainv1 "fondaco.dev/proto/chain/v1"
)

// ReadPack reads a message as proto.Unmarshal does. The blocks in it share
// their bytes with data, which may not change any more: copying every hash,
// topic and address took a fifth of the writer's time, and as much memory again.
// What is not the plain form of a block with logs is left to the library.
func ReadPack(data []byte) (*chainv1.Pack, error) {
	if p := plainPack(data); p != nil {
		return p, nil
	}
	p := new(chainv1.Pack)
	if err := proto.Unmarshal(data, p); err != nil {
		return nil, err
	}
	return p, nil
}

// field is one field of a message: n for a varint, body for bytes.
type field struct {
	number protowire.Number
	bytes  bool
	n      uint64
	body   []byte
}

// next takes a field from the front of data; ok is false for one that is cut
// short, or of another type than the two.
func next(data []byte) (f field, rest []byte, ok bool) {
	number, typ, n := protowire.ConsumeTag(data)
	if n < 0 {
		return f, nil, false
	}
	f.number, data = number, data[n:]
	switch typ {
	case protowire.VarintType:
		f.n, n = protowire.ConsumeVarint(data)
	case protowire.BytesType:
		f.bytes = true
		f.body, n = protowire.ConsumeBytes(data)
		f.body = f.body[:len(f.body):len(f.body)]
	default:
		return f, nil, false
	}
	if n < 0 {
		return f, nil, false
	}
	return f, data[n:], true
}

// once says whether a field that may stand once has not been seen, and that it
// has the right type.
func (f *field) once(seen *uint32, bytes bool) bool {
	bit := uint32(1) << f.number
	if *seen&bit != 0 || f.bytes != bytes {
		return false
	}
	*seen |= bit
	return true
}

// plainPack is nil when the library has to read it. Field numbers: chain.proto.
func plainPack(data []byte) *chainv1.Pack {
	p := new(chainv1.Pack)
	var seen uint32
	for len(data) > 0 {
		f, rest, ok := next(data)
		if !ok {
			return nil
		}
		switch f.number {
		case 1:
			ok = f.once(&seen, false)
			p.PrevSeq = f.n
		case 2:
			ok = f.once(&seen, true)
			p.PrevDigest = f.body
		case 3:
			p.Resume = new(chainv1.Resume)
			ok = f.once(&seen, true) && proto.Unmarshal(f.body, p.Resume) == nil
		case 4:
			var u *chainv1.Unit
			if ok = f.bytes; ok {
				u = plainUnit(f.body)
				ok = u != nil
			}
			p.Units = append(p.Units, u)
		default:
			ok = false
		}
		if !ok {
			return nil
		}
		data = rest
	}
	return p
}

// plainUnit is nil for a unit that cannot be read at all.
func plainUnit(data []byte) *chainv1.Unit {
	if f, rest, ok := next(data); ok && len(rest) == 0 && f.bytes && f.number == 1 {
		if b := plainBlock(f.body); b != nil {
			return &chainv1.Unit{Kind: &chainv1.Unit_Block{Block: b}}
		}
	}
	u := new(chainv1.Unit)
	if proto.Unmarshal(data, u) != nil {
		return nil
	}
	return u
}

func plainBlock(data []byte) *chainv1.Block {
	b := new(chainv1.Block)
	var seen uint32
	var logs, txs int
	for rest := data; len(rest) > 0; {
		f, r, ok := next(rest)
		if !ok {
			return nil
		}
		rest = r
		switch f.number {
		case 1, 4, 6:
			ok = f.once(&seen, false)
		case 2, 3, 5:
			ok = f.once(&seen, true)
		case 7:
			ok = f.bytes
			txs++
		case 8:
			ok = f.bytes
			logs++
		default:
			ok = false
		}
		if !ok {
			return nil
		}
		switch f.number {
		case 1:
			b.Number = f.n
		case 2:
			b.Hash = f.body
		case 3:
			b.ParentHash = f.body
		case 4:
			b.Time = f.n
		case 5:
			b.Header = f.body
		case 6:
			b.TxCount = uint32(f.n)
		}
	}
	if txs+logs > 0 && !plainRest(b, data, txs, logs) {
		return nil
	}
	return b
}

// plainRest reads transactions and logs into one piece of memory each.
func plainRest(b *chainv1.Block, data []byte, txs, logs int) bool {
	txList, logList := make([]chainv1.Tx, txs), make([]chainv1.Log, logs)
	b.Txs, b.Logs = make([]*chainv1.Tx, 0, txs), make([]*chainv1.Log, 0, logs)
	topics := make([][]byte, 0, 3*logs) // a transfer has three
	for len(data) > 0 {
		f, rest, ok := next(data)
		switch {
		case !ok:
			return false
		case f.number == 7:
			t := &txList[len(b.Txs)]
			ok = plainTx(t, f.body)
			b.Txs = append(b.Txs, t)
		case f.number == 8:
			l := &logList[len(b.Logs)]
			topics, ok = plainLog(l, f.body, topics)
			b.Logs = append(b.Logs, l)
		}
		if !ok {
			return false
		}
		data = rest
	}
	return true
}

func plainTx(t *chainv1.Tx, data []byte) bool {
	var seen uint32
	for len(data) > 0 {
		f, rest, ok := next(data)
		switch {
		case ok && f.number == 1 && f.once(&seen, false):
			t.Index = uint32(f.n)
		case ok && f.number == 2 && f.once(&seen, true):
			t.Hash = f.body
		default:
			return false
		}
		data = rest
	}
	return true
}

// plainLog leaves logs with reads to the library. topics is where all of a
// block's lie.
func plainLog(l *chainv1.Log, data []byte, topics [][]byte) ([][]byte, bool) {
	var seen uint32
	first := len(topics)
	for len(data) > 0 {
		f, rest, ok := next(data)
		switch {
		case ok && f.number == 1 && f.once(&seen, true):
			l.Address = f.body
		case ok && f.number == 2 && f.bytes:
			topics = append(topics, f.body)
		case ok && f.number == 3 && f.once(&seen, true):
			l.Data = f.body
		case ok && f.number == 4 && f.once(&seen, false):
			l.Index = uint32(f.n)
		case ok && f.number == 5 && f.once(&seen, false):
			l.TxIndex = uint32(f.n)
		default:
			return topics, false
		}
		data = rest
	}
	if len(topics) > first {
		l.Topics = topics[first:len(topics):len(topics)]
	}
	return topics, true
}
