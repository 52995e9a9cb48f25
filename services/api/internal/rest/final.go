package rest

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"fondaco.dev/services/api/internal/store"
)

// shapeVersion is raised by hand whenever a final answer would have another
// form, so that no tag of an older form proves anything.
const shapeVersion = "f1"

// What caches may do. Final data is kept for a day without asking, and not for
// ever: a repair may still add what a node had withheld.
const (
	cacheFinal = "public, max-age=86400, immutable"
	cacheFresh = "no-cache"
)

// seal is what the tag of a final answer says: of which index and epoch it is,
// where the view was that it was read in, the highest height that it depends
// on, and the beginning of its bytes' digest.
//
//	"f1:b1:18bcfe56800-0.01234567:5242881:19:8d969eef6ecad3c2"
//	 form build epoch              seq     top digest
type seal struct {
	build, life string
	pos         uint64
	top         int64
	sum         string
}

func (t seal) String() string {
	return `"` + strings.Join([]string{shapeVersion, t.build, t.life, strconv.FormatUint(t.pos, 10), strconv.FormatInt(t.top, 10), t.sum}, ":") + `"`
}

func readSeal(tag string) (t seal, ok bool) {
	tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/")
	body, ok1 := strings.CutPrefix(tag, `"`)
	body, ok2 := strings.CutSuffix(body, `"`)
	parts := strings.Split(body, ":")
	if !ok1 || !ok2 || len(parts) != 6 || parts[0] != shapeVersion || len(parts[5]) != 16 {
		return t, false
	}
	pos, err1 := strconv.ParseUint(parts[3], 10, 64)
	top, err2 := strconv.ParseInt(parts[4], 10, 64)
	if err1 != nil || err2 != nil || top < 0 {
		return t, false
	}
	return seal{build: parts[1], life: parts[2], pos: pos, top: top, sum: parts[5]}, true
}

// maxTags bounds how many tags of a request are looked at.
const maxTags = 20

// seals are the caller's tags that are of this form.
func seals(c echo.Context) (out []seal) {
	header := c.Request().Header.Get("If-None-Match")
	if header == "" {
		return nil
	}
	for i, tag := range strings.SplitN(header, ",", maxTags+1) {
		if t, ok := readSeal(tag); ok && i < maxTags {
			out = append(out, t)
		}
	}
	return out
}

// unchanged answers 304 without a reading when one of the caller's tags proves
// by itself that what the caller holds is what would be read.
func (s *Server) unchanged(c echo.Context, network string, need store.Need) bool {
	for _, t := range seals(c) {
		if s.Store.Final(network, t.build, t.life, t.pos, t.top, need) {
			notModified(c, t.String())
			return true
		}
	}
	return false
}

func notModified(c echo.Context, tag string) {
	h := c.Response().Header()
	h.Set("ETag", tag)
	h.Set("Cache-Control", cacheFinal)
	c.Response().WriteHeader(http.StatusNotModified)
}

// never is the top of an answer that later blocks may change.
const never = int64(-1)

// sealed answers with what was read of a network at a place. top is the highest
// height that the answer depends on: when all up to there is final, it carries
// a tag by which it can be proved unchanged.
func (s *Server) sealed(c echo.Context, network string, at *store.At, top int64, v any) error {
	told(c, network, at)
	h, body := c.Response().Header(), of(c).written(v)
	if top == never || !s.Store.Final(network, at.Build, at.Life(), at.Pos, top, store.Need{}) {
		h.Set("Cache-Control", cacheFresh)
		return blob(c, http.StatusOK, body)
	}
	sum := sha256.Sum256(body)
	tag := seal{at.Build, at.Life(), at.Pos, top, hex.EncodeToString(sum[:8])}
	for _, t := range seals(c) {
		if t.sum == tag.sum {
			notModified(c, tag.String()) // the older tag proved nothing, the bytes do
			return nil
		}
	}
	h.Set("ETag", tag.String())
	h.Set("Cache-Control", cacheFinal)
	return blob(c, http.StatusOK, body)
}

// topOf is the highest height that a page depends on; never when blocks to come
// may belong to it. last is the height of the row beyond the page, which says
// that there is more.
func topOf(l *store.List, rows int, last func() int64) int64 {
	switch {
	case l.Orphaned:
		return never
	case l.Desc && l.After != nil:
		return l.After.Block
	case !l.Desc && rows == l.Limit:
		return last()
	case l.To >= 0:
		return l.To
	}
	return never
}
