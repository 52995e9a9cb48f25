package bulk_test

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/jackc/pgx/v5"

	"fondaco.dev/pkg/pgtest"
	"fondaco.dev/services/writer/internal/bulk"
)

// TestEveryType: what is written comes out of Postgres as it went in.
func TestEveryType(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	conn, err := pgx.Connect(ctx, pgtest.New(t).Reveal())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if _, err := conn.Exec(ctx, `create table t (n numeric, i8 bigint, i4 integer, i2 smallint, b boolean, s text, d bytea, j jsonb, a bytea[], l bigint[])`); err != nil {
		t.Fatal(err)
	}
	numbers := []uint64{0, 1, 9_999, 10_000, 10_001, 99_990_000, 100_000_000, 1_000_000_000_000, math.MaxInt64, math.MaxUint64}
	rows := bulk.New([]string{"n", "i8", "i4", "i2", "b", "s", "d", "j", "a", "l"}, 0)
	var want []string
	for i, n := range numbers {
		rows.Row()
		rows.Numeric(n)
		rows.Int8(uint64(math.MaxInt64 - i))
		rows.Int4(uint32(i))
		rows.Int2(int16(-i))
		rows.Bool(i%2 == 0)
		rows.Text(fmt.Sprintf("row %d", i))
		rows.Bytes([]byte{byte(i)})
		rows.JSONB([]byte(fmt.Sprintf(`{"i": %d}`, i)))
		rows.ByteaArray([][]byte{{1}, {byte(i)}})
		rows.Int8Array([]uint64{uint64(i), math.MaxInt64})
		want = append(want, fmt.Sprintf(`%d %d %d %d %t row %d \x%02x {"i": %d} {"\\x01","\\x%02x"} {%d,%d}`, n, math.MaxInt64-i, i, -i, i%2 == 0, i, i, i, i, i, math.MaxInt64))
	}
	tx, err := conn.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := rows.Send(ctx, tx, "t"); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	got, err := conn.Query(ctx, `select concat_ws(' ', n, i8, i4, i2, b::text, s, d, j, a, l) from t order by i4`)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(got, pgx.RowTo[string])
	if err != nil || len(lines) != len(want) {
		t.Fatalf("%d rows, %v", len(lines), err)
	}
	for i := range want {
		if lines[i] != want[i] {
			t.Errorf("row %d: %s\nwant   %s", i, lines[i], want[i])
		}
	}
}
