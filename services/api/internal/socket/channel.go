package socket

import (
	"fondaco.dev/services/api/internal/auth"
	"fondaco.dev/services/api/internal/feed"
)

// Class says what becomes of a channel's frames when a client is slow.
type Class string

const (
	// Facts are never left out: the client goes on at its own pace, and is closed
	// with CodeSlow when it stays behind.
	Facts Class = "facts"
	// Newest frames replace what still waits: each is the whole state.
	Newest Class = "newest"
	// Changes of a state are folded into one, or left out together: then a snapshot
	// follows.
	Changes Class = "changes"
)

// Channel is one that can be subscribed to.
type Channel struct {
	Name   string
	Policy auth.Policy
	Class  Class
	Scope  string   // what the subscription names: network, symbol, or nothing
	Filter []string // members of its filter; arg.NAME and args stand for any
}

// channels are all there are; asyncapi.yaml says the same, which a test holds.
var channels = []Channel{
	{feed.Blocks, auth.Public, Facts, "network", []string{"hash"}},
	{feed.Events, auth.Public, Facts, "network", []string{"contract", "address", "event", "topic0", "topic1", "topic2", "topic3", "args"}},
	{feed.Deploys, auth.Public, Facts, "network", []string{"hash", "account", "state"}},
	{feed.Heads, auth.Public, Newest, "network", nil},
	{feed.Depth, auth.Public, Changes, "symbol", nil},
	{feed.Trades, auth.Public, Facts, "symbol", nil},
	{feed.Orders, auth.Owner, Facts, "", []string{"symbol"}},
	{feed.Top, auth.Public, Newest, "symbol", nil},
	{feed.Ticker, auth.Public, Newest, "symbol", nil},
	{feed.Candles, auth.Public, Newest, "symbol", []string{"interval"}},
	{feed.Markets, auth.Public, Newest, "symbol", nil},
	{feed.Queue, auth.Admin, Changes, "symbol", nil},
	{feed.Status, auth.Public, Newest, "", nil},
}

// Channels says who may subscribe to what.
func Channels() map[string]auth.Policy {
	out := map[string]auth.Policy{}
	for _, c := range channels {
		out[c.Name] = c.Policy
	}
	return out
}

func channelNames() []string {
	out := make([]string, len(channels))
	for i, c := range channels {
		out[i] = c.Name
	}
	return out
}

// find is a channel by its name, nil when there is none.
func find(name string) *Channel {
	for i := range channels {
		if channels[i].Name == name {
			return &channels[i]
		}
	}
	return nil
}
