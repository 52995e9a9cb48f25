package bench

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/trie"
)

// Synth is a chain of any length that is true where an indexer can look: hash
// links, blooms, receipts roots. Blocks share the content of a few templates,
// whose JSON is patched with what differs, since all else would measure the
// generator.
//
// Heights and times have one width in hex, which is why the chain begins at a
// million; the heights between its genesis and there do not exist.
type Synth struct {
	load      Load
	every     uint64
	full      []template
	empty     template
	headers   []types.Header
	hashes    []common.Hash
	byHash    map[common.Hash]uint64
	genesis   types.Header
	timeStart uint64
}

// Shape of a synthetic chain.
type Shape struct {
	Blocks int
	Logs   int // of a block that has any
	PerTx  int // logs of one transaction
	Every  int // one block in Every has logs
}

const (
	synthStart = 0x100000 // 6 hex digits up to 15 million blocks later
	synthTime  = 0x66000000
	synthToken = "0x70ce70ce70ce70ce70ce70ce70ce70ce70ce70ce"
	transferID = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"

	// What templates hold where a block's own value goes.
	markNumber = 0x5ffff5
	markTime   = 0x5ffffff5
	markTx     = "feedfacecafebeef" // first 8 bytes of a transaction hash
)

var markHash = common.HexToHash("0xabababab12345678abababab12345678abababab12345678abababab12345678")

// template is the content of a block; offsets are where hex digits are patched.
type template struct {
	count    int
	txs      []common.Hash
	root     common.Hash
	bloom    types.Bloom
	logs     patched
	receipts patched
}

type patched struct {
	text                   []byte
	hash, number, time, tx []int
}

// NewSynth makes the chain.
func NewSynth(s Shape) (*Synth, error) {
	s.Every, s.PerTx = max(s.Every, 1), max(s.PerTx, 1)
	c := &Synth{every: uint64(s.Every), timeStart: synthTime, byHash: map[common.Hash]uint64{}}
	const variants = 16
	for v := range variants {
		t, err := newTemplate(v, s.Logs, s.PerTx)
		if err != nil {
			return nil, err
		}
		c.full = append(c.full, t)
	}
	c.empty = template{root: types.EmptyReceiptsHash, receipts: patched{text: []byte("[]")}}
	c.genesis = types.Header{Difficulty: new(big.Int), Number: new(big.Int), UncleHash: types.EmptyUncleHash, TxHash: types.EmptyTxsHash,
		ReceiptHash: types.EmptyReceiptsHash, BaseFee: big.NewInt(1), Extra: fmt.Appendf(nil, "%+v", s)}
	c.byHash[c.genesis.Hash()] = 0
	parent := c.genesis.Hash()
	c.headers, c.hashes = make([]types.Header, s.Blocks), make([]common.Hash, s.Blocks)
	logs := 0
	for i := range c.headers {
		n := uint64(synthStart + i)
		t := c.template(n)
		logs += t.count
		h := types.Header{ParentHash: parent, UncleHash: types.EmptyUncleHash, Coinbase: common.HexToAddress("0xc0"), Root: common.HexToHash("0x57a7e"),
			TxHash: types.EmptyTxsHash, ReceiptHash: t.root, Bloom: t.bloom, Difficulty: new(big.Int), Number: new(big.Int).SetUint64(n),
			GasLimit: 30_000_000, GasUsed: uint64(t.count) * 40_000, Time: c.timeStart + uint64(i)*2, BaseFee: big.NewInt(7)}
		if t.count > 0 {
			h.TxHash = common.HexToHash("0x7ee")
		}
		parent = h.Hash()
		c.headers[i], c.hashes[i] = h, parent
		c.byHash[parent] = n
	}
	c.load = Load{ChainID: 7331, Start: synthStart, Last: synthStart + uint64(s.Blocks) - 1, Logs: logs, Token: synthToken}
	return c, nil
}

func (c *Synth) template(n uint64) *template {
	if n%c.every != 0 {
		return &c.empty
	}
	return &c.full[n/c.every%uint64(len(c.full))]
}

// Describe says what is in it.
func (c *Synth) Describe() Load { return c.load }

// Number finds a block by hash.
func (c *Synth) Number(hash string) (uint64, bool) {
	n, ok := c.byHash[common.HexToHash(hash)]
	return n, ok
}

// at is a block's header, nil where there is none.
func (c *Synth) at(n uint64) (*types.Header, common.Hash) {
	switch {
	case n == 0:
		return &c.genesis, c.genesis.Hash()
	case n < c.load.Start || n > c.load.Last:
		return nil, common.Hash{}
	}
	return &c.headers[n-c.load.Start], c.hashes[n-c.load.Start]
}

// Header appends what eth_getBlockByNumber answers without transactions.
func (c *Synth) Header(dst []byte, n uint64) ([]byte, bool) {
	h, _ := c.at(n)
	if h == nil {
		return dst, false
	}
	text, err := json.Marshal(h)
	if err != nil {
		return dst, false
	}
	dst = append(append(dst, text[:len(text)-1]...), `,"size":"0x400","uncles":[],"transactions":[`...)
	if n > 0 {
		for i, tx := range c.template(n).txs {
			if i > 0 {
				dst = append(dst, ',')
			}
			binary.BigEndian.PutUint64(tx[:8], n)
			dst = append(dst, `"0x`...)
			dst = append(hex.AppendEncode(dst, tx[:]), '"')
		}
	}
	return append(dst, "]}"...), true
}

// Logs appends the logs of a block.
func (c *Synth) Logs(dst []byte, n uint64) ([]byte, int) {
	h, hash := c.at(n)
	if h == nil || n == 0 {
		return dst, 0
	}
	t := c.template(n)
	return t.logs.append(dst, n, h.Time, hash), t.count
}

// Receipts appends the receipts of a block.
func (c *Synth) Receipts(dst []byte, n uint64) []byte {
	h, hash := c.at(n)
	if h == nil {
		return append(dst, "null"...)
	}
	if n == 0 {
		return append(dst, "[]"...)
	}
	return c.template(n).receipts.append(dst, n, h.Time, hash)
}

func newTemplate(variant, logs, perTx int) (t template, err error) {
	t.count = logs
	var receipts types.Receipts
	var all []*types.Log
	var objects []json.RawMessage
	token, id := common.HexToAddress(synthToken), common.HexToHash(transferID)
	for first := 0; first < logs; first += perTx {
		txHash := crypto.Keccak256Hash(fmt.Appendf(nil, "tx %d %d", variant, first))
		mark, _ := hex.DecodeString(markTx)
		copy(txHash[:], mark)
		t.txs = append(t.txs, txHash)
		r := &types.Receipt{Type: types.DynamicFeeTxType, Status: 1, CumulativeGasUsed: uint64(first+perTx) * 40_000, GasUsed: uint64(perTx) * 40_000,
			TxHash: txHash, BlockHash: markHash, BlockNumber: big.NewInt(markNumber), TransactionIndex: uint(len(receipts)), EffectiveGasPrice: big.NewInt(9)}
		for i := first; i < min(logs, first+perTx); i++ {
			r.Logs = append(r.Logs, &types.Log{Address: token, Topics: []common.Hash{id, holder(variant, i), holder(variant, i+1)},
				Data: crypto.Keccak256(fmt.Appendf(nil, "amount %d %d", variant, i))[:32], BlockNumber: markNumber, TxHash: txHash, TxIndex: uint(len(receipts)),
				BlockHash: markHash, BlockTimestamp: markTime, Index: uint(i)})
		}
		for _, l := range r.Logs {
			clear(l.Data[:20]) // an amount of a token, not 256 random bits
		}
		r.Bloom = types.CreateBloom(r)
		for i := range t.bloom {
			t.bloom[i] |= r.Bloom[i]
		}
		text, err := json.Marshal(r)
		if err != nil {
			return t, fmt.Errorf("encoding a receipt: %w", err)
		}
		receipts, all, objects = append(receipts, r), append(all, r.Logs...), append(objects, text)
	}
	t.root = types.DeriveSha(receipts, trie.NewStackTrie(nil))
	list, err := json.Marshal(all)
	if err != nil {
		return t, fmt.Errorf("encoding logs: %w", err)
	}
	t.logs = newPatched(list[1 : len(list)-1])
	if list, err = json.Marshal(objects); err != nil {
		return t, fmt.Errorf("encoding receipts: %w", err)
	}
	t.receipts = newPatched(list)
	return t, nil
}

// holder is one of some 1,600 accounts.
func holder(variant, i int) common.Hash {
	return common.BytesToHash(crypto.Keccak256(fmt.Appendf(nil, "holder %d", variant*100+i))[12:])
}

func newPatched(text []byte) patched {
	find := func(prefix, digits string) (at []int) {
		s, pattern := string(text), prefix+digits
		for from := 0; ; {
			i := strings.Index(s[from:], pattern)
			if i < 0 {
				return at
			}
			at = append(at, from+i+len(prefix))
			from += i + len(pattern)
		}
	}
	return patched{
		text: slices.Clone(text), hash: find("", hex.EncodeToString(markHash[:])), tx: find(`0x`, markTx),
		number: find(`"blockNumber":"0x`, fmt.Sprintf("%x", markNumber)), time: find(`"blockTimestamp":"0x`, fmt.Sprintf("%x", markTime)),
	}
}

func (p *patched) append(dst []byte, n, time uint64, hash common.Hash) []byte {
	start := len(dst)
	dst = append(dst, p.text...)
	own := dst[start:]
	var hexHash [64]byte
	hex.Encode(hexHash[:], hash[:])
	for _, at := range p.hash {
		copy(own[at:], hexHash[:])
	}
	put := func(places []int, digits string) {
		for _, at := range places {
			copy(own[at:], digits)
		}
	}
	put(p.number, fmt.Sprintf("%06x", n))
	put(p.time, fmt.Sprintf("%08x", time))
	put(p.tx, fmt.Sprintf("%016x", n))
	return dst
}
