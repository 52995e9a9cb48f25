package core

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	ordersv1 "fondaco.dev/proto/orders/v1"
)

var update = flag.Bool("update", false, "rewrite the expected effects in testdata")

// TestScenarios plays testdata/*.txt. A scenario is a list of packs:
//
//	pack api                      from, then options: gw=NAME no=N at=+MS sent=+MS
//	buy 1 WINE-USD 5@100 gtc a    account, market, lots@price (market order: lots), tif, client id
//	----
//	pack_applied ...              the events, then one "= outcome" a command
//
// At is the server's time after the scenario's beginning; it stays until
// changed, and sent is at unless given.
func TestScenarios(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txt")
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
			got := play(t, string(want))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != string(want) {
				t.Errorf("%s: the effects changed (-update rewrites them)\n%s", file, firstDifference(string(want), got))
			}
		})
	}
}

// play runs a scenario and returns it with the effects that were seen.
func play(t *testing.T, script string) string {
	v := newVenue(t)
	var out strings.Builder
	for _, block := range strings.Split(strings.TrimSpace(script), "\n\n") {
		head, _, isPack := strings.Cut(block, "\n----")
		out.WriteString(strings.TrimSpace(head))
		if isPack {
			out.WriteString("\n----\n")
			r := v.playPack(head)
			for _, e := range r.events {
				out.WriteString(text(e.ProtoReflect()) + "\n")
			}
			for _, o := range r.reply.GetOutcomes() {
				s := text(o.ProtoReflect())
				if s == "" {
					s = " ok"
				}
				out.WriteString("=" + s + "\n")
			}
			out.WriteString("\n")
		} else {
			out.WriteString("\n\n")
		}
	}
	return strings.TrimSpace(out.String()) + "\n"
}

func (v *venue) playPack(head string) result {
	var p *ordersv1.Pack
	var from string
	for _, line := range strings.Split(head, "\n") {
		w := strings.Fields(line)
		switch {
		case len(w) == 0 || strings.HasPrefix(line, "#"):
		case w[0] == "pack":
			from = w[1]
			p = &ordersv1.Pack{Gateway: from, SentAtMs: -1}
			for _, opt := range w[2:] {
				key, val, _ := strings.Cut(opt, "=")
				switch key {
				case "gw":
					p.Gateway = val
				case "no":
					p.PackNo = uint64(v.num(val))
				case "at":
					v.nowMs = base + v.num(val)
				case "sent":
					p.SentAtMs = base + v.num(val)
				default:
					v.t.Fatalf("unknown option %q", opt)
				}
			}
		default:
			p.Commands = append(p.Commands, v.command(w))
		}
	}
	if p.SentAtMs == -1 {
		p.SentAtMs = v.nowMs
	}
	if p.PackNo == 0 {
		v.packNo[p.Gateway]++
		p.PackNo = v.packNo[p.Gateway]
	}
	return v.sendPack(from, p)
}

func (v *venue) num(s string) int64 {
	n, err := strconv.ParseInt(strings.TrimPrefix(s, "+"), 10, 64)
	if err != nil {
		v.t.Fatalf("number %q: %v", s, err)
	}
	return n
}

func (v *venue) command(w []string) *ordersv1.Command {
	switch w[0] {
	case "asset":
		return assetOf(w[1], uint32(v.num(w[2])))
	case "market": // market SYMBOL BASE QUOTE tick lot maker taker
		return marketOf(w[1], w[2], w[3], v.num(w[4]), v.num(w[5]), v.num(w[6]), v.num(w[7]))
	case "deposit": // deposit ACCOUNT ASSET AMOUNT ID
		return fund(uint64(v.num(w[1])), w[2], v.num(w[3]), w[4])
	case "cancel": // cancel ACCOUNT #ID | CLIENT_ID
		c := &ordersv1.CancelOrder{Account: uint64(v.num(w[1]))}
		if id, isID := strings.CutPrefix(w[2], "#"); isID {
			c.OrderId = uint64(v.num(id))
		} else {
			c.ClientOrderId = w[2]
		}
		return &ordersv1.Command{Op: &ordersv1.Command_Cancel{Cancel: c}}
	case "accept_time":
		return &ordersv1.Command{Op: &ordersv1.Command_AcceptTime{AcceptTime: &ordersv1.AcceptTime{}}}
	case "tick":
		return &ordersv1.Command{Op: &ordersv1.Command_Tick{Tick: &ordersv1.Tick{}}}
	case "credit":
		return &ordersv1.Command{Op: &ordersv1.Command_Credit{Credit: &ordersv1.Credit{Account: 1, Asset: "USD", Amount: 1}}}
	case "empty":
		return &ordersv1.Command{}
	case "buy", "sell":
		o := &ordersv1.NewOrder{Account: uint64(v.num(w[1])), Symbol: w[2], Side: buy, ClientOrderId: w[5]}
		if w[0] == "sell" {
			o.Side = sell
		}
		lots, price, isLimit := strings.Cut(w[3], "@")
		o.QuantityLots, o.Type = v.num(lots), ordersv1.OrderType_ORDER_TYPE_MARKET
		if isLimit {
			o.PriceTicks, o.Type = v.num(price), ordersv1.OrderType_ORDER_TYPE_LIMIT
		}
		o.TimeInForce = ordersv1.TimeInForce(ordersv1.TimeInForce_value["TIME_IN_FORCE_"+strings.ToUpper(w[4])])
		if len(w) > 6 {
			o.Malformed = ordersv1.RejectReason(ordersv1.RejectReason_value["REJECT_REASON_"+strings.ToUpper(w[6])])
		}
		return &ordersv1.Command{Op: &ordersv1.Command_NewOrder{NewOrder: o}}
	}
	v.t.Fatalf("unknown command %q", w)
	return nil
}

func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range w {
		if i >= len(g) || w[i] != g[i] {
			have := "end of file"
			if i < len(g) {
				have = g[i]
			}
			return fmt.Sprintf("line %d\n want %s\n  got %s", i+1, w[i], have)
		}
	}
	return fmt.Sprintf("line %d: %s", len(w)+1, g[len(w)])
}
