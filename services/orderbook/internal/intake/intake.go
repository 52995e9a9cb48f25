// Package intake turns messages of the ORDERS stream into the engine's input.
package intake

import (
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"fondaco.dev/pkg/bus"
	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/services/orderbook/core"
)

// commandsField is the field of Pack.commands.
const commandsField protowire.Number = 4

// Input makes the engine's input of a message of the venue.
func Input(venue string, m *bus.Message) core.Input {
	return core.Input{
		Seq:      m.Seq,
		From:     strings.TrimPrefix(m.Subject, ordersv1.SubjectPrefix+venue+"."),
		ServerMs: m.Time.UnixMilli(),
		Pack:     Decode(m.Data),
	}
}

// ErrPoison: the engine met a state that cannot be. The process lives and says
// so; going on would be guessing.
var ErrPoison = errors.New("the engine stopped at an impossible state")

// Apply applies a pack. After ErrPoison the engine must not be used again.
func Apply(e *core.Engine, in core.Input, out *core.Batch, reply *core.Reply) (res core.Applied, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: pack %d: %v\n%s", ErrPoison, in.Seq, p, debug.Stack())
		}
	}()
	return e.Apply(in, out, reply), nil
}

// Decode reads a pack. A command that cannot be decoded becomes an empty one,
// which the engine refuses by its index, and the rest of the pack goes on; nil
// when the pack itself cannot be read.
func Decode(data []byte) *ordersv1.Pack {
	p := &ordersv1.Pack{}
	if proto.Unmarshal(data, p) == nil {
		return p
	}
	var rest []byte
	var commands []*ordersv1.Command
	for b := data; len(b) > 0; {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return nil
		}
		size := protowire.ConsumeFieldValue(num, typ, b[n:])
		if size < 0 {
			return nil
		}
		if num == commandsField && typ == protowire.BytesType {
			body, _ := protowire.ConsumeBytes(b[n:])
			c := &ordersv1.Command{}
			if proto.Unmarshal(body, c) != nil {
				c = &ordersv1.Command{}
			}
			commands = append(commands, c)
		} else {
			rest = append(rest, b[:n+size]...)
		}
		b = b[n+size:]
	}
	p = &ordersv1.Pack{}
	if proto.Unmarshal(rest, p) != nil {
		return nil
	}
	p.Commands = commands
	return p
}
