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
		}, Streams: []topology.StreamStatus{
			{Name: "wss://a", Kind: topology.StreamWS, State: topology.StreamSilent, Since: now.Add(-40 * time.Second).UnixMilli(), Error: "no head for 36s",
				ErrorAt: now.Add(-4 * time.Second).UnixMilli()},
		}, SecondLook: &topology.SecondLook{CheckedTo: 50, Finalized: 90, Standing: "1 of 2 endpoints can be used", Since: now.Add(-3 * time.Minute).UnixMilli()}},
		"cspr": {At: now.UnixMilli(), Streams: []topology.StreamStatus{
			{Name: "https://n/events", Kind: topology.StreamSSE, State: topology.StreamUp, Since: now.Add(-time.Hour).UnixMilli(), LastID: new(uint64(29)),
				APIVersion: "2.0.0", Head: new(uint64(9)), Lag: new(uint64(0))},
			{Name: "https://n", Kind: topology.StreamRPC, State: topology.StreamUnknown},
		}},
		"dev": {At: now.Add(-time.Minute).UnixMilli()},
	}
	var out strings.Builder
	if err := e.Print(&out, now); err != nil {
		t.Fatal(err)
	}
	want := `cspr
  stream            kind  state    for     last id  version  head  behind  last error
  https://n/events  sse   up       1h0m0s  29       2.0.0    9     0       -
  https://n         rpc   unknown  -       -        -        -     -       -

dev (as of 1m0s ago)
  endpoint  state  latency  head  finalized  serves from  window  calls  errors  last error

main
  endpoint     state    latency  head  finalized  serves from  window  calls  errors  last error
* https://a    healthy  12.3 ms  100   90         0            500     7      0       -
  https://a#2  pruned   -        99    -          50           -       0      1       3s ago: answered status 503
  stream   kind  state   for  last id  version  head  behind  last error
  wss://a  ws    silent  40s  -        -        -     -       4s ago: no head for 36s
  checked_to has stood at 50 for 3m0s, 90 is final: 1 of 2 endpoints can be used
`
	if out.String() != want {
		t.Errorf("printed\n%s\nwant\n%s", out.String(), want)
	}
	out.Reset()
	if err := (Endpoints{}).Print(&out, now); err != nil || !strings.Contains(out.String(), "no event-handler") {
		t.Errorf("%q, %v", out.String(), err)
	}
}
