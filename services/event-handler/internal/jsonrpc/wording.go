package jsonrpc

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// There is no standard for "too many blocks", "too many calls" or "that is
// gone": these are the codes and words of the nodes and hosted services in use.
// What matches none is ClassRPC, which a caller that asked about several blocks
// treats as "too many" first (MayBeTooMuch).
var (
	tooMuchCodes = []int{
		-32005, // EIP-1474 limit exceeded (Infura, Besu)
		-32008, // Nethermind, Tenderly: response too large
		-32012, // Polygon Bor behind proxies: range
		-32062, // Ankr: block range is too large
		-32614, // Base, Blast: eth_getLogs is limited to a 10,000 range
		-32701, // Cloudflare: range
	}
	tooMuchWords = []string{
		"range", "more than", "too many", "too large", "too big", "too wide", "too long", "exceed", "response size", "limit", "at most",
		"timeout", "timed out", "deadline", "query returned", "max results", "maximum", "up to", "narrow", "smaller", "reduce",
	}
	rateWords = []string{
		"rate limit", "rate-limit", "ratelimit", "too many requests", "requests per", "calls per", "compute units", "throughput", "capacity", "quota",
		"daily", "monthly", "request limit", "requests limit", "request count", "call limit", "concurren", "throttl", "slow down", "credits", "try again later",
	}
	// 4444: go-ethereum and others, history dropped by EIP-4444.
	prunedCodes = []int{4444}
	prunedWords = []string{
		"pruned", "missing trie node", "history unavailable", "historical state", "state is not available", "state not available", "no state available",
		"archive", "state already discarded", "history has been",
	}
	behindWords  = []string{"beyond current head", "beyond the head", "after last accepted block", "head block is behind", "not yet available", "block is in the future"}
	refusedCodes = []int{401, 403}
	refusedWords = []string{"unauthorized", "unauthorised", "api key", "apikey", "access denied", "forbidden", "authenticat"}
)

// classifyRPC reads an error that a node answered. The order matters: the words
// for a rate speak of limits and maximums too.
func classifyRPC(code int, message string) Class {
	m := strings.ToLower(message)
	contains := func(words []string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(m, w) })
	}
	switch {
	case slices.Contains(prunedCodes, code) || contains(prunedWords):
		return ClassPruned
	case contains(behindWords):
		return ClassBehind
	case code == http.StatusTooManyRequests || contains(rateWords):
		return ClassRateLimited
	case slices.Contains(refusedCodes, code) || contains(refusedWords):
		return ClassRefused
	case slices.Contains(tooMuchCodes, code) || contains(tooMuchWords):
		return ClassTooMuch
	}
	return ClassRPC
}

// maxRetryAfter bounds what an endpoint may ask for.
const maxRetryAfter = 2 * time.Minute

// retryAfter reads the header in both forms of RFC 9110, 10.2.3: seconds, or a
// date; 0 when there is none.
func retryAfter(header string, now time.Time) time.Duration {
	header = strings.TrimSpace(header)
	if s, err := strconv.Atoi(header); err == nil {
		return min(time.Duration(max(s, 0))*time.Second, maxRetryAfter)
	}
	if at, err := http.ParseTime(header); err == nil {
		return min(max(at.Sub(now), 0), maxRetryAfter)
	}
	return 0
}
