package casper

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// got reads what an event stream has at once from an id on: kinds and ids of a
// connection that the node ends, or that is read up to n events.
func got(t *testing.T, url string, n int) (kinds []string, ids []string, status int) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	for len(ids) < n && lines.Scan() {
		if raw, ok := strings.CutPrefix(lines.Text(), "data:"); ok {
			kinds = append(kinds, parseEvent([]byte(raw)).Type)
		} else if id, ok := strings.CutPrefix(lines.Text(), "id:"); ok {
			ids = append(ids, id)
		}
	}
	return kinds, ids, response.StatusCode
}

func set(t *testing.T, d *door, name string, p Params) {
	t.Helper()
	if err := d.Set(name, p); err != nil {
		t.Fatal(err)
	}
}

func TestFaultsOfAStream(t *testing.T) {
	t.Parallel()
	n := start(t, Config{Protocol: "2.0.0", Seed: "s", Clock: clock()}) // genesis: BlockAdded, Step, 5 signatures
	honest, err := n.Peer(t.Context(), 1000)
	if err != nil {
		t.Fatal(err)
	}
	set(t, n.door, LoseOutcomes, Params{})
	set(t, n.door, LoseBlocks, Params{P: 0.5})
	for range 20 {
		makeBlock(t, n, 0, 1)
	}
	count := func(kinds []string, kind string) (c int) {
		for _, k := range kinds {
			if k == kind {
				c++
			}
		}
		return c
	}
	all, ids, _ := got(t, honest.SSEURL()+"/events?start_from=0", 20*8+1)
	if count(all, "BlockAdded") != 20 || count(all, "TransactionProcessed") != 20 || ids[0] != "1000" {
		t.Errorf("a peer without faults told %d blocks and %d outcomes from id %s on", count(all, "BlockAdded"), count(all, "TransactionProcessed"), ids[0])
	}
	lost := n.Acted(LoseBlocks)
	some, _, _ := got(t, n.SSEURL()+"/events?start_from=7", 20*7-lost)
	if lost == 0 || lost == 20 || count(some, "BlockAdded") != 20-lost || count(some, "TransactionProcessed") != 0 {
		t.Errorf("%d blocks lost, %d and %d outcomes told", lost, count(some, "BlockAdded"), count(some, "TransactionProcessed"))
	}
	n.Clear(LoseBlocks)

	set(t, n.door, Refuse, Params{K: 2})
	for i, want := range []int{503, 503, 200} {
		if _, _, status := got(t, n.SSEURL()+"/events?start_from=0", 1); status != want {
			t.Errorf("connection %d is answered with %d, want %d", i, status, want)
		}
	}
	set(t, n.door, Lag, Params{K: 4})
	if _, ids, _ := got(t, n.SSEURL()+"/events?start_from=0", 1000); len(ids) != 4 {
		t.Errorf("a lagging client got %d events", len(ids))
	}
	n.Clear(Lag)

	if err := n.Happen(Overrun, Params{K: 3}); err != nil {
		t.Fatal(err)
	}
	if _, ids, _ := got(t, n.SSEURL()+"/events?start_from=0", 3); len(ids) != 3 {
		t.Errorf("the buffer holds %v", ids)
	}
	before := n.NextID()
	if err := n.Happen(IDsBack, Params{K: 50}); err != nil || n.NextID() != before-50 {
		t.Errorf("the next id is %d after %d, %v", n.NextID(), before, err)
	}
	if err := n.Happen(VersionMoves, Params{}); err != nil || n.apiVersion() != "2.0.1" {
		t.Errorf("ApiVersion is %s, %v", n.apiVersion(), err)
	}
	set(t, n.door, Joining, Params{})
	makeBlock(t, n, 0, 0)
	n.Clear(Joining)
	makeBlock(t, n, 0, 0)
	if kinds, _, _ := got(t, n.SSEURL()+"/events?start_from=0", 6); count(kinds, "BlockAdded") != 1 {
		t.Errorf("after joining, the stream tells %v", kinds)
	}
	if height, _ := n.Head(); height != 22 {
		t.Errorf("the chain's head is %d", height)
	}
	if err := n.Happen("shatdown", Params{}); err == nil {
		t.Error("a fault that does not exist happened")
	}
}

// Two nodes tell the same events in different orders, with ids of their own.
func TestPeersDisagreeOnOrder(t *testing.T) {
	t.Parallel()
	n := start(t, Config{Seed: "s", Clock: clock(), NoGenesis: true})
	p, err := n.Peer(t.Context(), 77)
	if err != nil {
		t.Fatal(err)
	}
	set(t, n.door, Disorder, Params{})
	set(t, p.door, Disorder, Params{})
	set(t, p.door, Chunks, Params{K: 5})
	makeBlock(t, n, 3, 3) // block 0 ends an era: 6 outcomes, the block, a step
	ours, _, _ := got(t, n.SSEURL()+"/events/main?start_from=0", 8)
	theirs, _, _ := got(t, p.SSEURL()+"/events/main?start_from=0", 8)
	if slices.Equal(ours, theirs) || len(ours) != 9 || len(theirs) != 9 {
		t.Errorf("%v and %v", ours, theirs)
	}
	slices.Sort(ours)
	slices.Sort(theirs)
	if !slices.Equal(ours, theirs) {
		t.Errorf("not the same events: %v and %v", ours, theirs)
	}
}

func TestShutdownEndsTheStreams(t *testing.T) {
	t.Parallel()
	n := start(t, Config{Seed: "s", Clock: clock()})
	l := listen(t, n, "/events/main")
	if kind, _ := l.event(); kind != "ApiVersion" {
		t.Fatalf("first event %s", kind)
	}
	if err := n.Happen(ShutsDown, Params{}); err != nil {
		t.Fatal(err)
	}
	if kind, _ := l.event(); kind != "Shutdown" {
		t.Errorf("event %s", kind)
	}
	if _, err := l.body.ReadByte(); err == nil || err.Error() != "EOF" {
		t.Errorf("after Shutdown: %v", err)
	}
	makeBlock(t, n, 0, 0) // the node is up again
	if kinds, _, _ := got(t, n.SSEURL()+"/events/main?start_from=8", 1); len(kinds) != 2 {
		t.Errorf("events after Shutdown: %v", kinds)
	}
}

func TestControl(t *testing.T) {
	t.Parallel()
	n := start(t, Config{Seed: "s", Clock: clock()})
	srv := httptest.NewServer(Control(n))
	t.Cleanup(srv.Close)
	do := func(method, path, body string, want int) (report struct {
		Stay, Once []string
		On         map[string]Params
		Acted      map[string]int
	}) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), method, srv.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if response.StatusCode != want {
			t.Fatalf("%s %s answered %d, want %d", method, path, response.StatusCode, want)
		}
		if want == http.StatusOK {
			if err := json.NewDecoder(response.Body).Decode(&report); err != nil {
				t.Fatal(err)
			}
		}
		return report
	}
	if r := do("PUT", "/faults/lose-outcomes", `{"p":0.25}`, 200); r.On[LoseOutcomes].P != 0.25 {
		t.Errorf("%+v", r)
	}
	do("PUT", "/faults/rpc-down", ``, 200)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, n.RPCURL(), strings.NewReader(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("JSON-RPC answers %d", response.StatusCode)
	}
	if r := do("DELETE", "/faults/rpc-down", "", 200); len(r.On) != 1 || r.Acted[RPCDown] != 1 {
		t.Errorf("%+v", r)
	}
	if r := do("POST", "/faults/ids-go-back", `{"k":3}`, 200); r.Acted[IDsBack] != 1 || len(r.Once) != 5 || len(r.Stay) != 9 {
		t.Errorf("%+v", r)
	}
	do("PUT", "/faults/unheard-of", "", 400)
	do("PUT", "/faults/lose-outcomes", `{"p":7}`, 400)
	do("PUT", "/faults/lose-outcomes", `{"q":7}`, 400)
}
