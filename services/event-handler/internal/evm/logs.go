package evm

import (
	"encoding/json"

	"github.com/ethereum/go-ethereum/common"
)

// logList is the answer of eth_getLogs.
type logList struct {
	logs  []Log
	bytes int
}

// DecodeJSON is jsonrpc.Decoder.
func (l *logList) DecodeJSON(data []byte) error {
	l.bytes = len(data)
	p := logParser{parser: parser{b: data}}
	if logs, ok := p.logs(len(data) / logSize); ok && p.end() {
		l.logs = logs
		return nil
	}
	var slow []Log
	if err := json.Unmarshal(data, &slow); err != nil {
		return err
	}
	l.logs = slow
	return nil
}

// logSize is about what a log takes as JSON: with two topics and 32 bytes.
const logSize = 600

// logParser reads logs.
type logParser struct {
	parser
	// The last log's values as text, and what they stand for.
	address, blockHash, txHash, topic0 []byte
	last                               Log
	lastTopic                          common.Hash
}

// logs reads an array of logs; expect is about how many.
func (p *logParser) logs(expect int) ([]Log, bool) {
	if p.next() != '[' {
		return nil, false
	}
	if p.peek() == ']' {
		p.i++
		return []Log{}, true
	}
	logs := make([]Log, 0, expect+1)
	for {
		logs = append(logs, Log{})
		if !p.log(&logs[len(logs)-1]) {
			return nil, false
		}
		switch p.next() {
		case ',':
		case ']':
			return logs, true
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

// log reads one log.
func (p *logParser) log(l *Log) bool {
	if p.next() != '{' {
		return false
	}
	seen := 0
	for {
		key, ok := p.raw()
		if !ok || p.next() != ':' {
			return false
		}
		var n uint64
		switch string(key) {
		case "address":
			p.address, ok = p.fixedText(l.Address[:], p.address, p.last.Address[:])
			seen, p.last.Address = seen|hasAddress, l.Address
		case "topics":
			l.Topics, ok = p.topics()
		case "data":
			l.Data, ok = p.bytes()
		case "blockNumber":
			l.BlockNumber, ok = p.quantity()
			seen |= hasNumber
		case "blockHash":
			p.blockHash, ok = p.fixedText(l.BlockHash[:], p.blockHash, p.last.BlockHash[:])
			seen, p.last.BlockHash = seen|hasBlockHash, l.BlockHash
		case "transactionHash":
			p.txHash, ok = p.fixedText(l.TxHash[:], p.txHash, p.last.TxHash[:])
			seen, p.last.TxHash = seen|hasTxHash, l.TxHash
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

func (p *logParser) topics() ([]common.Hash, bool) {
	var topics [4]common.Hash
	n := 0
	ok := p.list(func(i int) bool {
		switch {
		case i == 0:
			var ok bool
			p.topic0, ok = p.fixedText(topics[0][:], p.topic0, p.lastTopic[:])
			p.lastTopic = topics[0]
			n++
			return ok
		case i < len(topics):
			n++
			return p.fixed(topics[i][:])
		}
		return false
	})
	if !ok {
		return nil, false
	}
	out := p.room32(n)
	copy(out, topics[:])
	return out, true
}
