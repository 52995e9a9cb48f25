package config_test

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"fondaco.dev/proto/config"
)

// contracts wraps a list of contracts in a configuration whose folder has files
// of ABIs, and parses it.
func contracts(t *testing.T, list string) (*config.File, error) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"ERC20.json": erc20, "anonymous.json": anonymous,
		"factory.json": `[{"type":"event","name":"Created","inputs":[{"name":"pool","type":"address","indexed":true},{"name":"n","type":"uint256"}]},
			{"type":"event","name":"Made","inputs":[{"name":"pool","type":"address"}]},{"type":"event","name":"Made","inputs":[{"name":"pool","type":"address"},{"name":"n","type":"uint256"}]},
			{"type":"event","name":"Quiet","anonymous":true,"inputs":[{"name":"pool","type":"address"}]}]`,
		"v1.json":    `[{"type":"event","name":"Set","inputs":[{"name":"key","type":"string","indexed":true},{"name":"value","type":"uint256"}]}]`,
		"v2.json":    `[{"type":"event","name":"Set","inputs":[{"name":"key","type":"string","indexed":true},{"name":"amount","type":"uint256"}]},{"type":"event","name":"New","inputs":[]}]`,
		"fixed.json": `[{"type":"event","name":"Rate","inputs":[{"name":"r","type":"fixed128x18"}]}]`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text := "networks:\n  - name: dev\n    kind: evm\n    chain_id: 1337\n    rpc: [\"http://127.0.0.1:8545\"]\n    start_block: 0\n    contracts:\n"
	for line := range strings.Lines(strings.TrimSpace(list) + "\n") {
		text += "      " + line
	}
	return config.Parse([]byte(text), filepath.Join(dir, "fondaco.yaml"))
}

func network(t *testing.T, list string) *config.Network {
	t.Helper()
	f, err := contracts(t, list)
	if err != nil {
		t.Fatal(err)
	}
	return &f.Networks[0]
}

const (
	usd     = "0x5b38da6a701c568545dcfcb03fcb875f56beddc4"
	factory = "0x00000000000000000000000000000000000000fa"
)

func TestABIVersions(t *testing.T) {
	t.Parallel()
	n := network(t, `
- name: c
  address: "`+usd+`"
  abi: [{file: v1.json, to: 99}, {file: v2.json, from: 100}, ERC20.json]
  events: [Set, Transfer]`)
	c := n.Contracts[0]
	if len(c.ABIs) != 3 || c.ABIs[0].To != 99 || c.ABIs[1].From != 100 || c.ABIs[1].To != config.Open || c.ABIs[2].From != 0 || c.ABIs[2].To != config.Open {
		t.Fatalf("%+v", c.ABIs)
	}
	if !c.ABIs[0].At(99) || c.ABIs[0].At(100) || c.ABIs[1].At(99) || !c.ABIs[1].At(100) {
		t.Error("bounds are inclusive")
	}
	// One Set for both versions: the node is asked for topics.
	if ev := c.Events(); len(ev) != 2 || ev[0].RawName != "Set" || ev[1].RawName != "Transfer" {
		t.Errorf("%v", ev)
	}
}

func TestFactoryIsFound(t *testing.T) {
	t.Parallel()
	for _, list := range []string{
		`- {name: pool, abi: v1.json, factory: {address: "` + factory + `", event: Created, arg: pool, abi: factory.json}}`,
		`- {name: pool, abi: [v1.json, factory.json], events: [Set], factory: {address: "` + factory + `", event: Created, arg: pool}}`,
		`- {name: pool, abi: v1.json, factory: {address: "` + factory + `", event: "Created(address,uint256)", arg: pool, abi: factory.json}}`,
	} {
		c := network(t, list).Contracts[0]
		if c.Factory == nil || c.Factory.Event.Sig != "Created(address,uint256)" || c.Factory.Arg != 0 || !c.Wild() || c.Any || c.Origin() != common.HexToAddress(factory) {
			t.Fatalf("%s: %+v", list, c.Factory)
		}
		if len(c.Events()) != 1 {
			t.Errorf("the factory's event is no event of the children: %v", c.Events())
		}
		child := common.HexToAddress("0xc1")
		topics := [][]byte{c.Factory.Event.ID[:], common.LeftPadBytes(child[:], 32)}
		if got, ok := c.Factory.Child(topics, make([]byte, 32)); !ok || got != child {
			t.Errorf("child %s %t", got, ok)
		}
		if _, ok := c.Factory.Child(topics, nil); ok {
			t.Error("a log without data names nobody")
		}
		if _, ok := c.Factory.Child(topics[:1], make([]byte, 32)); ok {
			t.Error("a log with a topic too few names nobody")
		}
	}
}

func TestProblemsOfContracts(t *testing.T) {
	t.Parallel()
	const c = `- {name: c, address: "` + usd + `", abi: v1.json, `
	const fac = `- {name: pool, abi: [v1.json, factory.json], events: [Set], factory: {address: "` + factory + `", `
	for text, want := range map[string]string{
		`- {name: c, address: "` + usd + `", abi: []}`:                                "contracts[0].abi: must be the path of a file, or a list",
		`- {name: c, address: "` + usd + `", abi: [{file: v1.json, from: 9, to: 8}]}`: ":8: networks[0].contracts[0].abi[0].to: 8 is below from, 9",
		`- {name: c, address: "` + usd + `", abi: [{from: 9}]}`:                       "abi[0].file: is required",
		`- {name: c, address: "` + usd + `", abi: [{file: v1.json, until: 9}]}`:       "abi[0].until: unknown key",
		`- {name: c, address: "` + usd + `", abi: fixed.json}`:                        `no compiler emits fixed-point numbers`,
		`- {name: c, abi: v1.json}`:                                                   "contracts[0].address: is required",
		fac + `event: Created, arg: pool}, address: "*"}`:                             "either an address or a factory",
		fac + `event: Nothing, arg: pool}}`:                                           `has an event "Nothing"`,
		fac + `event: Made, arg: pool}}`:                                              `"Made" is overloaded: write its signature`,
		fac + `event: Quiet, arg: pool}}`:                                             "Quiet(address) is anonymous",
		fac + `event: Created, arg: n}}`:                                              `"n" is of type uint256, not address`,
		fac + `event: Created, arg: x}}`:                                              `has no argument "x"`,
		`- {name: pool, abi: anonymous.json, factory: {address: "` + factory + `", event: Created, arg: pool, abi: factory.json}}`: "Note is anonymous, and a node cannot be asked for it of a factory's children",
		c + `reads: [{call: "f()", to: self, returns: [bool]}]}`:                                                                   "reads[0].name: is required",
		c + `reads: [{name: r, call: "f(", to: self, returns: [bool]}]}`:                                                           "is no signature such as",
		c + `reads: [{name: r, call: "f()", returns: [bool]}]}`:                                                                    `reads[0].to: is required`,
		c + `reads: [{name: r, call: "f()", to: self}]}`:                                                                           "reads[0].returns: is required",
		c + `reads: [{name: r, call: "f()", to: self, returns: [fixed]}]}`:                                                         "unsupported arg type",
		c + `reads: [{name: r, call: "f(uint256)", to: self, returns: [bool]}]}`:                                                   "takes 1 arguments, not 0",
		c + `reads: [{name: r, call: "f(uint8)", args: [256], to: self, returns: [bool]}]}`:                                        `args[0]: "256" is no uint8`,
		c + `reads: [{name: r, call: "f(uint256)", args: [$amount], to: self, returns: [bool]}]}`:                                  `has no argument "amount"`,
		c + `reads: [{name: r, call: "f(uint8)", args: [$value], to: self, returns: [bool]}]}`:                                     "is of type uint256, f(uint8) wants uint8",
		c + `reads: [{name: r, call: "f(string)", args: [$key], to: self, returns: [bool]}]}`:                                      `holds only the hash of "key"`,
		c + `reads: [{name: r, call: "f()", to: self, returns: [bool], on: [Gone]}]}`:                                              `on: "Gone" is no event`,
		c + `reads: [{name: r, call: "f()", to: self, returns: [bool]}, {name: r, call: "g()", to: self, returns: [bool]}]}`:       `"r" is used twice`,
		c + `reads: [{name: r, call: "f()", to: self, returns: [bool]}]}
- {name: any, address: "*", abi: v1.json, reads: [{name: r, call: "g()", to: self, returns: [bool]}]}`: `c and any may read "r" of one log in two ways`,
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			_, err := contracts(t, text)
			if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "fondaco.yaml:") {
				t.Errorf("%s\ngot %v\nwant it to hold %q", text, err, want)
			}
		})
	}
}

func TestCallsOfALog(t *testing.T) {
	t.Parallel()
	n := network(t, `
- name: c
  address: "`+usd+`"
  abi: ERC20.json
  start_block: 5
  reads:
    - {name: supply, call: "totalSupply()", to: self, returns: [uint256], on: [Transfer]}
    - {name: balance, call: "balanceOf(address)", args: [$to], to: self, returns: [uint256], on: [Transfer]}
    - {name: quote, call: "quote(uint, uint8, int16[2], bytes2, bool, string)", args: [$value, 7, [-1, "0x10"], "0xabcd", true, hi], to: "`+factory+`", returns: [uint, "(bool,address)[]"]}
- {name: none, address: "0x0000000000000000000000000000000000000001", abi: ERC20.json}`)
	r := config.NewReader(n.Contracts)
	transfer, approval := crypto.Keccak256([]byte("Transfer(address,address,uint256)")), crypto.Keccak256([]byte("Approval(address,address,uint256)"))
	to := common.HexToAddress("0xbeef")
	topics := func(first []byte) [][]byte {
		return [][]byte{first, make([]byte, 32), common.LeftPadBytes(to[:], 32)}
	}
	value := common.LeftPadBytes([]byte{9}, 32)
	at := common.HexToAddress(usd)
	calls := r.Calls(at, topics(transfer), value, 5)
	if len(calls) != 3 {
		t.Fatalf("%+v", calls)
	}
	if calls[0].Name != "supply" || calls[0].To != at || hex.EncodeToString(calls[0].Data) != "18160ddd" {
		t.Errorf("supply %+v", calls[0])
	}
	if want := "70a08231" + strings.Repeat("0", 24) + strings.TrimPrefix(strings.ToLower(to.Hex()), "0x"); hex.EncodeToString(calls[1].Data) != want {
		t.Errorf("balance %x, want %s", calls[1].Data, want)
	}
	quote := crypto.Keccak256([]byte("quote(uint256,uint8,int16[2],bytes2,bool,string)"))[:4]
	if calls[2].To != common.HexToAddress(factory) || !bytes.HasPrefix(calls[2].Data, append(quote, value...)) {
		t.Errorf("quote %x", calls[2].Data)
	}
	if got := r.Calls(at, topics(approval), value, 5); len(got) != 1 || got[0].Name != "quote" {
		t.Errorf("of an Approval: %+v", got)
	}
	if got := r.Calls(at, topics(transfer), value[:31], 5); len(got) != 3 || got[0].Error != "" || got[1].Error == "" || got[1].Data != nil {
		t.Errorf("of a log that cannot be decoded: %+v", got)
	}
	for _, got := range [][]config.Call{r.Calls(at, topics(transfer), value, 4), r.Calls(to, topics(transfer), value, 5), r.Calls(at, nil, nil, 5), r.Calls(at, topics(transfer)[:2], value, 5)} {
		if len(got) != 0 {
			t.Errorf("not of this contract: %+v", got)
		}
	}
	if config.NewReader(n.Contracts[1:]) != nil {
		t.Error("no reads, no reader")
	}
}

// TestWhatIsFetchedIsInTheFilter: names, ABI ranges and types of answers belong
// to the build alone.
func TestWhatIsFetchedIsInTheFilter(t *testing.T) {
	t.Parallel()
	const base = `
- name: c
  address: "` + usd + `"
  abi: [{file: v1.json, to: 99}]
  events: [Set]
  reads: [{name: r, call: "f(uint256)", args: [7], to: self, returns: [bool], on: [Set]}]
- {name: pool, abi: v1.json, factory: {address: "` + factory + `", event: Created, arg: pool, abi: factory.json}}`
	hashes := func(from, to string) (string, string) {
		text := strings.Replace(base, from, to, 1)
		if from != "" && text == base {
			t.Fatalf("%q is not in the text", from)
		}
		f, err := contracts(t, text)
		if err != nil {
			t.Fatal(err)
		}
		return f.Networks[0].Filter(), f.Build(1)
	}
	filter, build := hashes("", "")
	for _, c := range []struct {
		from, to string
		fetched  bool
	}{
		{"name: c", "name: d", false},
		{"to: 99", "to: 98", false},
		{"{file: v1.json, to: 99}", "{file: v2.json, to: 99}", false}, // the same topics
		{"returns: [bool]", "returns: [uint8]", false},
		{"args: [7]", "args: [8]", true},
		{"f(uint256)", "g(uint256)", true},
		{"to: self", `to: "` + factory + `"`, true},
		{", on: [Set]", "", true},
		{factory, "0x00000000000000000000000000000000000000fb", true},
		{"event: Created", `event: "Made(address)"`, true},
		{"events: [Set]", "start_block: 3", true},
	} {
		f, b := hashes(c.from, c.to)
		if (f != filter) != c.fetched || b == build {
			t.Errorf("%q -> %q: filter changed %t, build changed %t", c.from, c.to, f != filter, b != build)
		}
	}
}
