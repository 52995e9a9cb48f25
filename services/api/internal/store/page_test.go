package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"fondaco.dev/services/api/internal/apitest"
	"fondaco.dev/services/api/internal/store"
)

// TestPagesNeedNoLongOffset: the last page of many blocks reads a bucket, not
// the table.
func TestPagesNeedNoLongOffset(t *testing.T) {
	t.Parallel()
	db := apitest.New(t)
	apitest.NewCasper(t, db, "cspr")
	const n = 30000
	db.Exec(t, fmt.Sprintf(`insert into ix_b1.casper_blocks select 'cspr', md5(i::text), '', i * 3, 1, '', i * 1000, '', '', '{}', i from generate_series(0, %d - 1) i;
		insert into ix_b1.counts select 'cspr', 'blocks', '', height / 1000, count(*) from ix_b1.casper_blocks group by 4; analyze ix_b1.casper_blocks`, n))
	s := open(t, db)
	ctx := context.Background()
	time1 := func(offset int64) time.Duration {
		best := time.Hour
		for range 5 {
			began := time.Now()
			rows, total, _, err := s.CasperBlocks(ctx, "cspr", offset, 10, store.Need{})
			if err != nil || total != n || len(rows) != 10 || int64(rows[0].GetHeight()) != (n-1-offset)*3 {
				t.Fatalf("at %d: %d rows of %d, %v", offset, len(rows), total, err)
			}
			best = min(best, time.Since(began))
		}
		return best
	}
	first, last := time1(0), time1(n-10)
	t.Logf("first page %v, last page %v", first, last)
	if last > 5*first+5*time.Millisecond {
		t.Errorf("the last page took %v, the first %v", last, first)
	}
}

// TestPagesAreTheListsOwn: whatever the gaps, and however many rows share a key,
// a page holds the rows that lie there in the whole list, and says how many there
// are.
func TestPagesAreTheListsOwn(t *testing.T) {
	t.Parallel()
	db := apitest.New(t)
	apitest.NewCasper(t, db, "cspr")
	// Heights of some 3,000,000, thin and thick by turns, some of them twice; a
	// third of the deploys within one day.
	db.Exec(t, `
insert into ix_b1.casper_blocks select 'cspr', md5(i::text), '', case when i % 7 < 5 then 2048000 + i / 2 else i * 997 end, 1, '', i, '', '', '{}', i from generate_series(0, 2999) i;
insert into ix_b1.counts select 'cspr', 'blocks', '', height / 1000, count(*) from ix_b1.casper_blocks group by 4;
insert into ix_b1.casper_deploys select 'cspr', md5(i::text), case when i % 5 = 0 then '01aa' else '01bb' end, 'processed', null, null, null, '', case when i % 3 = 0 then 9 * 86400000 + i / 4 else i * 7000000::bigint end, '{}', '', i
	from generate_series(0, 1499) i;
insert into ix_b1.counts select 'cspr', 'account_deploys', account, timestamp_ms / 86400000, count(*) from ix_b1.casper_deploys group by 3, 4;
insert into ix_b1.counts values ('cspr', 'blocks', '', 900, 0), ('cspr', 'account_deploys', '01aa', 900, 0) on conflict do nothing`)
	s := open(t, db)
	ctx := context.Background()
	read := func(q string) (hashes []string) {
		t.Helper()
		rows, err := connect(t, db.Reader).Query(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var h string
			if err := rows.Scan(&h); err != nil {
				t.Fatal(err)
			}
			hashes = append(hashes, h)
		}
		return hashes
	}
	blocks := read(`select hash from ix_b1.casper_blocks order by height desc, hash`)
	deploys := read(`select hash from ix_b1.casper_deploys where account = '01aa' order by timestamp_ms desc, hash desc`)
	rng := rand.New(rand.NewPCG(8, 9))
	for step := range 150 {
		limit := int64(rng.IntN(21))
		offset := rng.Int64N(int64(len(blocks)) + 30)
		switch step % 4 {
		case 0: // near either end
			offset = rng.Int64N(25)
		case 1:
			offset = int64(len(blocks)) - rng.Int64N(25)
		}
		want := blocks[min(offset, int64(len(blocks))):min(offset+limit, int64(len(blocks)))]
		rows, total, _, err := s.CasperBlocks(ctx, "cspr", offset, limit, store.Need{})
		var got []string
		for _, r := range rows {
			got = append(got, r.GetBlockHash())
		}
		if err != nil || total != int64(len(blocks)) || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%d blocks behind %d, of %d: %v\ngot  %v\nwant %v", limit, offset, total, err, got, want)
		}
		offset = offset * int64(len(deploys)) / int64(len(blocks))
		want = deploys[min(offset, int64(len(deploys))):min(offset+limit, int64(len(deploys)))]
		sent, total, _, err := s.AccountDeploys(ctx, "cspr", "01aa", offset, limit, store.Need{})
		got = nil
		for _, r := range sent {
			got = append(got, r.GetDeployHash())
		}
		if err != nil || total != int64(len(deploys)) || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%d deploys behind %d, of %d: %v\ngot  %v\nwant %v", limit, offset, total, err, got, want)
		}
	}
	if rows, total, _, err := s.AccountDeploys(ctx, "cspr", "01cc", 0, 10, store.Need{}); err != nil || total != 0 || len(rows) != 0 {
		t.Errorf("of nobody: %d of %d deploys, %v", len(rows), total, err)
	}
}
