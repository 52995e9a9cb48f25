package rest

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"fondaco.dev/services/api/internal/problem"
	"fondaco.dev/services/api/internal/shape"
	"fondaco.dev/services/api/internal/spec"
	"fondaco.dev/services/api/internal/status"
	"fondaco.dev/services/api/internal/store"
)

// goTypes says of which Go type the JSON of each described object is made.
var goTypes = map[string]reflect.Type{
	"Problem": reflect.TypeFor[problem.Problem](), "FieldError": reflect.TypeFor[problem.Field](), "Version": reflect.TypeFor[Version](), "Report": reflect.TypeFor[status.Report](),
	"Network": reflect.TypeFor[status.Network](), "NetworkList": reflect.TypeFor[list[status.Network]](), "DatabaseServer": reflect.TypeFor[store.Server](),
	"Block": reflect.TypeFor[shape.Block](), "ListedBlock": reflect.TypeFor[shape.ListedBlock](), "ListedBlockList": reflect.TypeFor[list[shape.ListedBlock]](),
	"Event": reflect.TypeFor[shape.Event](), "ListedEvent": reflect.TypeFor[shape.ListedEvent](), "ListedEventList": reflect.TypeFor[list[shape.ListedEvent]](),
	"Tx": reflect.TypeFor[shape.Tx](), "Reorg": reflect.TypeFor[shape.Reorg](), "ReorgList": reflect.TypeFor[list[shape.Reorg]](),
	"CasperBlock": reflect.TypeFor[shape.CasperBlock](), "CasperSignedBlock": reflect.TypeFor[shape.CasperSignedBlock](), "CasperDeploy": reflect.TypeFor[shape.CasperDeploy](),
	"CasperTransfer": reflect.TypeFor[shape.CasperTransfer](), "CasperPageLink": reflect.TypeFor[pageLink](), "CasperAccount": reflect.TypeFor[shape.CasperAccount](),
	"CasperMessage": reflect.TypeFor[shape.CasperMessage](), "CasperMessageList": reflect.TypeFor[list[shape.CasperMessage]](),
	"CasperBlockPage": reflect.TypeFor[envelope](), "CasperDeployPage": reflect.TypeFor[envelope](),
	"Market": reflect.TypeFor[shape.Market](), "MarketLimits": reflect.TypeFor[shape.Limits](), "MarketList": reflect.TypeFor[list[shape.Market]](),
	"Depth": reflect.TypeFor[shape.Depth](), "Top": reflect.TypeFor[shape.Top](), "Ticker": reflect.TypeFor[shape.Ticker](), "TickerList": reflect.TypeFor[list[shape.Ticker]](),
	"Trade": reflect.TypeFor[shape.Trade](), "TradeList": reflect.TypeFor[list[shape.Trade]](), "Candle": reflect.TypeFor[shape.Candle](), "CandleList": reflect.TypeFor[list[shape.Candle]](),
	"Auction": reflect.TypeFor[auction](), "AuctionList": reflect.TypeFor[list[auction]](),
	"Quote": reflect.TypeFor[shape.Quote](), "Indication": reflect.TypeFor[shape.Indication](), "Place": reflect.TypeFor[shape.Place](), "Queue": reflect.TypeFor[shape.Queue](),
	"Order": reflect.TypeFor[shape.Order](), "Fill": reflect.TypeFor[shape.Fill](), "OrderList": reflect.TypeFor[list[shape.Order]](),
	"Balance": reflect.TypeFor[shape.Balance](), "BalanceList": reflect.TypeFor[list[shape.Balance]](),
}

// byHand is written without a Go type. Package entry holds what it writes to
// these schemas, and so does every answer of the service's tests.
var byHand = []string{"Readiness", "OrderPair", "OrderResult", "Failure", "FailureReason", "OutcomeList", "UnknownOutcome", "Canceled", "KeptAlive"}

// TestTypesAreTheDescriptions: each Go type that is written as JSON has the
// members of its schema and no others, each of its type, null where it may be
// null, and left out where it need not be there; and each object that an answer
// may hold has such a type.
func TestTypesAreTheDescriptions(t *testing.T) {
	t.Parallel()
	s, _ := described(t)
	for name, typ := range goTypes {
		ref := s.Doc.Components.Schemas[name]
		if ref == nil {
			t.Errorf("%s is not described", name)
			continue
		}
		for _, wrong := range compare(ref.Value, typ) {
			t.Errorf("%s, %s: %s", name, typ, wrong)
		}
	}
	for name := range answered(s) {
		if (goTypes[name] == nil) == !slices.Contains(byHand, name) {
			t.Errorf("%s is part of an answer, and nothing says of which type it is written", name)
		}
	}
}

// TestCompareSeesWhatIsWrong: the comparison can fail, in each way.
func TestCompareSeesWhatIsWrong(t *testing.T) {
	t.Parallel()
	type good struct {
		ID    uint64   `json:"id"`
		Price *string  `json:"price"`
		Note  string   `json:"note,omitempty"`
		Words []string `json:"words"`
	}
	object := func(required ...string) *openapi3.Schema {
		text := openapi3.NewStringSchema()
		null := &openapi3.Schema{Type: &openapi3.Types{"string", "null"}}
		return openapi3.NewObjectSchema().WithProperty("id", openapi3.NewInt64Schema()).WithProperty("price", null).WithProperty("note", text).
			WithProperty("words", openapi3.NewArraySchema().WithItems(text)).WithRequired(required)
	}
	all := []string{"id", "price", "words"}
	if wrong := compare(object(all...), reflect.TypeFor[good]()); len(wrong) > 0 {
		t.Errorf("a type like its schema: %v", wrong)
	}
	for what, c := range map[string]struct {
		schema *openapi3.Schema
		typ    reflect.Type
	}{
		"a member too few":    {object(all...).WithProperty("more", openapi3.NewBoolSchema()), reflect.TypeFor[good]()},
		"always there":        {object("id", "words"), reflect.TypeFor[good]()},
		"not always there":    {object("id", "price", "words", "note"), reflect.TypeFor[good]()},
		"a member too many":   {openapi3.NewObjectSchema(), reflect.TypeFor[struct{ ID int64 }]()},
		"another type":        {object(all...).WithProperty("id", openapi3.NewStringSchema()), reflect.TypeFor[good]()},
		"never null":          {object(all...).WithProperty("price", openapi3.NewStringSchema()), reflect.TypeFor[good]()},
		"null, and cannot be": {object(all...).WithProperty("id", &openapi3.Schema{Type: &openapi3.Types{"integer", "null"}}), reflect.TypeFor[good]()},
		"other elements":      {object(all...).WithProperty("words", openapi3.NewArraySchema().WithItems(openapi3.NewInt64Schema())), reflect.TypeFor[good]()},
		"no list":             {object(all...).WithProperty("words", openapi3.NewStringSchema()), reflect.TypeFor[good]()},
	} {
		if len(compare(c.schema, c.typ)) == 0 {
			t.Errorf("%s: it is not seen", what)
		}
	}
}

// compare says in what an object's type is not as its schema.
func compare(s *openapi3.Schema, typ reflect.Type) (wrong []string) {
	fields := fieldsOf(typ)
	for name, ref := range s.Properties {
		f, ok := fields[name]
		if !ok {
			wrong = append(wrong, name+" is described and not written")
			continue
		}
		if required := slices.Contains(s.Required, name); required == f.omitted {
			wrong = append(wrong, fmt.Sprintf("%s: required is %t, left out when empty is %t", name, required, f.omitted))
		}
		if err := fits(ref, f.typ, f.omitted); err != "" {
			wrong = append(wrong, name+" "+err)
		}
	}
	for name := range fields {
		if s.Properties[name] == nil {
			wrong = append(wrong, name+" is written and not described")
		}
	}
	return wrong
}

type field struct {
	typ     reflect.Type
	omitted bool // when it is empty
}

// fieldsOf are the members that a struct is written with, those of embedded ones
// among them.
func fieldsOf(typ reflect.Type) map[string]field {
	out := map[string]field{}
	for i := range typ.NumField() {
		f := typ.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			maps.Copy(out, fieldsOf(f.Type))
			continue
		case !f.IsExported() || name == "-":
			continue
		case name == "":
			name = f.Name
		}
		out[name] = field{f.Type, strings.Contains(options, "omitempty")}
	}
	return out
}

// fits says in what a Go type is not as a schema; "" when it is. A pointer that
// is left out when it is nil is never null.
func fits(ref *openapi3.SchemaRef, typ reflect.Type, omitted bool) string {
	null := ref.Value.Type.Includes(openapi3.TypeNull)
	if typ == reflect.TypeFor[json.RawMessage]() || typ.Kind() == reflect.Interface {
		return "" // written elsewhere, and seen by the tests that look at answers
	}
	if typ.Kind() == reflect.Pointer {
		if null == omitted {
			return fmt.Sprintf("may be null: %t, is %s", null, typ)
		}
		typ = typ.Elem()
	} else if null {
		return fmt.Sprintf("may be null, is %s", typ)
	}
	if i := strings.LastIndexByte(ref.Ref, '/'); i >= 0 {
		if want := goTypes[ref.Ref[i+1:]]; want != nil && want != typ {
			return fmt.Sprintf("is a %s, want %s", typ, want)
		}
	}
	if alternatives := append(slices.Clone(ref.Value.OneOf), ref.Value.AnyOf...); len(alternatives) > 0 {
		for _, alt := range alternatives {
			if fits(alt, typ, omitted) == "" {
				return ""
			}
		}
		return fmt.Sprintf("is a %s, which is none of the alternatives", typ)
	}
	kinds := map[string]bool{}
	switch typ.Kind() {
	case reflect.String:
		kinds[openapi3.TypeString] = true
	case reflect.Bool:
		kinds[openapi3.TypeBoolean] = true
	case reflect.Int, reflect.Int32, reflect.Int64, reflect.Uint32, reflect.Uint64:
		kinds[openapi3.TypeInteger] = true
	case reflect.Slice, reflect.Array:
		kinds[openapi3.TypeArray] = true
	case reflect.Struct, reflect.Map:
		kinds[openapi3.TypeObject] = true
	}
	if typ == reflect.TypeFor[json.Number]() {
		kinds = map[string]bool{openapi3.TypeInteger: true, openapi3.TypeNumber: true}
	}
	if !slices.ContainsFunc(ref.Value.Type.Slice(), func(k string) bool { return kinds[k] }) {
		return fmt.Sprintf("is described as %v and a %s", ref.Value.Type.Slice(), typ)
	}
	if kinds[openapi3.TypeArray] {
		if err := fits(ref.Value.Items, typ.Elem(), false); err != "" {
			return "has elements; one " + err
		}
	}
	return ""
}

// answered are the names of the objects that answers may hold.
func answered(s *spec.Spec) map[string]bool {
	out := map[string]bool{}
	var visit func(ref *openapi3.SchemaRef)
	visit = func(ref *openapi3.SchemaRef) {
		if ref == nil {
			return
		}
		if i := strings.LastIndexByte(ref.Ref, '/'); i >= 0 && len(ref.Value.Properties) > 0 {
			if out[ref.Ref[i+1:]] {
				return
			}
			out[ref.Ref[i+1:]] = true
		}
		visit(ref.Value.Items)
		for _, p := range ref.Value.Properties {
			visit(p)
		}
		for _, alt := range append(slices.Clone(ref.Value.OneOf), ref.Value.AnyOf...) {
			visit(alt)
		}
	}
	for _, op := range s.Operations {
		for _, response := range op.Spec.Responses.Map() {
			for _, media := range response.Value.Content {
				visit(media.Schema)
			}
		}
	}
	return out
}
