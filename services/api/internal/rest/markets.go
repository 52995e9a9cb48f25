package rest

import (
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"fondaco.dev/services/api/internal/market"
	"fondaco.dev/services/api/internal/operation"
	"fondaco.dev/services/api/internal/problem"
	"fondaco.dev/services/api/internal/shape"
	"fondaco.dev/services/api/internal/store"
)

// view runs fn on the venue's projection.
func (s *Server) view(fn func(*market.State)) error {
	if s.Venue == nil {
		return problem.NotFound("the order book: the configuration names no venue; it")
	}
	return s.Venue.View(fn)
}

func (s *Server) ListMarkets(c echo.Context, p operation.ListMarkets) error {
	out := []shape.Market{}
	if _, err := s.look(c, p.MinSeq, func(st *market.State) {
		for _, m := range st.Directory().Markets() {
			out = append(out, shape.OfMarket(m))
		}
	}); err != nil {
		return err
	}
	return answer(c, http.StatusOK, all(out))
}

// market finds a market by its symbol. What it returns is as in look.
func (s *Server) market(c echo.Context, symbol, minSeq string, fn func(*market.State, *market.Market)) (store.Need, error) {
	found := false
	below, err := s.look(c, minSeq, func(st *market.State) {
		if m := st.Market(symbol); m != nil {
			found = true
			fn(st, m)
		}
	})
	if err == nil && !found {
		err = noMarket(symbol)
	}
	return below, err
}

func noMarket(symbol string) error { return problem.NotFound("market " + strconv.Quote(symbol)) }

func (s *Server) GetMarket(c echo.Context, p operation.GetMarket) error {
	var out shape.Market
	if _, err := s.market(c, p.Symbol, p.MinSeq, func(_ *market.State, m *market.Market) { out = shape.OfMarket(m) }); err != nil {
		return err
	}
	return answer(c, http.StatusOK, out)
}

func (s *Server) ListTrades(c echo.Context, p operation.ListTrades) error {
	limit := int(p.Limit)
	below, err := readIDCursor(p.Cursor)
	if err != nil {
		return err
	}
	var rows []market.Trade
	var units *market.Market
	enough := false
	older, err := s.market(c, p.Symbol, p.MinSeq, func(st *market.State, m *market.Market) {
		units = m
		// One more than the limit says whether there is more.
		rows, enough = st.Tail(m.ID, below, limit+1)
	})
	if err != nil {
		return err
	}
	if !enough && len(rows) <= limit {
		if len(rows) > 0 {
			below = rows[len(rows)-1].ID
		}
		more, err := s.Store.Trades(c.Request().Context(), s.Venue.Name(), units.ID, below, limit+1-len(rows), older)
		if err != nil {
			return err
		}
		rows = append(rows, more...)
	}
	out := list[shape.Trade]{Data: []shape.Trade{}}
	if out.More = len(rows) > limit; out.More {
		rows = rows[:limit]
		out.Next = idCursor(rows[limit-1].ID)
	}
	for i := range rows {
		out.Data = append(out.Data, shape.OfTrade(&rows[i], units))
	}
	return answer(c, http.StatusOK, out)
}

func (s *Server) ListBalances(c echo.Context, p operation.ListBalances) error {
	who := caller(c)
	if s.Venue != nil {
		s.Venue.WaitOwn(c.Request().Context(), who.Account)
	}
	out := []shape.Balance{}
	if _, err := s.look(c, p.MinSeq, func(st *market.State) {
		for _, h := range st.Balances(who.Account) {
			out = append(out, shape.OfBalance(h))
		}
	}); err != nil {
		return err
	}
	return answer(c, http.StatusOK, all(out))
}
