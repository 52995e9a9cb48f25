package lane

import (
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
)

// maxBody is the longest body, in bytes, that is taken here.
const maxBody = 64 << 10

// maxLines of a header.
const maxLines = 64

// What a character may be part of.
const (
	inPath = 1 << iota
	inQuery
	inName
	inValue
	inHost
)

// kinds are the plain characters. What is not among them may be right
// elsewhere.
var kinds = func() (t [256]uint8) {
	set := func(kind uint8, chars string) {
		for i := range len(chars) {
			t[chars[i]] |= kind
		}
	}
	for c := byte(' '); c <= '~'; c++ {
		t[c] |= inValue
		if c != ' ' && c != '#' {
			t[c] |= inQuery
		}
		if c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
			t[c] |= inPath | inName | inHost
		}
	}
	set(inPath, "-._~/:@")
	set(inName, "!#$%&'*+-.^_`|~")
	set(inValue, "\t")
	set(inHost, "-.:[]")
	return t
}()

func all(s string, kind uint8) bool {
	for i := range len(s) {
		if kinds[s[i]]&kind == 0 {
			return false
		}
	}
	return true
}

// exchange is one request and what belongs to it. A connection uses it for one
// request after the other, unless somebody hangs on to its context: see conn.read.
type exchange struct {
	text    string // the header, with its empty line
	asked   http.Request
	target  url.URL
	length  int64        // of the body
	request http.Request // asked, for the handler
	url     url.URL      // target, for the handler
	body    reading
	life    life
	values  [8]string // of the header's first lines
}

func newExchange(c *conn) *exchange {
	x := &exchange{}
	x.life.conn, x.body.life = c, &x.life
	x.asked = *new(http.Request).WithContext(&x.life)
	x.asked.Header = make(http.Header, len(x.values))
	return x
}

// begin makes the exchange that of a request with the header that was parsed.
func (x *exchange) begin() {
	x.request, x.url = x.asked, x.target
	x.request.URL = &x.url
	x.life.begin()
	if x.body.left = x.length; x.length > 0 {
		x.request.Body = &x.body
	}
}

// head says whether the answer has no body.
func (x *exchange) head() bool { return x.asked.Method == http.MethodHead }

// parse reads a header that ends with an empty line; false when it is not plain.
func (x *exchange) parse(text string) bool {
	method, rest, _ := strings.Cut(text, " ")
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
	default:
		return false
	}
	target, rest, _ := strings.Cut(rest, " ")
	rest, ok := strings.CutPrefix(rest, "HTTP/1.1\r\n")
	path, query, asks := strings.Cut(target, "?")
	if !ok || path == "" || path[0] != '/' || strings.HasPrefix(path, "//") || !all(path, inPath) || asks && query == "" || !all(query, inQuery) {
		return false
	}
	h := x.asked.Header
	clear(h)
	host, closes, length := "", false, int64(-1)
	for line := 0; rest != "\r\n"; line++ {
		colon, end := strings.IndexByte(rest, ':'), strings.IndexByte(rest, '\r')
		if colon <= 0 || end < colon || end+1 >= len(rest) || rest[end+1] != '\n' || line == maxLines {
			return false
		}
		name, value := rest[:colon], strings.Trim(rest[colon+1:end], " \t")
		if rest = rest[end+2:]; !all(name, inName) || !all(value, inValue) {
			return false
		}
		name = textproto.CanonicalMIMEHeaderKey(name)
		switch name {
		case "Host":
			if host != "" || value == "" || !all(value, inHost) {
				return false
			}
			host = value
			continue
		case "Content-Length":
			n, err := strconv.ParseUint(value, 10, 31)
			if err != nil || length >= 0 || n > maxBody {
				return false
			}
			length = int64(n)
		case "Connection":
			if h[name] != nil {
				return false
			}
			if closes = strings.EqualFold(value, "close"); !closes && !strings.EqualFold(value, "keep-alive") {
				return false
			}
		case "Transfer-Encoding", "Trailer", "Te", "Expect", "Upgrade", "Pragma", "Proxy-Connection", "Http2-Settings":
			return false
		}
		if had := h[name]; had != nil {
			h[name] = append(had, value)
		} else if line < len(x.values) {
			x.values[line] = value
			h[name] = x.values[line : line+1 : line+1]
		} else {
			h[name] = []string{value}
		}
	}
	if host == "" {
		return false
	}
	x.text, x.length, x.target = text, max(0, length), url.URL{Path: path, RawQuery: query}
	r := &x.asked
	r.Method, r.Proto, r.ProtoMajor, r.ProtoMinor = method, "HTTP/1.1", 1, 1
	r.Host, r.RemoteAddr, r.RequestURI, r.Close = host, x.life.conn.remote, target, closes
	r.ContentLength, r.Body = x.length, http.NoBody
	return true
}
