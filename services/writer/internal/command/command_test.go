package command_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"fondaco.dev/pkg/pgtest"
	"fondaco.dev/services/writer/internal/command"
)

func TestCommands(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	lookup := func(name string) (string, bool) { return url.Reveal(), name == "FONDACO_PG_URL" }
	run := func(args ...string) (int, string) {
		var out, errs bytes.Buffer
		code := command.Run(args, lookup, &out, &errs)
		return code, out.String() + errs.String()
	}
	expect := func(code int, text string, args ...string) {
		t.Helper()
		if gotCode, got := run(args...); gotCode != code || !strings.Contains(got, text) {
			t.Errorf("%v: %d %q, want %d %q", args, gotCode, got, code, text)
		}
	}
	expect(2, "usage:", "fly")
	expect(2, "usage:", "migrate")
	expect(2, "usage:", "reset", "--build", "b")
	expect(0, "pending", "migrate", "status")
	expect(0, "applied 00001", "migrate", "up")
	expect(0, "nothing to do", "migrate", "up")
	expect(0, "applied 20", "migrate", "status")
	expect(1, "there is no partition", "reset", "--build", "b", "--partition", "p")
	expect(1, `there is no build "b"`, "promote", "--build", "b")
	dir := t.TempDir()
	for name, text := range map[string]string{
		"Set.json": `[{"type":"event","name":"Set","inputs":[{"name":"n","type":"uint256"}]}]`,
		"fondaco.yaml": `networks: [{name: dev, kind: evm, chain_id: 1, start_block: 0, rpc: ["http://127.0.0.1:1"],
  contracts: [{name: c, address: "0x0000000000000000000000000000000000000001", abi: Set.json}]}]`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	expect(2, "usage:", "redecode", "now")
	expect(1, "FONDACO_CONFIG", "redecode")
	expect(1, "nothing.yaml", "redecode", "--config", filepath.Join(dir, "nothing.yaml"))
	expect(1, "no build is live yet", "redecode", "--config", filepath.Join(dir, "fondaco.yaml"))
	expect(1, `there is no build "b9"`, "redecode", "--promote", "--from", "b9", "--config", filepath.Join(dir, "fondaco.yaml"))

	conn, err := pgx.Connect(context.Background(), url.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(context.Background(), `insert into ctl.builds (build, projection, status) values ('b', 1, 'filling')`); err != nil {
		t.Fatal(err)
	}
	expect(0, "build b is live", "promote", "--build", "b")

	// Dead letters.
	const letter = `insert into ctl.dead_letters (build, partition, seq, unit, block_number, reason, body, status, orphaned) values ('b', $1, $2, $3, 70, $4, '', $5, $6)`
	for _, l := range [][]any{
		{"chain.v1.dev.0123456789abcdef", 7, 1, "postgres refuses it", "dead", false},
		{"chain.v1.dev.0123456789abcdef", 8, -1, "cannot be read", "dead", false},
		{"chain.v1.other.0123456789abcdef", 9, 0, "gone", "dead", true},
		{"chain.v1.other.0123456789abcdef", 10, 0, "was applied", "done", false},
	} {
		if _, err := conn.Exec(context.Background(), letter, l...); err != nil {
			t.Fatal(err)
		}
	}
	expect(0, "there are no dead letters\n", "deadletters", "list", "--network", "none")
	expect(0, "no dead letters that could be applied", "deadletters", "replay", "--network", "none")
	expect(2, "usage:", "deadletters")
	expect(2, "usage:", "deadletters", "replay")
	expect(2, "usage:", "deadletters", "replay", "--all", "--network", "dev")
	expect(2, "usage:", "deadletters", "list", "--all")
	expect(1, "is not an id", "deadletters", "replay", "--id", "7")
	expect(0, "b/chain.v1.dev.0123456789abcdef@7.1    dev      7    1     70     dead", "deadletters", "list")
	expect(0, "dead, orphaned", "deadletters", "list", "--network", "other")
	if code, out := run("deadletters", "list", "--network", "other"); code != 0 || strings.Contains(out, "was applied") || strings.Contains(out, "dev") {
		t.Errorf("list of one network: %d %q", code, out)
	}
	expect(1, "there is no dead letter", "deadletters", "replay", "--id", "b/chain.v1.dev.0123456789abcdef@7.2")
	expect(1, "not on the chain any more", "deadletters", "replay", "--id", "b/chain.v1.other.0123456789abcdef@9.0")
	expect(1, "a whole message", "deadletters", "replay", "--id", "b/chain.v1.dev.0123456789abcdef@8.-1")
	expect(0, "is done already", "deadletters", "replay", "--id", "b/chain.v1.other.0123456789abcdef@10.0")
	expect(0, "dead letters pending: 1;", "deadletters", "replay", "--id", "b/chain.v1.dev.0123456789abcdef@7.1")
	expect(0, "dead letters pending: 1;", "deadletters", "replay", "--network", "dev")
	expect(0, "dead letters pending: 1;", "deadletters", "replay", "--all")
	expect(0, "pending", "deadletters", "list")
}
