package evm

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"slices"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/rlp"
)

// journal is the chain on disk: an append-only file of records, written before
// what they say becomes visible over RPC, so that a killed process goes on with
// a chain that its clients know. go-ethereum's own database loses its latest
// blocks when the process is killed; it is a cache of this file.
//
//	offset  size  field
//	0       1     kind: 'G' genesis hash, 'B' block as RLP, 'H' head hash
//	1       4     payload length, big endian
//	5       n     payload
//	5+n     4     CRC-32 (IEEE) over kind, length and payload
//
// A torn last record is cut off when the file is opened. Records are written
// with one write call each and not synced: they survive the death of the
// process, not that of the machine.
type journal struct {
	file    *os.File // nil = memory only
	sealed  uint64   // block records so far, in the file and since
	written int64    // bytes
}

// record is where a block stands in the file.
type record struct {
	hash   common.Hash
	parent common.Hash
	at     int64 // of the payload
	size   int
}

const maxRecord = 64 << 20 // a block is far below: gas limit 60M at 4 gas per zero byte = 15 MB

// openJournal opens or creates the file and says where the blocks of its chain
// are, from height 1 to the last head. An empty path keeps nothing.
func openJournal(path string, genesis common.Hash) (*journal, []record, error) {
	if path == "" {
		return &journal{}, nil, nil
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, nil, fmt.Errorf("opening the chain file: %w", err)
	}
	j := &journal{file: file}
	chain, err := j.load(genesis)
	if err != nil {
		file.Close()
		return nil, nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return j, chain, nil
}

func (j *journal) load(genesis common.Hash) ([]record, error) {
	known := make(map[common.Hash]record)
	head := genesis
	r := bufio.NewReaderSize(j.file, 1<<20)
	for {
		kind, payload, err := readRecord(r)
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, errTorn) {
				return nil, err
			}
			break
		}
		switch {
		case kind == 'G' && len(payload) == common.HashLength:
			if got := common.BytesToHash(payload); got != genesis {
				return nil, fmt.Errorf("it holds the chain with genesis %s, not %s", got, genesis)
			}
		case kind == 'H' && len(payload) == common.HashLength:
			head = common.BytesToHash(payload)
		case kind == 'B':
			hash, parent, err := blockHashes(payload)
			if err != nil {
				return nil, fmt.Errorf("decoding the block at byte %d: %w", j.written, err)
			}
			known[hash] = record{hash, parent, j.written + 5, len(payload)}
			j.sealed++
		default:
			return nil, fmt.Errorf("unknown record %q at byte %d", kind, j.written)
		}
		j.written += int64(len(payload)) + 9
	}
	if err := j.file.Truncate(j.written); err != nil {
		return nil, fmt.Errorf("cutting the torn end: %w", err)
	}
	if _, err := j.file.Seek(j.written, io.SeekStart); err != nil {
		return nil, err
	}
	if j.written == 0 {
		if err := j.append('G', genesis.Bytes()); err != nil {
			return nil, err
		}
	}
	var chain []record
	for head != genesis {
		block, ok := known[head]
		if !ok {
			return nil, fmt.Errorf("block %s is missing between the head and the genesis", head)
		}
		chain = append(chain, block)
		head = block.parent
	}
	slices.Reverse(chain)
	return chain, nil
}

// blockHashes gives a block's hash and its parent's without decoding the rest:
// the hash is that of the first item, the parent the first item in it.
func blockHashes(block []byte) (hash, parent common.Hash, err error) {
	items, _, err := rlp.SplitList(block)
	if err != nil {
		return hash, parent, err
	}
	fields, rest, err := rlp.SplitList(items)
	if err != nil {
		return hash, parent, err
	}
	first, _, err := rlp.SplitString(fields)
	return crypto.Keccak256Hash(items[:len(items)-len(rest)]), common.BytesToHash(first), err
}

// read decodes blocks.
func (j *journal) read(records []record) ([]*types.Block, error) {
	blocks := make([]*types.Block, len(records))
	for i, r := range records {
		payload := make([]byte, r.size)
		if _, err := j.file.ReadAt(payload, r.at); err != nil {
			return nil, fmt.Errorf("reading the chain file at byte %d: %w", r.at, err)
		}
		blocks[i] = new(types.Block)
		if err := rlp.DecodeBytes(payload, blocks[i]); err != nil {
			return nil, fmt.Errorf("decoding the block at byte %d: %w", r.at, err)
		}
	}
	return blocks, nil
}

var errTorn = errors.New("torn record")

func readRecord(r io.Reader) (kind byte, payload []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	size := binary.BigEndian.Uint32(head[1:])
	if size > maxRecord {
		return 0, nil, errTorn
	}
	payload = make([]byte, size+4)
	if _, err := io.ReadFull(r, payload); err != nil {
		return 0, nil, err
	}
	sum := binary.BigEndian.Uint32(payload[size:])
	payload = payload[:size]
	if crc32.Update(crc32.ChecksumIEEE(head[:]), crc32.IEEETable, payload) != sum {
		return 0, nil, errTorn
	}
	return head[0], payload, nil
}

func (j *journal) append(kind byte, payload []byte) error {
	if j.file == nil {
		return nil
	}
	record := make([]byte, 5, len(payload)+9)
	record[0] = kind
	binary.BigEndian.PutUint32(record[1:], uint32(len(payload)))
	record = append(record, payload...)
	record = binary.BigEndian.AppendUint32(record, crc32.ChecksumIEEE(record))
	if _, err := j.file.Write(record); err != nil {
		return fmt.Errorf("writing the chain file: %w", err)
	}
	j.written += int64(len(record))
	return nil
}

// block records a block that exists; it is on the chain only if a later head
// descends from it.
func (j *journal) block(b *types.Block) error {
	j.sealed++
	if j.file == nil {
		return nil
	}
	payload, err := rlp.EncodeToBytes(b)
	if err != nil {
		return fmt.Errorf("encoding block %d: %w", b.NumberU64(), err)
	}
	return j.append('B', payload)
}

// head records the block that is about to become the canonical head.
func (j *journal) head(hash common.Hash) error { return j.append('H', hash.Bytes()) }

func (j *journal) close() error {
	if j.file == nil {
		return nil
	}
	return j.file.Close()
}
