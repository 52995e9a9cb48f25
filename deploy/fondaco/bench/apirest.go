package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	ordersv1 "fondaco.dev/proto/orders/v1"
)

// The statements of the routes, for the bare handler.
const (
	pageSQL = `with top as (` + runningSQL + `%[1]s.sums where network = $1 and kind = $2 and width = 1024 and n > 0),
		total as (select coalesce(max(upto), 0) as n from top),
		wide as (select bucket, n, upto - n as before from top where upto > $4 order by bucket desc limit 1),
		narrow as (select below.* from wide cross join lateral (select bucket, n, wide.before + upto - n as before from (` + runningSQL + `%[1]s.sums
			where network = $1 and kind = $2 and width = 32 and bucket >= wide.bucket * 32 and bucket < (wide.bucket + 1) * 32 and n > 0) added
			where wide.before + upto > $4 order by bucket desc limit 1) below),
		bottom as (select below.* from narrow cross join lateral (select bucket, n, narrow.before + upto - n as before from (` + runningSQL + `%[1]s.counts
			where network = $1 and kind = $2 and scope = $3 and bucket >= narrow.bucket * 32 and bucket < (narrow.bucket + 1) * 32 and n > 0) added
			where narrow.before + upto > $4 order by bucket desc limit 1) below),
		place as (select bucket, n, $4 - before as skip, ($4 - before) * 2 > n as low from bottom)
		select total.n, page.* from total left join (place cross join lateral (
			(` + blockSQL + ` and height < (place.bucket + 1) * 1000 and not place.low order by height desc, hash limit 10 offset place.skip)
			union all (` + blockSQL + ` and height < (place.bucket + 1) * 1000 and height >= place.bucket * 1000 and place.low
				order by height, hash desc limit least(place.n - place.skip, 10) offset greatest(place.n - place.skip - 10, 0))
			union all (` + blockSQL + ` and height < place.bucket * 1000 and place.low order by height desc, hash limit greatest(10 - (place.n - place.skip), 0))
		) page) on true order by page.at desc, page.tied`
	runningSQL = `select bucket, n, sum(n) over (order by bucket desc)::bigint as upto from `
	blockSQL   = `select hash, parent_hash, height, era_id::text, timestamp, proposer, state_root_hash, deploys, height as at, hash as tied
			from %[1]s.casper_blocks where network = $1`
	cursorSQL = `select hash, parent_hash, height, era_id::text, timestamp, proposer, state_root_hash, deploys,
			coalesce((select n from %[1]s.casper_signatures s where s.network = b.network and s.block_hash = b.hash), 0)
		from %[1]s.casper_blocks b where network = $1 and height < $2 order by height desc, hash limit 100`
)

// rest measures lists over many rows.
func (b *API) rest(ctx context.Context) error {
	return b.inAPI(ctx, manyNetworks(), "", func(w *apiWorld) error {
		b.say("  %d blocks and %d events", b.Rows, b.Rows/10)
		if err := w.fill(ctx, b.Rows, b.Rows/10); err != nil {
			return err
		}
		api, err := w.up(ctx, "api")
		if err != nil {
			return err
		}
		b.table.section(fmt.Sprintf("lists over %d blocks and %d events, %d connections; Postgres, server and clients on this machine", b.Rows, b.Rows/10, b.Conns))
		last := (b.Rows + 9) / 10
		cursor, err := w.cursorAt(ctx, api, b.Rows/2)
		if err != nil {
			return err
		}
		schema, err := w.schema(ctx)
		if err != nil {
			return err
		}
		page := func(number int) bareSpec {
			return bareSpec{URL: w.infra.ReaderURL().Reveal(), SQL: fmt.Sprintf(pageSQL, schema), Args: []any{"casper", "blocks", "", (number - 1) * 10}, Skip: 1}
		}
		var p99 []httpRun
		for _, c := range []struct {
			what, path string
			same       bareSpec
		}{
			{"GET /blocks?page=1", "/blocks?page=1&limit=10", page(1)},
			{"GET /blocks, the last page", fmt.Sprintf("/blocks?page=%d&limit=10", last), page(last)},
			{"100 rows by cursor from the middle", "/v1/networks/casper/blocks?limit=100&cursor=" + cursor,
				bareSpec{URL: w.infra.ReaderURL().Reveal(), SQL: fmt.Sprintf(cursorSQL, schema), Args: []any{"casper", b.Rows / 2}}},
		} {
			r, err := b.beside(c.what, c.path, host(api), c.same, 0.8)
			if err != nil {
				return err
			}
			p99 = append(p99, r)
		}
		b.table.within("p99 of the last page / of the first", p99[1].P99.Seconds()/p99[0].P99.Seconds(), 1.2)
		return b.filters(ctx, w, api, schema)
	})
}

// beside measures a route and a bare handler that does the same, twice in turn,
// and prints the better of each.
func (b *API) beside(what, path, host string, same bareSpec, target float64) (best httpRun, err error) {
	b.say("  %s", what)
	h, addr, err := bare(same)
	if err != nil {
		return best, err
	}
	defer h.stop()
	var ceiling httpRun
	for range 2 {
		for _, side := range []struct {
			host string
			best *httpRun
		}{{addr, &ceiling}, {host, &best}} {
			r, err := load(side.host, path, b.Conns, b.Window)
			if err != nil {
				return best, err
			}
			if r.Requests > side.best.Requests {
				*side.best = r
			}
		}
	}
	if !same.Events && (best.Bytes < 100 || ceiling.Bytes < 100) { // those of events were compared
		return best, fmt.Errorf("answers of %d and %d bytes hold no rows", best.Bytes, ceiling.Bytes)
	}
	b.table.rate(what, best.Requests, "requests/s", 0)
	b.table.rate("  a bare handler with the same work", ceiling.Requests, "requests/s", 0)
	b.table.ratio("  ratio", best.Requests/ceiling.Requests, target)
	b.table.fine("  p99", best.P99, 0)
	return best, nil
}

// cursorAt is the cursor behind a height.
func (w *apiWorld) cursorAt(ctx context.Context, api *program, height int) (string, error) {
	var page struct{ Next *string }
	err := w.get(ctx, fmt.Sprintf("%s/v1/networks/casper/blocks?limit=1&to_block=%d", api.http, height), &page)
	if err == nil && page.Next == nil {
		err = errors.New("a page in the middle has no next")
	}
	if err != nil {
		return "", err
	}
	return *page.Next, nil
}

func (w *apiWorld) get(ctx context.Context, url string, into any) error {
	body, err := w.body(ctx, url)
	if err != nil {
		return err
	}
	return json.Unmarshal(body, into)
}

func (w *apiWorld) body(ctx context.Context, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answers %s: %.200s", url, resp.Status, body)
	}
	return body, err
}

// depth measures a book's levels out of memory.
func (b *API) depth(ctx context.Context) error {
	return b.inAPI(ctx, "", "", func(w *apiWorld) error {
		n := 0
		packs, err := encode(400, func(int) *ordersv1.Command { // a level each
			n++
			side, price := ordersv1.Side_SIDE_BUY, int64(middle-n)
			if n%2 == 0 {
				side, price = ordersv1.Side_SIDE_SELL, int64(middle+n)
			}
			return &ordersv1.Command{Op: &ordersv1.Command_NewOrder{NewOrder: &ordersv1.NewOrder{Account: firstTrader, Market: bookMarket, Side: side,
				Type: ordersv1.OrderType_ORDER_TYPE_LIMIT, TimeInForce: ordersv1.TimeInForce_TIME_IN_FORCE_GTC, PriceTicks: price, QuantityLots: int64(n), ClientRef: uint64(n)}}}
		})
		if err != nil {
			return err
		}
		seq, err := send(ctx, w.pack.JetStream(), "levels", packs)
		if err != nil {
			return err
		}
		if err := w.published(ctx, seq); err != nil {
			return err
		}
		api, err := w.up(ctx, "api")
		if err != nil {
			return err
		}
		const path = "/v1/markets/WINE-USD/depth?limit=50"
		var body []byte
		if err := w.until(ctx, 30*time.Second, 20*time.Millisecond, func() (bool, string) {
			if body, err = w.body(ctx, api.http+path); err != nil {
				return false, err.Error()
			}
			return len(body) > 1000, fmt.Sprintf("a depth of %d bytes", len(body))
		}); err != nil {
			return err
		}
		b.table.section(fmt.Sprintf("depth from memory, 50 levels a side, %d bytes, %d connections", len(body), b.Conns))
		_, err = b.beside("GET "+path, path, host(api), bareSpec{Body: body}, 0.85)
		return err
	})
}

// schema is that of the live build.
func (w *apiWorld) schema(ctx context.Context) (string, error) {
	conn, err := w.database(ctx)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	var build string
	err = conn.QueryRow(ctx, `select build from ctl.deployments`).Scan(&build)
	return "ix_" + build, err
}
