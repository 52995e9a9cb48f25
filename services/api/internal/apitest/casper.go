package apitest

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"google.golang.org/protobuf/proto"

	feedv1 "fondaco.dev/proto/feed/v1"
)

// Casper plays the writer of one Casper network.
type Casper struct {
	DB        *DB
	Network   string
	Partition string
	Redis     *redis.Client

	seq, pos uint64
}

// NewCasper adds a Casper network to the database.
func NewCasper(t testing.TB, db *DB, network string) *Casper {
	t.Helper()
	c := &Casper{DB: db, Network: network, Partition: "chain.v1." + network + ".fedcba9876543210"}
	db.Exec(t, `insert into ix_`+Build+`.networks (network, kind, ordinal, partition, chain_id) values ($1, 'casper', 1, $2, 0)`, network, c.Partition)
	db.Cursor(t, Build, c.Partition, 0, 0)
	return c
}

// Hash makes a 64-digit hash out of a name.
func Hash(name string) string {
	return (fmt.Sprintf("%x", name) + strings.Repeat("0", 64))[:64]
}

// Block commits a block.
func (c *Casper) Block(t testing.TB, height uint64, deploys ...string) *feedv1.CasperBlock {
	t.Helper()
	b := &feedv1.CasperBlock{Network: c.Network, BlockHash: Hash(fmt.Sprint("block", height)), ParentHash: Hash(fmt.Sprint("block", height-1)), Timestamp: "2022-05-16T09:31:00.000Z",
		EraId: 18446744073709551615, Proposer: "01aa", Height: height, Deploys: deploys, StateRootHash: Hash("root")}
	if deploys == nil {
		deploys = []string{}
	}
	c.commit(t, &feedv1.Row{Kind: &feedv1.Row_CasperBlock{CasperBlock: b}}, fmt.Sprintf(`insert into ix_%[1]s.casper_blocks values ('%[2]s','%[3]s','%[4]s',%[5]d,%[6]d,'%[7]s',%[8]d,'01aa','%[9]s',
		array[%[10]s]::text[],%%d); insert into ix_%[1]s.counts values ('%[2]s','blocks','',%[11]d,1) on conflict (network, kind, scope, bucket) do update set n = counts.n + 1;
		update ctl.cursors set number = %[5]d where partition = '%[12]s'`, Build, c.Network, b.BlockHash, b.ParentHash, height, uint64(18446744073709551615), b.Timestamp, int64(height)*1000,
		b.StateRootHash, quoted(deploys), height/1000, c.Partition))
	return b
}

func quoted(list []string) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = "'" + s + "'"
	}
	return strings.Join(out, ",")
}

// Deploy commits a deploy or changes it.
func (c *Casper) Deploy(t testing.TB, d *feedv1.CasperDeploy, timestampMS int64) {
	t.Helper()
	d.Network = c.Network
	if d.Timestamp == "" {
		d.Timestamp = "2022-05-16T09:31:00.000Z"
	}
	null := func(s string) string {
		if s == "" {
			return "null"
		}
		return "'" + s + "'"
	}
	var known bool
	if err := c.DB.Super.QueryRow(context.Background(), `select exists (select from ix_`+Build+`.casper_deploys where network = $1 and hash = $2)`, c.Network, d.GetDeployHash()).Scan(&known); err != nil {
		t.Fatal(err)
	}
	sql := fmt.Sprintf(`insert into ix_%[1]s.casper_deploys values ('%[2]s','%[3]s','%[4]s','%[5]s',%[6]s,%[7]s,%[8]s,'%[9]s',%[10]d,array[%[11]s]::text[],'%[12]s',%%d)
		on conflict (network, hash) do update set state = excluded.state, cost = excluded.cost, error_message = excluded.error_message, block_hash = excluded.block_hash, pos = excluded.pos`,
		Build, c.Network, d.DeployHash, d.Account, d.State, null(d.Cost), null(d.ErrorMessage), null(d.BlockHash), d.Timestamp, timestampMS, quoted(d.Transfers), d.Version)
	if !known {
		sql += fmt.Sprintf(`; insert into ix_%[1]s.counts values ('%[2]s','account_deploys','%[3]s',%[4]d,1) on conflict (network, kind, scope, bucket) do update set n = counts.n + 1`,
			Build, c.Network, d.Account, timestampMS/86400000)
	}
	c.commit(t, &feedv1.Row{Kind: &feedv1.Row_CasperDeploy{CasperDeploy: d}}, sql)
}

// commit runs the statements, whose one %d is the position, and stores the
// feed row.
func (c *Casper) commit(t testing.TB, row *feedv1.Row, sql string) {
	t.Helper()
	c.seq++
	prev := c.pos
	row.Pos, c.pos = feedv1.Position(c.seq, 0), feedv1.EndOf(c.seq)
	data, err := proto.Marshal(row)
	if err != nil {
		t.Fatal(err)
	}
	c.DB.Exec(t, "begin; "+fmt.Sprintf(sql, row.Pos)+fmt.Sprintf(`; insert into ix_%s.casper_feed values ('%s',%d,'\x%x'); update ctl.cursors set seq = %d, pos = %d where partition = '%s'; commit`,
		Build, c.Network, row.Pos, data, c.seq, c.pos, c.Partition))
	if c.Redis == nil {
		return
	}
	hint, err := proto.Marshal(&feedv1.Hint{Build: Build, Partition: c.Partition, Epoch: feedv1.Epoch(Created, 0), PrevPos: prev, Pos: c.pos, Rows: []*feedv1.Row{row}})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Redis.Publish(context.Background(), feedv1.HintChannel(Build, c.Partition), hint).Err(); err != nil {
		t.Logf("publishing a hint: %v", err)
	}
}
