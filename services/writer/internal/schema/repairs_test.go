package schema_test

import (
	"context"
	"os"
	"testing"

	"fondaco.dev/pkg/pgtest"
)

// TestRepairsOfBefore: rows that a repair took away before there was a table of
// repairs are taken back for whoever replays past them; those of a reorg are not.
func TestRepairsOfBefore(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	migrate(ctx, t, pgtest.New(t)) // makes the server's roles
	old := pgtest.New(t)
	conn := connect(ctx, t, old)
	previous, err := os.ReadFile(previousFile)
	if err != nil {
		t.Fatal(err)
	}
	rows := `
insert into ix_sample.events (network, block_number, log_index, block_hash, block_time, tx_hash, tx_index, address, contract, event, topics, data, pos)
	select 'n', 5, i, '\x05', 1, '', 0, '', '', '', '{}', '', 100 + i from generate_series(0, 3) i;
insert into ix_sample.orphaned_events (revert_pos, network, block_number, log_index, block_hash, block_time, tx_hash, tx_index, address, contract, event, topics, data, pos)
	select p, 'n', 5, i, '\x05', 1, '', 0, '', '', '', '{}', '', 50 + i from (values (200, 3), (200, 1), (300, 2), (-7, 1)) v (p, i);
insert into ix_sample.reverts (network, pos, to_number, to_hash, from_number, from_hash) values ('n', 300, 4, '', 5, '')`
	for _, q := range []string{string(previous), rows} {
		if _, err := conn.PgConn().Exec(ctx, q).ReadAll(); err != nil {
			t.Fatal(err)
		}
	}
	migrate(ctx, t, old)
	var got string
	const told = `select string_agg(concat_ws(' ', pos, number, encode(hash, 'hex'), log_count, removed::text), ', ') from ix_sample.repairs`
	if err := connect(ctx, t, old).QueryRow(ctx, told).Scan(&got); err != nil || got != "200 5 05 4 {1,3}" {
		t.Errorf("repairs %q, %v", got, err)
	}
}
