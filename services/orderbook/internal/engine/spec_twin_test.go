package engine_test

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"
)

func unmarshal(data []byte, m proto.Message) error { return proto.Unmarshal(data, m) }

// TestTwin lets the engine and the twin live the same life.
func TestTwin(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		k := &maker{r: newRig(t), draw: func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "n") }}
		k.open()
		for range rapid.IntRange(1, 80).Draw(t, "packs") {
			k.step()
		}
	})
}

// FuzzTape does the same with what is read from a tape of bytes; an exhausted
// tape ends the life.
func FuzzTape(f *testing.F) {
	for _, seed := range []string{"", "fondaco", "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, tape []byte) {
		at := 0
		k := &maker{r: newRig(t), draw: func(n int) int {
			if at >= len(tape) {
				return 0
			}
			b := int(tape[at])
			at++
			return b % n
		}}
		k.open()
		for at < len(tape) && at < 4000 {
			k.step()
		}
	})
}
