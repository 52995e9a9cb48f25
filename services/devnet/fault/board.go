// Package fault is a switchboard in front of an EVM node's JSON-RPC: every way
// of misbehaving that is known of real nodes, each under a name, to be switched
// on and off while clients are connected.
//
// A Board is one endpoint. Several boards may stand before one chain, each with
// faults of its own, so that one endpoint lies while another tells the truth.
// What a board does by chance it does by its seed.
package fault

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/rpc"
)

// Upstream is the honest chain. An error with a method ErrorCode() int is the
// node's own answer; any other breaks the request.
type Upstream interface {
	Call(ctx context.Context, method string, params []json.RawMessage) (json.RawMessage, error)
	// Heads gives the header of every new head until ctx ends.
	Heads(ctx context.Context) (<-chan []byte, error)
}

// Params say how strongly a fault acts; a zero field takes the fault's default,
// which List tells.
type Params struct {
	// P is the chance that an answer, block or log is hit, 0 to 1.
	P float64 `json:"p,omitempty"`
	// K is a count: of logs, of calls, of a wording.
	K int `json:"k,omitempty"`
	// Blocks is a distance or a width in heights.
	Blocks uint64 `json:"blocks,omitempty"`
	// Pause is how long something is held back, in nanoseconds.
	Pause time.Duration `json:"pause,omitempty"`
}

func (p Params) or(d Params) Params {
	if p.P == 0 {
		p.P = d.P
	}
	if p.K == 0 {
		p.K = d.K
	}
	if p.Blocks == 0 {
		p.Blocks = d.Blocks
	}
	if p.Pause == 0 {
		p.Pause = d.Pause
	}
	return p
}

// Fault is a fault with its strength.
type Fault struct {
	Name string `json:"name"`
	Params
}

// Board is one endpoint. Its methods may be called from any goroutine.
type Board struct {
	up   Upstream
	seed uint64

	mu      sync.Mutex
	on      []*active // in the order in which they were switched on
	acted   map[string]int
	calls   map[string]int
	sockets int // WebSocket connections made so far
	live    map[*rpc.Server]struct{}
}

// active is a fault that is on.
type active struct {
	spec  *spec
	p     Params
	board *Board

	mu   sync.Mutex
	rng  *rand.Rand
	seen map[string]int // what the fault remembers
}

// New returns a board that behaves.
func New(up Upstream, seed uint64, faults ...Fault) (*Board, error) {
	b := &Board{up: up, seed: seed, acted: map[string]int{}, calls: map[string]int{}, live: map[*rpc.Server]struct{}{}}
	for _, f := range faults {
		if err := b.Set(f.Name, f.Params); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// Set switches a fault on, or on anew with other parameters.
func (b *Board) Set(name string, p Params) error {
	s := specOf(name)
	if s == nil {
		return fmt.Errorf("no endpoint has a fault %q", name)
	}
	if p.P < 0 || p.P > 1 || p.K < 0 || p.Pause < 0 {
		return fmt.Errorf("fault %s: p must be from 0 to 1, k and pause must not be negative", name)
	}
	h := fnv.New64a()
	h.Write([]byte(name))
	b.Clear(name)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.on = append(b.on, &active{
		spec: s, p: p.or(s.Default), board: b, rng: rand.New(rand.NewPCG(b.seed, h.Sum64())), seen: map[string]int{},
	})
	return nil
}

// Clear switches a fault off; one that is not on is no error.
func (b *Board) Clear(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.on = slices.DeleteFunc(slices.Clone(b.on), func(a *active) bool { return a.spec.Name == name })
}

// ClearAll makes the board behave.
func (b *Board) ClearAll() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.on = nil
}

// On lists the faults that are on.
func (b *Board) On() []Fault {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []Fault
	for _, a := range b.on {
		out = append(out, Fault{a.spec.Name, a.p})
	}
	return out
}

// Acted is how often a fault changed an answer.
func (b *Board) Acted(name string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.acted[name]
}

// Calls is how often a method was called.
func (b *Board) Calls(method string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.calls[method]
}

func (b *Board) active() []*active {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.on
}

// act notes that the fault did something.
func (a *active) act() {
	a.board.mu.Lock()
	defer a.board.mu.Unlock()
	a.board.acted[a.spec.Name]++
}

// chance is true with the fault's probability, another time another answer.
func (a *active) chance() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.rng.Float64() < a.p.P
}

// below is a random number in [0, n).
func (a *active) below(n int) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.rng.IntN(n)
}

// fixed is true with the fault's probability, for equal keys always the same.
func (a *active) fixed(key ...string) bool {
	var seed [8]byte
	binary.BigEndian.PutUint64(seed[:], a.board.seed)
	h := crypto.NewKeccakState()
	h.Write(seed[:])
	h.Write([]byte(a.spec.Name))
	for _, k := range key {
		h.Write([]byte(k))
		h.Write([]byte{0})
	}
	var sum [32]byte
	h.Read(sum[:])
	return float64(binary.BigEndian.Uint64(sum[:8])>>11)/(1<<53) < a.p.P
}

// times counts the calls for one key and returns how many there were before.
func (a *active) times(key string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := a.seen[key]
	a.seen[key]++
	return n
}
