package rest

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"fondaco.dev/services/api/internal/await"
	"fondaco.dev/services/api/internal/gateway"
	"fondaco.dev/services/api/internal/market"
	"fondaco.dev/services/api/internal/operation"
	"fondaco.dev/services/api/internal/position"
	"fondaco.dev/services/api/internal/problem"
	"fondaco.dev/services/api/internal/store"
	"fondaco.dev/services/api/internal/venue"
)

// positions are those that the request asks for: in the header in which every
// answer carries its own, and in a parameter's text.
func (s *Server) positions(c echo.Context, param string) ([]position.Token, error) {
	var out []position.Token
	for _, in := range [2]struct{ name, text string }{{"min_seq", param}, {position.Header, c.Request().Header.Get(position.Header)}} {
		if in.text == "" {
			continue
		}
		tokens, err := position.Parse(in.text)
		if err != nil {
			return nil, problem.Parameter(in.name, err.Error())
		}
		for _, t := range tokens {
			if t.Kind == position.Chain && s.networks[t.Name] == nil || t.Kind != position.Chain && (s.Venue == nil || s.Venue.Name() != t.Name) {
				return nil, problem.Parameter(in.name, "names "+strconv.Quote(t.Kind+"."+t.Name)+", which is not here")
			}
		}
		out = append(out, tokens...)
	}
	return out, nil
}

// headed is how far a reading of a network must be by the header Fondaco-Seq.
func (s *Server) headed(c echo.Context, network string) (store.Need, error) {
	return s.asked(c, network, "")
}

func (s *Server) asked(c echo.Context, network, param string) (need store.Need, err error) {
	tokens, err := s.positions(c, param)
	if err != nil {
		return need, err
	}
	for _, t := range tokens {
		if t.Kind == position.Chain && t.Name == network {
			if need.Epoch != "" && need.Epoch != t.Epoch {
				return need, problem.Parameter("min_seq", "names two epochs of "+network)
			}
			need = need.And(store.Need{Epoch: t.Epoch, Pos: t.Seq})
		}
	}
	return need, nil
}

// need is how far a reading of a network must be: what min_seq and the header
// say, a height that min_block waits for, a transaction that wait_tx waits for.
// It returns when what is waited for was told; the reading then goes to a
// database that has it.
func (s *Server) need(c echo.Context, network string, p *operation.Fresh) (store.Need, error) {
	need, err := s.asked(c, network, p.MinSeq)
	if err != nil {
		return need, err
	}
	tx, err := txOf("wait_tx", p.WaitTx)
	if err != nil {
		return need, err
	}
	if !p.MinBlock.Given && tx == nil {
		return need, nil
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), time.Duration(p.WaitMS)*time.Millisecond)
	defer cancel()
	if p.MinBlock.Given {
		there, err := s.Await.Block(ctx, network, p.MinBlock.Value)
		if err != nil {
			return need, waited(err, fmt.Sprintf("block %d is not there yet", p.MinBlock.Value))
		}
		need = need.And(there)
	}
	if tx != nil {
		there, err := s.Await.Tx(ctx, network, [32]byte(tx), func(ctx context.Context) (store.Need, bool, error) {
			has, at, err := s.Store.HasTx(ctx, network, tx)
			return store.Need{Epoch: at.Life(), Pos: at.Pos}, has, err
		})
		if err != nil {
			return need, waited(err, "no event of the transaction is there yet")
		}
		need = need.And(there)
	}
	return need, nil
}

// waited says what a wait ended with.
func waited(err error, late string) error {
	switch {
	case errors.Is(err, await.ErrLate):
		return problem.Unavailable("behind", late)
	case errors.Is(err, await.ErrFull):
		return problem.Unavailable("too_many_waits", "too many requests wait here already")
	}
	return err
}

// txOf reads a transaction's hash; nil when it is absent.
func txOf(name, text string) ([]byte, error) {
	if text == "" {
		return nil, nil
	}
	b, err := hex.DecodeString(strings.TrimPrefix(strings.ToLower(text), "0x"))
	if err != nil || len(b) != 32 {
		return nil, problem.Parameter(name, "wants a hash of 64 hex digits, with or without 0x")
	}
	return b, nil
}

// told answers with the position of the view that was read.
func told(c echo.Context, network string, at *store.At) {
	x := of(c)
	x.set(position.Header, &x.own.position, position.Token{Kind: position.Chain, Name: network, Epoch: at.Life(), Seq: at.Pos}.String())
}

// look runs fn on the venue's projection once that has what the request asks
// for, and answers with its position. Below says how far Postgres must be for
// what the projection does not hold.
func (s *Server) look(c echo.Context, minSeq string, fn func(*market.State)) (below store.Need, err error) {
	tokens, err := s.positions(c, minSeq)
	if err != nil {
		return store.Need{}, err
	}
	if err := s.await(c, tokens); err != nil {
		return store.Need{}, err
	}
	var at position.Token
	err = s.view(func(st *market.State) {
		at = position.Token{Kind: position.Trades, Name: s.Venue.Name(), Epoch: s.Venue.Epoch(), Seq: st.Seq}
		below = store.Need{Pos: st.Gone}
		if len(tokens) > 0 {
			below.Pos = st.Seq
		}
		fn(st)
	})
	if err == nil {
		x := of(c)
		x.set(position.Header, &x.own.position, at.String())
	}
	return below, err
}

// await returns once the venue's projection has what a request names.
func (s *Server) await(c echo.Context, tokens []position.Token) error {
	if s.Venue == nil || len(tokens) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), s.Store.Wait())
	defer cancel()
	for _, t := range tokens {
		if t.Kind == position.Chain {
			continue
		}
		events, pack := t.Seq, uint64(0)
		if t.Kind == position.Orders {
			events, pack = 0, t.Seq
		}
		if err := s.Venue.Await(ctx, t.Epoch, events, pack); err != nil {
			return err
		}
	}
	return nil
}

// stored answers a write with the position of the pack that it was stored in.
func (s *Server) stored(c echo.Context, b *gateway.Batch) {
	x := of(c)
	if b.Trace != "" {
		s.Trace.Back(x.Request().Context(), b.Came, b.Spans)
	}
	t := position.Token{Kind: position.Orders, Name: s.Venue.Name(), Epoch: s.Venue.Epoch(), Seq: b.InSeq}
	x.set(position.Header, &x.own.position, t.String())
}

// stale is the problem of a reading that would not be fresh; nil = another one.
func stale(err error) *problem.Problem {
	switch {
	case errors.Is(err, store.ErrOtherEpoch), errors.Is(err, venue.ErrOtherEpoch):
		return problem.New(409, "other_epoch", "the position is of another life of its feed: read without it, and begin anew from what that answers")
	case errors.Is(err, store.ErrBehind), errors.Is(err, venue.ErrBehind):
		return problem.Unavailable("behind", "no database has reached that position yet; nothing older is answered")
	}
	return nil
}

// maxSeconds bounds times: the year 9999.
const maxSeconds = 253402300800

// epochTime reads RFC 3339 or Unix seconds; 0 when it is absent.
func epochTime(name, text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n > 0 && n < maxSeconds {
		return n, nil
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || at.Unix() <= 0 || at.Unix() >= maxSeconds {
		return 0, problem.Parameter(name, `wants a time such as "2026-01-31T12:00:00Z", or Unix seconds`)
	}
	if at.Nanosecond() > 0 { // blocks have whole seconds: the next one
		return at.Unix() + 1, nil
	}
	return at.Unix(), nil
}
