package casper_test

import (
	"bufio"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"fondaco.dev/services/writer/internal/casper"
	"fondaco.dev/services/writer/internal/testdata"
)

type recorded struct {
	Type   string          `json:"type"`
	Source string          `json:"source"`
	Event  json.RawMessage `json:"event"`
}

func events(t *testing.T) []recorded {
	t.Helper()
	f, err := os.Open(filepath.Join(testdata.Dir(t), "casper", "events.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []recorded
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var r recorded
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	return out
}

func TestEveryRecordedEventIsRead(t *testing.T) {
	t.Parallel()
	var blocks, deploys, transfers int
	all := events(t)
	for _, r := range all {
		p, err := casper.Parse(r.Type, r.Event)
		if err != nil {
			t.Errorf("%s (%s): %v", r.Type, r.Source, err)
			continue
		}
		switch r.Type {
		case "BlockAdded":
			blocks++
			if p.Block == nil || p.Block.TimestampMs == 0 {
				t.Errorf("%s: %+v", r.Source, p.Block)
			}
		case "FinalitySignature", "Fault", "Step", "ApiVersion", "Shutdown":
			if p.Block != nil || p.Deploy != nil {
				t.Errorf("%s projects to %+v", r.Type, p)
			}
		default:
			deploys++
			transfers += len(p.Transfers)
			if p.Deploy == nil {
				t.Errorf("%s: no deploy", r.Source)
			}
		}
		if len(casper.Canonical(r.Type, r.Event)) == 0 {
			t.Errorf("%s has no canonical form", r.Source)
		}
	}
	if len(all) != 105 || blocks != 25 || deploys != 26 || transfers != 5 {
		t.Errorf("events %d blocks %d deploys %d transfers %d", len(all), blocks, deploys, transfers)
	}
}

func TestShapesOfBothProtocols(t *testing.T) {
	t.Parallel()
	read := func(name, kind string) casper.Projection {
		raw, err := os.ReadFile(filepath.Join(testdata.Dir(t), "casper", "sse", name))
		if err != nil {
			t.Fatal(err)
		}
		p, err := casper.Parse(kind, raw)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return p
	}
	b := read("block_added_event.json", "BlockAdded").Block
	if b.Height != 97 || b.EraID != "9" || b.Proposer != "01601bda04ea125e2ca1881e817c46403b32862eb053370e0b93adad220378578a" || b.TimestampMs != 1655905357824 {
		t.Errorf("1.x block: %+v", b)
	}
	b = read("block_added_event_v2.json", "BlockAdded").Block
	if b.Height != 89049 || b.Proposer != "0140afe8f752e5ff100e0189c080bc207e8805b3e5e82f792ec608de2f11f39f6c" || b.Deploys == nil {
		t.Errorf("2.x block: %+v", b)
	}
	p := read("deploy_processed_event.json", "DeployProcessed")
	if p.Deploy.State != "processed" || *p.Deploy.Cost != "100000000" || p.Deploy.Version != "" || len(p.Deploy.Transfers) != 1 || len(p.Transfers) != 1 {
		t.Fatalf("1.x deploy: %+v", p.Deploy)
	}
	tr := p.Transfers[0]
	if tr.From != "3bcdf5f3ed95e9d617ae8f864590acf992f97fcf7135d79cf050d8ff983d59d3" || tr.To == nil || tr.Amount != "2500000000" || *tr.ID != "1" || !strings.HasPrefix(tr.Address, "transfer-") {
		t.Errorf("1.x transfer: %+v", tr)
	}
	p = read("transaction_processed_event.json", "TransactionProcessed")
	if p.Deploy.Version != "Version1" || p.Deploy.ErrorMessage != nil || p.Transfers[0].From != "56befc13a6fd62e18f361700a5e08f966901c34df8041b36ec97d54d605c23de" {
		t.Errorf("2.x transaction: %+v %+v", p.Deploy, p.Transfers)
	}
	p = read("transaction_processed_event_with_messages.json", "TransactionProcessed")
	if len(p.Transfers) != 2 || p.Transfers[0].To != nil || p.Transfers[0].ID != nil {
		t.Errorf("to null: %+v", p.Transfers)
	}
	if d := read("transaction_expired_event.json", "TransactionExpired").Deploy; d.State != "expired" || d.Version != "Version1" || d.Account != "" {
		t.Errorf("expired: %+v", d)
	}
	if d := read("deploy_accepted_event.json", "DeployAccepted").Deploy; d.State != "accepted" || d.Account == "" || d.TimestampMs == 0 {
		t.Errorf("accepted: %+v", d)
	}
}

// The pair is of a recorded transfer: its initiator and the account it came from.
func TestAccountHash(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{
		"0184f6d260f4ee6869ddb36affe15456de6ae045278fa2f467bb677561ce0dad55": "56befc13a6fd62e18f361700a5e08f966901c34df8041b36ec97d54d605c23de",
		"01e35e1904034db6c0bb48c6d88826a2bcf27f29f67a13d844b82aab04614f83f4": "3bcdf5f3ed95e9d617ae8f864590acf992f97fcf7135d79cf050d8ff983d59d3",
	} {
		got, err := casper.AccountHash(key)
		if err != nil || got != want {
			t.Errorf("%s: %s %v, want %s", key, got, err, want)
		}
	}
	if _, err := casper.AccountHash("03ff"); err == nil {
		t.Error("03ff is no public key")
	}
}

func TestLaneOrderAndBothHashKinds(t *testing.T) {
	t.Parallel()
	h := func(c string) string { return strings.Repeat(c, 64) }
	raw := `{"BlockAdded":{"block_hash":"` + strings.ToUpper(h("a")) + `","block":{"Version2":{"hash":"` + h("a") + `","header":{"parent_hash":"` + h("b") +
		`","state_root_hash":"` + h("c") + `","timestamp":"2024-06-20T09:21:29.898Z","era_id":4591448806312642506,"height":7,"proposer":"01` + h("d") +
		`"},"body":{"transactions":{"10":[{"Deploy":"` + h("3") + `"}],"2":[{"Version1":"` + h("2") + `"}],"0":[{"Deploy":"` + h("1") + `"}]}}}}}}`
	p, err := casper.Parse("BlockAdded", []byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{h("1"), h("2"), h("3")}; !reflect.DeepEqual(p.Block.Deploys, want) || p.Block.EraID != "4591448806312642506" || p.Block.Hash != h("a") {
		t.Errorf("got %+v", p.Block)
	}
}

func TestWhatCannotBeReadIsSaid(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ kind, raw string }{
		{"unknown", `{"Rebooted":{}}`}, {"malformed", `<html>`}, {"BlockAdded", `{"DeployExpired":{}}`}, {"BlockAdded", `[]`},
		{"BlockAdded", `{"BlockAdded":{"block_hash":"zz","block":{}}}`}, {"DeployExpired", `{"DeployExpired":{"deploy_hash":7}}`},
		{"TransactionAccepted", `{"TransactionAccepted":{"Version9":{}}}`}, {"DeployProcessed", `{"DeployProcessed":null}`},
	} {
		p, err := casper.Parse(tt.kind, []byte(tt.raw))
		if err == nil || p.Block != nil || p.Deploy != nil {
			t.Errorf("%s %s: %+v %v", tt.kind, tt.raw, p, err)
		}
	}
	if _, err := casper.Parse("Shutdown", []byte(`"Shutdown"`)); err != nil {
		t.Errorf("Shutdown is a bare string: %v", err)
	}
}

func TestMergeIsTheSameInAnyOrder(t *testing.T) {
	t.Parallel()
	cost, block := "9", strings.Repeat("b", 64)
	facts := []casper.Deploy{
		{Hash: "h", State: casper.StateAccepted, Account: "01aa", Timestamp: "t", TimestampMs: 5, Version: "Deploy"},
		{Hash: "h", State: casper.StateExpired},
		{Hash: "h", State: casper.StateProcessed, Account: "01aa", Timestamp: "t", TimestampMs: 5, Cost: &cost, BlockHash: &block, Transfers: []string{"x"}},
	}
	want := facts[2]
	want.Version = "Deploy"
	for range 50 {
		rand.Shuffle(len(facts), func(i, j int) { facts[i], facts[j] = facts[j], facts[i] })
		var known *casper.Deploy
		for _, f := range facts {
			merged, _ := casper.Merge(known, f)
			known = &merged
		}
		if !reflect.DeepEqual(*known, want) {
			t.Fatalf("order %v gives %+v", facts, *known)
		}
		if again, changed := casper.Merge(known, facts[0]); changed || !reflect.DeepEqual(again, want) {
			t.Fatalf("a repeated fact changes %+v", again)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("BlockAdded", []byte(`{"BlockAdded":{"block_hash":"","block":{"Version2":{}}}}`))
	f.Add("TransactionProcessed", []byte(`{"TransactionProcessed":{"transaction_hash":{"Version1":"x"},"execution_result":{"Version2":{"transfers":[{"Version2":{}}]}}}}`))
	f.Fuzz(func(t *testing.T, kind string, raw []byte) {
		p, err := casper.Parse(kind, raw)
		if err != nil && (p.Block != nil || p.Deploy != nil) {
			t.Error("an error and a projection")
		}
		casper.Canonical(kind, raw)
	})
}
