package filter

import (
	"slices"
	"sort"
	"strings"

	feedv1 "fondaco.dev/proto/feed/v1"
	"fondaco.dev/services/api/internal/problem"
)

// Casper selects Casper blocks and deploys; unset fields select all. Hashes
// and keys are lower case.
type Casper struct {
	Hash    string // of the block or the deploy
	Account string // public key
	State   string
}

// ParseCasper reads a filter's parameters; allowed names those of the channel.
func ParseCasper(params map[string]string, allowed ...string) (*Casper, error) {
	f := &Casper{}
	names := make([]string, 0, len(params))
	for name := range params {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		if !slices.Contains(allowed, name) {
			return nil, problem.UnknownParameter(name, allowed)
		}
		value := strings.ToLower(params[name])
		switch name {
		case "hash":
			f.Hash = value
		case "account":
			f.Account = value
		case "state":
			if !slices.Contains([]string{"accepted", "processed", "expired"}, value) {
				return nil, problem.Parameter(name, "no such state", "accepted", "processed", "expired")
			}
			f.State = value
		}
	}
	return f, nil
}

// MatchBlock says whether a block is selected.
func (f *Casper) MatchBlock(b *feedv1.CasperBlock) bool {
	return f.Hash == "" || strings.EqualFold(f.Hash, b.GetBlockHash())
}

// MatchDeploy says whether a deploy is selected.
func (f *Casper) MatchDeploy(d *feedv1.CasperDeploy) bool {
	return (f.Hash == "" || strings.EqualFold(f.Hash, d.GetDeployHash())) &&
		(f.Account == "" || strings.EqualFold(f.Account, d.GetAccount())) &&
		(f.State == "" || f.State == d.GetState())
}
