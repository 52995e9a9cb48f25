package sim

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	writer "fondaco.dev/services/writer/core"
)

// store models the database of a partition: a cursor and rows that move in one
// transaction, with the cursor as the fence.
type store struct {
	place  writer.Place
	blocks map[uint64]writer.Block
	events map[uint64][]writer.Event // by block
	dead   []writer.Dead
	// checked is the height up to which the second look came.
	checked uint64

	// life counts the seek backs: a sequence says nothing across them.
	life                      int
	commits, reverts, repairs int
}

// cursor is what a transaction is fenced by.
type cursor struct {
	place writer.Place
	life  int
}

func (s *store) cursor() cursor { return cursor{s.place, s.life} }

func newStore() *store {
	return &store{blocks: map[uint64]writer.Block{}, events: map[uint64][]writer.Event{}}
}

var (
	errMoved = errors.New("the cursor is not where it was")
	errTaken = errors.New("a row is in the way") // what Postgres calls 23505
)

// held looks a block up.
func (s *store) held(number uint64) ([]byte, error) {
	if b, ok := s.blocks[number]; ok {
		return b.Hash, nil
	}
	return nil, nil
}

// commit is the one transaction: after an error nothing has changed.
func (s *store) commit(from cursor, to writer.Place, steps []writer.Step, dead []writer.Dead) error {
	if s.place.Seq != from.place.Seq || s.place.Pos != from.place.Pos || s.life != from.life {
		return errMoved
	}
	next := *s
	next.blocks, next.events = maps.Clone(s.blocks), maps.Clone(s.events)
	for _, step := range steps {
		if err := next.apply(step); err != nil {
			return err
		}
	}
	next.place, next.dead = to, append(slices.Clone(s.dead), dead...)
	next.commits++
	*s = next
	return nil
}

func (s *store) apply(step writer.Step) error {
	switch k := step.(type) {
	case *writer.Segment:
		for _, b := range k.Blocks {
			if _, ok := s.blocks[b.Number]; ok {
				return fmt.Errorf("%w: block %d", errTaken, b.Number)
			}
			s.blocks[b.Number] = b
		}
		for _, e := range k.Events {
			// Appending to a slice that a former state shares would change that too.
			s.events[e.BlockNumber] = append(slices.Clip(s.events[e.BlockNumber]), e)
		}
		for _, c := range k.Checks {
			s.checked = max(s.checked, c.To)
		}
	case *writer.Revert:
		s.revert(k.ToNumber)
		s.reverts++
	case *writer.Repair:
		s.blocks[k.Block.Number] = k.Block
		s.events[k.Block.Number] = slices.Clone(k.Events)
		s.repairs++
	default:
		return fmt.Errorf("a step %T", step)
	}
	return nil
}

func (s *store) revert(to uint64) {
	s.checked = min(s.checked, to)
	above := func(number uint64) bool { return number > to }
	maps.DeleteFunc(s.blocks, func(n uint64, _ writer.Block) bool { return above(n) })
	maps.DeleteFunc(s.events, func(n uint64, _ []writer.Event) bool { return above(n) })
}
