package shape

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	feedv1 "fondaco.dev/proto/feed/v1"
)

// TestRows: shapes that write themselves write what encoding/json makes of them.
func TestRows(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	text := func() string {
		return []string{"", "0x00ff", "WINE", `a "b" \`, "é<&>\u2028", "\xff\x00\n", strings.Repeat("x", 300)}[r.IntN(7)]
	}
	n := func() uint64 { return r.Uint64() >> r.IntN(64) >> r.IntN(2) }
	for range 500 {
		texts := make([]string, r.IntN(5))
		for i := range texts {
			texts[i] = text()
		}
		block := Block{text(), n(), text(), text(), n(), uint32(n()), uint32(n()), r.IntN(2) == 0}
		event := Event{text(), n(), text(), n(), text(), uint32(n()), uint32(n()), text(), text(), text(), json.RawMessage(`{"a":1}`), texts, text(), r.IntN(2) == 0, text(), nil}
		if r.IntN(2) == 0 {
			event.Reads = json.RawMessage(`{"r":{"raw":"0x"}}`)
		}
		gone := Gone{Orphaned: r.IntN(2) == 0, RemovedAt: n() * uint64(r.IntN(2))}
		casper := CasperBlock{text(), text(), text(), n(), text(), text(), n(), texts, len(texts), text()}
		for _, v := range []Appender{block, event, ListedBlock{block, gone}, ListedEvent{event, gone}, casper, CasperSignedBlock{casper, int64(n())}} {
			if got, want := string(Encode(v)), string(reflected(v)); got != want {
				t.Fatalf("%T is\n%s\nand not\n%s", v, got, want)
			}
			if got := string(Append([]byte("x"), v)); got != "x"+string(reflected(v)) {
				t.Fatalf("behind something else: %s", got)
			}
		}
	}
}

// BenchmarkEvents: ten events of a list, from rows to JSON.
func BenchmarkEvents(b *testing.B) {
	e := &feedv1.Event{Network: "bench", BlockNumber: 123456, BlockHash: make([]byte, 32), BlockTime: 1700000000, TxHash: make([]byte, 32), LogIndex: 7, Address: make([]byte, 20), Contract: "WINE", Event: "Transfer",
		Args:   []byte(`{"to": "0x0000000000000000000000000000000000000001", "from": "0x0000000000000000000000000000000000000002", "value": "123456789"}`),
		Topics: [][]byte{make([]byte, 32), make([]byte, 32), make([]byte, 32)}, Data: make([]byte, 32)}
	b.ReportAllocs()
	var out []byte
	for b.Loop() {
		out = out[:0]
		for range 10 {
			out = Append(out, ListedEvent{Event: OfEvent(e, 1), Gone: OfGone(0)})
		}
	}
}

// BenchmarkCasperBlocks: a hundred blocks of a list.
func BenchmarkCasperBlocks(b *testing.B) {
	hash := strings.Repeat("ab", 32)
	row := &feedv1.CasperBlock{BlockHash: hash, ParentHash: hash, Timestamp: "2026-01-02T03:04:05.678Z", EraId: 1234, Proposer: hash, Height: 1234567, Deploys: []string{hash}, StateRootHash: hash}
	b.ReportAllocs()
	var out []byte
	for b.Loop() {
		out = out[:0]
		for range 100 {
			out = Append(out, &CasperSignedBlock{CasperBlock: OfCasperBlock(row), Signatures: 7})
		}
	}
}
