package apitest

import (
	"net/http"
	"testing"
)

// TestConformSeesWhatIsWrong: what the service tests lean on can fail.
func TestConformSeesWhatIsWrong(t *testing.T) {
	t.Parallel()
	s, err := Spec()
	if err != nil {
		t.Fatal(err)
	}
	const good = `{"data":[{"asset":"USD","available":"1.00","reserved":"0.00"}],"next":null,"more":false}`
	for _, c := range []struct {
		method, path, kind, body string
		status                   int
		ok                       bool
	}{
		{"GET", "/v1/balances", "application/json; charset=utf-8", good, 200, true},
		{"GET", "/v1/balances", "application/json", `{"data":[{"asset":"USD","available":"1.00","reserved":"0.00","owner":"x"}],"next":null,"more":false}`, 200, false},
		{"GET", "/v1/balances", "application/json", `{"data":[{"asset":"USD","available":"1.00"}],"next":null,"more":false}`, 200, false},
		{"GET", "/v1/balances", "application/json", `{"data":[{"asset":"USD","available":1.5,"reserved":"0.00"}],"next":null,"more":false}`, 200, false},
		{"GET", "/v1/balances", "application/json", good, 203, false},
		{"GET", "/v1/balances", "text/html", good, 200, false},
		{"GET", "/v1/balances", "application/problem+json", `{"type":"about:blank","title":"x","status":403,"code":"forbidden"}`, 403, true},
		{"GET", "/v1/balances", "application/problem+json", `{"type":"about:blank","title":"x","status":403,"code":"because"}`, 403, false},
		{"GET", "/v1/orders/by-client-id/batch", "application/json", good, 200, false},
		{"HEAD", "/v1/balances", "application/json", ``, 200, true},
		{"GET", "/nowhere", "text/plain", `Bad Request`, 400, true},
		{"GET", "/block/aa", "text/plain; charset=UTF-8", `Block not found.`, 404, true},
	} {
		if err := conform(s, c.method, c.path, c.status, http.Header{"Content-Type": {c.kind}}, []byte(c.body)); (err == nil) != c.ok {
			t.Errorf("%s %s %d %s: %v", c.method, c.path, c.status, c.body, err)
		}
	}
}
