package apitest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"fondaco.dev/services/api/internal/spec"
)

// Spec is the api's description as it stands in the tree.
var Spec = sync.OnceValues(func() (*spec.Spec, error) {
	_, file, _, _ := runtime.Caller(0)
	data, err := os.ReadFile(filepath.Join(filepath.Dir(file), "..", "..", "openapi.yaml"))
	if err != nil {
		return nil, err
	}
	return spec.Load(data)
})

// Conform holds an answer to the description: a status that is foreseen, its
// headers, the type that goes with it, and a body, with nothing missing and
// nothing more.
// Paths that are no operation answer as the event store did, or with a problem.
func Conform(t testing.TB, method, path string, status int, header http.Header, body []byte) {
	t.Helper()
	s, err := Spec()
	if err != nil {
		t.Fatal(err)
	}
	if err := conform(s, method, path, status, header, body); err != nil {
		t.Errorf("%s %s answers %d against the description: %v\n%.600s", method, path, status, err, body)
	}
}

func conform(s *spec.Spec, method, path string, status int, header http.Header, body []byte) error {
	path, _, _ = strings.Cut(path, "?")
	op := find(s, method, path)
	if op == nil {
		return nil
	}
	ref := op.Spec.Responses.Value(fmt.Sprint(status))
	if ref == nil && status >= 400 {
		ref = op.Spec.Responses.Default()
	}
	if ref == nil {
		return fmt.Errorf("operation %s foresees no such status", op.ID)
	}
	if err := headers(ref.Value.Headers, header); err != nil {
		return fmt.Errorf("operation %s: %w", op.ID, err)
	}
	if status == http.StatusNotModified || method == http.MethodHead {
		return nil
	}
	kind, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		return fmt.Errorf("content type %q: %w", header.Get("Content-Type"), err)
	}
	media := ref.Value.Content.Get(kind)
	if media == nil {
		// 400 to 503 may be described for what is particular; the api's own
		// problems may come with any status.
		if media = op.Spec.Responses.Default().Value.Content.Get(kind); media == nil || status < 400 {
			return fmt.Errorf("operation %s foresees no %s", op.ID, kind)
		}
	}
	if !strings.HasSuffix(kind, "json") {
		return nil
	}
	return Valid(media.Schema.Value, body)
}

// transport are headers that say how an answer travels or is shown, which the
// description leaves to HTTP.
var transport = []string{"Content-Type", "Content-Length", "Date", "Vary", "Refresh", "Content-Security-Policy", "X-Content-Type-Options",
	"Access-Control-Allow-Origin", "Access-Control-Expose-Headers", "Connection", "Upgrade"}

// headers holds those of an answer to what is described.
func headers(described openapi3.Headers, got http.Header) error {
	known := map[string]bool{}
	for _, name := range transport {
		known[name] = true
	}
	for name, ref := range described {
		h, name := ref.Value, http.CanonicalHeaderKey(name)
		known[name] = true
		switch text := got.Values(name); {
		case len(text) > 1:
			return fmt.Errorf("the header %s comes %d times", name, len(text))
		case len(text) == 0 && h.Required:
			return fmt.Errorf("the header %s is missing", name)
		case len(text) == 1:
			var v any = text[0]
			if h.Schema.Value.Type.Is(openapi3.TypeInteger) {
				v = json.Number(text[0])
			}
			if err := h.Schema.Value.VisitJSON(v); err != nil {
				return fmt.Errorf("the header %s is %q: %w", name, text[0], err)
			}
		}
	}
	for name := range got {
		if !known[name] {
			return fmt.Errorf("the header %s is not described", name)
		}
	}
	return nil
}

// Valid holds JSON to a schema.
func Valid(schema *openapi3.Schema, body []byte) error {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return fmt.Errorf("the body is no JSON: %w", err)
	}
	return schema.VisitJSON(v)
}

// find is the operation that serves a path: the one with the most fixed parts.
func find(s *spec.Spec, method, path string) (best *spec.Operation) {
	fixed := -1
	parts := strings.Split(path, "/")
	for _, op := range s.Operations {
		want := strings.Split(op.Path, "/")
		if op.Method != method && (op.Method != http.MethodGet || method != http.MethodHead) || len(want) != len(parts) {
			continue
		}
		n := 0
		for i, w := range want {
			switch {
			case strings.HasPrefix(w, "{"):
			case w == parts[i]:
				n++
			default:
				n = -len(want) - 1
			}
		}
		if n > fixed {
			best, fixed = op, n
		}
	}
	return best
}
