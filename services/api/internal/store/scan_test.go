package store_test

import (
	"context"
	"fmt"
	"testing"

	"fondaco.dev/pkg/admin"
	"fondaco.dev/pkg/pg"
	"fondaco.dev/pkg/zlog"
	"fondaco.dev/services/api/internal/apitest"
	"fondaco.dev/services/api/internal/filter"
	"fondaco.dev/services/api/internal/store"
)

// TestScansAreBounded: a filter that no index serves looks at so many rows for
// one answer and says where the list goes on; the pages join to the whole.
func TestScansAreBounded(t *testing.T) {
	t.Parallel()
	db := apitest.New(t)
	c := apitest.NewChain(t, db, "dev")
	c.Blocks(t, 40, 5)
	s := store.New(store.Config{PG: pg.Config{URL: db.Reader, MaxConns: 4}, Scan: 30}, admin.New("", zlog.Nop()), zlog.Nop().Logger)
	begin(t, s)
	for _, desc := range []bool{false, true} {
		for value, want := range map[string]int{"7003": 1, "1000": 1, "40004": 1, "1": 0} {
			f := &filter.Event{Args: []filter.Arg{{Name: "value", Value: value, Written: value}}}
			l := store.List{To: -1, Limit: 10, Desc: desc}
			got, answers := 0, 0
			for {
				rows, more, _, err := s.Events(context.Background(), "dev", f, l)
				if err != nil || answers > 20 {
					t.Fatal(answers, err)
				}
				got += len(rows)
				answers++
				if more == nil {
					break
				}
				l.After = more
			}
			if got != want || answers != 200/30+1 {
				t.Errorf("%s, desc %t: %d rows in %d answers", value, desc, got, answers)
			}
		}
		// What is everywhere fills the page before the bound.
		f := &filter.Event{Event: "Transfer"}
		rows, more, _, err := s.Events(context.Background(), "dev", f, store.List{To: -1, Limit: 10, Desc: desc})
		if err != nil || len(rows) != 10 || more != nil {
			t.Errorf("%d rows, more %v, %v", len(rows), more, err)
		}
	}
	// An index finds the address: nothing bounds the look.
	rows, more, _, err := s.Events(context.Background(), "dev", &filter.Event{Address: c.Address.Bytes()}, store.List{To: -1, Limit: 150})
	if err != nil || len(rows) != 150 || more != nil {
		t.Errorf("%d rows, more %v, %v", len(rows), more, err)
	}
}

// TestOneRoundTripIsOneSnapshot: the cursor and the rows of an answer belong
// together while blocks arrive.
func TestOneRoundTripIsOneSnapshot(t *testing.T) {
	t.Parallel()
	db := apitest.New(t)
	c := apitest.NewChain(t, db, "dev")
	c.Block(t, 1)
	s := open(t, db)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				c.Block(t, 1)
			}
		}
	}()
	for range 300 {
		rows, at, err := s.Blocks(context.Background(), "dev", store.List{To: -1, Desc: true, Limit: 1})
		if err != nil || len(rows) != 1 || int64(rows[0].GetNumber()) != at.Number {
			t.Fatalf("the cursor is at %d, the newest row is %v: %v", at.Number, rows, err)
		}
	}
	close(stop)
	<-done
}

// TestReaderMayNotWrite tries every table of the writer as the api's role.
func TestReaderMayNotWrite(t *testing.T) {
	t.Parallel()
	db := apitest.New(t)
	ctx := context.Background()
	conn := connect(t, db.Reader)
	rows, err := db.Super.Query(ctx, `select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
		where c.relkind = 'r' and (n.nspname in ('ctl', 'trade', 'ident') or starts_with(n.nspname, 'ix_')) order by 1, 2`)
	if err != nil {
		t.Fatal(err)
	}
	tables := 0
	for rows.Next() {
		var schema, table string
		if err := rows.Scan(&schema, &table); err != nil {
			t.Fatal(err)
		}
		tables++
		for _, q := range []string{`insert into %s.%s default values`, `delete from %s.%s`, `truncate %s.%s`, `create table %s.x_%s (i int)`} {
			q = fmt.Sprintf(q, schema, table)
			if code := refusal(conn, q); code != "42501" {
				t.Errorf("%s: %q", q, code)
			}
		}
	}
	if tables < 30 {
		t.Errorf("only %d tables were tried", tables)
	}
}
