package chain_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"fondaco.dev/services/writer/internal/casper"
	"fondaco.dev/services/writer/internal/chain"
	"fondaco.dev/services/writer/internal/partition"
	"fondaco.dev/services/writer/internal/testdata"
	"fondaco.dev/services/writer/internal/writertest"

	chainv1 "fondaco.dev/proto/chain/v1"
	"fondaco.dev/proto/config"
	feedv1 "fondaco.dev/proto/feed/v1"
)

func casperNetwork() config.Network {
	return config.Network{Name: "casper-test", Kind: config.KindCasper, SSE: []string{"http://127.0.0.1:1"}}
}

func casperIndexer(w *writertest.World, build string, n config.Network, change ...func(*partition.Partition)) *writertest.Writer {
	m := w.Metrics()
	return w.Start(build, n.Subject(), chainv1.Stream, n.Subject(), chain.NewCasper(build, n, w.Pool, w.Bus, m), m, nil, change...)
}

func factUnit(kind, key string, raw []byte) *chainv1.Unit {
	return &chainv1.Unit{Kind: &chainv1.Unit_Fact{Fact: &chainv1.Fact{Kind: kind, Key: key, Raw: raw, ReceivedMs: 1}}}
}

// recordedFacts are all recorded events, keyed by content as the event-handler
// does it.
func recordedFacts(t *testing.T) []*chainv1.Unit {
	t.Helper()
	f, err := os.Open(filepath.Join(testdata.Dir(t), "casper", "events.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []*chainv1.Unit
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var r struct {
			Type  string          `json:"type"`
			Event json.RawMessage `json:"event"`
		}
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		out = append(out, factUnit(r.Type, key(t, r.Type, r.Event), r.Event))
	}
	return out
}

func key(t *testing.T, kind string, raw []byte) string {
	t.Helper()
	p, err := casper.Parse(kind, raw)
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case p.Block != nil:
		return p.Block.Hash
	case p.Deploy != nil:
		return p.Deploy.Hash
	case kind == "FinalitySignature":
		return string(casper.Canonical(kind, raw))
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

func publishFacts(f *writertest.Feed, units []*chainv1.Unit, per int) {
	for len(units) > 0 {
		n := min(per, len(units))
		f.PublishPack(f.Pack(units[:n]...))
		units = units[n:]
	}
}

func TestEveryRecordedFactIsStored(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	n := casperNetwork()
	build := w.Build("facts", n)
	f := w.NewFeed(n.Subject())
	units := recordedFacts(t)
	publishFacts(f, units, 10)
	publishFacts(f, units, 10) // a second node tells the same
	r := casperIndexer(w, build, n)
	w.Wait(build, n.Subject(), f.Last)
	distinct := map[string]bool{}
	for _, u := range units {
		distinct[u.GetFact().GetKind()+" "+u.GetFact().GetKey()] = true
	}
	distinctKind := func(kind string) (n int64) {
		for id := range distinct {
			if strings.HasPrefix(id, kind+" ") {
				n++
			}
		}
		return n
	}
	if got := writertest.Value[int64](w, `select count(*) from ix_facts.casper_facts`); got != int64(len(distinct)) {
		t.Errorf("%d facts, want %d", got, len(distinct))
	}
	for q, want := range map[string]int64{
		`select count(*) from ix_facts.casper_blocks where height between 776872 and 776880 and era_id = 4822`: 9,
		`select count(*) from ix_facts.casper_transfers`:                                                       5,
		`select count(*) from ix_facts.casper_transfers where to_account is null`:                              2,
		`select count(*) from ix_facts.casper_deploys where state = 'processed'`:                               9,
		`select count(*) from ix_facts.casper_deploys where cost > 4294967296 * 2::numeric`:                    3,
		`select count(*) from ctl.dead_letters`:                                                                0,
		`select count(*) from ix_facts.casper_messages`:                                                        7,
		`select sum(transfers_in)::bigint from ix_facts.casper_accounts`:                                       3,
		`select sum(transfers_out)::bigint from ix_facts.casper_accounts`:                                      5,
		`select sum(n)::bigint from ix_facts.casper_signatures`:                                                distinctKind("FinalitySignature"),
	} {
		if got := writertest.Value[int64](w, q); got != want {
			t.Errorf("%s: %d, want %d", q, got, want)
		}
	}
	w.CheckCounts(build)
	// The frames of the live hints are those of the replay.
	frames := map[uint64]string{}
	for _, h := range r.HintList.All() {
		for _, row := range h.GetRows() {
			frames[row.GetPos()] = row.String()
		}
	}
	rows, err := w.Pool.Query(context.Background(), `select pos, row from ix_facts.casper_feed order by pos`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	stored := 0
	for rows.Next() {
		var pos uint64
		var body []byte
		if err := rows.Scan(&pos, &body); err != nil {
			t.Fatal(err)
		}
		var row feedv1.Row
		if err := proto.Unmarshal(body, &row); err != nil {
			t.Fatal(err)
		}
		stored++
		if row.GetPos() != pos || (frames[pos] != "" && frames[pos] != row.String()) {
			t.Errorf("frame at %d: %v, hinted %s", pos, &row, frames[pos])
		}
	}
	if blocks := writertest.Value[int64](w, `select count(*) from ix_facts.casper_blocks`); int64(stored) < blocks {
		t.Errorf("%d frames, %d blocks", stored, blocks)
	}
}

func TestFactsInAnyOrderGiveTheSameRows(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	n := casperNetwork()
	// Some recordings show one block with two contents, of which the first wins.
	var units []*chainv1.Unit
	seen := map[string]bool{}
	for _, u := range recordedFacts(t) {
		if k := u.GetFact().GetKind() + u.GetFact().GetKey(); !seen[k] {
			seen[k] = true
			units = append(units, u)
		}
	}
	h := func(c string) string { return strings.Repeat(c, 64) }
	// A deploy in all its states.
	accepted := `{"DeployAccepted":{"hash":"` + h("7") + `","header":{"account":"01` + h("a") + `","timestamp":"2022-05-16T09:36:51.840Z"}}}`
	processed := `{"DeployProcessed":{"deploy_hash":"` + h("7") + `","account":"01` + h("a") + `","timestamp":"2022-05-16T09:36:51.840Z","block_hash":"` + h("b") +
		`","execution_result":{"Failure":{"effect":{"operations":[],"transforms":[]},"transfers":[],"cost":"18446744073709551616","error_message":"nul \u0000 here"}}}}`
	expired := `{"DeployExpired":{"deploy_hash":"` + h("7") + `"}}`
	units = append(units, factUnit("DeployExpired", h("7"), []byte(expired)), factUnit("DeployProcessed", h("7"), []byte(processed)), factUnit("DeployAccepted", h("7"), []byte(accepted)))

	var first map[string]string
	for _, build := range []string{"order_a", "order_b", "order_c"} {
		net := n
		net.Name = "casper-" + build[6:]
		w.Build(build, net)
		f := w.NewFeed(net.Subject())
		publishFacts(f, units, 7)
		casperIndexer(w, build, net)
		w.Wait(build, net.Subject(), f.Last)
		w.CheckCounts(build)
		w.Exec(`update ix_` + build + `.casper_facts set network = 'x'`)
		for _, table := range []string{"casper_blocks", "casper_deploys", "casper_transfers", "casper_accounts", "casper_messages", "casper_signatures", "counts"} {
			w.Exec(`update ix_` + build + `.` + table + ` set network = 'x'`)
		}
		got := w.Digest(build, false)
		if first == nil {
			first = got
		} else if !maps.Equal(first, got) {
			t.Errorf("another order gives\n%v\nfirst\n%v", got, first)
		}
		if got := writertest.Value[string](w, `select state || ' ' || cost || ' ' || error_message from ix_`+build+`.casper_deploys where hash = $1`, h("7")); got != "processed 18446744073709551616 nul \uFFFD here" {
			t.Errorf("deploy: %q", got)
		}
		rand.Shuffle(len(units), func(i, j int) { units[i], units[j] = units[j], units[i] })
	}
}

func TestFactsOfOtherContentGoToQuarantine(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	n := casperNetwork()
	build := w.Build("quarantine", n)
	f := w.NewFeed(n.Subject())
	h := strings.Repeat("a", 64)
	block := func(proposer, proofs string) []byte {
		return []byte(`{"BlockAdded":{"block_hash":"` + h + `","block":{"hash":"` + h + `","header":{"parent_hash":"` + h + `","state_root_hash":"` + h +
			`","timestamp":"2022-06-22T13:42:37.824Z","era_id":9,"height":97},"body":{"proposer":"01` + strings.Repeat(proposer, 64) + `","deploy_hashes":[],"transfer_hashes":[]},"proofs":[` + proofs + `]}}}`)
	}
	f.PublishPack(f.Pack(factUnit("BlockAdded", h, block("1", ""))))
	f.PublishPack(f.Pack(factUnit("BlockAdded", h, block("1", `{"signature":"x"}`)))) // other proofs, the same block
	last := f.PublishPack(f.Pack(factUnit("BlockAdded", h, block("2", "")),           // not the same block
		factUnit("malformed", "k", []byte("<html>")), factUnit("x\x00", "k", nil)))
	r := casperIndexer(w, build, n)
	c := w.Wait(build, n.Subject(), last)
	if c.Height() != 97 || hex.EncodeToString(c.Hash) != h || c.Final() != 97 {
		t.Errorf("cursor %+v", c)
	}
	if got := writertest.Value[string](w, `select string_agg(seq || '/' || unit || '/' || kind, ' ') from ctl.quarantine`); got != "3/0/BlockAdded" {
		t.Errorf("quarantine %s", got)
	}
	if got := writertest.Value[string](w, `select string_agg(seq || '/' || unit, ' ') from ctl.dead_letters`); got != "3/2" {
		t.Errorf("dead letters %s", got)
	}
	if got := writertest.Value[int64](w, `select count(*) from ix_quarantine.casper_facts where kind = 'malformed'`); got != 1 {
		t.Error("what cannot be read is not kept")
	}
	if r.Status.Err() != nil {
		t.Error(r.Status.Err())
	}
}

// A Casper stream that was made anew is read again from its start: rows stay
// single, and each gets its position of the new life.
func TestCasperStreamMadeAnew(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	ctx := context.Background()
	n := casperNetwork()
	build := w.Build("anew", n)
	units := recordedFacts(t)
	f := w.NewFeed(n.Subject())
	publishFacts(f, units, 5)
	r := casperIndexer(w, build, n)
	w.Wait(build, n.Subject(), f.Last)
	r.Stop()
	js := w.Bus.JetStream()
	s, _ := js.Stream(ctx, chainv1.Stream)
	cfg := s.CachedInfo().Config
	_ = js.DeleteStream(ctx, chainv1.Stream)
	if _, err := js.CreateStream(ctx, cfg); err != nil {
		t.Fatal(err)
	}
	f = w.NewFeed(n.Subject())
	publishFacts(f, units, 20)
	casperIndexer(w, build, n)
	w.Until("the new life", func() bool {
		c := w.Cursor(build, n.Subject())
		return c.SeekBacks == 1 && c.Seq == f.Last
	})
	clean := w.Build("clean", n)
	casperIndexer(w, clean, n)
	w.Wait(clean, n.Subject(), f.Last)
	if got, want := w.Digest(build, true), w.Digest(clean, true); !maps.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	w.CheckCounts(build)
}

// An outcome that was fetched over JSON-RPC does not tell what contracts
// emitted; one from a stream does, before or after it. Accounts, signatures and
// messages come out the same in any order.
func TestAccountsMessagesAndSignaturesInAnyOrder(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	h := func(c string) string { return strings.Repeat(c, 64) }
	key := "01" + h("a")
	account, err := casper.AccountHash(key)
	if err != nil {
		t.Fatal(err)
	}
	block := func(hash string, height int, tx string) *chainv1.Unit {
		return factUnit("BlockAdded", hash, fmt.Appendf(nil, `{"BlockAdded":{"block_hash":%q,"block":{"Version2":{"hash":%q,"header":{"parent_hash":%q,"state_root_hash":%q,
			"timestamp":"2025-06-22T13:42:37.824Z","era_id":9,"height":%d,"proposer":%q},"body":{"transactions":{"0":[{"Version1":%q}]}}}}}}`, hash, hash, h("0"), h("0"), height, key, tx))
	}
	processed := func(tx, block, from, to, at, more string) *chainv1.Unit {
		return factUnit("TransactionProcessed", tx, fmt.Appendf(nil, `{"TransactionProcessed":{"transaction_hash":{"Version1":%q},"initiator_addr":%s,"timestamp":%q,"block_hash":%q,
			"execution_result":{"Version2":{"cost":"1","transfers":[{"Version2":{"from":{"AccountHash":"account-hash-%s"},"to":"account-hash-%s","source":"uref-1","target":"uref-2","amount":"5","gas":"0","id":null}}]}}%s}}`,
			tx, from, at, block, account, to, more))
	}
	signature := func(v string) *chainv1.Unit {
		public := "01" + h(v)
		return factUnit("FinalitySignature", h("b")+":"+public, fmt.Appendf(nil, `{"FinalitySignature":{"V1":{"block_hash":%q,"era_id":9,"signature":"01","public_key":%q}}}`, h("b"), public))
	}
	messages := `,"messages":[{"entity_addr":"entity-contract-` + h("e") + `","message":{"String":"sold"},"topic_name":"market","topic_name_hash":"` + h("f") + `","topic_index":0,"block_index":18446744073709551615}]`
	const early, late = "2025-06-22T13:00:00.000Z", "2025-06-22T13:30:00.000Z"
	units := []*chainv1.Unit{
		block(h("b"), 7, h("1")), block(h("c"), 8, h("2")),
		processed(h("1"), h("b"), `{"PublicKey":"`+key+`"}`, h("d"), late, ""),
		processed(h("1"), h("b"), `{"PublicKey":"`+key+`"}`, h("d"), late, messages),
		// The later block holds the earlier time, and names its sender by hash only.
		processed(h("2"), h("c"), `{"AccountHash":"account-hash-`+account+`"}`, account, early, `,"messages":[]`),
		signature("1"), signature("2"), signature("2"),
	}
	for i, seed := range []uint64{1, 2, 3, 4, 5} {
		r := rand.New(rand.NewPCG(seed, 0))
		r.Shuffle(len(units), func(i, j int) { units[i], units[j] = units[j], units[i] })
		n := casperNetwork()
		n.Name = fmt.Sprint("casper-any-", i)
		build := w.Build(fmt.Sprint("any_", i), n)
		f := w.NewFeed(n.Subject())
		publishFacts(f, units, 1+i)
		publishFacts(f, units, 3)
		casperIndexer(w, build, n)
		w.Wait(build, n.Subject(), f.Last)
		w.CheckCounts(build)
		for q, want := range map[string]string{
			`select string_agg(concat_ws(' ', account_hash, public_key, first_ms, first_height, deploys, transfers_in, transfers_out), ', ' order by transfers_out desc) from ix.casper_accounts`: account + " " + key + " 1750597200000 7 2 1 2, " + h("d") + "  1750599000000 7 0 1 0",
			`select string_agg(concat_ws(' ', deploy_hash, idx, entity, topic, text, block_index), ', ') from ix.casper_messages`:                                                                 h("1") + " 0 " + h("e") + " market sold 18446744073709551615",
			`select string_agg(concat_ws(' ', block_hash, n), ', ') from ix.casper_signatures`:                                                                                                    h("b") + " 2",
			`select count(*)::text from ctl.quarantine`: "0",
		} {
			if got := writertest.Value[string](w, strings.ReplaceAll(q, "ix.", "ix_"+build+".")); got != want {
				t.Errorf("order %d: %s:\n got %s\nwant %s", i, q, got, want)
			}
		}
	}
}
