package config

import (
	"fmt"
	"math/big"
	"reflect"
	"strconv"
	"strings"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"gopkg.in/yaml.v3"
)

// text is a constant as it is hashed.
func text(n *yaml.Node) string {
	if n.Kind != yaml.SequenceNode {
		return n.Value
	}
	out := make([]string, len(n.Content))
	for i, item := range n.Content {
		out[i] = strconv.Quote(text(item))
	}
	return "[" + strings.Join(out, ",") + "]"
}

// constant gives a YAML value the form that go-ethereum packs for a type.
func constant(n *yaml.Node, t abi.Type) (any, error) {
	if t.T == abi.SliceTy || t.T == abi.ArrayTy {
		if n.Kind != yaml.SequenceNode || t.T == abi.ArrayTy && len(n.Content) != t.Size {
			return nil, fmt.Errorf("is not a list that fits %s", t.String())
		}
		out := reflect.New(t.GetType()).Elem()
		if t.T == abi.SliceTy {
			out = reflect.MakeSlice(t.GetType(), len(n.Content), len(n.Content))
		}
		for i, item := range n.Content {
			v, err := constant(item, *t.Elem)
			if err != nil {
				return nil, err
			}
			out.Index(i).Set(reflect.ValueOf(v))
		}
		return out.Interface(), nil
	}
	bad := fmt.Errorf("%q is no %s", n.Value, t.String())
	if n.Kind != yaml.ScalarNode {
		return nil, fmt.Errorf("is no %s", t.String())
	}
	switch t.T {
	case abi.BoolTy:
		if n.Value != "true" && n.Value != "false" {
			return nil, bad
		}
		return n.Value == "true", nil
	case abi.StringTy:
		return n.Value, nil
	case abi.AddressTy:
		if !strings.HasPrefix(n.Value, "0x") || !common.IsHexAddress(n.Value) {
			return nil, bad
		}
		return common.HexToAddress(n.Value), nil
	case abi.BytesTy, abi.FixedBytesTy, abi.FunctionTy:
		b, err := hexutil.Decode(n.Value)
		if err != nil || t.T != abi.BytesTy && len(b) != t.Size {
			return nil, bad
		}
		if t.T == abi.BytesTy {
			return b, nil
		}
		out := reflect.New(t.GetType()).Elem()
		reflect.Copy(out, reflect.ValueOf(b))
		return out.Interface(), nil
	case abi.IntTy, abi.UintTy:
		v, ok := new(big.Int).SetString(n.Value, 0)
		if !ok {
			return nil, bad
		}
		low, high := big.NewInt(0), new(big.Int).Lsh(big.NewInt(1), uint(t.Size))
		if t.T == abi.IntTy {
			high.Rsh(high, 1)
			low.Neg(high)
		}
		if v.Cmp(low) < 0 || v.Cmp(high) >= 0 {
			return nil, bad
		}
		rt := t.GetType()
		if rt == reflect.TypeFor[*big.Int]() {
			return v, nil
		}
		out := reflect.New(rt).Elem()
		if t.T == abi.IntTy {
			out.SetInt(v.Int64())
		} else {
			out.SetUint(v.Uint64())
		}
		return out.Interface(), nil
	}
	return nil, fmt.Errorf("a constant of type %s cannot be written here: only elementary types and lists of them", t.String())
}
