package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Chain is a chain in memory whose JSON is ready to be sent. Its methods may be
// called from any goroutine.
type Chain interface {
	// Describe says what is in it.
	Describe() Load
	// Number finds a block by the hex of its hash, with 0x.
	Number(hash string) (uint64, bool)
	// Header appends the block's JSON object; false where there is no block.
	Header(dst []byte, number uint64) ([]byte, bool)
	// Logs appends the block's logs, separated by commas, and says how many.
	Logs(dst []byte, number uint64) ([]byte, int)
	// Receipts appends the JSON array of the block's receipts.
	Receipts(dst []byte, number uint64) []byte
}

// Load describes a chain to be indexed: one contract with one event, and all
// logs are that event's.
type Load struct {
	URL     string // http://host:port of a node that serves it
	WS      string // "" = no WebSocket
	ChainID uint64
	Start   uint64 // first height to be indexed
	Last    uint64 // newest block; all are final, or nearly so
	Logs    int    // in Start..Last
	Token   string // the contract's address, with 0x
}

// Blocks from the first to the last height.
func (l Load) Blocks() int { return int(l.Last - l.Start + 1) }

// maxAnswerLogs is the most logs of one eth_getLogs. Hosted nodes give 10,000;
// a node of one's own has no limit but the reader's.
const maxAnswerLogs = 50_000

// Replay is a node that answers JSON-RPC from memory, at the price of copying
// bytes. It filters by nothing but address and topic 0: all or no logs match.
type Replay struct {
	chain Chain
	load  Load

	first    atomic.Int64 // unix nanoseconds of the first request; 0: none yet
	requests atomic.Int64
	bytes    atomic.Int64
}

// Served is what a Replay says of itself on /stats.
type Served struct {
	FirstNS  int64 // unix nanoseconds of the first request, 0: none yet
	Requests int64 // HTTP requests
	Bytes    int64 // of answers
}

// Serve answers on a free port of 127.0.0.1 until the listener is closed.
func (r *Replay) Serve(ln net.Listener) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /stats", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(Served{r.first.Load(), r.requests.Load(), r.bytes.Load()})
	})
	mux.HandleFunc("POST /", r.answer)
	srv := http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	return srv.Serve(ln)
}

// NewReplay serves a chain.
func NewReplay(c Chain) *Replay { return &Replay{chain: c, load: c.Describe()} }

// buffers keeps answers' memory: growing tens of megabytes for each would cost
// more than filling them.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

type call struct {
	ID     json.RawMessage   `json:"id"`
	Method string            `json:"method"`
	Params []json.RawMessage `json:"params"`
}

func (r *Replay) answer(w http.ResponseWriter, req *http.Request) {
	r.first.CompareAndSwap(0, time.Now().UnixNano())
	r.requests.Add(1)
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	var calls []call
	single := len(bytes.TrimSpace(body)) > 0 && bytes.TrimSpace(body)[0] == '{'
	if single {
		calls = make([]call, 1)
		err = json.Unmarshal(body, &calls[0])
	} else {
		err = json.Unmarshal(body, &calls)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	buf := buffers.Get().(*[]byte)
	out := (*buf)[:0]
	defer func() { *buf = out; buffers.Put(buf) }()
	if !single {
		out = append(out, '[')
	}
	for i, c := range calls {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(append(out, `{"jsonrpc":"2.0","id":`...), c.ID...), ',')
		out = append(r.result(out, c), '}')
	}
	if !single {
		out = append(out, ']')
	}
	r.bytes.Add(int64(len(out)))
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(out)))
	_, _ = w.Write(out)
}

// result appends "result":… or "error":….
func (r *Replay) result(dst []byte, c call) []byte {
	const head = `"result":`
	switch c.Method {
	case "eth_chainId":
		return fmt.Appendf(dst, `%s"0x%x"`, head, r.load.ChainID)
	case "eth_blockNumber":
		return fmt.Appendf(dst, `%s"0x%x"`, head, r.load.Last)
	case "eth_syncing":
		return append(append(dst, head...), "false"...)
	case "eth_getCode":
		return append(append(dst, head...), `"0x00"`...)
	case "eth_getBlockByNumber", "eth_getBlockByHash":
		if n, ok := r.number(c.param(0)); ok {
			if out, ok := r.chain.Header(append(dst, head...), n); ok {
				return out
			}
		}
		return append(append(dst, head...), "null"...)
	case "eth_getBlockReceipts":
		if n, ok := r.number(c.param(0)); ok {
			return r.chain.Receipts(append(dst, head...), n)
		}
		return append(append(dst, head...), "null"...)
	case "eth_getLogs":
		return r.logs(dst, c)
	}
	return fmt.Appendf(dst, `"error":{"code":-32601,"message":"the method %s does not exist"}`, c.Method)
}

func (c call) param(i int) json.RawMessage {
	if i >= len(c.Params) {
		return nil
	}
	return c.Params[i]
}

// number reads a height, a tag, a hash, or an object with one of them.
func (r *Replay) number(p json.RawMessage) (uint64, bool) {
	var s string
	if json.Unmarshal(p, &s) != nil {
		var o struct{ BlockHash, BlockNumber string }
		if json.Unmarshal(p, &o) != nil {
			return 0, false
		}
		s = o.BlockHash + o.BlockNumber
	}
	switch {
	case s == "latest", s == "finalized", s == "safe":
		return r.load.Last, true
	case s == "earliest":
		return 0, true
	case len(s) == 66:
		return r.chain.Number(s)
	}
	n, err := strconv.ParseUint(strings.TrimPrefix(s, "0x"), 16, 64)
	return n, err == nil && n <= r.load.Last
}

func (r *Replay) logs(dst []byte, c call) []byte {
	var q struct {
		BlockHash, FromBlock, ToBlock string
		Address, Topics               json.RawMessage
	}
	if err := json.Unmarshal(c.param(0), &q); err != nil {
		return fmt.Appendf(dst, `"error":{"code":-32602,"message":"bad filter"}`)
	}
	from, to := uint64(0), uint64(0)
	ok := true
	if q.BlockHash != "" {
		if from, ok = r.chain.Number(q.BlockHash); !ok {
			return fmt.Appendf(dst, `"error":{"code":-32000,"message":"unknown block"}`)
		}
		to = from
	} else {
		var ok1, ok2 bool
		from, ok1 = r.number(json.RawMessage(strconv.Quote(q.FromBlock)))
		to, ok2 = r.number(json.RawMessage(strconv.Quote(q.ToBlock)))
		if !ok1 || !ok2 {
			return fmt.Appendf(dst, `"error":{"code":-32000,"message":"the range ends above the head"}`)
		}
	}
	start := len(dst)
	dst = append(dst, `"result":[`...)
	if !asks(q.Address, r.load.Token) || !asks(q.Topics, transferID) {
		return append(dst, ']')
	}
	total := 0
	for n := max(from, r.load.Start); n <= to; n++ {
		k := 0
		before := len(dst)
		if total > 0 {
			dst = append(dst, ',')
		}
		if dst, k = r.chain.Logs(dst, n); k == 0 {
			dst = dst[:before]
		}
		if total += k; total > maxAnswerLogs {
			return fmt.Appendf(dst[:start], `"error":{"code":-32005,"message":"query returned more than %d results"}`, maxAnswerLogs)
		}
	}
	return append(dst, ']')
}

// asks reports whether a filter's part selects what holds this value.
func asks(part json.RawMessage, value string) bool {
	s := strings.ToLower(string(part))
	return s == "" || s == "null" || s == "[]" || strings.Contains(s, strings.ToLower(value))
}
