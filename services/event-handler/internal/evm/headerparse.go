package evm

import (
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/rlp"
)

// headerFields are the keys of a block that are read, in the order of the bits
// of fields.seen. The first sixteen must be there.
var headerFields = []string{
	"parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot", "logsBloom", "difficulty", "number", "gasLimit",
	"gasUsed", "timestamp", "extraData", "mixHash", "nonce", "hash",
	"baseFeePerGas", "withdrawalsRoot", "blobGasUsed", "excessBlobGas", "parentBeaconBlockRoot", "requestsHash", "blockAccessListHash", "slotNumber",
	"transactions",
}

const headerMust = 1<<16 - 1

// optional are the fields that later forks appended to the header, in the
// header's order: each is there only with those before it.
const (
	baseFee = iota
	withdrawalsRoot
	blobGasUsed
	excessBlobGas
	parentBeaconRoot
	requestsHash
	accessListHash
	slotNumber
	optionals
)

// headerParser reads the answer of eth_getBlockByNumber or ByHash.
type headerParser struct {
	parser
	seen                      uint32 // bits of headerFields
	uncles, state, txs, mix   common.Hash
	miner                     common.Address
	nonce                     [8]byte
	difficulty                number
	gasLimit, gasUsed, height number
	time                      number
	extra                     []byte
	numbers                   [optionals]number
	hashes                    [optionals]common.Hash
	has                       [optionals]bool
}

// header reads a block. It is not ok where the hash is not that of the content:
// go-ethereum may know another format.
func (p *headerParser) header(h *Header) bool {
	if !p.object(func(key []byte) bool { return p.field(key, h) }) || !p.end() || p.seen&headerMust != headerMust {
		return false
	}
	for i := 1; i < optionals; i++ {
		if p.has[i] && !p.has[i-1] {
			return false
		}
	}
	var ok1, ok2 bool
	h.Number, ok1 = p.height.uint64()
	h.Time, ok2 = p.time.uint64()
	if !ok1 || !ok2 || p.gasLimit.n > 8 || p.gasUsed.n > 8 || p.numbers[blobGasUsed].n > 8 || p.numbers[excessBlobGas].n > 8 || p.numbers[slotNumber].n > 8 {
		return false
	}
	h.RLP = p.rlp(h)
	return crypto.Keccak256Hash(h.RLP) == h.Hash
}

func (v *number) uint64() (uint64, bool) {
	var n uint64
	for _, c := range v.bytes() {
		n = n<<8 | uint64(c)
	}
	return n, v.n <= 8
}

// field reads the value of one key.
func (p *headerParser) field(key []byte, h *Header) bool {
	i := -1
	for k, name := range headerFields {
		if string(key) == name {
			i = k
			break
		}
	}
	if i < 0 {
		return p.unknown(key, headerFields)
	}
	p.seen |= 1 << i
	if o := i - 16; o >= 0 && o < optionals {
		if p.null() {
			p.has[o] = false
			return true
		}
		p.has[o] = true
		switch o {
		case baseFee, blobGasUsed, excessBlobGas, slotNumber:
			return p.big(&p.numbers[o])
		}
		return p.fixed(p.hashes[o][:])
	}
	switch i {
	case 0:
		return p.fixed(h.Parent[:])
	case 1:
		return p.fixed(p.uncles[:])
	case 2:
		return p.fixed(p.miner[:])
	case 3:
		return p.fixed(p.state[:])
	case 4:
		return p.fixed(p.txs[:])
	case 5:
		return p.fixed(h.ReceiptsRoot[:])
	case 6:
		return p.fixed(h.Bloom[:])
	case 7:
		return p.big(&p.difficulty)
	case 8:
		return p.big(&p.height)
	case 9:
		return p.big(&p.gasLimit)
	case 10:
		return p.big(&p.gasUsed)
	case 11:
		return p.big(&p.time)
	case 12:
		var ok bool
		p.extra, ok = p.bytes()
		return ok
	case 13:
		return p.fixed(p.mix[:])
	case 14:
		return p.fixed(p.nonce[:])
	case 15:
		return p.fixed(h.Hash[:])
	}
	return p.transactions(h)
}

// transactions reads the list of hashes; full transactions are a surprise.
func (p *headerParser) transactions(h *Header) bool {
	h.Txs = nil
	// One hash is 66 characters, two quotes and a comma.
	return p.list(func(i int) bool {
		if i == len(h.Txs) && i == cap(h.Txs) {
			grown := make([]common.Hash, i, max(2*i, 16))
			copy(grown, h.Txs)
			h.Txs = grown
		}
		h.Txs = h.Txs[:i+1]
		return p.fixed(h.Txs[i][:])
	})
}

// rlp is the header's consensus form. Source: go-ethereum's types.Header, whose
// order of fields it is.
func (p *headerParser) rlp(h *Header) []byte {
	buf := rlp.NewEncoderBuffer(nil)
	list := buf.List()
	buf.WriteBytes(h.Parent[:])
	buf.WriteBytes(p.uncles[:])
	buf.WriteBytes(p.miner[:])
	buf.WriteBytes(p.state[:])
	buf.WriteBytes(p.txs[:])
	buf.WriteBytes(h.ReceiptsRoot[:])
	buf.WriteBytes(h.Bloom[:])
	for _, v := range []*number{&p.difficulty, &p.height, &p.gasLimit, &p.gasUsed, &p.time} {
		buf.WriteBytes(v.bytes())
	}
	buf.WriteBytes(p.extra)
	buf.WriteBytes(p.mix[:])
	buf.WriteBytes(p.nonce[:])
	for o := range optionals {
		if !p.has[o] {
			break
		}
		switch o {
		case baseFee, blobGasUsed, excessBlobGas, slotNumber:
			buf.WriteBytes(p.numbers[o].bytes())
		default:
			buf.WriteBytes(p.hashes[o][:])
		}
	}
	buf.ListEnd(list)
	out := buf.ToBytes()
	_ = buf.Flush() // gives the buffer back; there is no writer
	return out
}
