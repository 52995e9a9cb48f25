package limit

import (
	"net/http"
	"strconv"
	"time"

	"fondaco.dev/services/api/internal/problem"
)

// Verdict is what a limit says to one request. The zero value, with OK, is that
// of a class without a limit.
type Verdict struct {
	OK bool
	// Unavailable: it is not known how much the account sends, as Redis is gone.
	Unavailable bool
	Wait        time.Duration // when refused: until it passes
	Left        int           // requests or commands that would pass now
	Reset       time.Duration // until all of the burst would, in whole seconds
	key         Key
	policy      []string // the RateLimit-Policy; nil = there is no limit
}

// policy is the RateLimit-Policy of a rate: the burst, and in how many seconds
// it fills.
func policy(c Class, r Rate) []string {
	if r.PerSecond <= 0 {
		return nil
	}
	return []string{`"` + c.String() + `";q=` + strconv.Itoa(r.Burst) + `;w=` + strconv.Itoa(max(1, (r.Burst+r.PerSecond-1)/r.PerSecond))}
}

// Header tells the client of the limit, as draft-ietf-httpapi-ratelimit-headers
// has it. The line is the header's from then on, of length 1.
func (v *Verdict) Header(h http.Header, line []string) {
	if v.policy == nil {
		return
	}
	var room [64]byte
	b := append(append(append(room[:0], '"'), classNames[v.key.class]...), `";r=`...)
	b = append(strconv.AppendInt(b, int64(v.Left), 10), ";t="...)
	b = strconv.AppendInt(b, int64(v.Reset/time.Second), 10)
	line[0] = string(b)
	h["Ratelimit"] = line
	h["Ratelimit-Policy"] = v.policy // one slice for all: nobody changes it
}

// Err is nil, or the problem of a refusal.
func (v *Verdict) Err() error {
	switch {
	case v.OK:
		return nil
	case v.Unavailable:
		return problem.Unavailable("limits_unavailable", "it is not known now how much this account sends; no new orders are taken in, cancels are; nothing was sent")
	}
	what := "this " + kindNames[v.key.kind] + " sends more than it may"
	if v.key.class == Order || v.key.class == Cancel {
		what += "; nothing was sent"
	}
	return problem.Limited(what, int64(v.Wait/time.Millisecond))
}

// Longer is a refusal that holds for at least wait.
func (v Verdict) Longer(wait time.Duration) Verdict {
	v.OK, v.Wait = false, max(v.Wait, wait)
	return v
}
