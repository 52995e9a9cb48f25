package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"fondaco.dev/pkg/admin"
	"fondaco.dev/pkg/env"
	"fondaco.dev/pkg/pg"
	"fondaco.dev/pkg/zlog"
	"fondaco.dev/services/api/internal/apitest"
	"fondaco.dev/services/api/internal/store"
)

// open runs a store on a test database until the test ends.
func open(t *testing.T, db *apitest.DB) *store.Store {
	t.Helper()
	s := store.New(store.Config{PG: pg.Config{URL: db.Reader, ReadURLs: []env.Secret{db.Reader}, MaxConns: 4}}, admin.New("", zlog.Nop()), zlog.Nop().Logger)
	begin(t, s)
	return s
}

// connect opens a connection that may try to write.
func connect(t *testing.T, url env.Secret) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), url.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// refusal is the code with which Postgres refuses a statement.
func refusal(conn *pgx.Conn, q string) string {
	_, err := conn.Exec(context.Background(), q)
	var refused *pgconn.PgError
	if !errors.As(err, &refused) {
		return fmt.Sprint(err)
	}
	return refused.Code
}

// begin runs a store until the test ends.
func begin(t *testing.T, s *store.Store) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	for end := time.Now().Add(20 * time.Second); s.Snapshot() == nil; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the store never had a build")
		}
	}
}

// TestFeedRowsPages: pages of any size join to the same feed, with what was
// reverted and repaired, and word of both.
func TestFeedRowsPages(t *testing.T) {
	t.Parallel()
	db := apitest.New(t)
	c := apitest.NewChain(t, db, "dev")
	s := open(t, db)
	ctx := context.Background()
	for i := range 30 {
		c.Block(t, i%4)
		if i%9 == 8 {
			c.Revert(t, c.Head()-3)
		}
		if i%10 == 6 {
			c.Repair(t, c.Head()-1, []int{0}, []int{3, 4})
		}
	}
	for _, kinds := range []store.Kinds{{Blocks: true, Events: true}, {Blocks: true}, {Events: true}} {
		whole, err := s.FeedRows(ctx, "dev", kinds, 0, 0, 100000)
		if err != nil || !whole.Complete || whole.UpTo != c.Pos() {
			t.Fatalf("%+v %v", whole.Cursor, err)
		}
		want := fmt.Sprint(whole.Rows)
		blocks, events, reverts, repairs := 0, 0, 0, 0
		for i, r := range whole.Rows {
			if i > 0 && r.GetPos() <= whole.Rows[i-1].GetPos() {
				t.Fatal("positions do not ascend")
			}
			switch {
			case r.GetEvmBlock() != nil:
				blocks++
			case r.GetEvent() != nil:
				events++
			case r.GetReverted() != nil:
				reverts++
			case r.GetRepaired() != nil:
				repairs++
			}
		}
		if reverts != 3 || repairs != 3 || kinds.Blocks != (blocks == 30) || kinds.Events != (events == 43+6) {
			t.Errorf("%+v: %d blocks, %d events, %d reverts, %d repairs", kinds, blocks, events, reverts, repairs)
		}
		for _, limit := range []int{1, 2, 3, 7, 20} {
			var rows []any
			after := uint64(0)
			for pages := 0; ; pages++ {
				p, err := s.FeedRows(ctx, "dev", kinds, after, after, limit)
				if err != nil || pages > 1000 {
					t.Fatal(pages, err)
				}
				for _, r := range p.Rows {
					rows = append(rows, r)
				}
				if after = p.UpTo; p.Complete {
					break
				}
			}
			if got := fmt.Sprint(rows); got != want {
				t.Errorf("%+v, limit %d: %d rows, want %d", kinds, limit, len(rows), len(whole.Rows))
			}
		}
	}
	if _, err := s.FeedRows(ctx, "dev", store.Kinds{}, 0, c.Pos()+1, 10); !errors.Is(err, store.ErrBehind) {
		t.Errorf("got %v", err)
	}
}

func TestTransfersBothWays(t *testing.T) {
	t.Parallel()
	db := apitest.New(t)
	apitest.NewCasper(t, db, "cspr")
	db.Exec(t, `insert into ix_b1.casper_transfers
		select 'cspr', 'd' || i, 0, 't' || i, case when i % 2 = 0 then 'me' else 'you' end, case when i % 3 = 0 then 'me' else 'you' end, 's', 't', i, 0, null, 'b', 'now', i, i from generate_series(1, 12) i`)
	rows, _, err := open(t, db).Transfers(context.Background(), "cspr", "me", store.Need{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range rows {
		got = append(got, r.Amount)
	}
	if fmt.Sprint(got) != "[12 10 9 8 6 4 3 2]" { // one from me to me is told once
		t.Errorf("%v", got)
	}
}
