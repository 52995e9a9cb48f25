package decode

import (
	"encoding/hex"
	"encoding/json"
	"strings"

	"github.com/ethereum/go-ethereum/accounts/abi"

	chainv1 "fondaco.dev/proto/chain/v1"
	"fondaco.dev/proto/config"
)

// values is what a call returns.
type values struct {
	types abi.Arguments
	nodes []node
}

func (d *Decoder) addReads(c *config.Contract) {
	for i := range c.Reads {
		rd := &c.Reads[i]
		v := &values{types: rd.Returns}
		for _, a := range rd.Returns {
			v.nodes = append(v.nodes, newNode(a.Type))
		}
		for _, of := range []string{c.Name, ""} {
			if d.reads[of] == nil {
				d.reads[of] = map[string]*values{}
			}
			if d.reads[of][rd.Name] == nil {
				d.reads[of][rd.Name] = v
			}
		}
	}
}

// Reads writes the reads of a log that belongs to the contract ("" = unknown)
// as a JSON object by name: one returned value by itself, several as an array,
// and {"raw","error"} for an answer that does not have the configured types;
// with "reverted":true the call reverted, or was not made for want of its
// arguments. nil when there are none.
func (d *Decoder) Reads(contract string, reads []*chainv1.Read) []byte {
	if len(reads) == 0 {
		return nil
	}
	var out []byte
	for i, rd := range reads {
		sep := byte(',')
		if i == 0 {
			sep = '{'
		}
		out = append(appendString(append(out, sep), rd.GetName()), ':')
		v := d.reads[contract][rd.GetName()]
		if v == nil {
			v = d.reads[""][rd.GetName()]
		}
		why := rd.GetError()
		if why == "" {
			if v == nil {
				why = "the configuration does not name this read"
			} else {
				out, why = v.append(out, rd.GetResult())
			}
		}
		if why != "" {
			out = appendHex(append(out, `{"raw":`...), rd.GetResult())
			out = appendString(append(out, `,"error":`...), strings.ToValidUTF8(why[:min(len(why), maxError)], ""))
			if rd.GetError() != "" {
				out = append(out, `,"reverted":true`...)
			}
			out = append(out, '}')
		}
	}
	return append(out, '}')
}

func (v *values) append(out, data []byte) (all []byte, why string) {
	w := writer{out: out, limit: len(out) + limit(len(data))}
	at := 0
	if len(v.nodes) != 1 {
		w.out = append(w.out, '[')
	}
	for i := range v.nodes {
		if i > 0 {
			w.out = append(w.out, ',')
		}
		if !w.value(&v.nodes[i], data, at) {
			return out, v.why(&w, data)
		}
		at += v.nodes[i].size
	}
	if len(v.nodes) != 1 {
		w.out = append(w.out, ']')
	}
	return w.out, ""
}

func (v *values) why(w *writer, data []byte) (why string) {
	defer func() {
		if recover() != nil {
			why = "the answer cannot be decoded"
		}
	}()
	if w.full {
		return "the answer is too long"
	}
	if _, err := v.types.Unpack(data); err != nil {
		return err.Error()
	}
	return "the answer cannot be decoded"
}

// Reread decodes stored reads anew: answers that did not have the configured
// types are tried again. Decoded ones are kept as they are, since the answer
// itself is not stored beside them.
func (d *Decoder) Reread(contract string, stored []byte) []byte {
	if len(stored) == 0 {
		return stored
	}
	var list map[string]json.RawMessage
	if json.Unmarshal(stored, &list) != nil {
		return stored
	}
	changed := false
	for name, text := range list {
		var failed struct {
			Raw      *string `json:"raw"`
			Error    *string `json:"error"`
			Reverted bool    `json:"reverted"`
		}
		v := d.reads[contract][name]
		if v == nil || json.Unmarshal(text, &failed) != nil || failed.Raw == nil || failed.Error == nil || failed.Reverted {
			continue
		}
		raw, err := hex.DecodeString(strings.TrimPrefix(*failed.Raw, "0x"))
		if err != nil {
			continue
		}
		if out, why := v.append(nil, raw); why == "" {
			list[name], changed = out, true
		}
	}
	if !changed {
		return stored
	}
	out, err := json.Marshal(list)
	if err != nil {
		return stored
	}
	return out
}
