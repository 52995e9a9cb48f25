package engine

// nobody is the slab index of no gateway.
const nobody int32 = -1

// gateway is the last pack that was applied of one publishing process.
type gateway struct {
	name       string
	packNo     uint64
	seenMs     int64 // stream time of that pack
	prev, next int32 // in the order of seenMs
}

// gateways remembers the last pack number of every gateway that was heard of
// within the last hour of stream time, oldest first.
type gateways struct {
	slab       []gateway
	free       []int32
	head, tail int32
	index      map[string]int32
	sum        sum
}

func newGateways() gateways {
	return gateways{head: nobody, tail: nobody, index: map[string]int32{}}
}

// forget drops gateways that were last heard of an hour before now.
func (g *gateways) forget(nowMs int64) {
	for g.head != nobody && g.slab[g.head].seenMs <= nowMs-gatewayTTLMs {
		i := g.head
		g.sum.sub(g.slab[i].hash())
		g.unlink(i)
		delete(g.index, g.slab[i].name)
		g.slab[i] = gateway{}
		g.free = append(g.free, i)
	}
}

// seen reports a pack number at or below the gateway's last.
func (g *gateways) seen(name string, packNo uint64) bool {
	i, found := g.index[name]
	return found && packNo <= g.slab[i].packNo
}

// take notes pack number packNo of a gateway; false when it was applied before.
func (g *gateways) take(name string, packNo uint64, nowMs int64) bool {
	i, ok := g.index[name]
	switch {
	case ok && packNo <= g.slab[i].packNo:
		return false
	case ok:
		g.sum.sub(g.slab[i].hash())
		g.unlink(i)
	case len(g.free) > 0:
		i = g.free[len(g.free)-1]
		g.free = g.free[:len(g.free)-1]
	default:
		i = int32(len(g.slab))
		g.slab = append(g.slab, gateway{})
	}
	g.slab[i] = gateway{name: name, packNo: packNo, seenMs: nowMs, prev: g.tail, next: nobody}
	if g.tail == nobody {
		g.head = i
	} else {
		g.slab[g.tail].next = i
	}
	g.tail = i
	if !ok {
		g.index[name] = i
	}
	g.sum.add(g.slab[i].hash())
	return true
}

func (g *gateways) unlink(i int32) {
	e := &g.slab[i]
	if e.prev == nobody {
		g.head = e.next
	} else {
		g.slab[e.prev].next = e.next
	}
	if e.next == nobody {
		g.tail = e.prev
	} else {
		g.slab[e.next].prev = e.prev
	}
}

// intern is the name without making a string of one that is known.
func (g *gateways) intern(name []byte) string {
	if i, found := g.index[string(name)]; found {
		return g.slab[i].name
	}
	return string(name)
}

func (e *gateway) hash() sum {
	return newHash(kindGateway).str(e.name).u64(e.packNo).i64(e.seenMs).sum()
}

func (g *gateways) clone() gateways {
	c := *g
	c.slab = append([]gateway(nil), g.slab...)
	c.free = append([]int32(nil), g.free...)
	c.index = make(map[string]int32, len(g.index))
	for i := g.head; i != nobody; i = g.slab[i].next {
		c.index[g.slab[i].name] = i
	}
	return c
}
