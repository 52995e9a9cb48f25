package limit

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"
)

// Patience is how long a request waits for an answer, and a question to Redis.
const Patience = 250 * time.Millisecond

// Bounds.
const (
	maxKeys    = 100_000 // that this process counts; beyond it one makes room
	sweepEvery = 10 * time.Second
	leaseLife  = time.Second // what was granted and not used by then is lost
	maxAsking  = 4096        // keys that wait for a lease; one more passes by its bucket
	maxClaims  = 256         // in a round trip
	forgiven   = 64          // the part of a rate that Redis is not told of
	maxRounds  = 4           // how often one request waits for a lease that others then took
)

// Config of a Limiter.
type Config struct {
	Rules Rules
	Grace time.Duration         // how long new orders go on without Redis
	Redis redis.UniversalClient // nil = the limits are this process's alone
}

// Limiter is safe for concurrent use. A nil Limiter limits nothing.
type Limiter struct {
	rates    [classes][kinds]Rate
	policies [classes][kinds][]string
	grace    time.Duration
	ledger   *ledger // nil = not shared
	log      *zap.Logger
	asks     chan *entry

	refused *prometheus.CounterVec
	trips   prometheus.Counter

	mu      sync.RWMutex
	entries map[Key]*entry

	health sync.RWMutex
	gone   time.Time // since when Redis does not answer; zero = it does
}

// entry is what this process knows of one key.
type entry struct {
	key  Key
	rate Rate

	mu       sync.Mutex
	bucket   Bucket
	seen     time.Time
	credit   float64   // granted and not used; below 0 used and not granted
	at       time.Time // when credit was right
	granted  time.Time // when the last lease came
	lease    int       // how much is asked for
	need     int       // what those who wait need, of the next claim
	claims   uint64    // made so far
	left     float64   // what Redis had after the last lease
	not      time.Time // before this Redis has nothing
	asking   bool
	answered chan struct{} // closed with the answer under way
}

// New makes a limiter; with Redis, Run keeps it in touch.
func New(cfg Config, reg prometheus.Registerer, log *zap.Logger) *Limiter {
	l := &Limiter{rates: cfg.Rules.of(), grace: cfg.Grace, log: log, asks: make(chan *entry, maxAsking), entries: map[Key]*entry{},
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "fondaco_api_limited_total", Help: "Requests and commands that were refused, by class and what they were counted for."}, []string{"class", "kind"}),
		trips:   prometheus.NewCounter(prometheus.CounterOpts{Name: "fondaco_api_limit_round_trips_total", Help: "Questions to Redis about limits; one asks for many."})}
	if cfg.Redis != nil {
		l.ledger = &ledger{redis: cfg.Redis}
	}
	for c := range l.rates {
		for k, r := range l.rates[c] {
			l.policies[c][k] = policy(Class(c), r)
		}
	}
	reg.MustRegister(l.refused, l.trips,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "fondaco_api_limit_shared", Help: "1 while the limits are shared with the other replicas."}, l.shared),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "fondaco_api_limit_keys", Help: "Clients that this process counts."}, l.count))
	return l
}

// Close ends the connection to Redis.
func (l *Limiter) Close() {
	if l.ledger != nil {
		_ = l.ledger.redis.Close()
	}
}

func (l *Limiter) shared() float64 {
	if l.ledger == nil || l.lost(time.Now()) != there {
		return 0
	}
	return 1
}

func (l *Limiter) count() float64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return float64(len(l.entries))
}

// Take charges n to each of the client's limits of the class, or to none.
func (l *Limiter) Take(ctx context.Context, class Class, n int, who Client) Verdict {
	v := Verdict{OK: true}
	if l == nil || class == None {
		return v
	}
	var room [2]Key
	keys := l.keys(class, who, room[:0])
	for i := range keys {
		one := l.take(ctx, keys[i], n)
		if !one.OK {
			for j := range keys[:i] {
				l.entry(keys[j], time.Now()).giveBack(n)
			}
			l.refused.WithLabelValues(class.String(), kindNames[keys[i].kind]).Add(float64(n))
			return one
		}
		if i == 0 || one.Left < v.Left {
			v = one
		}
	}
	return v
}

// Give takes a Take back: nothing was done after all.
func (l *Limiter) Give(class Class, n int, who Client) {
	if l == nil || class == None {
		return
	}
	var room [2]Key
	for _, k := range l.keys(class, who, room[:0]) {
		l.entry(k, time.Now()).giveBack(n)
	}
}

func (e *entry) giveBack(n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.bucket.Give(n)
	e.credit += float64(n)
}

// take charges one key, and waits where only Redis knows.
func (l *Limiter) take(ctx context.Context, k Key, n int) Verdict {
	now := time.Now()
	e := l.entry(k, now)
	var asked uint64
	v, wait := l.try(e, n, now, patient, &asked)
	if wait == nil {
		return v
	}
	timer := time.NewTimer(Patience)
	defer timer.Stop()
	for round := 1; ; round++ {
		mood := patient
		if round == maxRounds {
			mood = heard
		}
		select {
		case <-wait:
		case <-timer.C:
			mood = unheard
		case <-ctx.Done():
			mood = unheard
		}
		if v, wait = l.try(e, n, time.Now(), mood, &asked); wait == nil {
			return v
		}
	}
}

// What is done when neither the lease nor the debt that a client may have are
// enough, and Redis did not say that there is no more.
type mood uint8

const (
	patient mood = iota // wait for an answer
	heard               // refuse: there were answers, and others were faster
	unheard             // pass by the bucket: there was none
)

// try decides, or gives what to wait for first; asked is which claim of the key
// is to hold what the request needs, 0 = none yet.
func (l *Limiter) try(e *entry, n int, now time.Time, m mood, asked *uint64) (Verdict, <-chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.seen = now
	if wait, ok := e.bucket.Take(e.rate, now, n); !ok {
		return l.refuse(e, time.Duration(wait)*time.Millisecond), nil
	}
	if l.ledger == nil {
		return l.pass(e, now), nil
	}
	e.settle(now)
	// What is larger than the bucket passes when the bucket is full, and leaves a
	// debt.
	need := min(n, e.rate.Burst)
	debt := e.share()
	if now.Before(e.not) { // what is overdrawn already is not lent again
		debt = max(0, debt+min(0, e.leftAt(now)))
	}
	short := e.credit-float64(need) < -debt
	switch state := l.lost(now); {
	case state == lost && e.key.class == Order:
		e.bucket.Give(n)
		return Verdict{Unavailable: true, Wait: time.Second, key: e.key, policy: l.policyOf(e)}, nil
	case state != there, short && m == unheard && !now.Before(e.not):
		// Redis is told later, as far as it remembers so much.
		e.credit = max(e.credit-float64(n), -float64(e.rate.Burst))
		return l.pass(e, now), nil
	case !short:
		e.credit -= float64(n)
		if e.credit < -e.share()/2 && !now.Before(e.not) || e.credit < -e.share() {
			l.ask(e)
		}
		return l.pass(e, now), nil
	case now.Before(e.not), m == heard:
		e.bucket.Give(n)
		return l.refuse(e, max(e.not.Sub(now), e.rate.filling(float64(need)-e.credit-max(0, e.leftAt(now))))), nil
	}
	e.bucket.Give(n)
	if *asked <= e.claims {
		*asked = e.claims + 1
		e.need = min(e.need+need, e.rate.Burst)
	}
	if !l.ask(e) {
		return l.refuse(e, Patience), nil // more clients ask than Redis can answer
	}
	return Verdict{}, e.answered
}

// share is what a client may be in debt: a twentieth of its burst.
func (e *entry) share() float64 { return max(1, float64(e.rate.Burst)/20) }

// settle forgets a lease that was not used in time, and a little of a debt.
func (e *entry) settle(now time.Time) {
	switch {
	case e.credit > 0 && now.Sub(e.granted) > leaseLife:
		e.credit = 0
	case e.credit < 0:
		e.credit = min(0, e.credit+now.Sub(e.at).Seconds()*float64(e.rate.PerSecond)/forgiven)
	}
	e.at = now
}

// leftAt is what Redis should have now, as far as this process knows.
func (e *entry) leftAt(now time.Time) float64 {
	return min(float64(e.rate.Burst), e.left+now.Sub(e.granted).Seconds()*float64(e.rate.PerSecond))
}

// ask has Run ask for a lease. It is false when too many ask.
func (l *Limiter) ask(e *entry) bool {
	if e.asking {
		return true
	}
	select {
	case l.asks <- e:
		e.asking, e.answered = true, make(chan struct{})
		return true
	default:
		return false
	}
}

func (l *Limiter) pass(e *entry, now time.Time) Verdict {
	left := float64(e.rate.Burst) - e.bucket.used
	if l.ledger != nil && !e.granted.IsZero() {
		left = min(left, e.leftAt(now)+e.credit)
	}
	left = max(0, left)
	return Verdict{OK: true, Left: int(left), key: e.key, policy: l.policyOf(e),
		Reset: seconds(e.rate.filling(float64(e.rate.Burst) - left))}
}

func (l *Limiter) refuse(e *entry, wait time.Duration) Verdict {
	return Verdict{Wait: max(wait, time.Millisecond), Reset: seconds(wait), key: e.key, policy: l.policyOf(e)}
}

// seconds rounds up.
func seconds(d time.Duration) time.Duration {
	return (d + time.Second - 1).Truncate(time.Second)
}

func (l *Limiter) policyOf(e *entry) []string { return l.policies[e.key.class][e.key.kind] }

// entry finds what is known of a key.
func (l *Limiter) entry(k Key, now time.Time) *entry {
	l.mu.RLock()
	e := l.entries[k]
	l.mu.RUnlock()
	if e != nil {
		return e
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if e = l.entries[k]; e != nil {
		return e
	}
	if len(l.entries) >= maxKeys {
		for old := range l.entries { // any: Redis remembers it
			delete(l.entries, old)
			break
		}
	}
	e = &entry{key: k, rate: l.rates[k.class][k.kind], lease: 1, seen: now, at: now}
	l.entries[k] = e
	return e
}

// sweep forgets clients whose buckets are full again.
func (l *Limiter) sweep(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for k, e := range l.entries {
		e.mu.Lock()
		idle := !e.asking && now.Sub(e.seen) > e.rate.filling(2*float64(e.rate.Burst))+leaseLife && now.Sub(e.seen) > e.rate.filling(-e.credit*forgiven)
		e.mu.Unlock()
		if idle {
			delete(l.entries, k)
		}
	}
}
