// Package core is the writer's steps for a simulation: messages of an EVM
// network's subject become steps in stream order, for a store of the caller's
// making.
package core

import (
	"context"

	"fondaco.dev/proto/config"
	"fondaco.dev/services/writer/internal/decode"
	"fondaco.dev/services/writer/internal/evm"
	"fondaco.dev/services/writer/internal/seek"
)

// What a plan is made of; see the fields of each.
type (
	Reader  = evm.Reader
	Place   = evm.Place
	Head    = evm.Head
	Message = evm.Message
	Subject = seek.Subject
	Landing = seek.Landing
	Step    = evm.Step
	Segment = evm.Segment
	Revert  = evm.Revert
	Repair  = evm.Repair
	Block   = evm.Block
	Event   = evm.Event
	Dead    = evm.Dead
)

// ErrBroken says that a message does not continue the place: seek back.
var ErrBroken = evm.ErrBroken

// NewReader plans the messages of a subject behind a place. held looks a block
// of the store up: its hash, or nil.
func NewReader(net *config.Network, at Place, held func(number uint64) ([]byte, error)) *Reader {
	plan := &evm.Planner{Network: net.Name, Decoder: decode.New(net.Contracts), Held: held}
	return evm.NewReader(plan, at)
}

// SeekBack looks for the newest message that ends at a block of the store which
// was checked.
func SeekBack(ctx context.Context, s Subject, head Head, checked uint64, held func(number uint64) ([]byte, error)) (Landing, error) {
	return seek.Back(ctx, s, head, checked, held)
}
