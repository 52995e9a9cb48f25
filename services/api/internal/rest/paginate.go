package rest

import (
	"net/url"
	"strconv"
	"strings"
)

// The event store's paging, as its clients know it.
const (
	casperLimit    = 10
	casperMaxLimit = 20
	casperPages    = 3 // links around the current page
)

// envelope is the form of the event store's lists.
type envelope struct {
	Data      []any      `json:"data"`
	PageCount int64      `json:"pageCount"`
	ItemCount int64      `json:"itemCount"`
	Pages     []pageLink `json:"pages"`
}

type pageLink struct {
	Number int64  `json:"number"`
	URL    string `json:"url"`
}

// paging is what a request asks for.
type paging struct {
	path        string
	query       []pair // in the request's order
	page, limit int64
}

type pair struct{ key, value string }

// readPaging reads page and limit. A page below 1 or that is no number is 1; a
// limit above 20 is 20, one that is negative or no number is 0.
func readPaging(u *url.URL) paging {
	p := paging{path: u.EscapedPath(), page: 1, limit: casperLimit}
	seen := map[string]int{}
	for _, part := range strings.Split(u.RawQuery, "&") {
		k, v, _ := strings.Cut(part, "=")
		key, err1 := url.QueryUnescape(k)
		value, err2 := url.QueryUnescape(v)
		if part == "" || err1 != nil || err2 != nil {
			continue
		}
		if seen[key]++; seen[key] > 1 {
			continue
		}
		p.query = append(p.query, pair{key, value})
	}
	// A parameter given twice is no number.
	for _, kv := range p.query {
		switch {
		case kv.key == "page" && seen["page"] == 1:
			if n, ok := leadingInt(kv.value); ok && n >= 1 {
				p.page = n
			}
		case kv.key == "limit" && seen["limit"] == 1:
			n, _ := leadingInt(kv.value)
			p.limit = max(0, min(n, casperMaxLimit))
		}
	}
	return p
}

// maxPage bounds page numbers so that page x limit does not overflow.
const maxPage = 1 << 50

// leadingInt reads the whole number that a text begins with: "12abc" is 12.
func leadingInt(s string) (int64, bool) {
	s = strings.TrimLeft(s, " \t\r\n")
	neg := strings.HasPrefix(s, "-")
	s = strings.TrimPrefix(strings.TrimPrefix(s, "-"), "+")
	end := 0
	for end < len(s) && s[end] >= '0' && s[end] <= '9' {
		end++
	}
	if end == 0 {
		return 0, false
	}
	n, err := strconv.ParseInt(s[:end], 10, 64)
	if err != nil || n > maxPage {
		n = maxPage
	}
	if neg {
		n = -n
	}
	return n, true
}

func (p *paging) offset() int64 { return (p.page - 1) * p.limit }

// wrap makes the answer: no rows, no pages.
func (p *paging) wrap(data []any, total int64) envelope {
	e := envelope{Data: data, ItemCount: total, Pages: []pageLink{}}
	if e.Data == nil {
		e.Data = []any{}
	}
	if p.limit > 0 {
		e.PageCount = (total + p.limit - 1) / p.limit
	}
	last := min(max(p.page+casperPages/2, casperPages), e.PageCount)
	first := max(1, last-casperPages+1)
	if p.page < casperPages-1 {
		first = 1
	}
	for n := first; n <= last; n++ {
		e.Pages = append(e.Pages, pageLink{n, p.link(n)})
	}
	return e
}

// link is the request's path and query with the page replaced; a missing page
// and limit are appended in that order.
func (p *paging) link(n int64) string {
	var b strings.Builder
	b.WriteString(p.path)
	sep := byte('?')
	write := func(key, value string) {
		b.WriteByte(sep)
		sep = '&'
		b.WriteString(escape(key) + "=" + escape(value))
	}
	page, limit := strconv.FormatInt(n, 10), strconv.FormatInt(p.limit, 10)
	hasPage, hasLimit := false, false
	for _, kv := range p.query {
		switch kv.key {
		case "page":
			hasPage = true
			write("page", page)
		case "limit":
			hasLimit = true
			write("limit", limit)
		default:
			write(kv.key, kv.value)
		}
	}
	if !hasPage {
		write("page", page)
	}
	if !hasLimit {
		write("limit", limit)
	}
	return b.String()
}

func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
