package casper_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"testing"

	"fondaco.dev/services/event-handler/internal/casper"
	"fondaco.dev/services/event-handler/internal/recorded"
)

func TestRead(t *testing.T) {
	t.Parallel()
	const h = "bb878bcf8827649f070c487800a95c35be3eb2e83b5447921675040cea38af1c"
	const key = "01959d01aa68197e8cb91aa06bcc920f8d4a245dff60ea726bb89255349107a565"
	for name, c := range map[string]struct{ raw, kind, key string }{
		"version":             {`{"ApiVersion":"1.5.2"}`, "ApiVersion", ""},
		"shutdown":            {`"Shutdown"`, "Shutdown", ""},
		"block 1.x":           {`{"BlockAdded":{"block_hash":"` + h + `","block":{"hash":"` + h + `","header":{"height":3,"parent_hash":"00"}}}}`, "BlockAdded", h},
		"block 2.x":           {`{"BlockAdded":{"block_hash":"` + h + `","block":{"Version2":{"hash":"` + h + `","header":{"height":3,"parent_hash":"00"}}}}}`, "BlockAdded", h},
		"block upper case":    {`{"BlockAdded":{"block_hash":"ABCDEF","block":{"Version1":{"header":{"height":3,"parent_hash":"00"}}}}}`, "BlockAdded", "abcdef"},
		"deploy itself":       {`{"DeployAccepted":{"hash":"` + h + `","header":{}}}`, "DeployAccepted", h},
		"deploy as in schema": {`{"DeployAccepted":{"deploy":{"hash":"` + h + `"}}}`, "DeployAccepted", h},
		"transaction":         {`{"TransactionAccepted":{"Version1":{"hash":"` + h + `"}}}`, "TransactionAccepted", h},
		"deploy transaction":  {`{"TransactionAccepted":{"Deploy":{"hash":"` + h + `"}}}`, "TransactionAccepted", h},
		"expired":             {`{"TransactionExpired":{"transaction_hash":{"Deploy":"` + h + `"}}}`, "TransactionExpired", h},
		"signature":           {`{"FinalitySignature":{"block_hash":"` + h + `","public_key":"` + key + `"}}`, "FinalitySignature", h + ":" + key},
		"signature V2":        {`{"FinalitySignature":{"V2":{"block_hash":"` + h + `","public_key":"` + key + `"}}}`, "FinalitySignature", h + ":" + key},
		"era above 2^53":      {`{"Fault":{"era_id":4591448806312642506,"public_key":"` + key + `"}}`, "Fault", "4591448806312642506:" + key},
		"step":                {`{"Step":{"era_id":18446744073709551615,"execution_effect":{}}}`, "Step", "18446744073709551615"},
		"unknown kind":        {`{"SomethingNew":{"x":1}}`, "unknown", ""},
		"two kinds":           {`{"ApiVersion":"1","Step":{}}`, "unknown", ""},
		"array":               {`[1,2]`, "unknown", ""},
		"other string":        {`"Hello"`, "unknown", ""},
		"no JSON":             {`{"BlockAdded":{`, "malformed", ""},
		"two documents":       {`{"ApiVersion":"1"}{"ApiVersion":"1"}`, "malformed", ""},
		"empty":               {``, "malformed", ""},
		"no hash":             {`{"BlockAdded":{"block":{"header":{"height":3}}}}`, "malformed", ""},
		"hash of no hex":      {`{"DeployExpired":{"deploy_hash":"<script>"}}`, "malformed", ""},
		"negative height":     {`{"BlockAdded":{"block_hash":"ab","block":{"header":{"height":-3}}}}`, "malformed", ""},
		"null":                {`null`, "unknown", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := casper.Read([]byte(c.raw))
			if e.Kind != c.kind || c.key != "" && e.Key != c.key || string(e.Raw) != c.raw {
				t.Errorf("got %s %s", e.Kind, e.Key)
			}
			if c.key == "" && len(e.Key) != 64 {
				t.Errorf("key %q is no SHA-256", e.Key)
			}
		})
	}
}

// TestRecordedEvents: all recorded payloads are of the kind that they were
// recorded as, with a key of their own.
func TestRecordedEvents(t *testing.T) {
	t.Parallel()
	n := 0
	lines := bufio.NewScanner(bytes.NewReader(recorded.Read(t, "casper", "events.ndjson")))
	for lines.Buffer(nil, 1<<20); lines.Scan(); n++ {
		var l struct {
			Type   string          `json:"type"`
			Source string          `json:"source"`
			Event  json.RawMessage `json:"event"`
		}
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			t.Fatal(err)
		}
		if e := casper.Read(l.Event); e.Kind != l.Type || e.Key == "" {
			t.Errorf("%s from %s was read as %s", l.Type, l.Source, e.Kind)
		}
	}
	if n != 105 {
		t.Errorf("%d events", n)
	}
}

// FuzzRead: nothing panics, and raw is never changed.
func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"BlockAdded":{"block_hash":"ab","block":{"Version2":{"hash":"ab","header":{"height":1,"parent_hash":"00"}}}}}`))
	f.Add([]byte(`"Shutdown"`))
	f.Add([]byte(`{"Fault":{"era_id":4591448806312642506,"public_key":"01"}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		before := bytes.Clone(raw)
		e := casper.Read(raw)
		if !bytes.Equal(e.Raw, before) || e.Kind == "" || e.Key == "" {
			t.Errorf("got %+v", e)
		}
		for _, r := range e.Key {
			if r >= 0x7f || r < ' ' {
				t.Errorf("key %q", e.Key)
			}
		}
	})
}
