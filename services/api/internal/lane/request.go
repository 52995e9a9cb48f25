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

// exchange is one request and what belongs to it, in one piece of memory, which
// is not used again: a handler may have left it somewhere.
type exchange struct {
	request *http.Request
	head    bool // of a HEAD
	url     url.URL
	body    reading
	life    life
	values  [8]string // of the header's first lines
}

// parse reads a header that ends with an empty line; nil when it is not plain.
func parse(text string, c *conn) *exchange {
	method, rest, _ := strings.Cut(text, " ")
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
	default:
		return nil
	}
	target, rest, _ := strings.Cut(rest, " ")
	rest, ok := strings.CutPrefix(rest, "HTTP/1.1\r\n")
	path, query, asks := strings.Cut(target, "?")
	if !ok || path == "" || path[0] != '/' || strings.HasPrefix(path, "//") || !all(path, inPath) || asks && query == "" || !all(query, inQuery) {
		return nil
	}
	x := &exchange{head: method == http.MethodHead, url: url.URL{Path: path, RawQuery: query}}
	x.life.conn, x.body.life = c, &x.life
	h := make(http.Header, 8)
	host, closes, length := "", false, int64(-1)
	for line := 0; rest != "\r\n"; line++ {
		colon, end := strings.IndexByte(rest, ':'), strings.IndexByte(rest, '\r')
		if colon <= 0 || end < colon || end+1 >= len(rest) || rest[end+1] != '\n' || line == maxLines {
			return nil
		}
		name, value := rest[:colon], strings.Trim(rest[colon+1:end], " \t")
		if rest = rest[end+2:]; !all(name, inName) || !all(value, inValue) {
			return nil
		}
		name = textproto.CanonicalMIMEHeaderKey(name)
		switch name {
		case "Host":
			if host != "" || value == "" || !all(value, inHost) {
				return nil
			}
			host = value
			continue
		case "Content-Length":
			n, err := strconv.ParseUint(value, 10, 31)
			if err != nil || length >= 0 || n > maxBody {
				return nil
			}
			length = int64(n)
		case "Connection":
			if h[name] != nil {
				return nil
			}
			if closes = strings.EqualFold(value, "close"); !closes && !strings.EqualFold(value, "keep-alive") {
				return nil
			}
		case "Transfer-Encoding", "Trailer", "Te", "Expect", "Upgrade", "Pragma", "Proxy-Connection", "Http2-Settings":
			return nil
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
		return nil
	}
	r := &http.Request{Method: method, URL: &x.url, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: h, Body: http.NoBody,
		Host: host, RemoteAddr: c.remote, RequestURI: target, Close: closes}
	if length > 0 {
		r.ContentLength, r.Body, x.body.left = length, &x.body, length
	}
	x.request = r.WithContext(&x.life)
	return x
}
