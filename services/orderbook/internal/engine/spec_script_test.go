package engine_test

import (
	"strconv"
	"strings"

	ordersv1 "fondaco.dev/proto/orders/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// A script is commands as text, one a line; k=v are the message's other fields,
// of which the endings _ticks, _lots, _ms and _ppm may be left out, and times
// with a + count from the beginning.
//
//	asset NAME SCALE                     market SYMBOL BASE QUOTE tick=1 lot=1 k=v
//	deposit ACCOUNT ASSET AMOUNT ID      withdraw ACCOUNT ASSET AMOUNT ID
//	buy ACCOUNT LOTS[@PRICE] TIF NAME k=v        $AMOUNT instead of lots: a budget
//	cancel ACCOUNT NAME                  amend ACCOUNT NAME price=N quantity=N
//	replace ACCOUNT NAME with ORDER      pair ORDER / ORDER
//	cancel_all ACCOUNT k=v               keep_alive ACCOUNT MS
//	phase MARKET PHASE k=v               limits MARKET k=v       delist MARKET
//	accept_time     tick     empty       activate N
//
// A NAME is a client order id, #N a client_ref, !N an order id. Orders are for
// market 1 and of the type limit or market unless they say type=.
func (r *rig) parse(line string) *ordersv1.Command {
	r.t.Helper()
	w := strings.Fields(line)
	switch w[0] {
	case "asset":
		return command(&ordersv1.AddAsset{Name: w[1], Scale: uint32(r.num(w[2]))})
	case "market":
		return command(r.set(&ordersv1.AddMarket{Symbol: w[1], Base: w[2], Quote: w[3]}, w[4:]))
	case "deposit":
		return command(&ordersv1.Deposit{Account: uint64(r.num(w[1])), Asset: w[2], Amount: r.num(w[3]), DepositId: w[4]})
	case "withdraw":
		return command(&ordersv1.Withdraw{Account: uint64(r.num(w[1])), Asset: w[2], Amount: r.num(w[3]), WithdrawalId: w[4]})
	case "buy", "sell":
		return command(r.parseOrder(w))
	case "cancel":
		return command(r.parseName(w[1:3]))
	case "amend":
		n := r.parseName(w[1:3])
		return command(r.set(&ordersv1.AmendOrder{Account: n.Account, OrderId: n.OrderId, ClientOrderId: n.ClientOrderId, ClientRef: n.ClientRef}, w[3:]))
	case "replace":
		return command(&ordersv1.ReplaceOrder{Cancel: r.parseName(w[1:3]), NewOrder: r.parseOrder(w[4:])})
	case "pair":
		a, b, _ := strings.Cut(line[len("pair "):], " / ")
		return command(&ordersv1.NewPair{First: r.parseOrder(strings.Fields(a)), Second: r.parseOrder(strings.Fields(b))})
	case "cancel_all":
		return command(r.set(&ordersv1.CancelAll{Account: uint64(r.num(w[1]))}, w[2:]))
	case "keep_alive":
		return command(&ordersv1.KeepAlive{Account: uint64(r.num(w[1])), TimeoutMs: r.num(w[2])})
	case "phase":
		return command(r.set(&ordersv1.SetPhase{Market: uint32(r.num(w[1]))}, append([]string{"phase=" + w[2]}, w[3:]...)))
	case "limits":
		return command(&ordersv1.SetLimits{Market: uint32(r.num(w[1])), Limits: r.set(&ordersv1.Limits{}, w[2:]).(*ordersv1.Limits)})
	case "delist":
		return command(&ordersv1.Delist{Market: uint32(r.num(w[1]))})
	case "activate":
		return command(&ordersv1.Activate{Semantics: uint32(r.num(w[1]))})
	case "accept_time":
		return command(&ordersv1.AcceptTime{})
	case "tick":
		return command(&ordersv1.Tick{})
	case "empty":
		return command(nil)
	}
	r.t.Fatalf("unknown command %q", line)
	return nil
}

func (r *rig) parseOrder(w []string) *ordersv1.NewOrder {
	r.t.Helper()
	n := r.parseName([]string{w[1], w[4]})
	o := &ordersv1.NewOrder{Account: n.Account, Market: 1, Side: buy, Type: marketType, ClientOrderId: n.ClientOrderId, ClientRef: n.ClientRef}
	if w[0] == "sell" {
		o.Side = sell
	}
	lots, price, limited := strings.Cut(w[2], "@")
	if budget, is := strings.CutPrefix(lots, "$"); is {
		o.QuoteBudget = r.num(budget)
	} else {
		o.QuantityLots = r.num(lots)
	}
	if limited {
		o.PriceTicks, o.Type = r.num(price), limitType
	}
	if w[3] != "-" {
		r.set(o, []string{"time_in_force=" + w[3]})
	}
	return r.set(o, w[5:]).(*ordersv1.NewOrder)
}

func (r *rig) parseName(w []string) *ordersv1.CancelOrder {
	r.t.Helper()
	c := &ordersv1.CancelOrder{Account: uint64(r.num(w[0]))}
	switch w[1][0] {
	case '#':
		c.ClientRef = uint64(r.num(w[1][1:]))
	case '!':
		c.OrderId = uint64(r.num(w[1][1:]))
	default:
		c.ClientOrderId = w[1]
	}
	return c
}

// set writes k=v into the fields of a message, or of its limits.
func (r *rig) set(m proto.Message, pairs []string) proto.Message {
	r.t.Helper()
	for _, pair := range pairs {
		key, val, given := strings.Cut(pair, "=")
		if !given {
			val = "true"
		}
		if !r.setOne(m.ProtoReflect(), key, val) {
			market, is := m.(*ordersv1.AddMarket)
			if !is {
				r.t.Fatalf("no field %q", pair)
				continue
			}
			if market.Limits == nil {
				market.Limits = &ordersv1.Limits{}
			}
			if !r.setOne(market.Limits.ProtoReflect(), key, val) {
				r.t.Fatalf("no field %q", pair)
			}
		}
	}
	return m
}

func (r *rig) setOne(m protoreflect.Message, key, val string) bool {
	fields := m.Descriptor().Fields()
	var f protoreflect.FieldDescriptor
	for _, end := range []string{"", "_ticks", "_lots", "_ms", "_ppm", "_at_ms"} {
		if f = fields.ByName(protoreflect.Name(key + end)); f != nil {
			break
		}
	}
	if f == nil {
		return false
	}
	switch f.Kind() {
	case protoreflect.EnumKind:
		unset := string(f.Enum().Values().Get(0).Name())
		v := f.Enum().Values().ByName(protoreflect.Name(strings.TrimSuffix(unset, "UNSPECIFIED") + strings.ToUpper(val)))
		if v == nil {
			r.t.Fatalf("no value %q of %s", val, f.Name())
		}
		m.Set(f, protoreflect.ValueOfEnum(v.Number()))
	case protoreflect.BoolKind:
		m.Set(f, protoreflect.ValueOfBool(val == "true"))
	case protoreflect.Int64Kind:
		n := r.num(strings.TrimPrefix(val, "+"))
		if strings.HasPrefix(val, "+") {
			n += zero
		}
		m.Set(f, protoreflect.ValueOfInt64(n))
	case protoreflect.Uint32Kind:
		m.Set(f, protoreflect.ValueOfUint32(uint32(r.num(val))))
	default:
		r.t.Fatalf("field %s cannot be set", f.Name())
	}
	return true
}

func (r *rig) num(s string) int64 {
	r.t.Helper()
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		r.t.Fatalf("number %q: %v", s, err)
	}
	return n
}

// play sends lines, each as a pack of its own, from whoever may send them, and
// returns what happened without the packs' first events and the balances.
func (r *rig) play(script string) (told []string) {
	r.t.Helper()
	for _, line := range strings.Split(script, "\n") {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		from := "api"
		switch strings.Fields(line)[0] {
		case "asset", "market", "phase", "limits", "delist", "accept_time", "activate":
			from = "admin"
		case "deposit", "withdraw":
			from = "funds"
		case "tick":
			from = "tick"
		}
		for _, e := range r.send(from, r.parse(line)).events {
			if e.GetPackApplied() == nil && e.GetBalanceChanged() == nil {
				told = append(told, brief(e.ProtoReflect()))
			}
		}
	}
	return told
}

// brief is an event without times, accounts and fees.
func brief(m protoreflect.Message) string {
	var kept []string
	for _, w := range strings.Fields(text(m)) {
		key, _, _ := strings.Cut(w, "=")
		switch {
		case strings.HasSuffix(key, "_ms"), strings.HasSuffix(key, "account"), strings.HasSuffix(key, "_fee"), key == "client_ref", key == "client_order_id", key == "trade_id", key == "market":
		default:
			kept = append(kept, w)
		}
	}
	return strings.Join(kept, " ")
}

// wine opens a market without fees, and accounts 1 to 6 with plenty.
func (r *rig) wine(options string) {
	r.t.Helper()
	r.play("asset USD 2\nasset WINE 0\nmarket WINE-USD WINE USD tick=1 lot=1 " + options)
	for a := 1; a <= 6; a++ {
		n := strconv.Itoa(a)
		r.play("deposit " + n + " USD 1000000 usd" + n + "\ndeposit " + n + " WINE 10000 wine" + n)
	}
}
