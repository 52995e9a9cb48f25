package sim

import (
	"bytes"
	"net/http"

	"fondaco.dev/services/devnet/fault"
	handler "fondaco.dev/services/event-handler/core"
)

// endpoint is a switchboard that is reached without a network.
func endpoint(b *fault.Board) handler.Endpoint {
	return func(body []byte) (int, []byte) {
		r, err := http.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
		if err != nil {
			panic(err) // the URL is the one above
		}
		r.Header.Set("Content-Type", "application/json")
		w := &answer{header: http.Header{}, code: http.StatusOK}
		b.ServeHTTP(w, r)
		return w.code, w.body.Bytes()
	}
}

// answer collects what a handler writes.
type answer struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(code int)        { a.code = code }
func (a *answer) Write(p []byte) (int, error) { return a.body.Write(p) }
