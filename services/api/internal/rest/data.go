package rest

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/services/api/internal/decimal"
	"fondaco.dev/services/api/internal/market"
	"fondaco.dev/services/api/internal/operation"
	"fondaco.dev/services/api/internal/problem"
	"fondaco.dev/services/api/internal/shape"
)

func (s *Server) GetTicker(c echo.Context, p operation.GetTicker) error {
	var out shape.Ticker
	if _, err := s.market(c, p.Symbol, p.MinSeq, func(st *market.State, m *market.Market) {
		t, _ := st.Ticker(m.ID)
		out = shape.OfTicker(&t, m)
	}); err != nil {
		return err
	}
	return answer(c, http.StatusOK, out)
}

func (s *Server) ListTickers(c echo.Context, p operation.ListTickers) error {
	out := []shape.Ticker{}
	if _, err := s.look(c, p.MinSeq, func(st *market.State) {
		for _, m := range st.Directory().Markets() {
			t, _ := st.Ticker(m.ID)
			out = append(out, shape.OfTicker(&t, m))
		}
	}); err != nil {
		return err
	}
	return answer(c, http.StatusOK, all(out))
}

func (s *Server) GetTop(c echo.Context, p operation.GetTop) error {
	var out shape.Top
	if _, err := s.market(c, p.Symbol, p.MinSeq, func(st *market.State, m *market.Market) {
		t := st.Top(m.ID)
		out = shape.OfTop(&t, m)
	}); err != nil {
		return err
	}
	return answer(c, http.StatusOK, out)
}

func (s *Server) GetQueue(c echo.Context, p operation.GetQueue) error {
	var out shape.Queue
	if _, err := s.market(c, p.Symbol, p.MinSeq, func(st *market.State, m *market.Market) { out = shape.OfQueue(st.Seq, st.Queue(m.ID), m) }); err != nil {
		return err
	}
	return answer(c, http.StatusOK, out)
}

func (s *Server) GetIndication(c echo.Context, p operation.GetIndication) error {
	var out shape.Indication
	if _, err := s.market(c, p.Symbol, p.MinSeq, func(st *market.State, m *market.Market) {
		i := st.Indicate(m)
		out = shape.OfIndication(&i, m)
	}); err != nil {
		return err
	}
	return answer(c, http.StatusOK, out)
}

// GetQuote says what an order at market would trade for now, by what the book
// shows.
func (s *Server) GetQuote(c echo.Context, p operation.GetQuote) error {
	side := ordersv1.Side_SIDE_BUY
	if p.Side == "sell" {
		side = ordersv1.Side_SIDE_SELL
	}
	var out shape.Quote
	var bad error
	if _, err := s.market(c, p.Symbol, p.MinSeq, func(st *market.State, m *market.Market) {
		lots, err := decimal.Steps(p.Quantity, m.BaseScale, m.Lot)
		switch {
		case errors.Is(err, decimal.ErrStep):
			bad = problem.Parameter("quantity", "is no whole multiple of the market's lot "+m.Quantity(1))
		case err != nil || lots <= 0:
			bad = problem.Parameter("quantity", `is required: a decimal above 0 such as "3"`)
		default:
			q := st.Quote(m, side, lots)
			out = shape.OfQuote(&q, shape.Side(side), lots, m)
		}
	}); err != nil {
		return err
	}
	if bad != nil {
		return bad
	}
	return answer(c, http.StatusOK, out)
}

// timeOf reads RFC 3339 or Unix milliseconds; def when it is absent.
func timeOf(name, text string, def int64) (int64, error) {
	if text == "" {
		return def, nil
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n >= 0 {
		return n, nil
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || at.UnixMilli() < 0 {
		return 0, problem.Parameter(name, `wants a time such as "2026-01-31T12:00:00Z", or Unix milliseconds`)
	}
	return at.UnixMilli(), nil
}

// lastBefore is the event of a market's last trade before its newest candle of an
// interval, as far as the projection remembers trades; 0 = none.
func lastBefore(st *market.State, id uint32, newest []market.Candle, interval int64) uint64 {
	for _, k := range newest {
		if k.IntervalMS != interval {
			continue
		}
		trades, _ := st.Tail(id, 0, market.MaxTail)
		for i := range trades {
			if trades[i].AtMS < k.OpenMS {
				return trades[i].EventSeq
			}
		}
	}
	return 0
}

// ListCandles answers with candles that open in [from, to), newest first. The
// newest ones are the projection's, which Postgres follows.
func (s *Server) ListCandles(c echo.Context, p operation.ListCandles) error {
	limit, interval := int(p.Limit), int64(0)
	for _, iv := range market.Intervals {
		if iv.Name == p.Interval {
			interval = iv.MS
		}
	}
	from, err := timeOf("from", p.From, 0)
	if err != nil {
		return err
	}
	to, err := timeOf("to", p.To, 1<<62)
	if err != nil {
		return err
	}
	var newest []market.Candle
	var before uint64
	var units *market.Market
	need, err := s.market(c, p.Symbol, p.MinSeq, func(st *market.State, m *market.Market) {
		newest, units = st.Newest(m.ID), m
		before = lastBefore(st, m.ID, newest, interval)
	})
	if err != nil {
		return err
	}
	// The candle before the newest one is complete in Postgres alone.
	need.Pos = max(need.Pos, before)
	rows, err := s.Store.Candles(c.Request().Context(), s.Venue.Name(), units.ID, interval, from, to, limit, need)
	if err != nil {
		return err
	}
	for _, k := range newest {
		if k.IntervalMS != interval || k.OpenMS < from || k.OpenMS >= to || (len(rows) > 0 && rows[0].OpenMS > k.OpenMS) {
			continue
		}
		if len(rows) > 0 && rows[0].OpenMS == k.OpenMS {
			if k.Trades > rows[0].Trades {
				rows[0] = k
			}
			continue
		}
		rows = append([]market.Candle{k}, rows[:min(len(rows), limit-1)]...)
	}
	out := make([]shape.Candle, len(rows))
	for i := range rows {
		out[i] = shape.OfCandle(&rows[i], units)
	}
	return answer(c, http.StatusOK, all(out))
}

// auction is the shape of one auction's outcome.
type auction struct {
	Seq       uint64  `json:"seq"`
	Price     *string `json:"price"` // null: nothing crossed
	Volume    string  `json:"volume"`
	Surplus   string  `json:"surplus"` // bought minus sold that was left over
	Reference *string `json:"reference"`
	BeganAt   string  `json:"began_at"`
	At        string  `json:"at"`
	Duration  int64   `json:"duration_ms"`
	Digest    string  `json:"input_digest"` // of both sides' orders, in hex
}

func (s *Server) ListAuctions(c echo.Context, p operation.ListAuctions) error {
	limit := int(p.Limit)
	below, err := readIDCursor(p.Cursor)
	if err != nil {
		return err
	}
	var m *market.Market
	need, err := s.market(c, p.Symbol, p.MinSeq, func(_ *market.State, found *market.Market) { m = found })
	if err != nil {
		return err
	}
	rows, err := s.Store.Auctions(c.Request().Context(), s.Venue.Name(), m.ID, below, limit+1, need)
	if err != nil {
		return err
	}
	out := list[auction]{Data: []auction{}}
	if out.More = len(rows) > limit; out.More {
		rows = rows[:limit]
		out.Next = idCursor(rows[limit-1].EventSeq)
	}
	price := func(ticks *int64) *string {
		if ticks == nil {
			return nil
		}
		text := m.Price(*ticks)
		return &text
	}
	for _, a := range rows {
		out.Data = append(out.Data, auction{Seq: a.EventSeq, Price: price(a.PriceTicks), Volume: m.Quantity(a.VolumeLots), Surplus: m.Quantity(a.SurplusLots),
			Reference: price(a.Reference), BeganAt: shape.Millis(a.BeganMS), At: shape.Millis(a.AtMS), Duration: a.AtMS - a.BeganMS, Digest: shape.Hex(a.InputDigest)})
	}
	return answer(c, http.StatusOK, out)
}
