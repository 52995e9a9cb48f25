package jsonrpc

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestKeysAreHidden: what a node or a proxy quotes of the URL is not repeated in
// errors, which go to logs, /readyz and the status bucket.
func TestKeysAreHidden(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(w http.ResponseWriter, r *http.Request){
		"404 with the path": func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusNotFound)
			_, _ = fmt.Fprintf(w, "%s Cannot POST %s", strings.Repeat("x", 95), r.URL)
		},
		"401 with the key": func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = fmt.Fprint(w, "invalid API key 0123456789abcdef or token s3cret/token")
		},
		"an error object": func(w http.ResponseWriter, r *http.Request) {
			_, _ = fmt.Fprintf(w, `{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"project 0123456789abcdef: %s"}}`, r.URL.RawQuery)
		},
		"no JSON": func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprintf(w, "<p>%s</p>", r.URL.Path) },
	} {
		srv := httptest.NewServer(http.HandlerFunc(answer))
		c, err := New(srv.URL+"/v3/0123456789abcdef?token=s3cret%2Ftoken", Options{})
		if err != nil {
			t.Fatal(err)
		}
		var result string
		err = c.Call(t.Context(), &result, "eth_chainId", nil)
		srv.Close()
		var e *Error
		if !errors.As(err, &e) {
			t.Fatalf("%s: %v", name, err)
		}
		for _, secret := range []string{"0123456789", "s3cret"} {
			if strings.Contains(e.Error(), secret) || strings.Contains(e.Text, secret) {
				t.Errorf("%s: %v (%s)", name, err, e.Text)
			}
		}
	}
}
