package limit

import (
	"context"
	_ "embed"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// prefix of a key's name in Redis, and the channel on which a reset is told to
// every replica, with the key.
const (
	prefix       = "fondaco:limit:"
	resetChannel = "fondaco:limit-reset"
)

//go:embed gcra.lua
var gcra string

// claim is what one process asks of one key.
type claim struct {
	key  Key
	rate Rate
	debt float64 // used already: charged in any case
	want int     // as many of these as there are
}

// grant is the answer to a claim.
type grant struct {
	granted int
	left    float64 // what the key has now; below 0 when debts were charged beyond the burst
}

// ledger is the number that Redis keeps of each key: when it will have its
// whole burst again.
type ledger struct {
	redis redis.UniversalClient
	sha   string // of the script, once it was loaded
}

// charge carries out the claims in one round trip, or two when Redis does not
// know the script.
func (l *ledger) charge(ctx context.Context, claims []claim) ([]grant, error) {
	for attempt := 0; ; attempt++ {
		if l.sha == "" {
			sha, err := l.redis.ScriptLoad(ctx, gcra).Result()
			if err != nil {
				return nil, fmt.Errorf("loading the script of the limits: %w", err)
			}
			l.sha = sha
		}
		grants, err := l.evaluate(ctx, claims)
		if err != nil && strings.Contains(err.Error(), "NOSCRIPT") && attempt == 0 {
			l.sha = "" // Redis was started anew
			continue
		}
		return grants, err
	}
}

func (l *ledger) evaluate(ctx context.Context, claims []claim) ([]grant, error) {
	pipe := l.redis.Pipeline()
	answers := make([]*redis.Cmd, len(claims))
	for i, c := range claims {
		answers[i] = pipe.EvalSha(ctx, l.sha, []string{prefix + c.key.String()}, c.rate.PerSecond, c.rate.Burst,
			strconv.FormatFloat(c.debt, 'f', 3, 64), c.want)
	}
	_, err := pipe.Exec(ctx)
	if err != nil {
		return nil, fmt.Errorf("charging %d limits: %w", len(claims), err)
	}
	grants := make([]grant, len(claims))
	for i, a := range answers {
		pair, err := a.Int64Slice()
		if err != nil || len(pair) != 2 {
			return nil, fmt.Errorf("charging limits: an answer of %d numbers: %w", len(pair), err)
		}
		grants[i] = grant{granted: int(pair[0]), left: float64(pair[1]) / 1000}
	}
	return grants, nil
}
