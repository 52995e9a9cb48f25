package apitest

import (
	"maps"
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
		if err := conform(s, c.method, c.path, c.status, http.Header{"Content-Type": {c.kind}, "X-Request-Id": {"a"}}, []byte(c.body)); (err == nil) != c.ok {
			t.Errorf("%s %s %d %s: %v", c.method, c.path, c.status, c.body, err)
		}
	}
	for _, c := range []struct {
		path   string
		status int
		header http.Header
		ok     bool
	}{
		{"/v1/balances", 200, http.Header{}, true},
		{"/v1/balances", 200, http.Header{"X-Request-Id": nil}, false},
		{"/v1/balances", 200, http.Header{"X-Request-Id": {"a b"}}, false},
		{"/v1/balances", 200, http.Header{"X-Request-Id": {"a", "b"}}, false},
		{"/v1/balances", 200, http.Header{"Ratelimit": {`"read";r=9;t=1`}, "Vary": {"Accept"}}, true},
		{"/v1/balances", 200, http.Header{"Retry-After": {"1"}}, false},
		{"/v1/balances", 200, http.Header{"X-Powered-By": {"us"}}, false},
		{"/v1/networks/dev/blocks", 304, http.Header{"Etag": {`"f1"`}, "Cache-Control": {"no-cache"}}, true},
		{"/v1/networks/dev/blocks", 304, http.Header{"Etag": {`f1`}}, false},
		{"/v1/networks/dev/blocks", 304, http.Header{"Cache-Control": {"private"}}, false},
		{"/v1/balances", 429, http.Header{"Retry-After": {"2"}}, true},
		{"/v1/balances", 429, http.Header{"Retry-After": {"soon"}}, false},
		{"/v1/balances", 429, http.Header{"Retry-After": {"0"}}, false},
	} {
		header, kind, body := http.Header{"X-Request-Id": {"a"}}, "application/problem+json", `{"type":"about:blank","title":"x","status":429,"code":"rate_limited"}`
		if c.status == 200 {
			kind, body = "application/json", good
		}
		header.Set("Content-Type", kind)
		maps.Copy(header, c.header)
		if err := conform(s, "GET", c.path, c.status, header, []byte(body)); (err == nil) != c.ok {
			t.Errorf("%s %d with %v: %v", c.path, c.status, c.header, err)
		}
	}
}
