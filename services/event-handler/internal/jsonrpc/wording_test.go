package jsonrpc

import (
	"net/http"
	"testing"
	"time"
)

// TestWordings: what hosted nodes and clients answer, as they word it.
func TestWordings(t *testing.T) {
	t.Parallel()
	for message, c := range map[string]struct {
		code int
		want Class
	}{
		"query returned more than 10000 results":                                                    {-32005, ClassTooMuch},
		"Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range": {-32602, ClassTooMuch},
		"eth_getLogs is limited to a 10,000 range":                                                  {-32614, ClassTooMuch},
		"block range is too wide":                                                                   {-32062, ClassTooMuch},
		"eth_getLogs is limited to 1024 block range. Please check":                                  {-32000, ClassTooMuch},
		"Block range limit exceeded. See more details at docs":                                      {-32000, ClassTooMuch},
		"exceed maximum block range: 5000":                                                          {-32000, ClassTooMuch},
		"requested too many blocks from 0 to 20000, maximum is set to 2048":                         {-32000, ClassTooMuch},
		"query timeout exceeded":                                                                    {-32000, ClassTooMuch},
		"request timed out":                                                                         {-32000, ClassTooMuch},
		"backend response too large":                                                                {-32020, ClassTooMuch},
		"please limit the query to at most 1000 blocks":                                             {-32000, ClassTooMuch},
		"result set too big, narrow the filter":                                                     {-32000, ClassTooMuch},
		"block range extends beyond current head block":                                             {-32000, ClassBehind},
		"requested from block 12 after last accepted block 10":                                      {-32000, ClassBehind},
		"pruned history unavailable":                                                                {4444, ClassPruned},
		"missing trie node 1234 (path )":                                                            {-32000, ClassPruned},
		"required historical state unavailable (reexec=128)":                                        {-32000, ClassPruned},
		"archive requests require a paid plan":                                                      {-32000, ClassPruned},
		"daily request count exceeded, request rate limited":                                        {-32005, ClassRateLimited},
		"Your app has exceeded its compute units per second capacity":                               {429, ClassRateLimited},
		"monthly capacity limit exceeded":                                                           {-32000, ClassRateLimited},
		"Too Many Requests":                                                                         {-32029, ClassRateLimited},
		"call rate limit exhausted, retry in 10s":                                                   {-32097, ClassRateLimited},
		"invalid API key":                                                                           {-32000, ClassRefused},
		"unknown block":                                                                             {-32000, ClassRPC},
		"header not found":                                                                          {-32000, ClassRPC},
		"the method eth_getBlockReceipts does not exist/is not available":                           {-32601, ClassRPC},
		"something that nobody has ever answered before":                                            {-31999, ClassRPC},
		"":                             {0, ClassRPC},
		"execution reverted":           {3, ClassRPC},
		"hex string without 0x prefix": {-32602, ClassRPC},
		"block is out of range":        {-32000, ClassTooMuch},
		"getting logs: context deadline exceeded":                             {-32603, ClassTooMuch},
		"could not be served: too many concurrent connections to this server": {-32000, ClassRateLimited},
	} {
		if got := classifyRPC(c.code, message); got != c.want {
			t.Errorf("%d %q: %s, want %s", c.code, message, got, c.want)
		}
	}
}

// TestMayBeTooMuch: an unknown wording is first taken for a limit.
func TestMayBeTooMuch(t *testing.T) {
	t.Parallel()
	for class, want := range map[Class]bool{
		ClassTooMuch: true, ClassTimeout: true, ClassRPC: true, ClassBadAnswer: true,
		ClassTransport: false, ClassRateLimited: false, ClassRefused: false, ClassServer: false, ClassStalled: false, ClassPruned: false, ClassBehind: false,
	} {
		if got := MayBeTooMuch(&Error{Class: class}); got != want {
			t.Errorf("%s: %v", class, got)
		}
		if class.String() == "" {
			t.Errorf("class %d has no name", class)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, " 7 ": 7 * time.Second, "-1": 0, "soon": 0, "999999": maxRetryAfter,
		now.Add(30 * time.Second).Format(http.TimeFormat): 30 * time.Second,
		now.Add(-time.Hour).Format(http.TimeFormat):       0,
	} {
		if got := retryAfter(header, now); got != want {
			t.Errorf("%q: %v, want %v", header, got, want)
		}
	}
}
