package rest

import (
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"fondaco.dev/proto/config"
	"fondaco.dev/services/api/internal/feed"
	"fondaco.dev/services/api/internal/filter"
	"fondaco.dev/services/api/internal/operation"
	"fondaco.dev/services/api/internal/problem"
	"fondaco.dev/services/api/internal/shape"
	"fondaco.dev/services/api/internal/socket"
	"fondaco.dev/services/api/internal/store"
)

// The event store's routes are there twice: for the configuration's first
// Casper network, and for one by name.

// firstCasper is the configuration's first Casper network.
func (s *Server) firstCasper() (string, error) {
	if s.casper == "" {
		return "", echo.ErrNotFound
	}
	return s.casper, nil
}

// namedCasper is a Casper network by its name.
func (s *Server) namedCasper(name string) (string, error) {
	if n := s.networks[name]; n == nil || n.Kind != config.KindCasper {
		return "", problem.NotFound("a casper network of this name")
	}
	return name, nil
}

func text404(c echo.Context, err error, text string) error {
	if errors.Is(err, store.ErrNotFound) {
		return c.String(http.StatusNotFound, text)
	}
	return err
}

// CasperBlock answers with a block of the first Casper network.
func (s *Server) CasperBlock(c echo.Context, p operation.CasperBlock) error {
	n, err := s.firstCasper()
	if err != nil {
		return err
	}
	return s.casperBlock(c, n, strings.ToLower(p.Hash))
}

// CasperBlockOf answers with a block of a network by name.
func (s *Server) CasperBlockOf(c echo.Context, p operation.CasperBlockOf) error {
	n, err := s.namedCasper(p.Network)
	if err != nil {
		return err
	}
	return s.casperBlock(c, n, strings.ToLower(p.Hash))
}

func (s *Server) casperBlock(c echo.Context, n, hash string) error {
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

// CasperBlocks answers with blocks of the first Casper network.
func (s *Server) CasperBlocks(c echo.Context, _ operation.CasperBlocks) error {
	n, err := s.firstCasper()
	if err != nil {
		return err
	}
	return s.casperBlocks(c, n)
}

// CasperBlocksOf answers with blocks of a network by name.
func (s *Server) CasperBlocksOf(c echo.Context, p operation.CasperBlocksOf) error {
	n, err := s.namedCasper(p.Network)
	if err != nil {
		return err
	}
	return s.casperBlocks(c, n)
}

func (s *Server) casperBlocks(c echo.Context, n string) error {
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

// CasperDeploy answers with a deploy of the first Casper network.
func (s *Server) CasperDeploy(c echo.Context, p operation.CasperDeploy) error {
	n, err := s.firstCasper()
	if err != nil {
		return err
	}
	return s.casperDeploy(c, n, strings.ToLower(p.Hash))
}

// CasperDeployOf answers with a deploy of a network by name.
func (s *Server) CasperDeployOf(c echo.Context, p operation.CasperDeployOf) error {
	n, err := s.namedCasper(p.Network)
	if err != nil {
		return err
	}
	return s.casperDeploy(c, n, strings.ToLower(p.Hash))
}

func (s *Server) casperDeploy(c echo.Context, n, hash string) error {
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

// AccountDeploys answers with an account's deploys of the first Casper network.
func (s *Server) AccountDeploys(c echo.Context, p operation.AccountDeploys) error {
	n, err := s.firstCasper()
	if err != nil {
		return err
	}
	return s.accountDeploys(c, n, strings.ToLower(p.Key))
}

// AccountDeploysOf answers with an account's deploys of a network by name.
func (s *Server) AccountDeploysOf(c echo.Context, p operation.AccountDeploysOf) error {
	n, err := s.namedCasper(p.Network)
	if err != nil {
		return err
	}
	return s.accountDeploys(c, n, strings.ToLower(p.Key))
}

func (s *Server) accountDeploys(c echo.Context, n, account string) error {
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

// Transfers answers with an account's transfers of the first Casper network.
func (s *Server) Transfers(c echo.Context, p operation.Transfers) error {
	n, err := s.firstCasper()
	if err != nil {
		return err
	}
	return s.transfers(c, n, strings.ToLower(p.Account))
}

// TransfersOf answers with an account's transfers of a network by name.
func (s *Server) TransfersOf(c echo.Context, p operation.TransfersOf) error {
	n, err := s.namedCasper(p.Network)
	if err != nil {
		return err
	}
	return s.transfers(c, n, strings.ToLower(p.Account))
}

// transfers answers a plain array, newest first: the event store's route has
// no pages.
func (s *Server) transfers(c echo.Context, n, account string) error {
	account = strings.TrimPrefix(account, "account-hash-")
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
