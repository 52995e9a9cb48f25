package engine

// SetWorkBound lowers what one command may do.
func (e *Engine) SetWorkBound(n int) { e.workBound = n }

// Breaks are ways to spoil the state, each of a kind that Audit must find. The
// engine has resting orders on both sides of its first market, several at one
// price, an iceberg, a waiting order, a pair, and a timer.
var Breaks = map[string]func(*Engine){
	"level volume":     func(e *Engine) { e.bestLevel().lots++ },
	"level count":      func(e *Engine) { e.bestLevel().orders++ },
	"queue tail":       func(e *Engine) { e.bestLevel().tail = 0 },
	"queue link back":  func(e *Engine) { e.orders[e.bestLevel().tail].prev = 0 },
	"queue link forth": func(e *Engine) { e.orders[e.bestLevel().head].next = 0 },
	"queue order":      func(e *Engine) { e.orders[e.bestLevel().head].arrival = 1 << 40 },
	"bitmap":           func(e *Engine) { p := &e.markets[0].books[0].pages[e.bestLevel().page]; p.bits ^= 1 << 5 },
	"best":             func(e *Engine) { l := &e.markets[0].books[0]; l.best = l.next(l.best) },
	"level's price":    func(e *Engine) { e.bestLevel().price++ },
	"order's price":    func(e *Engine) { e.orders[e.bestLevel().head].price++ },
	"order's level":    func(e *Engine) { e.orders[e.bestLevel().head].level = 0 },
	"remaining":        func(e *Engine) { e.orders[e.bestLevel().head].remaining++ },
	"free and live":    func(e *Engine) { e.live++ },
	"free list": func(e *Engine) {
		e.freeOrder = 0
		e.orders = append(e.orders, order{})
	},
	"account list":        func(e *Engine) { e.accounts[e.orders[e.bestLevel().head].acct].head = 0 },
	"account count":       func(e *Engine) { e.accounts[1].live++ },
	"available":           func(e *Engine) { e.balances[1].available++ },
	"reserved":            func(e *Engine) { e.balances[1].reserved++; e.balances[1].available-- },
	"reservation":         func(e *Engine) { e.orders[e.bestLevel().head].reserved++ },
	"fees":                func(e *Engine) { e.assets[0].fees++ },
	"supply":              func(e *Engine) { e.assets[0].supply++ },
	"crossed":             func(e *Engine) { m := &e.markets[0]; m.books[0], m.books[1] = m.books[1], m.books[0] },
	"pair":                func(e *Engine) { e.terms[e.orders[e.pairLeg()].terms].other = 0 },
	"timer":               func(e *Engine) { e.timers.nodes = e.timers.nodes[:len(e.timers.nodes)-1] },
	"digest of an order":  func(e *Engine) { e.Digest(); e.orders[e.bestLevel().head].hash.a++ },
	"forgotten change":    func(e *Engine) { e.Digest(); e.orders[e.bestLevel().head].took++ },
	"digest of a balance": func(e *Engine) { e.Digest(); e.balances[1].hash.a++ },
	"index of references": func(e *Engine) { e.orders[e.bestLevel().head].ref++ },
	"index of client ids": func(e *Engine) { e.byClient.n++ },
	"terms":               func(e *Engine) { e.freeTerms = 0; e.terms = append(e.terms, terms{}) },
	"shown part":          func(e *Engine) { e.terms[e.orders[e.iceberg()].terms].visible = 0 },
	"waiting orders":      func(e *Engine) { e.markets[0].waiting++ },
	"the dead":            func(e *Engine) { e.dead++ },
}

func (e *Engine) bestLevel() *level { l := &e.markets[0].books[0]; return &l.levels[l.best] }

func (e *Engine) flagged(flag uint8) uint32 {
	for k := 1; k < len(e.orders); k++ {
		if o := &e.orders[k]; o.id != 0 && o.isLive() && o.flags&flag != 0 {
			return uint32(k)
		}
	}
	panic("no such order")
}

func (e *Engine) pairLeg() uint32 { return e.flagged(flagPair) }
func (e *Engine) iceberg() uint32 { return e.flagged(flagIceberg) }
