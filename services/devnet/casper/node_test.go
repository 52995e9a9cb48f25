package casper

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func start(t *testing.T, cfg Config) *Node {
	t.Helper()
	n, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Stop(); err != nil {
			t.Error(err)
		}
	})
	return n
}

func makeBlock(t *testing.T, n *Node, deploys, transfers int) string {
	t.Helper()
	hash, err := n.MakeBlock(deploys, transfers)
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

// clock gives the same times in every run: one second a call.
func clock() func() time.Time {
	now := time.Unix(1_700_000_000, 0)
	return func() time.Time { now = now.Add(time.Second); return now }
}

// listener reads one event stream line by line.
type listener struct {
	t    *testing.T
	body *bufio.Reader
	stop context.CancelFunc
}

// listen opens a stream. It returns when the node counts the subscriber.
func listen(t *testing.T, n *Node, path string) *listener {
	t.Helper()
	before, _ := n.hub.waitSubscribers()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // a hang, not a wait
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, n.SSEURL()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); response.Body.Close() })
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%s answered %s, %s", path, response.Status, response.Header.Get("Content-Type"))
	}
	if err := n.WaitSubscribers(ctx, before+1); err != nil {
		t.Fatal(err)
	}
	return &listener{t, bufio.NewReader(response.Body), cancel}
}

// next gives the lines of the next frame, without the empty one.
func (l *listener) next() []string {
	l.t.Helper()
	var lines []string
	for {
		line, err := l.body.ReadString('\n')
		if err != nil {
			l.t.Fatalf("reading the stream: %v", err)
		}
		if line = strings.TrimSuffix(line, "\n"); line == "" {
			return lines
		}
		lines = append(lines, line)
	}
}

// event reads a frame that is no comment: its kind and id, -1 = none.
func (l *listener) event() (kind string, id int64) {
	l.t.Helper()
	lines := l.next()
	for lines[0] == ":" {
		lines = l.next()
	}
	e := parseEvent([]byte(strings.TrimPrefix(lines[0], "data:")))
	if len(lines) == 1 {
		return e.Type, -1
	}
	if _, err := fmt.Sscanf(lines[1], "id:%d", &id); err != nil {
		l.t.Fatalf("second line %q: %v", lines[1], err)
	}
	return e.Type, id
}

func get(t *testing.T, url string) (int, string) {
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
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func TestWireBytesAreTheNodesOwn(t *testing.T) {
	t.Parallel()
	n := start(t, Config{NoGenesis: true, KeepAlive: 20 * time.Millisecond})
	l := listen(t, n, "/events/main")
	if err := n.Replay([]Event{parseEvent([]byte(`{"Fault":{"era_id":4591448806312642506}}`))}); err != nil {
		t.Fatal(err)
	}
	want := "data:{\"ApiVersion\":\"1.5.6\"}\n\ndata:{\"Fault\":{\"era_id\":4591448806312642506}}\nid:0\n\n:\n\n"
	got := make([]byte, len(want))
	if _, err := io.ReadFull(l.body, got); err != nil || string(got) != want {
		t.Fatalf("wire bytes %q, %v, want %q", got, err, want)
	}
	if err := n.Stop(); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(l.body)
	if !strings.HasSuffix(string(rest), "data:\"Shutdown\"\nid:1\n\n") || err != nil {
		t.Fatalf("the end of the stream is %q, %v", rest, err)
	}
}

// The recorded raw text, replayed, comes out as the same bytes.
func TestRecordedWireTextComesOutUnchanged(t *testing.T) {
	t.Parallel()
	text := recorded(t, "wire", "sigs-events.txt")
	events, err := ReadRecording(strings.NewReader(string(text)))
	if err != nil || len(events) != 5 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	n := start(t, Config{NoGenesis: true, Protocol: "1.0.0"})
	n.SetNextID(1)
	l := listen(t, n, "/events/sigs")
	if err := n.Replay(events); err != nil {
		t.Fatal(err)
	}
	// The node under recording had given id 2 to an event of another stream.
	want := strings.NewReplacer("id:3\n", "id:2\n", "id:4\n", "id:3\n", "id:5\n", "id:4\n").Replace(string(text))
	got := make([]byte, len(want))
	if _, err := io.ReadFull(l.body, got); err != nil || string(got) != want {
		t.Fatalf("wire bytes differ: %v\n%s\nwant\n%s", err, got, want)
	}
}

func TestStreamsOf1xAndTheirOrder(t *testing.T) {
	t.Parallel()
	n := start(t, Config{})
	main, deploys, sigs := listen(t, n, "/events/main"), listen(t, n, "/events/deploys"), listen(t, n, "/events/sigs")
	makeBlock(t, n, 1, 1)
	for l, want := range map[*listener][]string{
		main:    {"ApiVersion", "DeployProcessed", "DeployProcessed", "BlockAdded"},
		deploys: {"ApiVersion", "DeployAccepted", "DeployAccepted"},
		sigs:    {"ApiVersion", "FinalitySignature", "FinalitySignature", "FinalitySignature", "FinalitySignature", "FinalitySignature"},
	} {
		last := int64(-1)
		for i, kind := range want {
			got, id := l.event()
			if got != kind || (id < 0) != (i == 0) || i > 0 && id <= last {
				t.Errorf("event %d is %s with id %d after %d, want %s", i, got, id, last, kind)
			}
			last = id
		}
	}
}

func TestStartFromIsInclusive(t *testing.T) {
	t.Parallel()
	n := start(t, Config{Protocol: "2.0.0", Buffer: 10})
	for range 3 {
		makeBlock(t, n, 1, 0)
	}
	end := int64(n.NextID())
	for from, first := range map[int64]int64{
		end - 1: end - 1, end - 4: end - 4, end - 10: end - 10,
		0: end - 10, // older than the buffer: all of it
	} {
		l := listen(t, n, fmt.Sprintf("/events?start_from=%d", from))
		if kind, id := l.event(); kind != "ApiVersion" || id != -1 {
			t.Fatalf("first event %s, id %d", kind, id)
		}
		for want := first; want < end; want++ {
			if _, id := l.event(); id != want {
				t.Errorf("start_from=%d: id %d, want %d", from, id, want)
			}
		}
	}
	// Beyond the end: nothing old, then what comes.
	l := listen(t, n, fmt.Sprintf("/events?start_from=%d", end+100))
	l.event()
	if err := n.Fault(); err != nil {
		t.Fatal(err)
	}
	if kind, id := l.event(); kind != "Fault" || id != end {
		t.Errorf("got %s, id %d, want the Fault with id %d", kind, id, end)
	}
}

func TestIdsWrapRound(t *testing.T) {
	t.Parallel()
	n := start(t, Config{Protocol: "2.0.0", NoGenesis: true, Buffer: 8})
	n.SetNextID(1<<32 - 3)
	for range 6 {
		if err := n.Fault(); err != nil {
			t.Fatal(err)
		}
	}
	l := listen(t, n, "/events?start_from=4294967295")
	l.event()
	for _, want := range []int64{1<<32 - 1, 0, 1, 2} {
		if _, id := l.event(); id != want {
			t.Errorf("id %d, want %d", id, want)
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	v1, v2 := start(t, Config{MaxSubscribers: 1}), start(t, Config{Protocol: "2.0.0"})
	for url, want := range map[string]struct {
		code int
		text string
	}{
		v1.SSEURL() + "/events/main?not-a-kv-pair":         {422, text422},
		v1.SSEURL() + "/events/main?start_fro=0":           {422, text422},
		v1.SSEURL() + "/events/main?start_from=x":          {422, text422},
		v1.SSEURL() + "/events/main?start_from='0'":        {422, text422},
		v1.SSEURL() + "/events/main?start_from=-1":         {422, text422},
		v1.SSEURL() + "/events/main?start_from=4294967296": {422, text422},
		v1.SSEURL() + "/events/main?start_from=0&extra=1":  {422, text422},
		v1.SSEURL() + "/events":                            {404, text404v1},
		v1.SSEURL() + "/":                                  {404, text404v1},
		v2.SSEURL() + "/events/main":                       {404, text404v2},
		v2.SSEURL() + "/events?start_from=":                {422, text422},
	} {
		if code, text := get(t, url); code != want.code || text != want.text {
			t.Errorf("%s answered %d %q, want %d %q", url, code, text, want.code, want.text)
		}
	}
	first := listen(t, v1, "/events/main")
	if code, text := get(t, v1.SSEURL()+"/events/sigs"); code != 503 || text != text503 {
		t.Errorf("the second subscriber got %d %q", code, text)
	}
	first.stop()
	if err := v1.WaitSubscribers(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	listen(t, v1, "/events/sigs")
}

func TestChainGoesOnAfterARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	n := start(t, Config{DataDir: dir, EraBlocks: 2})
	for range 3 {
		makeBlock(t, n, 1, 1)
	}
	height, hash := n.Head()
	genesis := n.Genesis()
	if _, err := Start(t.Context(), Config{DataDir: dir}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a second node on the folder: %v", err)
	}
	if err := n.Stop(); err != nil {
		t.Fatal(err)
	}
	next := n.NextID()

	again := start(t, Config{DataDir: dir, EraBlocks: 2})
	if h, x := again.Head(); h != height || x != hash || again.Genesis() != genesis || again.NextID() != next {
		t.Fatalf("second start is at %d %s, id %d, want %d %s, id %d", h, x, again.NextID(), height, hash, next)
	}
	l := listen(t, again, fmt.Sprintf("/events/main?start_from=%d", next-1))
	l.event()
	if kind, id := l.event(); kind != "Shutdown" || id != int64(next)-1 {
		t.Errorf("the buffer's last event is %s, id %d", kind, id)
	}
	block := rpcCall(t, again, "chain_get_block", map[string]any{"block_identifier": map[string]any{"Hash": makeBlock(t, again, 0, 0)}})
	header := block["block"].(map[string]any)["header"].(map[string]any)
	if header["parent_hash"] != hash || header["height"] != float64(height+1) || header["era_id"] != float64(2) {
		t.Errorf("the next block is %v, want it on %s", header, hash)
	}
	if err := again.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(t.Context(), Config{DataDir: dir, ChainName: "other"}); err == nil || !strings.Contains(err.Error(), `"casper-test"`) {
		t.Errorf("another chain in the same folder: %v", err)
	}
}

func TestTornEventFileLosesOnlyItsEnd(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	n := start(t, Config{DataDir: dir})
	makeBlock(t, n, 1, 0)
	if err := n.Kill(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "events.ndjson")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text[:len(text)-5], 0o644); err != nil {
		t.Fatal(err)
	}
	again := start(t, Config{DataDir: dir})
	if again.NextID() != n.NextID()-1 {
		t.Errorf("next id %d, want %d", again.NextID(), n.NextID()-1)
	}
	makeBlock(t, again, 0, 0)
}

func TestAChainThatStartsAnewIsAnother(t *testing.T) {
	t.Parallel()
	a, b := start(t, Config{}), start(t, Config{})
	if a.Genesis() == b.Genesis() || a.Genesis() == "" {
		t.Errorf("two new chains have the genesis %s and %s", a.Genesis(), b.Genesis())
	}
	c, d := start(t, Config{Seed: "x", Clock: clock()}), start(t, Config{Seed: "x", Clock: clock()})
	if makeBlock(t, c, 2, 2) != makeBlock(t, d, 2, 2) {
		t.Error("two chains of one seed and clock differ")
	}
}

func TestMisbehaviour(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	n := start(t, Config{DataDir: dir, Protocol: "2.0.0", Chunk: func(frame []byte) [][]byte {
		var pieces [][]byte
		for i := range frame {
			pieces = append(pieces, frame[i:i+1])
		}
		return pieces
	}})
	l := listen(t, n, "/events?start_from=0")
	if kind, _ := l.event(); kind != "ApiVersion" {
		t.Fatalf("first event %s", kind)
	}
	if kind, id := l.event(); kind != "BlockAdded" || id != 0 {
		t.Fatalf("byte by byte came %s, id %d", kind, id)
	}
	n.DropConnections()
	if _, err := io.ReadAll(l.body); err == nil {
		t.Error("the dropped stream ended cleanly")
	}
	n.SetAPIVersion("2.0.1")
	if lines := listen(t, n, "/events").next(); lines[0] != `data:{"ApiVersion":"2.0.1"}` {
		t.Errorf("after the upgrade came %s", lines)
	}
	n.ServeRaw([]byte("data:{\"Bro"))
	response, err := http.Get(n.SSEURL() + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if string(raw) != "data:{\"Bro" || err == nil {
		t.Errorf("raw text came as %q, %v", raw, err)
	}
	next := n.NextID()
	if err := n.Kill(); err != nil {
		t.Fatal(err)
	}
	again := start(t, Config{DataDir: dir, Protocol: "2.0.0", IDsBack: 3, ForgetBuffer: true})
	if again.NextID() != next-3 {
		t.Errorf("ids go on at %d, want %d", again.NextID(), next-3)
	}
	l = listen(t, again, "/events?start_from=0")
	l.event()
	if err := again.Fault(); err != nil {
		t.Fatal(err)
	}
	if kind, id := l.event(); kind != "Fault" || id != int64(next)-3 {
		t.Errorf("from a forgotten buffer came %s, id %d", kind, id)
	}
}

func TestPeriodMakesBlocks(t *testing.T) {
	t.Parallel()
	n := start(t, Config{Protocol: "2.0.0", Period: 10 * time.Millisecond, Deploys: 1})
	l := listen(t, n, "/events")
	for blocks := 0; blocks < 3; {
		if kind, _ := l.event(); kind == "BlockAdded" {
			blocks++
		}
	}
}
