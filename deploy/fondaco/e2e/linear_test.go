package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// The checker finds what it is there for: cash promised twice, a cancel that
// gave nothing back, a read from before an answer.
func TestPurseModelRefusesWrongHistories(t *testing.T) {
	t.Parallel()
	in := func(kind deedKind, id string, cost int64) deed { return deed{1, kind, id, cost} }
	taken := seen{found: true, open: true}
	op := func(client int, call, ret int64, d deed, s seen) porcupine.Operation {
		return porcupine.Operation{ClientId: client, Input: d, Call: call, Output: s, Return: ret}
	}
	for name, c := range map[string]struct {
		history []porcupine.Operation
		ok      bool
	}{
		"two orders that fit": {[]porcupine.Operation{
			op(0, 0, 10, in(place, "a", 60), taken), op(1, 5, 15, in(place, "b", 40), taken), op(0, 20, 21, in(readBalance, "", 0), seen{reserved: 100})}, true},
		"the same cash twice": {[]porcupine.Operation{
			op(0, 0, 10, in(place, "a", 60), taken), op(1, 5, 15, in(place, "b", 60), taken)}, false},
		"refused beside a cancel": {[]porcupine.Operation{
			op(0, 0, 10, in(place, "a", 60), taken), op(0, 11, 20, in(cancel, "a", 0), seen{found: true}), op(1, 12, 19, in(place, "b", 60), seen{refused: true, found: true})}, true},
		"refused after the cancel": {[]porcupine.Operation{
			op(0, 0, 10, in(place, "a", 60), taken), op(0, 11, 20, in(cancel, "a", 0), seen{found: true}), op(1, 21, 29, in(place, "b", 60), seen{refused: true, found: true})}, false},
		"an order that an answer named is lost": {[]porcupine.Operation{
			op(0, 0, 10, in(place, "a", 60), taken), op(0, 11, 20, in(readOrder, "a", 0), seen{})}, false},
		"a balance from before the answer": {[]porcupine.Operation{
			op(0, 0, 10, in(place, "a", 60), taken), op(1, 11, 20, in(readBalance, "", 0), seen{available: 100})}, false},
		"a cancel that gave nothing back": {[]porcupine.Operation{
			op(0, 0, 10, in(place, "a", 60), taken), op(0, 11, 20, in(cancel, "a", 0), seen{found: true}), op(0, 21, 22, in(readBalance, "", 0), seen{available: 40, reserved: 60})}, false},
		"placed twice": {[]porcupine.Operation{
			op(0, 0, 10, in(place, "a", 30), taken), op(0, 11, 20, in(readBalance, "", 0), seen{available: 40, reserved: 60})}, false},
	} {
		if got := porcupine.CheckOperations(purseModel(100), c.history); got != c.ok {
			t.Errorf("%s: %v, want %v", name, got, c.ok)
		}
	}
}

// owner is one of several programs that use one account at the same time,
// through one api.
type owner struct {
	*client
	number int
	began  time.Time
	ids    *idPool
}

// idPool are the client order ids that the programs of an account know of.
type idPool struct {
	mu   sync.Mutex
	list []string
	n    int
}

func (p *idPool) fresh(account uint64) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.n++
	id := fmt.Sprintf("p%d-%d", account, p.n)
	p.list = append(p.list, id)
	return id
}

func (p *idPool) one(rng *rand.Rand) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.list) == 0 {
		return "none"
	}
	return p.list[max(0, len(p.list)-8)+rng.IntN(min(8, len(p.list)))]
}

// cents are what an account has at the beginning, of USD with two decimals.
const cents = 1_000_000_00

// act does one thing and returns it as the checker wants it.
func (o *owner) act(ctx context.Context) (porcupine.Operation, error) {
	d := deed{account: o.account, kind: []deedKind{place, place, place, cancel, cancel, readOrder, readBalance, readBalance}[o.rng.IntN(8)]}
	method, path, body := http.MethodGet, "/v1/balances", any(nil)
	switch d.kind {
	case place:
		// Some 40% of the cash each; far below any price at which somebody sells.
		lots := int64(150_000 + o.rng.IntN(100_000))
		d.id, d.cost = o.ids.fresh(o.account), lots*200
		d.cost += (d.cost*2500 + 999_999) / 1_000_000 // the taker's fee, which is the higher
		method, path = http.MethodPost, "/v1/orders"
		body = map[string]string{"symbol": "WINE18-USD", "side": "buy", "type": "limit", "price": "2.00", "quantity": fmt.Sprint(lots), "client_order_id": d.id}
	case cancel:
		d.id = o.ids.one(o.rng)
		method, path = http.MethodDelete, "/v1/orders/by-client-id/"+d.id
	case readOrder:
		d.id = o.ids.one(o.rng)
		path = "/v1/orders/by-client-id/" + d.id
	}
	op := porcupine.Operation{ClientId: o.number, Input: d, Call: int64(time.Since(o.began))}
	tries := 0
	for {
		a, err := o.ask(ctx, method, path, body)
		tries++
		if err == nil && a.code < 500 && a.code != http.StatusAccepted && a.code != http.StatusTooManyRequests {
			s, err := d.read(a)
			s.repeated = tries > 1
			op.Output, op.Return = s, int64(time.Since(o.began))
			return op, err
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return op, fmt.Errorf("%+v has no outcome: %w (%d %s)", d, err, a.code, a.body)
		}
	}
}

// read takes an answer as the model has it.
func (d *deed) read(a answer) (s seen, err error) {
	switch {
	case d.kind == readBalance && a.code == http.StatusOK:
		var list struct {
			Data []struct{ Asset, Available, Reserved string }
		}
		if err := json.Unmarshal(a.body, &list); err != nil {
			return s, err
		}
		for _, b := range list.Data {
			if b.Asset == "USD" {
				s.available, s.reserved = inCents(b.Available), inCents(b.Reserved)
			}
		}
		return s, nil
	case a.code == http.StatusNotFound && d.kind != place:
		return s, nil
	case a.code == http.StatusConflict && d.kind == cancel && strings.Contains(string(a.body), "already_done"):
		return seen{found: true, done: true}, nil
	case a.code == http.StatusOK || a.code == http.StatusCreated:
		var o struct{ Status, Reason string }
		if err := json.Unmarshal(a.body, &o); err != nil {
			return s, err
		}
		if o.Status == "rejected" && o.Reason == "stale" {
			return s, nil // that try changed nothing, and its id is still free
		}
		s.found, s.open = true, o.Status == "open"
		if d.kind == place {
			s.refused, s.open = o.Status == "rejected", o.Status != "rejected"
		}
		return s, nil
	}
	return s, fmt.Errorf("%+v was answered %d %s", *d, a.code, a.body)
}

func inCents(text string) int64 {
	whole, part, _ := strings.Cut(text, ".")
	var n int64
	_, _ = fmt.Sscan(whole+(part + "00")[:2], &n)
	return n
}

// Several programs use each account at the same time while leaders are killed
// and frozen. What they saw of orders and balances has an order in which it all
// makes sense, each thing between its request and its answer.
func TestWhatOwnersSeeIsLinearizable(t *testing.T) {
	s, api := books(t, nil)
	clients := newClients(t, s.infra, s.file, []string{api.http}, 3)
	for _, c := range clients { // the deposits came past this api, which nobody has watched yet
		eventually(t, 10*time.Second, "the deposit to be seen", func() error {
			var balances struct{ Data []struct{ Available string } }
			get(t, api.http+"/v1/balances", c.token, &balances)
			for _, b := range balances.Data {
				if b.Available != "0" {
					return nil
				}
			}
			return fmt.Errorf("it shows %+v", balances)
		})
	}
	ctx, end := context.WithTimeout(t.Context(), 120*time.Second)
	defer end()
	began, stop := time.Now(), make(chan struct{})
	var mu sync.Mutex
	var history []porcupine.Operation
	var wg sync.WaitGroup
	for k, c := range clients {
		ids := &idPool{}
		for j := range 3 {
			twin := *c
			twin.rng = rand.New(rand.NewPCG(uint64(k), uint64(j)))
			o := &owner{client: &twin, number: k*3 + j, began: began, ids: ids}
			wg.Go(func() {
				for n := 0; n < 60; n++ {
					select {
					case <-stop:
						return
					default:
					}
					op, err := o.act(ctx)
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					history = append(history, op)
					mu.Unlock()
					_ = pause(ctx, time.Duration(o.rng.IntN(150))*time.Millisecond)
				}
			})
		}
	}
	seed := uint64(time.Now().UnixNano())
	rng := rand.New(rand.NewPCG(seed, 4))
	for range 6 {
		time.Sleep(time.Duration(rng.IntN(900)+300) * time.Millisecond)
		p := s.procs[[]string{"orderbook-1", "orderbook-2"}[rng.IntN(2)]]
		if rng.IntN(2) == 0 {
			p.Kill()
			continue
		}
		p.Signal(syscall.SIGSTOP)
		time.Sleep(time.Duration(rng.IntN(2500)) * time.Millisecond)
		p.Signal(syscall.SIGCONT)
	}
	late := time.AfterFunc(60*time.Second, func() { close(stop) })
	wg.Wait()
	if late.Stop() {
		close(stop)
	}
	refused := 0
	for _, op := range history {
		if op.Output.(seen).refused {
			refused++
		}
	}
	t.Logf("seed %d: %d requests, %d orders refused for want of money", seed, len(history), refused)
	if refused == 0 || len(history) < 100 {
		t.Error("the accounts were never short of money, or nothing happened: nothing was tested")
	}
	switch result, _ := porcupine.CheckOperationsVerbose(purseModel(cents), history, 60*time.Second); result {
	case porcupine.Illegal:
		t.Error("no order of what was done explains what was seen")
		for _, part := range byAccount(history) {
			if porcupine.CheckOperations(purseModel(cents), part) {
				continue
			}
			for _, op := range part {
				t.Logf("%2d %8.3f..%8.3f %+v -> %+v", op.ClientId, float64(op.Call)/1e9, float64(op.Return)/1e9, op.Input, op.Output)
			}
			break
		}
	case porcupine.Unknown:
		t.Error("the checker came to no end")
	}
	s.verifyBook()
}
