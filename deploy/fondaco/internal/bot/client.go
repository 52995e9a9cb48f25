package bot

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// errUnauthorized says that the token is no longer good.
var errUnauthorized = errors.New("the token is refused")

// order is what a bot needs of the api's order.
type order struct {
	ID     json.Number `json:"id"`
	Status string      `json:"status"`
	Reason string      `json:"reason"`
}

// newOrder is the body of POST /v1/orders. The client order id is left to the
// api: bots that start again with the same seed would repeat theirs.
type newOrder struct {
	Symbol      string `json:"symbol"`
	Side        string `json:"side"`
	Type        string `json:"type"`
	TimeInForce string `json:"time_in_force,omitempty"`
	Price       string `json:"price,omitempty"`
	Quantity    string `json:"quantity"`
	Display     string `json:"display_quantity,omitempty"` // iceberg
	Trigger     string `json:"trigger_price,omitempty"`    // stops
	Protection  string `json:"protection_price,omitempty"`
}

// amendment is the body of PATCH /v1/orders/{id}.
type amendment struct {
	Price    string `json:"price"`
	Quantity string `json:"quantity"`
}

type client struct {
	base  string
	token string
	http  *http.Client
}

func newClient(base, token string) *client {
	return &client{base: base, token: token, http: &http.Client{Timeout: 10 * time.Second}}
}

func (c *client) place(ctx context.Context, o newOrder) (order, error) {
	var out order
	return out, c.do(ctx, http.MethodPost, "/v1/orders", o, &out)
}

func (c *client) amend(ctx context.Context, id string, to amendment) error {
	return c.do(ctx, http.MethodPatch, "/v1/orders/"+id, to, nil)
}

func (c *client) cancel(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodDelete, "/v1/orders/"+id, nil, nil)
}

func (c *client) open(ctx context.Context) ([]order, error) {
	var page struct {
		Data []order `json:"data"`
	}
	return page.Data, c.do(ctx, http.MethodGet, "/v1/orders?status=open&limit=100", nil, &page)
}

func (c *client) do(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("encoding the request: %w", err)
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return fmt.Errorf("preparing the request: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+c.token)
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	switch {
	case err != nil:
		return fmt.Errorf("%s %s: %w", method, path, err)
	case resp.StatusCode == http.StatusUnauthorized:
		return errUnauthorized
	case gone(resp.StatusCode) && (method == http.MethodDelete || method == http.MethodPatch):
		return nil // filled or canceled in the meantime, or the market takes no amends now
	case resp.StatusCode >= 300:
		return fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, bytes.TrimSpace(text))
	case out == nil:
		return nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("%s %s: reading the answer: %w", method, path, err)
	}
	return nil
}

// gone says of an answer to a cancel or an amend that there was nothing to do.
func gone(status int) bool {
	return status == http.StatusNotFound || status == http.StatusConflict || status == http.StatusUnprocessableEntity
}
