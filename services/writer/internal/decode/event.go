package decode

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"

	chainv1 "fondaco.dev/proto/chain/v1"
	"fondaco.dev/proto/config"
)

// event is an event of an ABI, prepared.
type event struct {
	name  string
	args  []arg
	plain abi.Arguments // the arguments that are not indexed
	count int           // topics, with topic 0 unless it is anonymous
	first int           // the topic of the first indexed argument
}

type arg struct {
	key     []byte // JSON string with its quotes and colon, after { or ,
	indexed bool
	typ     abi.Type
	node    node
}

func newEvent(e abi.Event) *event {
	out := &event{name: e.RawName, count: config.Topics(&e), first: 1}
	if e.Anonymous {
		out.first = 0
	}
	used := map[string]bool{}
	for i, in := range e.Inputs {
		name := in.Name
		if name == "" || used[name] {
			name = fmt.Sprintf("arg%d", i)
		}
		used[name] = true
		key := []byte{','}
		if i == 0 {
			key[0] = '{'
		}
		a := arg{key: append(appendString(key, name), ':'), indexed: in.Indexed, typ: in.Type}
		if a.node = newNode(in.Type); in.Indexed && hashed(in.Type) {
			a.node = node{kind: abi.HashTy}
		}
		out.args = append(out.args, a)
		if !in.Indexed {
			out.plain = append(out.plain, in)
		}
	}
	return out
}

// decode appends the arguments of a log that has the event's number of topics
// to out, or says why not.
func (e *event) decode(out []byte, l *chainv1.Log) (args []byte, why string) {
	w := writer{out: out, limit: len(out) + limit(len(l.Data))}
	topic, at := e.first, 0
	if len(e.args) == 0 {
		w.out = append(w.out, '{')
	}
	for i := range e.args {
		a := &e.args[i]
		w.out = append(w.out, a.key...)
		if !a.indexed {
			if !w.value(&a.node, l.Data, at) {
				return nil, e.why(&w, l)
			}
			at += a.node.size
			continue
		}
		raw := l.Topics[topic]
		if len(raw) != common.HashLength {
			return nil, fmt.Sprintf("topic of %d bytes", len(raw))
		}
		if !w.word(&a.node, raw) {
			return nil, e.why(&w, l)
		}
		topic++
	}
	return append(w.out, '}'), ""
}

// why asks go-ethereum's decoder what is wrong with a log.
func (e *event) why(w *writer, l *chainv1.Log) string {
	if w.full {
		return fmt.Sprintf("the arguments are longer than %d bytes", limit(len(l.Data)))
	}
	if _, err := e.slow(l); err != nil {
		return err.Error()
	}
	return "the arguments cannot be decoded"
}

// slow decodes by go-ethereum's reflection: the twin that decode is held to.
func (e *event) slow(l *chainv1.Log) (out []byte, err error) {
	// go-ethereum checks lengths, but the bytes are a stranger's: whatever its
	// decoder trips over must not stop the index.
	defer func() {
		if p := recover(); p != nil {
			out, err = nil, fmt.Errorf("decoder panic: %v", p)
		}
	}()
	plain, err := e.plain.Unpack(l.Data)
	if err != nil {
		return nil, err
	}
	topic, next := e.first, 0
	if len(e.args) == 0 {
		out = append(out, '{')
	}
	for _, a := range e.args {
		out = append(out, a.key...)
		if !a.indexed {
			out = appendValue(out, a.typ, plain[next])
			next++
			continue
		}
		raw := l.Topics[topic]
		topic++
		if len(raw) != common.HashLength {
			return nil, fmt.Errorf("topic of %d bytes", len(raw))
		}
		if hashed(a.typ) {
			out = appendHex(out, raw)
			continue
		}
		v, err := abi.Arguments{{Type: a.typ}}.Unpack(raw)
		if err != nil {
			return nil, err
		}
		out = appendValue(out, a.typ, v[0])
	}
	return append(out, '}'), nil
}

// exactly says whether the log's data is what the event's arguments encode to:
// without a topic of its own, an anonymous event is known by nothing else.
func (e *event) exactly(l *chainv1.Log) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	if w := (writer{limit: limit(len(l.Data))}); len(e.plain) > 0 {
		at := 0
		for i := range e.args {
			if a := &e.args[i]; !a.indexed {
				if !w.value(&a.node, l.Data, at) {
					return false // and nothing is too long for the decoder below
				}
				at += a.node.size
			}
		}
	}
	plain, err := e.plain.Unpack(l.Data)
	if err != nil {
		return false
	}
	packed, err := e.plain.Pack(plain...)
	if err != nil || !bytes.Equal(packed, l.Data) {
		return false
	}
	return !slices.ContainsFunc(l.Topics, func(t []byte) bool { return len(t) != common.HashLength })
}

// maxError bounds what is stored of an error, in bytes.
const maxError = 300

func (e *event) fail(contract, why string) Result {
	why = strings.ReplaceAll(why, "\x00", "")
	return Result{Contract: contract, Error: e.name + ": " + strings.ToValidUTF8(why[:min(len(why), maxError)], "")}
}

// hashed says whether an indexed argument of the type is kept as its hash:
// everything that does not fit into one word.
func hashed(t abi.Type) bool {
	switch t.T {
	case abi.StringTy, abi.BytesTy, abi.SliceTy, abi.ArrayTy, abi.TupleTy:
		return true
	}
	return false
}
