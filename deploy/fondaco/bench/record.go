package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// Recording is a node's answers about every block of a chain, as it gave them.
type Recording struct {
	load   Load
	blocks []recorded
	byHash map[string]uint64
}

type recorded struct {
	header, logs, receipts []byte
	count                  int
}

// Record asks the node of a load for all its blocks.
func Record(ctx context.Context, load Load) (*Recording, error) {
	r := &Recording{load: load, byHash: map[string]uint64{}, blocks: make([]recorded, load.Last+1)}
	const batch = 50
	for from := uint64(0); from <= load.Last; from += batch {
		to := min(load.Last, from+batch-1)
		var calls []any
		for n := from; n <= to; n++ {
			at := fmt.Sprintf("0x%x", n)
			calls = append(calls,
				request("eth_getBlockByNumber", len(calls), at, false),
				request("eth_getLogs", len(calls)+1, logsOf(load, n, n)),
				request("eth_getBlockReceipts", len(calls)+2, at))
		}
		var answers []struct {
			ID     int
			Result json.RawMessage
		}
		if err := ask(ctx, load.URL, calls, &answers); err != nil {
			return nil, fmt.Errorf("recording blocks %d..%d: %w", from, to, err)
		}
		for _, a := range answers {
			b := &r.blocks[from+uint64(a.ID/3)]
			switch a.ID % 3 {
			case 0:
				b.header = a.Result
			case 1:
				b.logs = bytes.TrimSuffix(bytes.TrimPrefix(a.Result, []byte("[")), []byte("]"))
				b.count = bytes.Count(a.Result, []byte(`"logIndex"`))
			case 2:
				b.receipts = a.Result
			}
		}
	}
	total := 0
	for n, b := range r.blocks {
		var h struct{ Hash string }
		if err := json.Unmarshal(b.header, &h); err != nil || h.Hash == "" {
			return nil, fmt.Errorf("recording block %d: its header is %.100s", n, b.header)
		}
		r.byHash[h.Hash] = uint64(n)
		total += b.count
	}
	if total != load.Logs {
		return nil, fmt.Errorf("recorded %d logs, want %d", total, load.Logs)
	}
	return r, nil
}

// Describe says what is in it.
func (r *Recording) Describe() Load { return r.load }

// Number finds a block by hash.
func (r *Recording) Number(hash string) (uint64, bool) {
	n, ok := r.byHash[hash]
	return n, ok
}

// Header appends the block as it was answered.
func (r *Recording) Header(dst []byte, n uint64) ([]byte, bool) {
	if n >= uint64(len(r.blocks)) {
		return dst, false
	}
	return append(dst, r.blocks[n].header...), true
}

// Logs appends the block's logs as they were answered.
func (r *Recording) Logs(dst []byte, n uint64) ([]byte, int) {
	return append(dst, r.blocks[n].logs...), r.blocks[n].count
}

// Receipts appends the block's receipts as they were answered.
func (r *Recording) Receipts(dst []byte, n uint64) []byte {
	return append(dst, r.blocks[n].receipts...)
}

func request(method string, id int, params ...any) any {
	return map[string]any{"jsonrpc": "2.0", "id": id, "method": method, "params": params}
}

// logsOf is the filter of a load's logs.
func logsOf(l Load, from, to uint64) any {
	return map[string]any{"fromBlock": hexOf(from), "toBlock": hexOf(to), "address": l.Token, "topics": []any{transferID}}
}

func hexOf(n uint64) string { return "0x" + strconv.FormatUint(n, 16) }

// ask posts JSON and reads the answer: into a value, or, with nil, to its end
// without looking at it.
func ask(ctx context.Context, url string, body, into any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(data))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 300))
		return fmt.Errorf("status %d: %s", resp.StatusCode, text)
	}
	if into == nil {
		_, err = io.Copy(io.Discard, resp.Body)
		return err
	}
	return json.NewDecoder(resp.Body).Decode(into)
}
