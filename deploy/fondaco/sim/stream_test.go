package sim

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/bustest"
)

// server is what the suite asks of a stream, real or modelled.
type server struct {
	tail func(subject string) bus.Tail
	get  func(seq uint64) (*bus.Message, error)
}

func modelled(*testing.T) server {
	s := NewStream(rand.New(rand.NewPCG(1, 1)))
	return server{
		tail: s.Tail,
		get:  func(seq uint64) (*bus.Message, error) { return s.Get(seq), nil },
	}
}

func embedded(t *testing.T) server {
	srv := bustest.Start(t)
	bustest.Provision(t, srv, []jetstream.StreamConfig{{Name: "S", Subjects: []string{"s.>"}}}, []jetstream.KeyValueConfig{{Bucket: bus.ControlBucket}}, nil)
	b := srv.Bus(t)
	return server{
		tail: func(subject string) bus.Tail { return b.Tail("S", subject) },
		get:  func(seq uint64) (*bus.Message, error) { return b.Get(context.Background(), "S", seq) },
	}
}

// The simulated stream is worth what it has in common with the real one: the
// same suite runs against both.
func TestStreamAnswersLikeTheServer(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(*testing.T) server{"model": modelled, "server": embedded} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, ctx := start(t), context.Background()
			steps := []struct {
				what     string
				subject  string
				id       string
				expected uint64
				data     string
				want     string
			}{
				{"the first message", "s.a", "a0", 0, "A", "1"},
				{"another subject begins at 0 too", "s.b", "b0", 0, "B", "2"},
				{"the next of the first subject", "s.a", "a1", 1, "C", "3"},
				{"the same again: its expectation is stale", "s.a", "a1", 1, "C", "refused"},
				{"a stale expectation under a new id", "s.a", "x", 1, "D", "refused"},
				{"an expectation from the future", "s.a", "y", 9, "D", "refused"},
				{"an empty subject does not have message 3", "s.c", "c", 3, "D", "refused"},
				{"a subject's sequence is not the stream's", "s.b", "z", 3, "D", "refused"},
				{"what was refused took no id", "s.a", "x", 3, "D", "4"},
				{"an id that is known, with the right expectation", "s.a", "a0", 4, "A", "duplicate of 1"},
				{"the same bytes under another id are another message", "s.a", "a4", 4, "A", "5"},
			}
			for _, st := range steps {
				seq, dup, err := s.tail(st.subject).Send(ctx, st.id, st.expected, []byte(st.data))
				got := fmt.Sprint(seq)
				switch {
				case err != nil:
					got = "refused"
				case dup:
					got = fmt.Sprintf("duplicate of %d", seq)
				}
				if got != st.want {
					t.Errorf("%s: %s (%v), want %s", st.what, got, err, st.want)
				}
			}
			last, err := s.tail("s.a").Last(ctx)
			if err != nil || last == nil || last.Seq != 5 || string(last.Data) != "A" || last.Subject != "s.a" {
				t.Errorf("last of s.a: %+v %v", last, err)
			}
			if last, err := s.tail("s.none").Last(ctx); last != nil || err != nil {
				t.Errorf("last of an empty subject: %+v %v", last, err)
			}
			for seq, want := range map[uint64]string{1: "A", 2: "B", 3: "C", 5: "A"} {
				if m, err := s.get(seq); err != nil || m == nil || m.Seq != seq || string(m.Data) != want {
					t.Errorf("message %d: %+v %v", seq, m, err)
				}
			}
			if m, err := s.get(6); m != nil || err != nil {
				t.Errorf("a message that is not there: %+v %v", m, err)
			}
		})
	}
}

// Fenced publishes over a stream that loses answers, stores late and checks in
// either order: what was acknowledged stands there once, in order; what was
// fenced never.
func TestFencedPublishesThroughLostAnswers(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 2))
		s := NewStream(rng)
		s.Replicas, s.Lose = []int{1, 3}[seed%2], 0.4
		tails, acked := [2]uint64{}, map[string]int{}
		for n := range 60 {
			w := rng.IntN(2)
			f := bus.Fence{Subject: "s", Tail: s.Tail("s"), Unknown: func(error) {}, Pause: func(context.Context) error {
				if rng.IntN(4) == 0 {
					s.Forget() // the wait was longer than the window
				}
				return nil
			}}
			data := fmt.Appendf(nil, "%d/%d", w, n)
			seq, err := f.Publish(context.Background(), tails[w], data)
			switch {
			case err == nil:
				acked[string(data)]++
				tails[w] = seq
			case errors.Is(err, bus.ErrFenced):
				acked[string(data)] += 0
				if m := s.Last("s"); m != nil {
					tails[w] = m.Seq
				}
			default:
				t.Fatal(err)
			}
		}
		stored := map[string]int{}
		for _, m := range s.messages {
			stored[string(m.Data)]++
		}
		for data, n := range acked {
			if stored[data] != n {
				t.Fatalf("seed %d: %s was acknowledged %d times and stands there %d times", seed, data, n, stored[data])
			}
		}
	}
}
