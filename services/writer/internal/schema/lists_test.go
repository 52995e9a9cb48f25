package schema_test

import (
	"context"
	"testing"

	"fondaco.dev/pkg/pgtest"
)

// TestListsOfBefore: orders that were there before their lists are in them.
func TestListsOfBefore(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	url := pgtest.New(t)
	migrate(ctx, t, url)
	conn := connect(ctx, t, url)
	// As it was before 00011, with 300 orders of two accounts of which every fifth
	// lives.
	const before = `
drop table trade.order_lists, trade.live_orders;
create index orders_of_account on trade.orders (account, id, venue);
create index orders_live on trade.orders (venue, id) where status in (1, 2, 7);
delete from goose_db_version where version_id = 11;
insert into trade.orders select 'main', 900 + g, 1 + g % 2, '', 0, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, case when g % 5 = 0 then 7 else 4 end, 0, 0, false, false, 0, 0, 0, 0, 0, 0, 0,
	false, 0, 0, 0, 0, g from generate_series(1, 300) g`
	if _, err := conn.PgConn().Exec(ctx, before).ReadAll(); err != nil {
		t.Fatal(err)
	}
	migrate(ctx, t, url)
	for q, want := range map[string]string{
		`select string_agg(concat_ws(' ', account, first_id, cardinality(ids), ids[cardinality(ids)]), ', ' order by account, first_id) from trade.order_lists`: "1 902 128 1156, 1 1158 22 1200, 2 901 128 1155, 2 1157 22 1199",
		`select string_agg(concat_ws(' ', first_id, last_id, orders), ', ' order by first_id) from trade.live_orders`:                                           "0 1023 24, 1024 2047 36",
	} {
		var got string
		if err := conn.QueryRow(ctx, q).Scan(&got); err != nil || got != want {
			t.Errorf("%s\ngot  %s, %v\nwant %s", q, got, err, want)
		}
	}
}
