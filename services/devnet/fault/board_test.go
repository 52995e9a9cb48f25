package fault

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/rpc"

	"fondaco.dev/services/devnet/evm"
	"fondaco.dev/services/devnet/memchain"
)

var (
	token = common.HexToAddress("0x01")
	topic = common.HexToHash("0x02")
)

func chain(blocks int) *Memory {
	c := &Memory{Chain: memchain.New(memchain.Config{FinalityLag: 8}), Address: token, Topic: topic}
	for range blocks {
		c.Mine(memchain.Log{Address: token, Topics: []common.Hash{topic}, Data: []byte{1}}, memchain.Log{Address: token, Topics: []common.Hash{topic}, Data: []byte{2}})
	}
	return c
}

func listen(t *testing.T, up Upstream, faults ...Fault) *Server {
	t.Helper()
	b, err := New(up, 1, faults...)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Listen(b, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// ask makes calls ("method params") in one batch and returns the body.
func ask(t *testing.T, s *Server, calls ...string) (int, string) {
	t.Helper()
	var parts []string
	for i, c := range calls {
		method, params, _ := strings.Cut(c, " ")
		parts = append(parts, fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":%q,"params":[%s]}`, i, method, params))
	}
	res, err := http.Post(s.URL(), "application/json", strings.NewReader("["+strings.Join(parts, ",")+"]"))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

const (
	headCall   = `eth_getBlockByNumber "latest",false`
	finalCall  = `eth_getBlockByNumber "finalized",false`
	allLogs    = `eth_getLogs {"fromBlock":"0x1","toBlock":"0x28"}`
	newestLogs = `eth_getLogs {"fromBlock":"0x28","toBlock":"0x28"}`
)

// Every fault of an endpoint changes the answers of a chain of 40 blocks, and
// only while it is on.
func TestEveryFaultActs(t *testing.T) {
	t.Parallel()
	for _, f := range List() {
		if f.Of != "endpoint" || f.Name == "silent-socket" || f.Name == "dropped-heads" {
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			s := listen(t, chain(40))
			calls := []string{
				headCall, finalCall, allLogs, newestLogs, "eth_chainId", "eth_blockNumber", `eth_getBlockByNumber "0x26",false`,
				`eth_getBlockByNumber "0x5",false`, `eth_getBlockReceipts "0x28"`, `eth_getCode "0x0000000000000000000000000000000000000001","latest"`,
				`eth_getCode "0x0000000000000000000000000000000000000001","0x5"`,
			}
			_, honest := ask(t, s, calls...)
			if err := s.Set(f.Name, Params{Pause: time.Microsecond}); err != nil {
				t.Fatal(err)
			}
			differs := false
			for range 20 {
				code, body := ask(t, s, calls...)
				differs = differs || code != http.StatusOK || body != honest
			}
			if s.Acted(f.Name) == 0 {
				t.Error("it never acted")
			}
			if !differs && f.Name != "slow-loris" {
				t.Error("it acted, and no answer differed")
			}
			if f.Name == "block-swap" {
				return // the chain is another now
			}
			s.Clear(f.Name)
			if code, body := ask(t, s, calls...); code != http.StatusOK || body != honest {
				t.Error("it is off, and the answer still differs")
			}
		})
	}
}

func logsOf(t *testing.T, s *Server, call string) (logs []types.Log) {
	t.Helper()
	_, body := ask(t, s, call)
	var answers []struct{ Result []types.Log }
	if err := json.Unmarshal([]byte(body), &answers); err != nil {
		t.Fatalf("%v in %.200s", err, body)
	}
	return answers[0].Result
}

func TestLogFaults(t *testing.T) {
	t.Parallel()
	c := chain(40)
	all := len(logsOf(t, listen(t, c), allLogs))
	if all != 80 {
		t.Fatalf("%d logs", all)
	}
	if got := len(logsOf(t, listen(t, c, Fault{"lagging-logs", Params{Blocks: 3}}), allLogs)); got != 74 {
		t.Errorf("lagging: %d logs", got)
	}
	late := listen(t, c, Fault{"late-logs", Params{K: 2}})
	for i, want := range []int{0, 0, 2} {
		if got := len(logsOf(t, late, newestLogs)); got != want {
			t.Errorf("late: %d logs at the %d. time", got, i+1)
		}
	}
	hole := listen(t, c, named("log-hole"))
	first := logsOf(t, hole, allLogs)
	if len(first) == all || len(first) < all/2 || !slices.EqualFunc(first, logsOf(t, hole, allLogs), func(a, b types.Log) bool { return a.Index == b.Index }) {
		t.Errorf("hole: %d logs, or not the same ones", len(first))
	}
	pruned := listen(t, c, Fault{"pruned-history", Params{Blocks: 10}})
	if got := len(logsOf(t, pruned, allLogs)); got != 22 {
		t.Errorf("pruned: %d logs", got)
	}
	if _, body := ask(t, pruned, `eth_getBlockByNumber "0x5",false`); !strings.Contains(body, `"result":null`) {
		t.Errorf("pruned: %s", body)
	}
	twice := logsOf(t, listen(t, c, Fault{"duplicate-log", Params{P: 1}}), allLogs)
	if len(twice) != 81 {
		t.Errorf("duplicate: %d logs", len(twice))
	}
	removed := logsOf(t, listen(t, c, Fault{"removed-log", Params{P: 1}}), allLogs)
	if !slices.ContainsFunc(removed, func(l types.Log) bool { return l.Removed }) {
		t.Error("no log is removed")
	}
}

func named(name string) Fault { return Fault{Name: name} }

// The same seed makes the same mistakes, another one others.
func TestSeeds(t *testing.T) {
	t.Parallel()
	play := func(seed uint64) string {
		b, err := New(chain(40), seed, named("null-block"), named("log-hole"), named("removed-log"))
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		for range 10 {
			out.Write(b.answer(t.Context(), []byte(`[{"id":1,"method":"eth_getBlockByNumber","params":["latest",false]},
{"id":2,"method":"eth_getLogs","params":[{"fromBlock":"0x1","toBlock":"0x28"}]}]`)))
		}
		return out.String()
	}
	if play(1) != play(1) {
		t.Error("one seed, two stories")
	}
	if play(1) == play(2) {
		t.Error("two seeds, one story")
	}
}

func TestRangeErrorsInAllWords(t *testing.T) {
	t.Parallel()
	s := listen(t, chain(40), named("range-error"))
	seen := map[string]bool{}
	for range Wordings {
		_, body := ask(t, s, allLogs)
		seen[body] = true
	}
	if len(seen) != Wordings || len(wordings) != Wordings {
		t.Errorf("%d wordings of %d", len(seen), len(wordings))
	}
	if got := logsOf(t, s, newestLogs); len(got) != 2 {
		t.Errorf("one block: %d logs", len(got))
	}
}

func TestHeads(t *testing.T) {
	t.Parallel()
	c := chain(3)
	s := listen(t, c, Fault{"dropped-heads", Params{K: 2}})
	heads := make(chan *types.Header, 8)
	next := func() uint64 {
		select {
		case h := <-heads:
			return h.Number.Uint64()
		case <-time.After(10 * time.Second):
			t.Fatal("no head")
			return 0
		}
	}
	client, err := rpc.Dial(s.WS())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	sub, err := client.EthSubscribe(t.Context(), heads, "newHeads")
	if err != nil {
		t.Fatal(err)
	}
	var id string
	if err := client.Call(&id, "eth_chainId"); err != nil || id != "0x539" {
		t.Errorf("chain id %s, %v", id, err)
	}
	for range 3 {
		c.Mine()
	}
	if n := next(); n != 6 {
		t.Errorf("the first head told is %d", n)
	}
	s.DropSockets()
	if err := <-sub.Err(); err == nil {
		t.Error("the subscription ended without an error")
	}
}

// A real node behind the board answers what it answers itself, and moves.
func TestRealNode(t *testing.T) {
	t.Parallel()
	n, err := evm.Start(t.Context(), evm.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Stop() })
	g := &Geth{Node: n}
	s := listen(t, g)
	if err := Change(g, "reorg-flip", Params{Blocks: 1}); err != nil {
		t.Fatal(err)
	}
	client, err := rpc.Dial(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	head := n.Head()
	for method, params := range map[string][]any{
		"eth_getBlockReceipts": {head.Hash()}, "eth_getCode": {n.Contracts().USD, "latest"},
		"eth_call": {map[string]any{"to": n.Contracts().USD, "data": "0x18160ddd"}, map[string]any{"blockHash": head.Hash()}},
	} {
		var direct, through json.RawMessage
		if err := g.rpc().Call(&direct, method, params...); err != nil {
			t.Fatalf("%s: %v", method, err)
		}
		if err := client.Call(&through, method, params...); err != nil || !bytes.Equal(direct, through) {
			t.Errorf("%s: %s through the board, %s from the node, %v", method, through, direct, err)
		}
	}
	var nothing json.RawMessage
	if err := client.Call(&nothing, "eth_noSuchMethod"); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("an unknown method: %v", err)
	}
	if err := Change(g, "huge-block", Params{}); err == nil {
		t.Error("a block of 20 MB of logs on a chain with gas")
	}
}

func TestControl(t *testing.T) {
	t.Parallel()
	c := chain(20)
	s := listen(t, c)
	h := Control(c, map[string]*Board{"evm-1": s.Board})
	do := func(method, path, body string) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		w := &recorder{code: http.StatusOK, head: http.Header{}}
		h.ServeHTTP(w, r)
		return w.code, w.String()
	}
	if code, body := do("PUT", "/endpoints/evm-1/faults/wrong-chain-id", ""); code != http.StatusNoContent {
		t.Fatalf("%d %s", code, body)
	}
	if _, body := ask(t, s, "eth_chainId"); !strings.Contains(body, "0xdead") {
		t.Errorf("not on: %s", body)
	}
	if _, body := do("GET", "/endpoints", ""); !strings.Contains(body, `"wrong-chain-id":1`) {
		t.Errorf("state: %s", body)
	}
	if code, _ := do("DELETE", "/endpoints/evm-1/faults/wrong-chain-id", ""); code != http.StatusNoContent || len(s.On()) != 0 {
		t.Error("still on")
	}
	head := c.Head().Hash
	if code, body := do("POST", "/chain/reorg-silent", `{"blocks":3}`); code != http.StatusNoContent || c.Head().Number() != 21 || c.Head().Hash == head {
		t.Errorf("%d %s, head %d", code, body, c.Head().Number())
	}
	for _, bad := range [][3]string{
		{"PUT", "/endpoints/evm-1/faults/no-such", ""}, {"PUT", "/endpoints/evm-1/faults/log-hole", `{"p":2}`}, {"PUT", "/endpoints/evm-1/faults/log-hole", `{"x":2}`},
		{"PUT", "/endpoints/evm-2/faults/log-hole", ""}, {"POST", "/chain/log-hole", ""}, {"POST", "/chain/reorg-flip", `{"blocks":500}`},
	} {
		if code, _ := do(bad[0], bad[1], bad[2]); code < 400 {
			t.Errorf("%v: %d", bad, code)
		}
	}
	if _, body := do("GET", "/faults", ""); strings.Count(body, `"name"`) != len(List()) {
		t.Errorf("list: %s", body)
	}
}

type recorder struct {
	bytes.Buffer
	code int
	head http.Header
}

func (r *recorder) Header() http.Header { return r.head }
func (r *recorder) WriteHeader(c int)   { r.code = c }
