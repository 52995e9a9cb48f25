package e2e

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	tradesv1 "fondaco.dev/proto/trades/v1"
)

// checkJournal says whether the stored outputs of a venue are without hole or
// double, and returns every event in order.
func checkJournal(t *testing.T, db *pgx.Conn, venue string) []*tradesv1.Event {
	t.Helper()
	rows, err := db.Query(t.Context(), "select seq, first_event_seq, first_in_seq, last_in_seq, part, last, data from trade.journal where venue = $1 order by seq", venue)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var events []*tradesv1.Event
	var prevSeq, lastIn int64
	next, outputs := int64(1), 0
	for rows.Next() {
		var seq, firstEvent, firstIn, end int64
		var part int
		var last bool
		var data []byte
		if err := rows.Scan(&seq, &firstEvent, &firstIn, &end, &part, &last, &data); err != nil {
			t.Fatal(err)
		}
		var out tradesv1.Output
		if err := proto.Unmarshal(data, &out); err != nil {
			t.Fatalf("journal %d: %v", seq, err)
		}
		if firstEvent != next || int64(out.FirstEventSeq) != next {
			t.Fatalf("journal %d begins with event %d, want %d", seq, firstEvent, next)
		}
		if out.PrevSeq != uint64(prevSeq) {
			t.Errorf("journal %d follows %d, the row before is %d", seq, out.PrevSeq, prevSeq)
		}
		if part == 1 && firstIn <= lastIn {
			t.Errorf("journal %d covers input %d again (up to %d was covered)", seq, firstIn, lastIn)
		}
		if last {
			lastIn = end
		}
		next += int64(len(out.Events))
		prevSeq = seq
		events = append(events, out.Events...)
		outputs++
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	t.Logf("journal: %d outputs, %d events", outputs, len(events))
	return events
}
