package operator

import (
	"strings"
	"testing"
	"time"

	"fondaco.dev/proto/topology"
)

func TestEndpointsTable(t *testing.T) {
	t.Parallel()
	now := time.UnixMilli(1_800_000_000_000)
	e := Endpoints{
		"main": {At: now.UnixMilli(), Endpoints: []topology.EndpointStatus{
			{Name: "https://a", State: topology.EndpointHealthy, Current: true, Latency: 12.34, Head: 100, Finalized: 90, Window: 500, Calls: 7},
			{Name: "https://a#2", State: topology.EndpointPruned, Head: 99, Lowest: 50, Error: "https://a answered status 503", ErrorAt: now.Add(-3 * time.Second).UnixMilli(), Errors: 1},
		}},
		"dev": {At: now.Add(-time.Minute).UnixMilli()},
	}
	var out strings.Builder
	if err := e.Print(&out, now); err != nil {
		t.Fatal(err)
	}
	want := `dev (as of 1m0s ago)
  endpoint  state  latency  head  finalized  serves from  window  calls  errors  last error

main
  endpoint     state    latency  head  finalized  serves from  window  calls  errors  last error
* https://a    healthy  12.3 ms  100   90         0            500     7      0       -
  https://a#2  pruned   -        99    -          50           -       0      1       3s ago: answered status 503
`
	if out.String() != want {
		t.Errorf("printed\n%s\nwant\n%s", out.String(), want)
	}
	out.Reset()
	if err := (Endpoints{}).Print(&out, now); err != nil || !strings.Contains(out.String(), "no event-handler") {
		t.Errorf("%q, %v", out.String(), err)
	}
}
