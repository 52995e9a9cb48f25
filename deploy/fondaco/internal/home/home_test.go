package home

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSecondProcessIsRefusedByName(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "data")
	first, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Open(path)
	if err == nil || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) || !strings.Contains(err.Error(), path) {
		t.Fatalf("a second holder must be told who holds it: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Open(path)
	if err != nil {
		t.Fatalf("after the first one's end: %v", err)
	}
	_ = again.Close()
}

func TestSecretsAreKeptAndPrivate(t *testing.T) {
	t.Parallel()
	d, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	s, err := d.Secrets()
	if err != nil {
		t.Fatal(err)
	}
	want := s.Get("nats.api").Reveal()
	if len(want) < 20 {
		t.Errorf("a password of %d characters", len(want))
	}
	if err := s.Save(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(d.Path(secretsFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v, want 0600", info, err)
	}
	s, err = d.Secrets()
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Get("nats.api").Reveal(); got != want {
		t.Error("the password changed")
	}
}

func TestTempIsRemovedAtClose(t *testing.T) {
	t.Parallel()
	d, err := Temp()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.WriteRun(Run{PID: os.Getpid(), Venue: "main"}); err != nil {
		t.Fatal(err)
	}
	if r, err := ReadRun(d.Path()); err != nil || r.Venue != "main" {
		t.Errorf("ReadRun = %+v, %v", r, err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(d.Path()); !os.IsNotExist(err) {
		t.Errorf("the folder is still there: %v", err)
	}
	if _, err := ReadRun(d.Path()); err == nil || !strings.Contains(err.Error(), "fondaco up") {
		t.Errorf("without a system: %v", err)
	}
}
