package casper

import (
	"cmp"
	"errors"
	"time"

	"fondaco.dev/proto/topology"
	"fondaco.dev/services/event-handler/internal/jsonrpc"
)

// told is what is known of one stream or JSON-RPC endpoint. Source.mu guards it.
type told struct {
	name, kind string
	state      string
	since      time.Time
	err        error // its last one
	errAt      time.Time
	pos        position
	height     uint64 // of the newest block that it told
	block      bool   // it told one
}

func (t *told) is(state string, err error) {
	now := time.Now()
	if t.state != state {
		t.state, t.since = state, now
	}
	if err != nil {
		t.err, t.errAt = err, now
	}
}

func (t *told) saw(height uint64) { t.height, t.block = max(t.height, height), true }

// Status is what is known of each node's streams and of JSON-RPC, streams first,
// in the order of the configuration. It may be called from any goroutine.
func (s *Source) Status() []topology.StreamStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []topology.StreamStatus
	for _, t := range s.told {
		o := topology.StreamStatus{Name: t.name, Kind: t.kind, State: cmp.Or(t.state, topology.StreamUnknown), APIVersion: t.pos.apiVersion}
		if !t.since.IsZero() {
			o.Since = t.since.UnixMilli()
		}
		if t.pos.hasLast {
			id := t.pos.lastID
			o.LastID = &id
		}
		if t.block {
			height, lag := t.height, s.head.Height-min(t.height, s.head.Height)
			o.Head, o.Lag = &height, &lag
		}
		if t.err != nil {
			o.Error, o.ErrorAt = t.err.Error(), t.errAt.UnixMilli()
		}
		out = append(out, o)
	}
	return out
}

// opens notes a stream that is about to be read, behind those that there are.
func (s *Source) opens(st *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keys[st.key] != nil {
		return
	}
	t := &told{name: st.name, kind: topology.StreamSSE, state: topology.StreamDown, since: time.Now(), pos: st.pos}
	s.keys[st.key] = t
	at := len(s.told)
	for at > 0 && s.told[at-1].kind == topology.StreamRPC {
		at--
	}
	s.told = append(s.told[:at], append([]*told{t}, s.told[at:]...)...)
}

// closes forgets a stream that does not exist.
func (s *Source) closes(st *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.keys[st.key]
	delete(s.keys, st.key)
	for i := range s.told {
		if s.told[i] == t {
			s.told = append(s.told[:i], s.told[i+1:]...)
			return
		}
	}
}

// connected notes that a stream began, or ended with err. Called with mu held.
func (s *Source) connected(name string, err error) {
	for _, t := range s.told {
		if t.name != name || t.kind != topology.StreamSSE {
			continue
		}
		var wrong *ConflictError
		switch {
		case err == nil:
			t.is(topology.StreamUp, nil)
		case errors.As(err, &wrong):
			t.is(topology.StreamWrong, err)
		default:
			t.is(topology.StreamDown, err)
		}
	}
}

// streamed notes how far a stream is.
func (s *Source) streamed(r received) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.keys[r.endpoint]
	if t == nil {
		return
	}
	t.pos = r.pos
	if r.Block != nil {
		t.saw(r.Block.Height)
	}
}

// told notes how a call of a JSON-RPC endpoint went; block is what it told, or nil.
func (f *filler) told(c *jsonrpc.Client, block *Block, err error) {
	s := f.s
	s.mu.Lock()
	defer s.mu.Unlock()
	i := 0
	for i < len(f.clients) && f.clients[i] != c {
		i++
	}
	for _, t := range s.told {
		if t.kind != topology.StreamRPC {
			continue
		}
		if i--; i >= 0 {
			continue
		}
		var wrong *ConflictError
		switch {
		case errors.As(err, &wrong):
			t.is(topology.StreamWrong, err)
		case err != nil:
			t.is(topology.StreamDown, err)
		default:
			t.is(topology.StreamUp, nil)
		}
		if err == nil && block != nil {
			t.saw(block.Height)
		}
		return
	}
}
