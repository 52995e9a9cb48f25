package env_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fondaco.dev/pkg/env"
)

func from(m map[string]string) env.Lookup {
	return func(n string) (string, bool) { v, ok := m[n]; return v, ok }
}

func TestReaderReportsEveryProblemAtOnce(t *testing.T) {
	t.Parallel()
	r := env.New(from(map[string]string{"N": "x", "D": "5", "B": "maybe", "O": "red", "L": " a, ,b "}))
	r.Required("MISSING")
	if got := r.Int("N", 7, 0, 9); got != 7 {
		t.Errorf("Int of a bad value = %d, want the default 7", got)
	}
	r.Duration("D", time.Second)
	r.Bool("B", false)
	r.OneOf("O", "green", "green", "blue")
	if got := fmt.Sprint(r.List("L")); got != "[a b]" {
		t.Errorf("List = %s", got)
	}
	err := r.Err()
	if err == nil {
		t.Fatal("no error")
	}
	for _, name := range []string{"MISSING", "N:", "D:", "B:", "O:"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("the error does not name %s: %v", name, err)
		}
	}
}

func TestSecretIsNeverPrinted(t *testing.T) {
	t.Parallel()
	s := env.New(from(map[string]string{"P": "hunter2"})).Secret("P", "")
	if out := fmt.Sprintf("%v %s %#v %q", s, s, s, s); strings.Contains(out, "hunter2") {
		t.Errorf("printed: %s", out)
	}
	if s.Reveal() != "hunter2" {
		t.Error("Reveal lost the value")
	}
}

func TestDotEnv(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), ".env")
	text := "# comment\nA=1\nexport B=\"two words\"\nC='x=y'\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := env.LoadDotEnv(path)
	if err != nil {
		t.Fatal(err)
	}
	look := env.Overlay(from(map[string]string{"A": "real"}), m)
	for name, want := range map[string]string{"A": "real", "B": "two words", "C": "x=y"} {
		if got, _ := look(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	if err := os.WriteFile(path, []byte("PASSWORD hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := env.LoadDotEnv(path); err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("a bad line must be named by number only: %v", err)
	}
}
