package rest

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"fondaco.dev/proto/config"
	"fondaco.dev/services/api/internal/feed"
	"fondaco.dev/services/api/internal/filter"
	"fondaco.dev/services/api/internal/problem"
	"fondaco.dev/services/api/internal/shape"
	"fondaco.dev/services/api/internal/socket"
	"fondaco.dev/services/api/internal/store"
)

// casperNetwork is the network in the path, or the config's first.
func (s *Server) casperNetwork(c echo.Context) (string, error) {
	name := c.Param("network")
	if name == "" {
		if s.casper == "" {
			return "", echo.ErrNotFound
		}
		return s.casper, nil
	}
	if n := s.networks[name]; n == nil || n.Kind != config.KindCasper {
		return "", problem.NotFound("a casper network of this name")
	}
	return name, nil
}

// key reads a hash or key of the path; look-ups are in lower case.
func key(c echo.Context, name string) string {
	text := c.Param(name)
	if plain, err := url.PathUnescape(text); err == nil {
		text = plain
	}
	return strings.ToLower(text)
}

func text404(c echo.Context, err error, text string) error {
	if errors.Is(err, store.ErrNotFound) {
		return c.String(http.StatusNotFound, text)
	}
	return err
}

func (s *Server) casperBlock(c echo.Context) error {
	n, err := s.casperNetwork(c)
	if err != nil {
		return err
	}
	hash := key(c, "hash")
	if socket.IsUpgrade(c.Request()) {
		return s.hijacked(c, s.Sockets.ServeBare(c.Response(), c.Request(), n, feed.Blocks, socket.CasperBlocks(&filter.Casper{Hash: hash}), requestID(c)))
	}
	need, err := s.headed(c, n)
	if err != nil {
		return err
	}
	b, at, err := s.Store.CasperBlock(c.Request().Context(), n, hash, need)
	if err != nil {
		return text404(c, err, "Block not found.")
	}
	told(c, n, &at)
	return answer(c, http.StatusOK, shape.OfCasperBlock(b))
}

func (s *Server) casperBlocks(c echo.Context) error {
	n, err := s.casperNetwork(c)
	if err != nil {
		return err
	}
	if socket.IsUpgrade(c.Request()) {
		return s.hijacked(c, s.Sockets.ServeBare(c.Response(), c.Request(), n, feed.Blocks, socket.CasperBlocks(&filter.Casper{}), requestID(c)))
	}
	need, err := s.headed(c, n)
	if err != nil {
		return err
	}
	p := readPaging(c.Request().URL)
	blocks, total, at, err := s.Store.CasperBlocks(c.Request().Context(), n, p.offset(), p.limit, need)
	if err != nil {
		return err
	}
	told(c, n, &at)
	data := make([]any, len(blocks))
	for i, b := range blocks {
		data[i] = shape.OfCasperBlock(b)
	}
	return answer(c, http.StatusOK, p.wrap(data, total))
}

func (s *Server) casperDeploy(c echo.Context) error {
	n, err := s.casperNetwork(c)
	if err != nil {
		return err
	}
	hash := key(c, "hash")
	if socket.IsUpgrade(c.Request()) {
		return s.hijacked(c, s.Sockets.ServeBare(c.Response(), c.Request(), n, feed.Deploys, socket.Deploys(&filter.Casper{Hash: hash}), requestID(c)))
	}
	need, err := s.headed(c, n)
	if err != nil {
		return err
	}
	d, at, err := s.Store.CasperDeploy(c.Request().Context(), n, hash, need)
	if err != nil {
		return text404(c, err, "Deploy not found.")
	}
	told(c, n, &at)
	return answer(c, http.StatusOK, shape.OfCasperDeploy(d))
}

func (s *Server) accountDeploys(c echo.Context) error {
	n, err := s.casperNetwork(c)
	if err != nil {
		return err
	}
	account := key(c, "key")
	if socket.IsUpgrade(c.Request()) {
		return s.hijacked(c, s.Sockets.ServeBare(c.Response(), c.Request(), n, feed.Deploys, socket.Deploys(&filter.Casper{Account: account}), requestID(c)))
	}
	need, err := s.headed(c, n)
	if err != nil {
		return err
	}
	p := readPaging(c.Request().URL)
	deploys, total, at, err := s.Store.AccountDeploys(c.Request().Context(), n, account, p.offset(), p.limit, need)
	if err != nil {
		return err
	}
	told(c, n, &at)
	data := make([]any, len(deploys))
	for i, d := range deploys {
		data[i] = shape.OfCasperDeploy(d)
	}
	return answer(c, http.StatusOK, p.wrap(data, total))
}

// transfers answers a plain array, newest first: the event store's route has
// no pages.
func (s *Server) transfers(c echo.Context) error {
	n, err := s.casperNetwork(c)
	if err != nil {
		return err
	}
	account := strings.TrimPrefix(key(c, "account"), "account-hash-")
	if hash, _, ok := filter.AccountHash(account); ok {
		account = hash // a public key names its account too
	}
	need, err := s.headed(c, n)
	if err != nil {
		return err
	}
	rows, at, err := s.Store.Transfers(c.Request().Context(), n, account, need)
	if err != nil {
		return err
	}
	told(c, n, &at)
	if len(rows) == 0 {
		return c.String(http.StatusNotFound, "Transfers not found.")
	}
	return answer(c, http.StatusOK, rows)
}
