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

// Conform holds an answer to the description: a status that is foreseen, the
// type that goes with it, and a body with nothing missing and nothing more.
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
	if op == nil || status == http.StatusNotModified || method == http.MethodHead {
		return nil
	}
	ref := op.Spec.Responses.Value(fmt.Sprint(status))
	if ref == nil && status >= 400 {
		ref = op.Spec.Responses.Default()
	}
	if ref == nil {
		return fmt.Errorf("operation %s foresees no such status", op.ID)
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
