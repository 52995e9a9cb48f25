package hub

import (
	feedv1 "fondaco.dev/proto/feed/v1"
	"fondaco.dev/services/api/internal/feed"
	"fondaco.dev/services/api/internal/shape"
	"fondaco.dev/services/api/internal/store"
)

// headOf reads the newest block of what was published; known is false when the
// rows do not say.
func headOf(rows []*feedv1.Row) (h shape.Head, known bool) {
	for i := len(rows) - 1; i >= 0; i-- {
		switch k := rows[i].GetKind().(type) {
		case *feedv1.Row_EvmBlock:
			return shape.Head{Number: k.EvmBlock.GetNumber(), Hash: shape.Hex(k.EvmBlock.GetHash())}, true
		case *feedv1.Row_Reverted:
			return shape.Head{Number: k.Reverted.GetToNumber(), Hash: shape.Hex(k.Reverted.GetToHash())}, true
		case *feedv1.Row_CasperBlock:
			return shape.Head{Number: k.CasperBlock.GetHeight(), Hash: k.CasperBlock.GetBlockHash()}, true
		}
	}
	return shape.Head{}, false
}

// tellHead tells those who follow the head what is newest now.
func (c *chain) tellHead(head shape.Head) {
	if f := c.finalized.Load(); f >= 0 {
		head.Finalized = &f
	}
	c.heading.Lock()
	defer c.heading.Unlock()
	was := c.head
	if c.head = &head; was != nil && was.Same(head) {
		return
	}
	m := feed.NewMessage(c.held, "event", feed.Heads, feed.Scope{Key: "network", Value: c.name}, Epoch(c.partition, c.epoch), nil, 0,
		func() []byte { return shape.Encode(head) })
	m.Passing = true
	c.feed.Publish([]*feed.Message{m}, c.held)
}

// tellFinal tells the head again where only what is final may be another.
func (c *chain) tellFinal() {
	c.heading.Lock()
	head := c.head
	c.heading.Unlock()
	if head != nil {
		c.tellHead(shape.Head{Number: head.Number, Hash: head.Hash})
	}
}

// onCursor is tellHead of a poll, which knows no hash.
func (c *chain) onCursor(cur store.Cursor) {
	if cur.Number < 0 {
		return
	}
	head := shape.Head{Number: uint64(cur.Number)}
	c.heading.Lock()
	if c.head != nil && c.head.Number == head.Number {
		head.Hash = c.head.Hash
	}
	c.heading.Unlock()
	c.tellHead(head)
}

// JoinHeads makes s a member of a network's feed that begins with its head, or
// null before it is known.
func (h *Hub) JoinHeads(network string, s *feed.Sub, hello func(epoch string, seq uint64, data []byte)) error {
	c := h.networks[network]
	select {
	case <-c.feed.Ready():
	default:
		return store.ErrLoading
	}
	c.heading.Lock()
	defer c.heading.Unlock()
	data := []byte("null")
	if c.head != nil {
		data = shape.Encode(*c.head)
	}
	c.feed.JoinNow(s, func(epoch string, seq uint64) { hello(epoch, seq, data) })
	return nil
}
