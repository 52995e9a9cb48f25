package decode

import (
	"encoding/hex"
	"fmt"
	"math/big"
	"reflect"
	"strconv"
	"unicode/utf8"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
)

// maxNumberBits is the widest integer that is written as a JSON number.
const maxNumberBits = 32

// appendValue writes what go-ethereum decoded for a type. It panics on a Go
// value that does not belong to the type; decode recovers.
func appendValue(out []byte, t abi.Type, v any) []byte {
	switch t.T {
	case abi.IntTy, abi.UintTy:
		return appendInteger(out, t.Size, v)
	case abi.BoolTy:
		return strconv.AppendBool(out, v.(bool))
	case abi.StringTy:
		return appendString(out, v.(string))
	case abi.AddressTy:
		a := v.(common.Address)
		return appendHex(out, a[:])
	case abi.BytesTy:
		return appendHex(out, v.([]byte))
	case abi.FixedBytesTy, abi.FunctionTy:
		rv := reflect.ValueOf(v)
		b := make([]byte, rv.Len())
		reflect.Copy(reflect.ValueOf(b), rv)
		return appendHex(out, b)
	case abi.SliceTy, abi.ArrayTy:
		rv := reflect.ValueOf(v)
		out = append(out, '[')
		for i := range rv.Len() {
			if i > 0 {
				out = append(out, ',')
			}
			out = appendValue(out, *t.Elem, rv.Index(i).Interface())
		}
		return append(out, ']')
	case abi.TupleTy:
		rv := reflect.ValueOf(v)
		out = append(out, '{')
		for i, elem := range t.TupleElems {
			if i > 0 {
				out = append(out, ',')
			}
			name := t.TupleRawNames[i]
			if name == "" {
				name = fmt.Sprintf("arg%d", i)
			}
			out = append(appendString(out, name), ':')
			out = appendValue(out, *elem, rv.Field(i).Interface())
		}
		return append(out, '}')
	}
	panic(fmt.Sprintf("type %s has no JSON form", t.String()))
}

func appendInteger(out []byte, bits int, v any) []byte {
	var text []byte
	switch n := v.(type) {
	case *big.Int:
		text = n.Append(nil, 10)
	default:
		rv := reflect.ValueOf(v)
		if rv.CanInt() {
			text = strconv.AppendInt(nil, rv.Int(), 10)
		} else {
			text = strconv.AppendUint(nil, rv.Uint(), 10)
		}
	}
	if bits <= maxNumberBits {
		return append(out, text...)
	}
	return append(append(append(out, '"'), text...), '"')
}

func appendHex(out, b []byte) []byte {
	out = append(out, '"', '0', 'x')
	return append(hex.AppendEncode(out, b), '"')
}

// appendText writes a string; most are plain ASCII, which is copied.
func appendText(out, b []byte) []byte {
	for _, c := range b {
		if c < 0x20 || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			return appendString(out, string(b))
		}
	}
	return append(append(append(out, '"'), b...), '"')
}

// appendString writes a JSON string that jsonb takes.
func appendString(out []byte, s string) []byte {
	out = append(out, '"')
	for _, r := range s {
		switch {
		case r == 0 || r == utf8.RuneError:
			out = utf8.AppendRune(out, utf8.RuneError)
		case r == '"' || r == '\\':
			out = append(out, '\\', byte(r))
		case r < 0x20:
			out = append(out, fmt.Sprintf(`\u%04x`, r)...)
		default:
			out = utf8.AppendRune(out, r)
		}
	}
	return append(out, '"')
}
