package casper

import (
	"net/http"
	"strings"
	"time"

	"go.uber.org/zap"
)

// Config is what a Node needs; the zero value is a node of protocol 1.x in
// memory on free ports that makes blocks only when it is told to.
type Config struct {
	// DataDir is the folder in which the chain and its event ids are kept.
	// Empty = in memory.
	DataDir string
	// SSEAddr and RPCAddr are host:port of the event stream server and of the
	// JSON-RPC server. Default 127.0.0.1:0 = a free port.
	SSEAddr string
	RPCAddr string
	// ChainName defaults to casper-test. It is fixed by the first start.
	ChainName string
	// Protocol is the version that ApiVersion says, default 1.5.6; from 2.0.0
	// on, streams and shapes are those of 2.x.
	Protocol string
	// Period is the time between blocks made by the node itself, each with
	// Deploys contract calls and Transfers; 0 = MakeBlock only.
	Period    time.Duration
	Deploys   int
	Transfers int
	// Seed makes keys and hashes, and with a fixed Clock the whole chain,
	// reproducible. Empty = random: a chain that starts anew is another chain.
	Seed string
	// NoGenesis starts a new chain without block 0, for a replay.
	NoGenesis bool
	// EraBlocks is the number of blocks in an era, default 20.
	EraBlocks int
	// Validators is the number of signatures a block gets, default 5.
	Validators int
	// Buffer is the number of events that start_from can ask for, default
	// 5000 as in the node's own configuration. It is filled from the data
	// folder at start.
	Buffer int
	// ForgetBuffer starts with an empty buffer, as the real node does.
	ForgetBuffer bool
	// MaxSubscribers is the number of connections beyond which 503 is
	// answered, default 100 as in the node's own configuration.
	MaxSubscribers int
	// KeepAlive is the silence after which a comment is sent, default 15 s.
	KeepAlive time.Duration
	// IDsBack makes event ids go back by so many at start, as those of a node
	// do that crashed.
	IDsBack uint32
	// Chunk cuts a frame into the pieces in which it is written; nil = whole.
	Chunk func(frame []byte) [][]byte
	// WrapRPC stands before the JSON-RPC server; nil = nothing does.
	WrapRPC func(http.Handler) http.Handler
	// Clock gives block timestamps, default time.Now.
	Clock func() time.Time
	// Log gets the node's own messages, default none.
	Log *zap.Logger
}

func (c *Config) fill() {
	def := func(s *string, v string) {
		if *s == "" {
			*s = v
		}
	}
	num := func(i *int, v int) {
		if *i == 0 {
			*i = v
		}
	}
	def(&c.SSEAddr, "127.0.0.1:0")
	def(&c.RPCAddr, "127.0.0.1:0")
	def(&c.ChainName, "casper-test")
	def(&c.Protocol, "1.5.6")
	num(&c.EraBlocks, 20)
	num(&c.Validators, 5)
	num(&c.Buffer, 5000)
	num(&c.MaxSubscribers, 100)
	if c.KeepAlive == 0 {
		c.KeepAlive = 15 * time.Second
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Log == nil {
		c.Log = zap.NewNop()
	}
}

func (c *Config) v2() bool { return !strings.HasPrefix(c.Protocol, "1.") }
