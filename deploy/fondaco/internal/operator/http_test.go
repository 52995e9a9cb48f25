package operator

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"fondaco.dev/proto/topology"
)

// serve answers every request with a status and a body.
func serve(t *testing.T, status int, body string) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	t.Cleanup(s.Close)
	return s
}

func TestStatusTable(t *testing.T) {
	t.Parallel()
	api := serve(t, http.StatusOK, `{"name":"fondaco","version":"1","status":"loading","networks":[
		{"name":"cspr","kind":"casper","head":3,"indexed":3,"finalized":3,"lag_blocks":0,"status":"ok","complete_from":null,"checked_to":null},
		{"name":"main","kind":"evm","head":1000,"indexed":90,"finalized":null,"lag_blocks":910,"status":"loading","complete_from":0,"checked_to":64,"assurance":"receipts","problem":"2 units could not be applied"},
		{"name":"side","kind":"evm","head":90,"indexed":90,"finalized":80,"lag_blocks":0,"status":"ok","complete_from":0,"checked_to":64,"assurance":"headers","holes":2}]}`)
	s, err := ReadStatus(t.Context(), api.URL+"/")
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	now := time.UnixMilli(1_800_000_000_000)
	told := Endpoints{"side": {SecondLook: &topology.SecondLook{
		CheckedTo: 64, Finalized: 80, Standing: "1 of 2 endpoints can be used", Since: now.Add(-5 * time.Minute).UnixMilli(), Unproven: 3,
	}}}
	if err := s.Print(&out, told, now); err != nil {
		t.Fatal(err)
	}
	want := `fondaco 1: loading, and not all of it is proved
network  kind    head  indexed  finalized  behind  status                                      complete from  checked to  assurance
cspr     casper  3     3        3          0       ok                                          -              -           -
main     evm     1000  90       -          910     loading                                     0              64          receipts
side     evm     90    90       80         0       ok, 2 holes, 3 unproven, checked_to stands  0              64          headers
main: 2 units could not be applied
side: 3 blocks have no logs although their bloom may hold some, and no endpoint served receipts to prove it (since the event-handler was started)
side: checked_to has stood at 64 for 5m0s, 80 is final: 1 of 2 endpoints can be used
`
	if out.String() != want {
		t.Errorf("printed\n%s\nwant\n%s", out.String(), want)
	}
}

func TestWaitingServicesAreNamed(t *testing.T) {
	t.Parallel()
	host := func(s *httptest.Server) string { return strings.TrimPrefix(s.URL, "http://") }
	gone := serve(t, http.StatusOK, "")
	gone.Close()
	admin := map[string]string{
		"api":           host(serve(t, http.StatusOK, `{"status":"ready"}`)),
		"event-handler": host(serve(t, http.StatusServiceUnavailable, `{"status":"not ready","waiting_for":{"network dev":"no endpoint","intake":"stopped"}}`)),
		"orderbook":     host(gone),
		"writer":        host(serve(t, http.StatusServiceUnavailable, `busy`)),
	}
	var out strings.Builder
	if err := PrintWaiting(t.Context(), &out, admin); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	want := []string{"event-handler waits: intake: stopped", "event-handler waits: network dev: no endpoint", "orderbook does not answer: ", "writer is not ready: busy"}
	if len(lines) != len(want) {
		t.Fatalf("printed\n%s", out.String())
	}
	for i := range want {
		if !strings.HasPrefix(lines[i], want[i]) {
			t.Errorf("line %d: %q, want %q", i, lines[i], want[i])
		}
	}
}
