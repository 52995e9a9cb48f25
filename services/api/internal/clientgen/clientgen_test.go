package clientgen

import (
	"bytes"
	"os"
	"testing"

	"fondaco.dev/services/api/internal/spec"
)

// TestGeneratedIsCurrent: the committed clients and the server's side are what
// the description makes.
func TestGeneratedIsCurrent(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s, err := spec.Load(data)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	for path, make := range map[string]func(*spec.Spec) ([]byte, error){
		"../../client/go/api.gen.go": Go, "../../client/ts/src/api.gen.ts": TypeScript,
		"../operation/server.gen.go": Server, "../operation/params.gen.go": Params,
	} {
		want, err := make(s)
		if err != nil {
			t.Fatal(err)
		}
		if os.Getenv("UPDATE") != "" {
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what openapi.yaml makes (%v); run: UPDATE=1 go test ./internal/clientgen", path, err)
		}
	}
}
