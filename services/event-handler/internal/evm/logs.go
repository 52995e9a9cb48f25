package evm

import (
	"encoding/hex"
	"encoding/json"

	"github.com/ethereum/go-ethereum/common"
)

// logList is the answer of eth_getLogs. It is decoded in one pass by a decoder
// that knows only what nodes send; at the first surprise the answer goes to
// encoding/json, which is slower and decides. Both give the same logs.
type logList []Log

// DecodeJSON is jsonrpc.Decoder. data is valid JSON.
func (l *logList) DecodeJSON(data []byte) error {
	p := logParser{b: data}
	if logs, ok := p.list(); ok {
		*l = logs
		return nil
	}
	var slow []Log
	if err := json.Unmarshal(data, &slow); err != nil {
		return err
	}
	*l = slow
	return nil
}

// logParser is the fast decoder. It tells errors as "not ok" only: the slow one
// finds the words.
type logParser struct {
	b []byte
	i int
}

// next skips white space and returns the next byte, which it consumes; 0 at the end.
func (p *logParser) next() byte {
	for ; p.i < len(p.b); p.i++ {
		switch c := p.b[p.i]; c {
		case ' ', '\t', '\r', '\n':
		default:
			p.i++
			return c
		}
	}
	return 0
}

// raw reads a string without copying it. An escape is a surprise.
func (p *logParser) raw() ([]byte, bool) {
	if p.next() != '"' {
		return nil, false
	}
	start := p.i
	for ; p.i < len(p.b); p.i++ {
		if c := p.b[p.i]; c == '"' {
			p.i++
			return p.b[start : p.i-1], true
		} else if c == '\\' {
			return nil, false
		}
	}
	return nil, false
}

func (p *logParser) list() ([]Log, bool) {
	if p.next() != '[' {
		return nil, false
	}
	logs := []Log{}
	for {
		switch c := p.next(); {
		case c == ']' && len(logs) == 0:
			return logs, p.next() == 0
		case c == '{':
			logs = append(logs, Log{})
			if !p.log(&logs[len(logs)-1]) {
				return nil, false
			}
		default:
			return nil, false
		}
		switch p.next() {
		case ',':
		case ']':
			return logs, p.next() == 0
		default:
			return nil, false
		}
	}
}

// What a log must have, as bits.
const (
	hasAddress = 1 << iota
	hasNumber
	hasBlockHash
	hasTxHash
	hasTxIndex
	hasIndex
	hasAll = 1<<iota - 1
)

// log reads the rest of an object.
func (p *logParser) log(l *Log) bool {
	seen := 0
	for {
		key, ok := p.raw()
		if !ok || p.next() != ':' {
			return false
		}
		var n uint64
		switch string(key) {
		case "address":
			seen, ok = seen|hasAddress, p.fixed(l.Address[:])
		case "topics":
			l.Topics, ok = p.topics()
		case "data":
			l.Data, ok = p.data()
		case "blockNumber":
			l.BlockNumber, ok = p.quantity()
			seen |= hasNumber
		case "blockHash":
			seen, ok = seen|hasBlockHash, p.fixed(l.BlockHash[:])
		case "transactionHash":
			seen, ok = seen|hasTxHash, p.fixed(l.TxHash[:])
		case "transactionIndex":
			n, ok = p.quantity()
			seen, ok, l.TxIndex = seen|hasTxIndex, ok && n <= 1<<31, uint32(n)
		case "logIndex":
			n, ok = p.quantity()
			seen, ok, l.Index = seen|hasIndex, ok && n <= 1<<31, uint32(n)
		case "blockTimestamp":
			_, ok = p.raw()
		case "removed":
			l.Removed, ok = p.boolean()
		default:
			ok = false
		}
		if !ok {
			return false
		}
		switch p.next() {
		case ',':
		case '}':
			if l.Topics == nil {
				l.Topics = []common.Hash{}
			}
			return seen == hasAll
		default:
			return false
		}
	}
}

// digits reads a string that begins with 0x, and returns what follows it.
func (p *logParser) digits() ([]byte, bool) {
	s, ok := p.raw()
	if !ok || len(s) < 2 || s[0] != '0' || s[1] != 'x' {
		return nil, false
	}
	return s[2:], true
}

func (p *logParser) fixed(dst []byte) bool {
	s, ok := p.digits()
	if !ok || len(s) != 2*len(dst) {
		return false
	}
	_, err := hex.Decode(dst, s)
	return err == nil
}

func (p *logParser) data() ([]byte, bool) {
	s, ok := p.digits()
	if !ok {
		return nil, false
	}
	out := make([]byte, hex.DecodedLen(len(s)))
	_, err := hex.Decode(out, s)
	return out, err == nil
}

// quantity reads a number as the execution-apis write it: no leading zeros.
func (p *logParser) quantity() (uint64, bool) {
	s, ok := p.digits()
	if !ok || len(s) == 0 || len(s) > 16 || s[0] == '0' && len(s) > 1 {
		return 0, false
	}
	var n uint64
	for _, c := range s {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		n = n<<4 | uint64(c)
	}
	return n, true
}

func (p *logParser) topics() ([]common.Hash, bool) {
	if p.next() != '[' {
		return nil, false
	}
	out := make([]common.Hash, 0, 4)
	start := p.i
	if p.next() == ']' {
		return out, true
	}
	p.i = start
	for len(out) < 4 {
		out = append(out, common.Hash{})
		if !p.fixed(out[len(out)-1][:]) {
			return nil, false
		}
		switch p.next() {
		case ',':
		case ']':
			return out, true
		default:
			return nil, false
		}
	}
	return nil, false
}

func (p *logParser) boolean() (bool, bool) {
	word, value := "true", true
	switch p.next() {
	case 't':
	case 'f':
		word, value = "false", false
	default:
		return false, false
	}
	p.i--
	if len(p.b)-p.i < len(word) || string(p.b[p.i:p.i+len(word)]) != word {
		return false, false
	}
	p.i += len(word)
	return value, true
}
