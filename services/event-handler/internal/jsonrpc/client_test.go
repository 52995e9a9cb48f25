package jsonrpc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"fondaco.dev/services/event-handler/internal/jsonrpc"
)

func client(t *testing.T, h http.HandlerFunc, opts jsonrpc.Options) *jsonrpc.Client {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(func() { srv.CloseClientConnections(); srv.Close() })
	c, err := jsonrpc.New(srv.URL+"/v3/secret-key?token=secret", opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func answer(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestErrorsByClass(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		h     http.HandlerFunc
		class jsonrpc.Class
		says  string
	}{
		"html":         {answer(200, "<!doctype html>\n<html><title>Sign in</title></html>"), jsonrpc.ClassBadAnswer, "Sign in"},
		"html 502":     {answer(502, "<html>Bad gateway</html>"), jsonrpc.ClassServer, "status 502"},
		"empty":        {answer(200, ""), jsonrpc.ClassBadAnswer, "(empty)"},
		"truncated":    {answer(200, `{"jsonrpc":"2.0","id":1,"result":{"a":`), jsonrpc.ClassBadAnswer, "broken JSON"},
		"other JSON":   {answer(200, `{"message":"ok"}`), jsonrpc.ClassBadAnswer, "no JSON-RPC"},
		"other shape":  {answer(200, `{"jsonrpc":"2.0","id":1,"result":{"a":1}}`), jsonrpc.ClassBadAnswer, "another shape"},
		"401":          {answer(401, "who are you"), jsonrpc.ClassRefused, "401"},
		"429":          {answer(429, ""), jsonrpc.ClassRateLimited, "429"},
		"504":          {answer(504, "<html>"), jsonrpc.ClassTimeout, "504"},
		"413":          {answer(413, ""), jsonrpc.ClassTooMuch, "413"},
		"too large":    {answer(200, `{"jsonrpc":"2.0","id":1,"result":"`+strings.Repeat("x", 3000)+`"}`), jsonrpc.ClassTooMuch, "more than 2000 bytes"},
		"500 empty":    {answer(500, ""), jsonrpc.ClassServer, "status 500"},
		"503 result":   {answer(503, `{"jsonrpc":"2.0","id":1,"result":"x"}`), jsonrpc.ClassServer, "status 503"},
		"redirect":     {http.RedirectHandler("https://elsewhere.example/secret", http.StatusTemporaryRedirect).ServeHTTP, jsonrpc.ClassBadAnswer, "status 307"},
		"error in 500": {answer(500, `{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"block range is too wide"}}`), jsonrpc.ClassTooMuch, "too wide"},
		"error in 400": {answer(400, `{"jsonrpc":"2.0","id":null,"error":{"code":-32601,"message":"method not found"}}`), jsonrpc.ClassRPC, "method not found"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s string
			err := client(t, c.h, jsonrpc.Options{MaxBody: 2000}).Call(t.Context(), &s, "eth_x", nil)
			if jsonrpc.ClassOf(err) != c.class || !strings.Contains(fmt.Sprint(err), c.says) {
				t.Errorf("class %v: %v", jsonrpc.ClassOf(err), err)
			}
			if strings.Contains(fmt.Sprint(err), "secret") {
				t.Errorf("the error tells the URL: %v", err)
			}
		})
	}
}

func TestTransportErrorsDoNotTellTheURL(t *testing.T) {
	t.Parallel()
	c, err := jsonrpc.New("http://127.0.0.1:1/secret", jsonrpc.Options{})
	if err != nil {
		t.Fatal(err)
	}
	err = c.Call(t.Context(), nil, "eth_x", nil)
	if jsonrpc.ClassOf(err) != jsonrpc.ClassTransport || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
	if _, err := jsonrpc.New("ws://user:secret@host/secret", jsonrpc.Options{}); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
}

func TestTimeoutAndCancel(t *testing.T) {
	t.Parallel()
	block := func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then is the end of the connection noticed
		<-r.Context().Done()
	}
	c := client(t, block, jsonrpc.Options{Timeout: 50 * time.Millisecond})
	if err := c.Call(t.Context(), nil, "eth_x", nil); !jsonrpc.AskForLess(err) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Call(ctx, nil, "eth_x", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestBatchAnswers(t *testing.T) {
	t.Parallel()
	ask := func(t *testing.T, body string) (a, b string, calls []*jsonrpc.Call, err error) {
		calls = []*jsonrpc.Call{{Method: "eth_a", Result: &a}, {Method: "eth_b", Result: &b}}
		err = client(t, answer(200, body), jsonrpc.Options{}).Batch(t.Context(), calls)
		return
	}
	for name, c := range map[string]struct {
		body, a, b string
		class      jsonrpc.Class // of the exchange
	}{
		"any order":     {`[{"id":2,"result":"B"},{"id":1,"result":"A"}]`, "A", "B", 0},
		"null result":   {`[{"id":2,"result":null},{"id":1,"result":"A"}]`, "A", "", 0},
		"one left out":  {`[{"id":2,"result":"B"}]`, "", "", jsonrpc.ClassBadAnswer},
		"twice":         {`[{"id":2,"result":"B"},{"id":2,"result":"B"}]`, "", "", jsonrpc.ClassBadAnswer},
		"id of nobody":  {`[{"id":7,"result":"B"},{"id":1,"result":"A"}]`, "", "", jsonrpc.ClassBadAnswer},
		"rate limited":  {`{"error":{"code":429,"message":"too many requests"}}`, "", "", jsonrpc.ClassRateLimited},
		"error for all": {`[{"id":null,"error":{"code":-32005,"message":"limit exceeded"}}]`, "", "", jsonrpc.ClassTooMuch},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b, _, err := ask(t, c.body)
			if jsonrpc.ClassOf(err) != c.class || c.class == 0 && (err != nil || a != c.a || b != c.b) {
				t.Errorf("a %q, b %q, %v", a, b, err)
			}
		})
	}
	a, _, calls, err := ask(t, `[{"id":1,"result":"A"},{"id":2,"error":{"code":-32000,"message":"no"}}]`)
	if err != nil || a != "A" || calls[0].Err != nil || jsonrpc.ClassOf(calls[1].Err) != jsonrpc.ClassRPC || jsonrpc.First(calls) != calls[1].Err {
		t.Errorf("%v, %v", err, calls[1].Err)
	}
}

func TestBatchIsSplit(t *testing.T) {
	t.Parallel()
	requests := 0
	c := client(t, func(w http.ResponseWriter, r *http.Request) {
		requests++
		body, _ := io.ReadAll(r.Body)
		n := strings.Count(string(body), `"method"`)
		var out []string
		for i := range n {
			out = append(out, fmt.Sprintf(`{"id":%d,"result":"x"}`, i+1))
		}
		_, _ = fmt.Fprintf(w, "[%s]", strings.Join(out, ","))
	}, jsonrpc.Options{MaxBatch: 10})
	calls := make([]*jsonrpc.Call, 25)
	results := make([]string, len(calls))
	for i := range calls {
		calls[i] = &jsonrpc.Call{Method: "eth_a", Result: &results[i]}
	}
	if err := c.Batch(t.Context(), calls); err != nil || jsonrpc.First(calls) != nil {
		t.Fatal(err)
	}
	if requests != 3 || results[24] != "x" {
		t.Errorf("%d requests", requests)
	}
}
