package casper

// MakeBlock makes the next block with so many contract calls and transfers,
// sends all its events, and returns its hash.
func (n *Node) MakeBlock(deploys, transfers int) (hash string, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.send(n.maker.block(n.index.tip, deploys, transfers, n.cfg.Clock())...); err != nil {
		return "", err
	}
	return n.index.tip.hash, nil
}

// ExpireDeploy sends a deploy that is accepted and then expires unexecuted, and
// returns its hash.
func (n *Node) ExpireDeploy() (hash string, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	t := n.index.tip
	j := n.maker.job(source(n.maker.seed, uint64(n.nextID), "expired"), t.height, int(n.nextID), false, n.cfg.Clock())
	return j.hash, n.send(j.accepted(), j.expired())
}

// Fault sends the report of a misbehaving validator.
func (n *Node) Fault() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.send(event("Fault", map[string]any{
		"era_id":     n.index.tip.era,
		"public_key": n.maker.validators[int(n.nextID)%len(n.maker.validators)].public,
		"timestamp":  stamp(n.cfg.Clock()),
	}))
}

// Replay sends recorded events with ids of this node. ApiVersion is left out:
// it has no id and each connection gets its own. Blocks and deploys among them
// are served over JSON-RPC, and MakeBlock goes on from the highest block.
func (n *Node) Replay(events []Event) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	kept := make([]Event, 0, len(events))
	for _, e := range events {
		if e.Type != "ApiVersion" {
			kept = append(kept, e)
		}
	}
	return n.send(kept...)
}

// Head is the highest block: its height and hash.
func (n *Node) Head() (height uint64, hash string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.index.tip.height, n.index.tip.hash
}

// Genesis is the hash of the block at height 0, empty without one.
func (n *Node) Genesis() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.index.heights[0]
}

// NextID is the id that the next event gets.
func (n *Node) NextID() uint32 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.nextID
}

// SetNextID makes ids go on from another number, lower ones too.
func (n *Node) SetNextID(id uint32) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.nextID = id
}
