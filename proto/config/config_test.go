package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fondaco.dev/proto/config"
)

const erc20 = `[{"type":"event","name":"Transfer","inputs":[{"name":"from","type":"address","indexed":true},{"name":"to","type":"address","indexed":true},{"name":"value","type":"uint256","indexed":false}]},
{"type":"event","name":"Approval","inputs":[{"name":"owner","type":"address","indexed":true},{"name":"spender","type":"address","indexed":true},{"name":"value","type":"uint256","indexed":false}]}]`

const anonymous = `[{"type":"event","anonymous":true,"name":"Note","inputs":[]}]`

const good = `networks:
  - name: casper-test
    kind: casper
    sse: ["http://127.0.0.1:9999"]
  - name: dev
    kind: evm
    chain_id: 1337
    rpc: ["http://127.0.0.1:8545"]
    finality: finalized
    start_block: 3
    contracts:
      - {name: usd, address: "0x5B38Da6a701c568545dCfcB03FcB875f56beddC4", abi: ERC20.json, start_block: 1, events: [Transfer]}
      - {name: any, address: "*", abi: ERC20.json}
venue: main
assets: [{name: USD, scale: 2}, {name: WINE18, scale: 0}]
markets: [{symbol: WINE18-USD, base: WINE18, quote: USD, tick: "0.01", lot: "1"}]
`

func parse(t *testing.T, text string) (*config.File, error) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"ERC20.json": erc20, "anonymous.json": anonymous} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return config.Parse([]byte(text), filepath.Join(dir, "fondaco.yaml"))
}

func TestParse(t *testing.T) {
	t.Parallel()
	f, err := parse(t, good)
	if err != nil {
		t.Fatal(err)
	}
	dev := f.Networks[1]
	if len(dev.Contracts) != 2 || len(dev.Contracts[0].Events()) != 1 || len(dev.Contracts[1].Events()) != 2 || !dev.Contracts[1].Any {
		t.Errorf("contracts = %+v", dev.Contracts)
	}
	if dev.Contracts[0].StartBlock != 1 || dev.Contracts[1].StartBlock != 3 {
		t.Error("a contract's start block defaults to its network's")
	}
	if m := f.Markets[0]; m.Tick != 1 || m.Lot != 1 {
		t.Errorf("market = %+v", m)
	}
	if !strings.HasPrefix(dev.Subject(), "chain.v1.dev.") {
		t.Errorf("subject = %s", dev.Subject())
	}
}

// TestMarketTerms: limits are in the market's steps, named or not, and a market
// that does not exist yet is told how to begin.
func TestMarketTerms(t *testing.T) {
	t.Parallel()
	f, err := parse(t, strings.Replace(good, `tick: "0.01", lot: "1"}`, `tick: "0.05", lot: "2", one_side: true, day_ends: "22:30", phase: auction,
  auction_ends: "2026-01-31T12:00:00+01:00", then: post_only,
  limits: {min_quantity: 4, max_quantity: "0", max_notional: "100.5", collar_ppm: 0, pause_ppm: 50000, pause_for: 5m, reference_price: "12.50"}}`, 1))
	if err != nil {
		t.Fatal(err)
	}
	m := f.Markets[0]
	if !m.OneSide || m.DayEnds != 22*time.Hour+30*time.Minute || m.Opening.Phase != "auction" || m.Opening.Then != "post_only" ||
		!m.Opening.AuctionEnds.Equal(time.Date(2026, 1, 31, 11, 0, 0, 0, time.UTC)) {
		t.Errorf("%+v", m)
	}
	l := m.Limits
	for name, c := range map[string]struct {
		got  *int64
		want int64
	}{"min": {l.MinLots, 2}, "max": {l.MaxLots, 0}, "notional": {l.MaxNotional, 10050}, "collar": {l.CollarPPM, 0}, "pause": {l.PausePPM, 50000},
		"for": {l.PauseMS, 300000}, "reference": {l.ReferenceTicks, 250}} {
		if c.got == nil || *c.got != c.want {
			t.Errorf("%s: %v, want %d", name, c.got, c.want)
		}
	}
	if l.MinNotional != nil {
		t.Error("a limit that is not named is none of the file's")
	}
}

func TestProblemsNameFileLineAndKey(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ from, to, want string }{
		"unknown key":      {"    finality: finalized", "    finalty: finalized", ":9: networks[1].finalty: unknown key"},
		"key twice":        {"    start_block: 3", "    kind: evm", "appears twice"},
		"name twice":       {"name: any,", "name: usd,", "is used twice"},
		"network twice":    {"name: dev", "name: casper-test", "is used twice"},
		"bad checksum":     {"0x5B38Da6a", "0x5b38Da6a", "wrong checksum; did you mean 0x5B38Da6a701c568545dCfcB03FcB875f56beddC4"},
		"no such event":    {"[Transfer]", "[Transfers]", `no event "Transfers"`},
		"no such abi":      {"abi: ERC20.json}", "abi: none.json}", "networks[1].contracts[1].abi: open"},
		"anonymous":        {"abi: ERC20.json}", "abi: anonymous.json}", "networks[1].contracts[1].events: Note is anonymous"},
		"bad url":          {"http://127.0.0.1:8545", "127.0.0.1:8545", "networks[1].rpc[0]: is not a URL"},
		"missing chain id": {"    chain_id: 1337\n", "", "networks[1].chain_id: is required"},
		"bad number":       {"start_block: 3", "start_block: -3", "is not a whole number"},
		"tick too fine":    {`tick: "0.01"`, `tick: "0.001"`, "more decimal places"},
		"unknown asset":    {"quote: USD", "quote: EUR", "must be two different assets"},
		"limit too fine":   {`lot: "1"}`, `lot: "2", limits: {min_quantity: 3}}`, "markets[0].limits.min_quantity: 3 is no multiple of the lot"},
		"limit unknown":    {`lot: "1"}`, `lot: "1", limits: {min_lots: 3}}`, "markets[0].limits.min_lots: unknown key; known here: collar_ppm, max_notional, max_quantity, min_notional"},
		"limits crossed":   {`lot: "1"}`, `lot: "1", limits: {min_notional: "10", max_notional: "9.99"}}`, "min_notional is above max_notional"},
		"half a pause":     {`lot: "1"}`, `lot: "1", limits: {pause_ppm: 5}}`, "pause_ppm and pause_for go together"},
		"no pause":         {`lot: "1"}`, `lot: "1", limits: {pause_ppm: 5, pause_for: soon}}`, "no time such as 30s"},
		"bad phase":        {`lot: "1"}`, `lot: "1", phase: open}`, `markets[0].phase: "open" is none of continuous, halted`},
		"no auction":       {`lot: "1"}`, `lot: "1", auction_ends: "2026-01-31T12:00:00Z"}`, "is of a market that begins in phase: auction"},
		"no time":          {`lot: "1"}`, `lot: "1", phase: auction, auction_ends: noon}`, "markets[0].auction_ends: \"noon\" is no time"},
		"then without end": {`lot: "1"}`, `lot: "1", phase: auction, then: halted}`, "then is what follows an auction_ends"},
		"auction after it": {`lot: "1"}`, `lot: "1", phase: auction, auction_ends: "2026-01-31T12:00:00Z", then: auction}`, `"auction" is none of`},
		"no time of day":   {`lot: "1"}`, `lot: "1", day_ends: "25:00"}`, "no time of day"},
		"no flag":          {`lot: "1"}`, `lot: "1", one_side: perhaps}`, "neither true nor false"},
		"bad kind":         {"kind: casper", "kind: cosmos", "neither casper nor evm"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := parse(t, strings.Replace(good, c.from, c.to, 1))
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "fondaco.yaml:") {
				t.Errorf("got %v, want it to hold %q", err, c.want)
			}
		})
	}
}

func TestFilterIsOfWhatIsFetchedOnly(t *testing.T) {
	t.Parallel()
	subject := func(from, to string) (string, string) {
		f, err := parse(t, strings.Replace(good, from, to, 1))
		if err != nil {
			t.Fatal(err)
		}
		return f.Networks[1].Subject(), f.Build(1)
	}
	s0, b0 := subject("", "")
	if s, b := subject("name: usd", "name: dollar"); s != s0 || b == b0 {
		t.Error("a contract's name belongs to the build, not to the filter")
	}
	if s, b := subject("http://127.0.0.1:8545", "http://127.0.0.1:8546"); s != s0 || b != b0 {
		t.Error("a URL belongs to neither")
	}
	if s, b := subject("start_block: 1", "start_block: 2"); s == s0 || b == b0 {
		t.Error("a start block belongs to both")
	}
}
