package chain

import (
	"context"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"fondaco.dev/services/writer/internal/partition"

	chainv1 "fondaco.dev/proto/chain/v1"
	feedv1 "fondaco.dev/proto/feed/v1"
)

// Apart has nothing to do: facts are apart.
func (c *Casper) Apart(bool) {}

// casperPart is what writing one fact has to tell.
type casperPart struct {
	written []*feedv1.Row
	stats   casperStats
	left    bool
}

// Units are the facts of the plan; each is written as if it were alone.
func (c *Casper) Units() []partition.Unit {
	all, buried := c.facts, c.dead
	c.parts = make([]casperPart, len(all))
	out := make([]partition.Unit, len(all))
	for i := range all {
		f, part := &all[i], &c.parts[i]
		out[i] = partition.Unit{Seq: f.seq, Index: f.unit,
			Body: func() []byte {
				body, _ := proto.Marshal(&chainv1.Unit{Kind: &chainv1.Unit_Fact{Fact: &chainv1.Fact{Kind: f.kind, Key: f.key, Raw: f.raw, ReceivedMs: f.received}}})
				return body
			},
			Write: func(ctx context.Context, tx pgx.Tx) error {
				c.facts, c.dead = all[i:i+1], nil
				err := c.Write(ctx, tx)
				c.facts, c.dead = all, buried
				part.written, part.stats = c.written, c.stats
				return err
			},
			Leave: func(out bool) { part.left = out },
		}
	}
	return out
}

// Rest puts together what the facts have to tell.
func (c *Casper) Rest(ctx context.Context, tx pgx.Tx) error {
	c.written, c.stats = nil, casperStats{}
	for i := range c.parts {
		if p := &c.parts[i]; !p.left {
			c.written = append(c.written, p.written...)
			c.stats.add(p.stats)
		}
	}
	return c.bury(ctx, tx, c.dead)
}

func (s *casperStats) add(o casperStats) {
	s.facts += o.facts
	s.blocks += o.blocks
	s.deploys += o.deploys
	s.transfers += o.transfers
	s.messages += o.messages
	s.duplicates += o.duplicates
	s.quarantined += o.quarantined
}
