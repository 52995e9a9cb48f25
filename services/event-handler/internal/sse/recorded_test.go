package sse_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"fondaco.dev/services/event-handler/internal/recorded"
	"fondaco.dev/services/event-handler/internal/sse"
)

// TestRecordedStreamsCutAnywhere feeds streams as nodes sent them, cut into two
// chunks at every byte (with CRLF and CR instead of LF: at many), and expects the
// same events each time.
func TestRecordedStreamsCutAnywhere(t *testing.T) {
	t.Parallel()
	want := map[string]int{
		"api-version-event.txt": 1, "block-added-event.txt": 1, "deploy-accepted-event.txt": 1, "deploy-expired-event.txt": 1,
		"deploy-processed-event.txt": 1, "deploys-events.txt": 2, "fault-event.txt": 1, "finality-signature-event.txt": 1,
		"main-events.txt": 3, "shutdown-event.txt": 1, "sigs-events.txt": 5, "step-event.txt": 1, "step-with-any-event.txt": 1,
	}
	files, err := filepath.Glob(filepath.Join(recorded.Path(t, "casper", "wire"), "*.txt"))
	if err != nil || len(files) != len(want) {
		t.Fatalf("%d streams, %v; want %d", len(files), err, len(want))
	}
	for _, file := range files {
		name := filepath.Base(file)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			whole := parse(in, len(in))
			if len(whole) != want[name] {
				t.Fatalf("%d events, want %d: %+v", len(whole), want[name], whole)
			}
			for step, variant := range map[int]string{1: string(in), 7: strings.ReplaceAll(string(in), "\n", "\r\n"), 11: strings.ReplaceAll(string(in), "\n", "\r")} {
				for cut := 0; cut < len(variant); cut += step {
					if got := parse([]byte(variant), cut); !reflect.DeepEqual(got, whole) {
						t.Fatalf("cut at %d: %+v, want %+v", cut, got, whole)
					}
				}
			}
		})
	}
}

func parse(in []byte, cut int) []sse.Event {
	p := sse.NewParser(1 << 20)
	p.Feed(in[:cut])
	p.Feed(in[cut:])
	p.Close()
	var out []sse.Event
	for {
		e, ok := p.Pop()
		if !ok {
			return out
		}
		out = append(out, e)
	}
}
