package fault

import (
	"encoding/json"
	"net/http"
	"time"
)

// rateLimit refuses k requests of every 2k.
func rateLimit(a *active, x *exchange, next func() []byte) []byte {
	if a.times("request")/a.p.K%2 == 0 {
		return next()
	}
	a.act()
	x.w.Header().Set("Retry-After", "0")
	x.w.WriteHeader(http.StatusTooManyRequests)
	_, _ = x.w.Write([]byte(`{"jsonrpc":"2.0","id":null,"error":{"code":429,"message":"Your app has exceeded its compute units per second capacity."}}`))
	return nil
}

func serverError(a *active, x *exchange, next func() []byte) []byte {
	if !a.chance() {
		return next()
	}
	a.act()
	x.w.WriteHeader([]int{http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable}[a.below(3)])
	_, _ = x.w.Write([]byte("upstream connect error"))
	return nil
}

// slowLoris sends a byte, waits, sends a byte, until the client has had enough.
func slowLoris(a *active, x *exchange, next func() []byte) []byte {
	if !a.chance() {
		return next()
	}
	a.act()
	flush, _ := x.w.(http.Flusher)
	tick := time.NewTicker(a.p.Pause)
	defer tick.Stop()
	for _, c := range next() {
		if _, err := x.w.Write([]byte{c}); err != nil {
			return nil
		}
		if flush != nil {
			flush.Flush()
		}
		select {
		case <-x.r.Context().Done():
			return nil
		case <-tick.C:
		}
	}
	return nil
}

func truncatedJSON(a *active, _ *exchange, next func() []byte) []byte {
	out := next()
	if len(out) < 2 || !a.chance() {
		return out
	}
	a.act()
	return out[:1+a.below(len(out)-1)]
}

func html200(a *active, x *exchange, next func() []byte) []byte {
	if !a.chance() {
		return next()
	}
	a.act()
	x.w.Header().Set("Content-Type", "text/html")
	_, _ = x.w.Write([]byte("<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>Checking your browser</body></html>"))
	return nil
}

// batchHoles: a balancer that splits a batch loses some of its parts.
func batchHoles(a *active, _ *exchange, next func() []byte) []byte {
	out := next()
	var batch []json.RawMessage
	if json.Unmarshal(out, &batch) != nil || len(batch) == 0 || !a.chance() {
		return out
	}
	a.act()
	i := a.below(len(batch))
	text, _ := json.Marshal(append(batch[:i:i], batch[i+1:]...))
	return text
}

func silentSocket(*active, int, int) bool { return false }

func droppedHeads(a *active, socket, nth int) bool { return nth >= a.p.K }
