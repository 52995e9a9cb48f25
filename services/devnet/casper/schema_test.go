package casper

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// recorded reads a file of the recorded data, or skips the test where the data
// is not there; under CI=true absence fails.
func recorded(t *testing.T, name ...string) []byte {
	t.Helper()
	root := os.Getenv("FONDACO_TESTDATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "..", "shared", "data")
	}
	path := filepath.Join(append([]string{root, "casper"}, name...)...)
	text, err := os.ReadFile(path)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("recorded data: %v", err)
		}
		t.Skipf("no recorded data (FONDACO_TESTDATA): %v", err)
	}
	return text
}

// schema is as much of JSON schema as the node's own files use.
type schema struct {
	root map[string]any
}

func loadSchema(t *testing.T, name string) *schema {
	t.Helper()
	s := new(schema)
	if err := json.Unmarshal(recorded(t, "schema", name), &s.root); err != nil {
		t.Fatal(err)
	}
	// The schema is derived from the node's integers, its JSON has strings:
	// "2022-05-16T15:35:22.916Z", "30m".
	for _, name := range []string{"Timestamp", "TimeDiff"} {
		s.root["definitions"].(map[string]any)[name] = map[string]any{"type": "string"}
	}
	return s
}

// check returns what is wrong with a value, nil if nothing is.
func (s *schema) check(value, rule any, at string) error {
	r, ok := rule.(map[string]any)
	if !ok {
		return nil // true allows anything
	}
	if ref, ok := r["$ref"].(string); ok {
		return s.check(value, s.root["definitions"].(map[string]any)[strings.TrimPrefix(ref, "#/definitions/")], at)
	}
	for _, all := range list(r["allOf"]) {
		if err := s.check(value, all, at); err != nil {
			return err
		}
	}
	for _, word := range []string{"anyOf", "oneOf"} {
		if choices := list(r[word]); choices != nil && !slices.ContainsFunc(choices, func(c any) bool { return s.check(value, c, at) == nil }) {
			return fmt.Errorf("%s: %.80v fits none of %s", at, value, word)
		}
	}
	if enum := list(r["enum"]); enum != nil && !slices.Contains(enum, value) {
		return fmt.Errorf("%s: %v is not in %v", at, value, enum)
	}
	if types := r["type"]; types != nil && !slices.ContainsFunc(append(list(types), types), func(x any) bool { return hasType(value, x) }) {
		return fmt.Errorf("%s: %.80v is no %v", at, value, types)
	}
	switch v := value.(type) {
	case map[string]any:
		return s.object(v, r, at)
	case []any:
		return s.array(v, r, at)
	}
	return nil
}

func (s *schema) object(v, r map[string]any, at string) error {
	for _, name := range list(r["required"]) {
		if _, ok := v[name.(string)]; !ok {
			return fmt.Errorf("%s: %v is missing", at, name)
		}
	}
	properties, _ := r["properties"].(map[string]any)
	for name, field := range v {
		rule, known := properties[name]
		if !known {
			rule = r["additionalProperties"]
			if rule == false {
				return fmt.Errorf("%s: %s is not expected", at, name)
			}
		}
		if err := s.check(field, rule, at+"."+name); err != nil {
			return err
		}
	}
	return nil
}

func (s *schema) array(v []any, r map[string]any, at string) error {
	for i, item := range v {
		rule := r["items"]
		if tuple, ok := rule.([]any); ok {
			if i >= len(tuple) {
				return fmt.Errorf("%s: %d items, %d expected", at, len(v), len(tuple))
			}
			rule = tuple[i]
		}
		if err := s.check(item, rule, fmt.Sprintf("%s[%d]", at, i)); err != nil {
			return err
		}
	}
	return nil
}

func list(v any) []any { l, _ := v.([]any); return l }

func hasType(value, name any) bool {
	switch v := value.(type) {
	case nil:
		return name == "null"
	case bool:
		return name == "boolean"
	case string:
		return name == "string"
	case float64:
		return name == "number" || name == "integer" && v == float64(int64(v))
	case []any:
		return name == "array"
	default:
		return name == "object"
	}
}

func decode(t *testing.T, raw []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("%v in %.200s", err, raw)
	}
	return v
}

// made runs a node for some blocks and returns all that it sent.
func made(t *testing.T, cfg Config) []Event {
	t.Helper()
	n := start(t, cfg)
	for range 2 * n.cfg.EraBlocks {
		makeBlock(t, n, 3, 3)
	}
	for range 2 { // on 2.x a deploy and a transaction
		if _, err := n.ExpireDeploy(); err != nil {
			t.Fatal(err)
		}
		if err := n.Fault(); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.Fault(); err != nil {
		t.Fatal(err)
	}
	var events []Event
	for _, s := range n.hub.ring {
		data, _, _ := strings.Cut(strings.TrimPrefix(string(s.frame), "data:"), "\nid:")
		events = append(events, parseEvent([]byte(data)))
	}
	return events
}

func TestEventsOf1xFitTheNodesSchema(t *testing.T) {
	t.Parallel()
	s := loadSchema(t, "sse_data_schema_1.5.8.json")
	kinds := map[string]int{}
	for _, e := range made(t, Config{EraBlocks: 4}) {
		value := decode(t, e.Raw)
		if e.Type == "DeployAccepted" {
			// The schema wants {"deploy":…} inside, nodes send the deploy itself.
			value.(map[string]any)["DeployAccepted"] = map[string]any{"deploy": value.(map[string]any)["DeployAccepted"]}
		}
		if err := s.check(value, s.root, e.Type); err != nil {
			t.Errorf("%.300v: %.300s", s.check(value, inside(s, e.Type), e.Type), err)
		}
		kinds[e.Type]++
	}
	for _, kind := range []string{"BlockAdded", "DeployAccepted", "DeployProcessed", "DeployExpired", "Fault", "FinalitySignature", "Step"} {
		if kinds[kind] == 0 {
			t.Errorf("no %s was sent", kind)
		}
	}
}

// inside is the alternative of the schema's top level for a kind of event, to
// say what is wrong rather than that nothing fits.
func inside(s *schema, kind string) any {
	for _, alternative := range append(list(s.root["anyOf"]), list(s.root["oneOf"])...) {
		if properties, ok := alternative.(map[string]any)["properties"].(map[string]any); ok && properties[kind] != nil {
			return alternative
		}
	}
	return nil
}

// Nodes of 2.x send other shapes of transactions and results than their schema
// says, so those are compared with recordings below.
func TestEventsOf2xFitTheNodesSchema(t *testing.T) {
	t.Parallel()
	s := loadSchema(t, "sse_data_schema_2.0.json")
	kinds := map[string]int{}
	for _, e := range made(t, Config{Protocol: "2.0.0", EraBlocks: 4}) {
		kinds[e.Type]++
		switch e.Type {
		case "TransactionAccepted", "TransactionProcessed":
			continue
		}
		if err := s.check(decode(t, e.Raw), s.root, e.Type); err != nil {
			t.Errorf("%.300v: %.300s", s.check(decode(t, e.Raw), inside(s, e.Type), e.Type), err)
		}
	}
	for _, kind := range []string{"BlockAdded", "TransactionAccepted", "TransactionProcessed", "TransactionExpired", "Fault", "FinalitySignature", "Step"} {
		if kinds[kind] == 0 {
			t.Errorf("no %s was sent", kind)
		}
	}
}

// skeleton is the set of paths to the leaves of a value. Free-form parts count
// as leaves.
func skeleton(v any, at string, into map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for name, field := range v {
			switch name {
			case "args", "effects", "transforms", "operations", "era_end", "pricing_mode", "session", "payment", "target", "entry_point", "transactions", "messages", "execution_effect":
				into[at+"."+name] = true
			default:
				skeleton(field, at+"."+name, into)
			}
		}
	case []any:
		for _, item := range v {
			skeleton(item, at+"[]", into)
		}
	default:
		into[at] = true
	}
}

func TestShapesEqualRecordedOnes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ protocol, kind, file string }{
		{"1.5.6", "BlockAdded", "block_added_event.json"},
		{"1.5.6", "DeployAccepted", "deploy_accepted_event.json"},
		{"1.5.6", "DeployExpired", "deploy_expired_event.json"},
		{"1.5.6", "DeployProcessed", "deploy_processed_event.json"},
		{"1.5.6", "FinalitySignature", "finality_signature_event.json"},
		{"1.5.6", "Fault", "fault_event.json"},
		{"1.5.6", "Step", "step_event.json"},
		{"2.0.0", "BlockAdded", "block_added_event_v2.json"},
		{"2.0.0", "TransactionAccepted", "transaction_accepted_event.json"},
		{"2.0.0", "TransactionProcessed", "transaction_processed_event_with_messages.json"},
		{"2.0.0", "FinalitySignature", "finality_signature_event_v2.json"},
		{"2.0.0", "TransactionExpired", "transaction_expired_event.json"},
	} {
		t.Run(test.protocol+"-"+test.kind, func(t *testing.T) {
			t.Parallel()
			want := map[string]bool{}
			skeleton(decode(t, recorded(t, "sse", test.file)), "", want)
			events := made(t, Config{Protocol: test.protocol, EraBlocks: 4})
			var got map[string]bool
			for _, e := range events {
				if e.Type != test.kind {
					continue
				}
				got = map[string]bool{}
				skeleton(decode(t, e.Raw), "", got)
				if same(got, want) {
					return
				}
			}
			for path := range got {
				if !want[path] {
					t.Errorf("%s is sent, nodes do not send it", path)
				}
			}
			for path := range want {
				if !got[path] {
					t.Errorf("%s is not sent", path)
				}
			}
		})
	}
}

func same(a, b map[string]bool) bool {
	if len(a) != len(b) {
		return false
	}
	for path := range a {
		if !b[path] {
			return false
		}
	}
	return true
}
