package engine_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	ordersv1 "fondaco.dev/proto/orders/v1"
)

var update = flag.Bool("update", false, "rewrite the expected effects in testdata/golden")

// TestGolden plays testdata/golden/*.txt, lists of packs with their effects:
//
//	pack api at=+MS sent=+MS      from, then options; at stays until changed
//	buy 1 5@100 gtc a             commands, as parse has them
//	----
//	order_accepted ...            the events after pack_applied, then one "= outcome" a command
//
// A block that begins with "setup" has no effects to show; others that are no
// pack are comments.
func TestGolden(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/golden/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := newRig(t).playGolden(string(want))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != string(want) {
				t.Errorf("the effects changed (-update rewrites them); now\n%s", got)
			}
		})
	}
}

func (r *rig) playGolden(script string) string {
	var out strings.Builder
	for _, block := range strings.Split(strings.TrimSpace(script), "\n\n") {
		head, _, _ := strings.Cut(block, "\n----")
		head = strings.TrimSpace(head)
		out.WriteString(head)
		if commands, is := strings.CutPrefix(head, "setup\n"); is {
			r.play(commands)
		}
		if strings.HasPrefix(head, "pack ") {
			out.WriteString("\n----\n")
			res := r.playBlock(strings.Split(head, "\n"))
			for _, e := range res.events {
				if p := e.GetPackApplied(); p == nil || p.Skipped || p.Doubtful {
					out.WriteString(text(e.ProtoReflect()) + "\n")
				}
			}
			for _, o := range res.reply.GetOutcomes() {
				out.WriteString("=" + text(o.ProtoReflect()) + "\n")
			}
		}
		out.WriteString("\n\n")
	}
	return strings.ReplaceAll(strings.TrimSpace(out.String()), "\n\n\n", "\n\n") + "\n"
}

func (r *rig) playBlock(lines []string) result {
	w := strings.Fields(lines[0])
	p := &ordersv1.Pack{Gateway: w[1]}
	sent := int64(-1)
	for _, option := range w[2:] {
		key, val, _ := strings.Cut(option, "=")
		n := r.num(strings.TrimPrefix(val, "+"))
		switch key {
		case "at":
			r.nowMs = zero + n
		case "sent":
			sent = zero + n
		case "no":
			p.PackNo = uint64(n)
		default:
			r.t.Fatalf("unknown option %q", option)
		}
	}
	if p.SentAtMs = sent; sent == -1 {
		p.SentAtMs = r.nowMs
	}
	if p.PackNo == 0 {
		r.packNo[p.Gateway]++
		p.PackNo = r.packNo[p.Gateway]
	}
	for _, line := range lines[1:] {
		p.Commands = append(p.Commands, r.parse(line))
	}
	return r.sendPack(w[1], p)
}

// TestEveryRejectIsShown: the scenarios show each reason for which the engine
// refuses.
func TestEveryRejectIsShown(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/golden/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range strings.Fields(string(text)) {
			if reason, is := strings.CutPrefix(word, "reason="); is {
				shown[reason] = true
			}
		}
	}
	for n, name := range ordersv1.RejectReason_name {
		if reason := strings.ToLower(strings.TrimPrefix(name, "REJECT_REASON_")); n != 0 && !shown[reason] {
			t.Errorf("no scenario shows %s", reason)
		}
	}
}
