package api_test

import (
	"bytes"
	"flag"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/coder/websocket"

	identityv1 "fondaco.dev/proto/identity/v1"
	"fondaco.dev/services/api/internal/apitest"
	"fondaco.dev/services/api/internal/feed"
	"fondaco.dev/services/api/internal/socket"
	"fondaco.dev/services/api/internal/spec"
)

var update = flag.Bool("update", false, "write testdata anew")

// TestPolicyMatrix asks every route and channel as every role and compares who
// may with testdata/policies.golden; a change of it is a change of what
// somebody may do.
func TestPolicyMatrix(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	for _, name := range []string{"FONDACO_LIMIT_READS", "FONDACO_LIMIT_ADDRESS_READS", "FONDACO_LIMIT_SOCKETS"} {
		a.env[name] = "0" // a thousand requests of one address
	}
	apitest.NewChain(t, a.db, "dev").Blocks(t, 2, 1)
	apitest.NewCasper(t, a.db, "casper-test").Block(t, 1)
	startEngine(t, a)
	roles := []identityv1.Role{identityv1.Role_ROLE_READER, identityv1.Role_ROLE_TRADER, identityv1.Role_ROLE_OPERATOR, identityv1.Role_ROLE_AUDITOR, identityv1.Role_ROLE_ADMIN}
	callers := []string{"nobody"}
	for i, r := range roles {
		a.db.Account(t, uint64(20+i), int(r), r.Name()+"-of-the-matrix")
		callers = append(callers, r.Name())
	}
	a.start()
	a.ready()
	var out bytes.Buffer
	fmt.Fprintf(&out, "%-66s %-9s", "# who may: + yes, 401 who are you, 403 not you", "policy")
	for _, c := range callers {
		fmt.Fprintf(&out, " %-8s", c)
	}
	row := func(name, policy string, ask func(header []string) string) {
		fmt.Fprintf(&out, "\n%-66s %-9s", name, policy)
		for _, c := range callers {
			var header []string
			if c != "nobody" {
				header = bearer(c + "-of-the-matrix")
			}
			fmt.Fprintf(&out, " %-8s", ask(header))
		}
	}
	s, err := apitest.Spec()
	if err != nil {
		t.Fatal(err)
	}
	for _, op := range s.Operations {
		for _, method := range op.Methods() {
			row(method+" "+op.Path, string(op.Policy), func(header []string) string { return a.mayAsk(method, op, header) })
		}
	}
	for _, c := range socketRows(t) {
		row(c.name, c.policy, func(header []string) string { return a.maySay(c.message, header) })
	}
	lines := strings.Split(out.String(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	got := strings.Join(lines, "\n") + "\n"
	const path = "testdata/policies.golden"
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("who may do what has changed; if that is meant: go test . -run TestPolicyMatrix -update\n%s", differing(got, string(want)))
	}
}

// mayAsk asks one route; what it answers beside 401 and 403 is its own matter.
func (a *app) mayAsk(method string, op *spec.Operation, header []string) string {
	a.t.Helper()
	network := "dev"
	if strings.HasPrefix(op.Path, "/casper/") {
		network = "casper-test"
	}
	path := strings.NewReplacer("{network}", network, "{symbol}", "WINE18-USD", "{block}", "1", "{id}", "1", "{cid}", "c", "{ref}", "1", "{key}", "01", "{account}", "aa",
		"{hash}", apitest.Hash("block1")).Replace(op.Path)
	if strings.Contains(path, "{") {
		a.t.Fatalf("%s has a parameter that this test does not know", path)
	}
	body := ""
	if op.Spec.RequestBody != nil {
		body = "{}"
	}
	code, text, _ := a.do(method, path, body, header...)
	switch {
	case code == http.StatusUnauthorized:
		return "401"
	case code == http.StatusForbidden && (method == http.MethodHead || strings.Contains(text, `"code":"forbidden"`)):
		return "403" // the order book has refusals of its own
	case code == http.StatusTooManyRequests, code >= 500:
		a.t.Errorf("%s %s: %d %s", method, path, code, text)
	}
	return "+"
}

// said is something that a client says on a socket.
type said struct{ name, policy, message string }

func socketRows(t *testing.T) (out []said) {
	t.Helper()
	for channel, policy := range socket.Channels() {
		message := `{"op":"subscribe","id":1,"channel":"` + channel + `"`
		switch channel {
		case feed.Blocks, feed.Events, "heads":
			message += `,"network":"dev"`
		case feed.Deploys:
			message += `,"network":"casper-test"`
		case feed.Candles:
			message += `,"symbol":"WINE18-USD","filter":{"interval":"1m"}`
		case feed.Orders, "status":
		default:
			message += `,"symbol":"WINE18-USD"`
		}
		out = append(out, said{"socket subscribe " + channel, string(policy), message + "}"})
	}
	slices.SortFunc(out, func(a, b said) int { return strings.Compare(a.name, b.name) })
	for _, op := range []string{"place", "cancel", "amend", "replace", "pair", "batch", "cancel_all"} {
		data := "{}"
		if op == "batch" {
			data = "[{}]"
		}
		out = append(out, said{"socket order." + op, "trader", `{"op":"order.` + op + `","id":1,"data":` + data + `}`})
	}
	return append(out, said{"socket keep_alive", "trader", `{"op":"keep_alive","id":1,"data":{}}`})
}

// maySay says one thing on a socket of its own.
func (a *app) maySay(message string, header []string) string {
	a.t.Helper()
	s := a.dial("/v1/ws", header...)
	defer func() { _ = s.c.Close(websocket.StatusNormalClosure, "") }()
	s.send(message)
	switch f := s.next(); {
	case f.Op == "error" && f.Code == "unauthorized":
		return "401"
	case f.Op == "error" && f.Code == "forbidden":
		return "403"
	case f.Op == "error" && f.Code != "bad_parameter":
		a.t.Errorf("%s: %+v", message, f)
	}
	return "+"
}

// differing are the lines that one text has and the other has not.
func differing(got, want string) string {
	var out []string
	for _, l := range strings.Split(want, "\n") {
		if !slices.Contains(strings.Split(got, "\n"), l) {
			out = append(out, "- "+l)
		}
	}
	for _, l := range strings.Split(got, "\n") {
		if !slices.Contains(strings.Split(want, "\n"), l) {
			out = append(out, "+ "+l)
		}
	}
	return strings.Join(out, "\n")
}
