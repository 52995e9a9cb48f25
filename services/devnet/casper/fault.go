package casper

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Faults that stay on until they are cleared.
const (
	Joining        = "joining"         // streams open and tell nothing, nor is it kept in the buffer
	Refuse         = "status-503"      // new connections are refused; K: so many, 0 = all
	Chunks         = "chunks"          // frames come in writes of K bytes, default 7
	Disorder       = "disorder"        // the events of one block go out in another order
	LoseOutcomes   = "lose-outcomes"   // DeployProcessed, TransactionProcessed are not streamed; P: the chance, default 1
	LoseBlocks     = "lose-blocks"     // the same for BlockAdded
	LoseSignatures = "lose-signatures" // the same for FinalitySignature
	Lag            = "lag-disconnect"  // each connection is broken after K frames, default 20, as those of a slow client are
	RPCDown        = "rpc-down"        // JSON-RPC answers status K, default 503
)

// Faults that happen once.
const (
	Drop         = "drop-connections" // all streams break in the middle
	Overrun      = "buffer-overrun"   // the streams break, and the buffer holds no more than K events
	IDsBack      = "ids-go-back"      // the node crashes: the streams break, the buffer is empty, ids go back by K, default 100
	VersionMoves = "api-version"      // the node restarts with another ApiVersion
	ShutsDown    = "shutdown"         // the streams say Shutdown and end in good order; new ones are taken
)

var (
	lasting = []string{Joining, Refuse, Chunks, Disorder, LoseOutcomes, LoseBlocks, LoseSignatures, Lag, RPCDown}
	once    = []string{Drop, Overrun, IDsBack, VersionMoves, ShutsDown}
)

// FaultNames lists the faults that stay on, and those that happen once.
func FaultNames() (stay, happen []string) { return slices.Clone(lasting), slices.Clone(once) }

// Params say how strongly a fault acts; zero is its default.
type Params struct {
	P float64 `json:"p,omitempty"` // chance, 0 to 1
	K int     `json:"k,omitempty"` // a count
}

// Set switches a fault on.
func (d *door) Set(name string, p Params) error {
	if !slices.Contains(lasting, name) || p.P < 0 || p.P > 1 || p.K < 0 {
		return fmt.Errorf("no fault %q with %+v; those that stay on are %s", name, p, strings.Join(lasting, ", "))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.on[name] = p
	return nil
}

// Clear switches a fault off.
func (d *door) Clear(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.on, name)
}

// Acted is how often a fault has acted.
func (d *door) Acted(name string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.acted[name]
}

// acts says whether a fault is on, and counts that it acts.
func (d *door) acts(name string) (Params, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p, ok := d.on[name]
	if ok {
		d.acted[name]++
	}
	return p, ok
}

// refuses says whether a new connection is turned away.
func (d *door) refuses() bool {
	p, ok := d.acts(Refuse)
	return ok && (p.K == 0 || d.Acted(Refuse) <= p.K)
}

// cut is Config.Chunk, or what the fault makes of it.
func (d *door) cut() func([]byte) [][]byte {
	p, ok := d.acts(Chunks)
	if !ok {
		return d.cfg.Chunk
	}
	return func(frame []byte) [][]byte { return slices.Collect(slices.Chunk(frame, cmp.Or(p.K, 7))) }
}

func (d *door) wrapRPC(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p, ok := d.acts(RPCDown); ok {
			refuse(w, cmp.Or(p.K, http.StatusServiceUnavailable), "the node is down")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Happen makes a fault happen once.
func (n *Node) Happen(name string, p Params) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.happen(name, p, func(back uint32) { n.nextID -= min(back, n.nextID) }, func() error { return n.send(shutdown) })
}

// Happen makes a fault happen once.
func (p *Peer) Happen(name string, params Params) error {
	return p.happen(name, params, func(back uint32) {
		p.ids.Lock()
		defer p.ids.Unlock()
		p.next -= min(back, p.next)
	}, func() error { p.take([]Event{shutdown}); return nil })
}

func (d *door) happen(name string, p Params, back func(uint32), say func() error) error {
	if !slices.Contains(once, name) || p.P != 0 || p.K < 0 {
		return fmt.Errorf("no fault %q with %+v; those that happen once are %s", name, p, strings.Join(once, ", "))
	}
	d.mu.Lock()
	d.acted[name]++
	d.mu.Unlock()
	switch name {
	case Overrun:
		d.hub.forget(p.K)
	case IDsBack:
		back(uint32(cmp.Or(p.K, 100)))
		d.hub.forget(0)
	case VersionMoves:
		major, patch := cutVersion(d.apiVersion())
		d.SetAPIVersion(major + "." + strconv.Itoa(patch+1))
		d.hub.forget(0)
	case ShutsDown:
		err := say()
		d.hub.finish()
		return err
	}
	d.hub.drop()
	return nil
}

// cutVersion splits 1.5.6 into 1.5 and 6.
func cutVersion(version string) (head string, patch int) {
	i := strings.LastIndexByte(version, '.')
	patch, _ = strconv.Atoi(version[i+1:])
	return version[:max(i, 0)], patch
}

// Control is the switchboard's API, JSON over HTTP:
//
//	GET    /faults         the names of all, those that are on, and how often each acted
//	PUT    /faults/{name}  switches on; the body may hold Params
//	DELETE /faults/{name}  switches off
//	POST   /faults/{name}  makes it happen once; the body may hold Params
func Control(at interface {
	Set(name string, p Params) error
	Clear(name string)
	Happen(name string, p Params) error
	report() map[string]any
}) http.Handler {
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, err error) {
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Write(encode(at.report())) // a client that went away is its own problem
	}
	with := func(do func(name string, p Params) error) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			var p Params
			dec := json.NewDecoder(io.LimitReader(r.Body, 1<<12))
			dec.DisallowUnknownFields()
			if err := dec.Decode(&p); err != nil && !errors.Is(err, io.EOF) {
				answer(w, err)
				return
			}
			answer(w, do(r.PathValue("name"), p))
		}
	}
	mux.HandleFunc("GET /faults", func(w http.ResponseWriter, _ *http.Request) { answer(w, nil) })
	mux.HandleFunc("PUT /faults/{name}", with(at.Set))
	mux.HandleFunc("POST /faults/{name}", with(at.Happen))
	mux.HandleFunc("DELETE /faults/{name}", with(func(name string, _ Params) error { at.Clear(name); return nil }))
	return mux
}

func (d *door) report() map[string]any {
	d.mu.Lock()
	defer d.mu.Unlock()
	on, acted := map[string]Params{}, map[string]int{}
	for name, p := range d.on {
		on[name] = p
	}
	for name, n := range d.acted {
		acted[name] = n
	}
	return map[string]any{"stay": lasting, "once": once, "on": on, "acted": acted}
}
