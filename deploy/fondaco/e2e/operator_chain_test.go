package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"fondaco.dev/deploy/fondaco/internal/home"
	"fondaco.dev/deploy/fondaco/internal/house"
	"fondaco.dev/deploy/fondaco/internal/infra"
	"fondaco.dev/pkg/zlog"
	"fondaco.dev/services/devnet"
	"fondaco.dev/services/devnet/evm"
)

// settings of the houses that an operator's test runs.
var settings = []string{"LOG_LEVEL=warn", "FONDACO_POLL_INTERVAL=100ms", "FONDACO_RESCAN_EVERY=100ms"}

// operated is a chain of which an operator looks after the index.
type operated struct {
	t      *testing.T
	net    *devnet.Devnet
	folder string // of the configuration, its ABI and the data
	config string
	head   uint64
}

// newOperated starts a chain of 70 blocks and writes a configuration whose ABI
// is wrong: other arguments of Transfer are indexed than the contract says.
func newOperated(t *testing.T) *operated {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	net, err := devnet.Start(ctx, devnet.Config{Seed: "operator", Idle: true, Faulty: []string{"127.0.0.1:0"}}, zlog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = net.Stop() })
	o := &operated{t: t, net: net, folder: shallow(t)}
	o.config = filepath.Join(o.folder, "fondaco.yaml")
	o.abi("from", "value")
	text := fmt.Sprintf(`networks:
  - name: dev
    kind: evm
    chain_id: %d
    rpc: [%q, %q, "http://127.0.0.1:1/?key=hidden"]
    finality: finalized
    start_block: 0
    contracts:
      - {name: usd, address: %q, abi: USD.json, events: [Transfer]}
`, net.EVM.ChainID(), net.EVM.HTTPURL(), net.Faulty()[0].URL(), evm.DeployedContracts().USD)
	if err := os.WriteFile(o.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	o.grow(70)
	return o
}

// abi writes the contract's ABI with these arguments of Transfer indexed.
func (o *operated) abi(indexed ...string) {
	o.t.Helper()
	dir := o.t.TempDir()
	if _, err := devnet.WriteConfig(dir, o.net.Endpoints()); err != nil {
		o.t.Fatal(err)
	}
	right, err := os.ReadFile(filepath.Join(dir, "abi", "USD.json"))
	if err != nil {
		o.t.Fatal(err)
	}
	var entries []map[string]any
	if err := json.Unmarshal(right, &entries); err != nil {
		o.t.Fatal(err)
	}
	for _, e := range entries {
		if e["type"] != "event" || e["name"] != "Transfer" {
			continue
		}
		for _, in := range e["inputs"].([]any) {
			arg := in.(map[string]any)
			arg["indexed"] = strings.Contains(" "+strings.Join(indexed, " ")+" ", " "+arg["name"].(string)+" ")
		}
	}
	text, err := json.Marshal(entries)
	if err != nil {
		o.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(o.folder, "USD.json"), text, 0o600); err != nil {
		o.t.Fatal(err)
	}
}

// grow makes blocks with a Transfer each, of 1000 cents and their number.
func (o *operated) grow(blocks int) {
	o.t.Helper()
	for range blocks {
		next := o.net.EVM.Head().Number.Uint64() + 1
		if _, err := o.net.EVM.Mint(evm.Accounts()[1].Address, 1000+next); err != nil {
			o.t.Fatal(err)
		}
		block, err := o.net.EVM.Commit()
		if err != nil {
			o.t.Fatal(err)
		}
		o.head = block.NumberU64()
	}
}

// once runs the event-handler's program for one range.
func (o *operated) once(nats, password string, args ...string) (string, int) {
	o.t.Helper()
	dir := programs(o.t) // built by the first who asks, which takes its time
	ctx, cancel := context.WithTimeout(o.t.Context(), 60*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(dir, "event-handler"), append([]string{"--once"}, args...)...)
	cmd.Env = []string{"FONDACO_CONFIG=" + o.config, "FONDACO_NATS_URL=" + nats, "FONDACO_NATS_PASSWORD=" + password}
	out, _ := cmd.CombinedOutput()
	return string(out), cmd.ProcessState.ExitCode()
}

// proof is what GET /v1/networks/dev says of the index.
type proof struct {
	Indexed, CompleteFrom, CheckedTo *uint64
	Assurance, Problem               string
	Holes                            uint64
}

func (o *operated) proof(u *up) (p proof) {
	var raw struct {
		Indexed      *uint64 `json:"indexed"`
		CompleteFrom *uint64 `json:"complete_from"`
		CheckedTo    *uint64 `json:"checked_to"`
		Assurance    string  `json:"assurance"`
		Problem      string  `json:"problem"`
		Holes        uint64  `json:"holes"`
	}
	get(o.t, u.run.HTTP+"/v1/networks/dev", "", &raw)
	return proof{raw.Indexed, raw.CompleteFrom, raw.CheckedTo, raw.Assurance, raw.Problem, raw.Holes}
}

// transfers lists the events of a block as the api has them: recipient/value.
func (o *operated) transfers(u *up, block uint64) string {
	var list struct {
		Data []struct {
			Args struct{ To, Value string } `json:"args"`
		} `json:"data"`
	}
	get(o.t, fmt.Sprintf("%s/v1/networks/dev/events?contract=usd&from_block=%d&to_block=%d", u.run.HTTP, block, block), "", &list)
	var out []string
	for _, e := range list.Data {
		out = append(out, e.Args.To+"/"+e.Args.Value)
	}
	return strings.Join(out, " ")
}

// minted is the event that grow left in a block.
func minted(block uint64) string {
	return fmt.Sprintf("%s/%d", strings.ToLower(evm.Accounts()[1].Address.Hex()), 1000+block)
}

// What an operator does when rows are missing, an ABI was wrong or a node is
// away, on a house that runs: every command says what it did, and the api what
// is proved of the index meanwhile.
func TestOperatorOfAChain(t *testing.T) {
	needPostgres(t)
	o := newOperated(t)
	data := filepath.Join(o.folder, "data")
	o.onceBefore(data)

	u := start(t, house.Options{Config: o.config, DataDir: data, Profile: "dev", Environ: settings})
	fondaco := func(code int, want string, args ...string) string {
		t.Helper()
		out, err := command(t, append(args, "--data-dir", data)...)
		if err != nil {
			out += err.Error()
		}
		if (code != 0) != (err != nil) || err != nil && !strings.Contains(err.Error(), fmt.Sprintf("exit code %d:", code)) || !strings.Contains(out, want) {
			t.Errorf("fondaco %s: %s\nwant exit code %d and %q", strings.Join(args, " "), out, code, want)
		}
		return out
	}
	indexed := func(u *up) {
		t.Helper()
		eventually(t, 30*time.Second, "the head to be indexed", func() error {
			if p := o.proof(u); p.Indexed == nil || *p.Indexed != o.head {
				return fmt.Errorf("%+v of %d", p, o.head)
			}
			return nil
		})
	}
	indexed(u)
	eventually(t, 40*time.Second, "everything to be proved", func() error {
		p := o.proof(u)
		if p.CompleteFrom == nil || *p.CompleteFrom != 0 || p.CheckedTo == nil || *p.CheckedTo < 60 || p.Assurance != "headers" || p.Holes != 0 {
			return fmt.Errorf("%+v", p)
		}
		return nil
	})
	fondaco(0, "headers", "status")
	// Which of the two is followed is theirs to decide: the first, until it was slow.
	if out := fondaco(0, o.net.EVM.HTTPURL()+"  healthy", "endpoints"); strings.Count(out, "* ") != 1 {
		t.Errorf("one endpoint of the network is followed: %s", out)
	}
	if out := fondaco(0, "connection refused", "endpoints", "--json"); strings.Contains(out, "hidden") {
		t.Errorf("the endpoint's key is shown: %s", out)
	}
	secrets, err := os.ReadFile(filepath.Join(data, "secrets.json"))
	if err != nil {
		t.Fatal(err)
	}
	var passwords map[string]string
	if err := json.Unmarshal(secrets, &passwords); err != nil {
		t.Fatal(err)
	}
	if out, code := o.once(u.run.NATS.URL, passwords["nats.event-handler"], "--network", "dev", "--from", "0", "--to", "9", "--wait", "1s"); code != 1 ||
		!strings.Contains(out, "another instance publishes network dev") {
		t.Errorf("--once beside a serving instance: exit code %d, %s", code, out)
	}

	db := connect(t, u.run.Postgres.OwnerURL)
	defer func() { _ = db.Close(context.Background()) }()
	o.deadLetter(u, db, fondaco, indexed)
	u = o.redecode(u, db, data, fondaco, indexed)
	u.end()
}

// onceBefore publishes the first range into a house that does not run yet.
func (o *operated) onceBefore(data string) {
	t := o.t
	dir, err := home.Open(data)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = dir.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	in, err := infra.Start(ctx, infra.Config{Dir: dir, System: infra.System{Profile: "dev"}}, zlog.Nop().Logger)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Stop()
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"--network dev --from 0", 2, "--to is missing"},
		{"--help", 0, "usage: event-handler"},
		{"--network main --from 0 --to 9", 1, `no network \"main\"`},
		{"--network dev --from 0 --to 9 --contract wine", 1, `no contract \"wine\"`},
		{"--network dev --from 3 --to 9", 1, "begins at block 0"},
		{"--network dev --from 0 --to 40", 0, "0 compared (0 logs), 0 differed, 0 repaired, 41 published"},
		{"--network dev --from 0 --to 40", 0, "logs), 0 differed, 0 repaired, 0 published"},
		{"--network dev --from 30 --to 45 --store-only", 0, "11 compared (11 logs), 0 differed, 0 repaired, 5 published"},
		{"--network dev --from 0 --to 40 --contract usd", 0, "41 compared ("},
	} {
		out, code := o.once(in.NATSURL(), in.NATSPassword("event-handler").Reveal(), strings.Fields(c.args)...)
		if code != c.code || !strings.Contains(out, c.want) {
			t.Errorf("--once %s: exit code %d, want %d and %q: %s", c.args, code, c.code, c.want, out)
		}
	}
}

// deadLetter lets Postgres refuse a block, and has it applied after all.
func (o *operated) deadLetter(u *up, db *pgx.Conn, fondaco func(int, string, ...string) string, indexed func(*up)) {
	t := o.t
	var build string
	if err := db.QueryRow(t.Context(), `select build from ctl.deployments`).Scan(&build); err != nil {
		t.Fatal(err)
	}
	table := pgx.Identifier{"ix_" + build, "events"}.Sanitize()
	exec := func(q string) {
		t.Helper()
		if _, err := db.Exec(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	fondaco(0, "there are no dead letters", "deadletters", "list")
	fondaco(0, "no dead letters that could be applied", "deadletters", "replay", "--all")
	fondaco(2, "network id all", "deadletters", "replay")
	fondaco(1, "is not an id", "deadletters", "replay", "--id", "7")
	bad := o.head + 2
	exec(fmt.Sprintf(`alter table %s add constraint spoiled check (block_number <> %d) not valid`, table, bad))
	o.grow(3)
	indexed(u)
	list := fondaco(0, "  dead ", "deadletters", "list", "--network", "dev")
	id, _, _ := strings.Cut(list[strings.Index(list, build):], " ")
	if p := o.proof(u); p.Holes != 1 || p.CompleteFrom == nil || *p.CompleteFrom != bad+1 || !strings.Contains(p.Problem, "fondaco deadletters list") {
		t.Errorf("with a hole in block %d the network is %+v", bad, p)
	}
	fondaco(0, "1 units could not be applied", "status")
	if before, at, after := o.transfers(u, bad-1), o.transfers(u, bad), o.transfers(u, bad+1); before == "" || at != "" || after == "" {
		t.Errorf("around the hole: %q, %q, %q", before, at, after)
	}
	attempts := func() (n int) {
		t.Helper()
		if err := db.QueryRow(t.Context(), `select attempts from ctl.dead_letters where status = 'dead'`).Scan(&n); err != nil {
			return -1
		}
		return n
	}
	first := attempts()
	fondaco(0, "dead letters pending: 1", "deadletters", "replay", "--id", id)
	eventually(t, 20*time.Second, "the replay to be refused", func() error {
		if n := attempts(); n != first+1 {
			return fmt.Errorf("%d attempts, before %d", n, first)
		}
		return nil
	})
	exec(`alter table ` + table + ` drop constraint spoiled`)
	fondaco(0, "dead letters pending: 1", "deadletters", "replay", "--network", "dev")
	eventually(t, 20*time.Second, "the dead letter to be applied", func() error {
		p := o.proof(u)
		if p.Holes != 0 || p.CompleteFrom == nil || *p.CompleteFrom != 0 || o.transfers(u, bad) == "" {
			return fmt.Errorf("%+v, %q", p, o.transfers(u, bad))
		}
		return nil
	})
	fondaco(0, "there are no dead letters", "deadletters", "list")
	fondaco(0, "is done already", "deadletters", "replay", "--id", id)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	a, err := call(ctx, http.MethodGet, "http://"+u.run.Admin["writer"]+"/metrics", "", nil)
	if err != nil || !strings.Contains(string(a.body), "fondaco_writer_dead_letters_replayed_total{partition=\"chain.v1.dev.") {
		t.Errorf("the replay is in no metric: %v", err)
	}
}

// redecode mends the ABI while the house runs, and starts it anew with it.
func (o *operated) redecode(u *up, db *pgx.Conn, data string, fondaco func(int, string, ...string) string, indexed func(*up)) *up {
	t := o.t
	fondaco(1, "mend an ABI first", "redecode")
	if got := o.transfers(u, 20); got == minted(20) || got == "" {
		t.Fatalf("the wrong ABI decodes %q", got)
	}
	o.abi("from", "to")
	fondaco(1, `there is no build "none"`, "redecode", "--from", "none")
	if out := fondaco(0, ": 0 as they were, ", "redecode", "--promote"); !strings.Contains(out, ", 0 cannot be decoded") {
		t.Errorf("redecode says %s", out)
	}
	eventually(t, 20*time.Second, "the mended rows to be served", func() error {
		if got := o.transfers(u, 20); got != minted(20) {
			return fmt.Errorf("block 20: %s", got)
		}
		return nil
	})
	// The running writer goes on with its own build, the served one stands still.
	last := o.head
	o.grow(2)
	u.end()
	u = start(t, house.Options{Config: o.config, DataDir: data, Profile: "dev", Environ: settings})
	indexed(u)
	for _, block := range []uint64{20, last, o.head - 1, o.head} {
		if got := o.transfers(u, block); got != minted(block) {
			t.Errorf("block %d: %q, want %q", block, got, minted(block))
		}
	}
	if p := o.proof(u); p.CompleteFrom == nil || *p.CompleteFrom != 0 || p.Holes != 0 {
		t.Errorf("after the restart the network is %+v", p)
	}
	fondaco(1, "mend an ABI first", "redecode")
	return u
}
