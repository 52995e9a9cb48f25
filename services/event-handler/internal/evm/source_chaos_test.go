package evm_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"

	"fondaco.dev/services/event-handler/internal/fakenode"
	"fondaco.dev/services/event-handler/internal/memlog"
)

// TestEndpointsInTurmoil: three endpoints of one chain that fail, stand still and
// come back at random, while the chain grows, reorganises and takes back what
// was final. What is stored is the chain.
func TestEndpointsInTurmoil(t *testing.T) {
	t.Parallel()
	faults := []func(http.ResponseWriter, []byte) bool{
		nil, nil, nil, down,
		func(w http.ResponseWriter, _ []byte) bool {
			_, _ = w.Write([]byte("<html>maintenance</html>"))
			return true
		},
		func(w http.ResponseWriter, _ []byte) bool {
			_, _ = w.Write([]byte(`[{"jsonrpc":"2.0","id":1,"res`))
			return true
		},
		func(w http.ResponseWriter, _ []byte) bool { w.WriteHeader(http.StatusTooManyRequests); return true },
		func(w http.ResponseWriter, _ []byte) bool { panic(http.ErrAbortHandler) },
	}
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			rnd := rand.New(rand.NewPCG(seed, 3))
			c := fakenode.NewChain(1, 1)
			grow(c, 80)
			c.Finalize(60)
			var servers []*fakenode.Server
			var handlers []http.Handler
			for range 3 {
				servers = append(servers, fakenode.NewServer(c))
				handlers = append(handlers, servers[len(servers)-1])
			}
			log := &memlog.Log{}
			s, _ := runSource(t, log, 1, handlers...)
			final, deep := uint64(60), 0
			for round := range 20 {
				for _, server := range servers {
					fault := faults[rnd.IntN(len(faults))]
					view := c
					if rnd.IntN(4) == 0 {
						view = copyOf(c, final) // it stands still from now on
					}
					server.Lock()
					server.Fault, server.Chain = fault, view
					server.Unlock()
				}
				head := c.Head().Number()
				switch rnd.IntN(4) {
				case 0:
					c.Fork(max(final, head-min(head, 1+rnd.Uint64N(8))))
				case 1:
					final = max(final, head-rnd.Uint64N(5))
					c.Finalize(final)
				}
				grow(c, 1+rnd.IntN(20))
				if round%7 == 6 {
					for _, server := range servers {
						server.Lock()
						server.Fault, server.Chain = nil, c
						server.Unlock()
					}
					published(t, log, s, c)
					stored(t, log, c, deep)
					if round == 13 && s.Follower.State().NodeFinalized > 0 {
						// The finalized height that we hold is not above the node's.
						eventually(t, "finality is known", func() bool { r := resume(t, log); return r.GetFinalized() == final })
						final -= 20
						c.Fork(final)
						c.Finalize(final)
						grow(c, 40)
						deep++
						published(t, log, s, c)
						stored(t, log, c, deep)
					}
				}
			}
			for _, server := range servers {
				server.Lock()
				server.Fault, server.Chain = nil, c
				server.Unlock()
			}
			published(t, log, s, c)
			stored(t, log, c, deep)
		})
	}
}
