package evm_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"fondaco.dev/services/event-handler/internal/core"
	"fondaco.dev/services/event-handler/internal/evm"
	"fondaco.dev/services/event-handler/internal/fakenode"
	"fondaco.dev/services/event-handler/internal/jsonrpc"
	"fondaco.dev/services/event-handler/internal/memlog"
)

// canned answers a chain's blocks from text that was made before.
type canned struct {
	headers, logs, receipts []json.RawMessage // by height; logs without brackets
	latest                  json.RawMessage
}

func can(b *testing.B, c *fakenode.Chain) *canned {
	out := &canned{}
	for _, block := range c.Canonical() {
		h, err := block.MarshalJSON()
		if err != nil {
			b.Fatal(err)
		}
		out.headers = append(out.headers, h)
		out.receipts = append(out.receipts, block.ReceiptsJSON())
		logs := block.LogsJSON()
		out.logs = append(out.logs, logs[1:len(logs)-1])
	}
	out.latest = out.headers[len(out.headers)-1]
	return out
}

func height(raw json.RawMessage) int {
	n, _ := strconv.ParseUint(strings.TrimPrefix(strings.Trim(string(raw), `"`), "0x"), 16, 64)
	return int(n)
}

func (c *canned) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var calls []struct {
		ID     int               `json:"id"`
		Method string            `json:"method"`
		Params []json.RawMessage `json:"params"`
	}
	body, _ := io.ReadAll(r.Body)
	if json.Unmarshal(body, &calls) != nil {
		body = append(append([]byte("["), body...), ']')
		_ = json.Unmarshal(body, &calls)
	}
	var out bytes.Buffer
	out.WriteByte('[')
	for i, x := range calls {
		if i > 0 {
			out.WriteByte(',')
		}
		fmt.Fprintf(&out, `{"jsonrpc":"2.0","id":%d,"result":`, x.ID)
		switch x.Method {
		case "eth_chainId":
			out.WriteString(`"0x1"`)
		case "eth_getLogs":
			var q struct{ FromBlock, ToBlock json.RawMessage }
			_ = json.Unmarshal(x.Params[0], &q)
			out.WriteByte('[')
			any := false
			for n := height(q.FromBlock); n <= height(q.ToBlock); n++ {
				if len(c.logs[n]) > 0 {
					if any {
						out.WriteByte(',')
					}
					out.Write(c.logs[n])
					any = true
				}
			}
			out.WriteByte(']')
		case "eth_getBlockReceipts":
			out.Write(c.receipts[height(x.Params[0])])
		default:
			if s := string(x.Params[0]); s == `"latest"` || s == `"finalized"` {
				out.Write(c.latest)
			} else {
				out.Write(c.headers[height(x.Params[0])])
			}
		}
		out.WriteByte('}')
	}
	out.WriteByte(']')
	w.Header().Set("Content-Length", strconv.Itoa(out.Len()))
	_, _ = w.Write(out.Bytes())
}

// BenchmarkBackfill sends a chain of canned answers through jsonrpc, the checks
// and the publisher into a subject in memory; the server shares the machine.
func BenchmarkBackfill(b *testing.B) {
	const blocks, perBlock = 600, 100
	contract := []evm.Contract{{Address: usd, Topics: []common.Hash{transfer}}}
	for _, perTx := range []int{1, 10} {
		chain := fakenode.NewChain(1, 1)
		for n := range blocks {
			specs := make([]fakenode.LogSpec, perBlock)
			for i := range specs {
				var from, to, value common.Hash
				binary.BigEndian.PutUint64(from[24:], uint64(n%50))
				binary.BigEndian.PutUint64(to[24:], uint64(n*perBlock+i))
				value[31] = byte(i)
				specs[i] = fakenode.LogSpec{Address: usd, Topics: []common.Hash{transfer, from, to}, Data: value[:]}
			}
			chain.MineTxs(perTx, specs...)
		}
		chain.Finalize(blocks)
		node := can(b, chain)
		server := httptest.NewServer(node)
		b.Cleanup(server.Close)
		for _, mode := range []string{"logs", "events", "receipts"} {
			b.Run(fmt.Sprintf("%s/%d-a-tx", mode, perTx), func(b *testing.B) {
				b.ReportAllocs()
				var total int
				for b.Loop() {
					set := settings(0, contract...)
					set.Receipts, set.HeadersEvents = mode == "receipts", mode == "events"
					set.FirstWindow, set.MaxWindow = 200, 200
					total += backfill(b, server.URL, set)
				}
				if total != b.N*blocks*perBlock {
					b.Fatalf("%d logs", total)
				}
				b.ReportMetric(float64(total)/b.Elapsed().Seconds(), "logs/s")
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(total), "ns/log")
			})
		}
	}
}

// backfill follows the chain behind url to its end and returns how many logs
// stand in the subject then.
func backfill(b *testing.B, url string, set evm.Settings) int {
	client, err := jsonrpc.New(url, jsonrpc.Options{Timeout: time.Minute, MaxBatch: 1000})
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	node := evm.NewRPCNode(client)
	log := &memlog.Log{}
	ctx, cancel := context.WithCancel(b.Context())
	pub := core.NewPublisher(log, core.Tail{}, core.Limits{}, nil)
	done := make(chan error, 1)
	go func() { done <- pub.Run(ctx) }()
	total := 0
	follower, err := evm.Restore(ctx, log, core.Tail{}, set, func(ctx context.Context, items ...core.Item) error {
		for _, it := range items {
			total += len(it.Unit.GetBlock().GetLogs())
		}
		return pub.Put(ctx, items...)
	})
	if err != nil {
		b.Fatal(err)
	}
	for err == nil {
		err = follower.Step(ctx, node, node)
	}
	if !errors.Is(err, evm.ErrNothingNew) {
		b.Fatal(err)
	}
	for !pub.Idle() {
		runtime.Gosched()
	}
	follower.Close()
	cancel()
	<-done
	return total
}
