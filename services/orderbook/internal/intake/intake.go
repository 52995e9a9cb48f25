// Package intake turns messages of the ORDERS stream into the engine's input.
package intake

import (
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"fondaco.dev/pkg/bus"
	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/services/orderbook/internal/engine"
)

// Fields of orders.v1 that are of interest beside the engine.
const (
	packGateway      protowire.Number = 1
	packNo           protowire.Number = 2
	packCommands     protowire.Number = 4
	commandRequestID protowire.Number = 1
)

// maxLooked bounds the commands of a pack that are searched for request ids:
// they only help to read logs.
const maxLooked = 64

// Input makes the engine's input of a message of the venue. It refers to the
// message's bytes.
func Input(venue string, m *bus.Message) engine.Input {
	return engine.Input{
		Seq:      m.Seq,
		From:     strings.TrimPrefix(m.Subject, ordersv1.SubjectPrefix+venue+"."),
		ServerMs: m.Time.UnixMilli(),
		Data:     m.Data,
	}
}

// ErrPoison: the engine met a state that cannot be. The process lives and says
// so; going on would be guessing.
var ErrPoison = errors.New("the engine stopped at an impossible state")

// ErrSemantics: the log says to behave in a way that this program does not know.
var ErrSemantics = errors.New("the log asks for another version of this program")

// Apply applies a message: the pack that it is, or each of those gathered in it.
// done, which may be nil, is told after each one; reply is then that pack's
// answer. After ErrPoison the engine must not be used again; after ErrSemantics
// the events must not be published.
func Apply(e *engine.Engine, in engine.Input, out *engine.Batch, reply *engine.Reply, done func(engine.Input, engine.Applied)) error {
	rest := in.Data
	for {
		if e.Semantics() >= engine.GatheredPacks {
			in.Data, rest = next(rest)
		} else {
			rest = nil
		}
		res, err := apply(e, in, out, reply)
		if err != nil {
			return err
		}
		if done != nil {
			done(in, res)
		}
		if in.Again = true; len(rest) == 0 {
			return nil
		}
	}
}

func apply(e *engine.Engine, in engine.Input, out *engine.Batch, reply *engine.Reply) (res engine.Applied, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: pack %d: %v\n%s", ErrPoison, in.Seq, p, debug.Stack())
		}
	}()
	if res = e.Apply(in, out, reply); res.Unknown != 0 {
		return res, fmt.Errorf("%w: pack %d activates behaviour version %d, this program knows up to %d: run a newer one",
			ErrSemantics, in.Seq, res.Unknown, engine.NewestSemantics)
	}
	return res, nil
}

// Gateway is the name of the process that a pack came from, a part of data; nil
// when it has none that can be read.
func Gateway(data []byte) []byte {
	for b := data; len(b) > 0; {
		num, body, n := field(b)
		if n < 0 {
			return nil
		}
		if num == packGateway {
			return body
		}
		b = b[n:]
	}
	return nil
}

// Pack reads which pack of which gateway data ends with; zero when it cannot be
// read.
func Pack(data []byte) (gateway string, no uint64) {
	for pack, rest := next(data); ; pack, rest = next(rest) {
		if len(rest) == 0 {
			data = pack
			break
		}
	}
	for b := data; len(b) > 0; {
		num, body, n := field(b)
		if n < 0 {
			return "", 0
		}
		switch num {
		case packGateway:
			gateway = string(body)
		case packNo:
			if _, typ, t := protowire.ConsumeTag(b); typ == protowire.VarintType {
				no, _ = protowire.ConsumeVarint(b[t:])
			}
		}
		b = b[n:]
	}
	return gateway, no
}

// RequestIDs appends the request ids of the pack's first commands to ids, up to
// limit in all.
func RequestIDs(ids []string, data []byte, limit int) []string {
	looked := 0
	for b := data; len(b) > 0 && len(ids) < limit && looked < maxLooked; {
		num, body, n := field(b)
		if n < 0 {
			break
		}
		if num == packCommands {
			looked++
			if num, id, n := field(body); n > 0 && num == commandRequestID && len(id) > 0 {
				ids = append(ids, string(id))
			}
		}
		b = b[n:]
	}
	return ids
}

// field takes the first field apart: its number, its body if it has a length,
// and its whole size; a negative size when it cannot be read.
func field(b []byte) (protowire.Number, []byte, int) {
	num, typ, n := protowire.ConsumeTag(b)
	if n < 0 {
		return 0, nil, n
	}
	if typ == protowire.BytesType {
		body, m := protowire.ConsumeBytes(b[n:])
		if m < 0 {
			return 0, nil, m
		}
		return num, body, n + m
	}
	m := protowire.ConsumeFieldValue(num, typ, b[n:])
	if m < 0 {
		return 0, nil, m
	}
	return num, nil, n + m
}
