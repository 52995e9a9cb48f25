package jsonrpc

import (
	"net/url"
	"strings"
)

// minPrivate is how long a part of a URL is at least to be taken for a key: words
// like "v2" or "mainnet" stay readable in what a node says.
const minPrivate = 8

// private replaces the parts of a URL behind its host that may be a customer's
// key: nodes and the proxies before them quote the path that they were asked for.
func private(u *url.URL) *strings.Replacer {
	var parts []string
	add := func(s string) {
		if len(s) >= minPrivate {
			parts = append(parts, s, "(hidden)")
		}
	}
	if u.User != nil {
		add(u.User.Username())
		word, _ := u.User.Password()
		add(word)
	}
	// A proxy may quote them as they came or decoded.
	for _, path := range []string{u.Path, u.EscapedPath()} {
		for _, part := range strings.Split(path, "/") {
			add(part)
		}
	}
	for _, values := range u.Query() {
		for _, v := range values {
			add(v)
			add(url.QueryEscape(v))
		}
	}
	return strings.NewReplacer(parts...)
}

// hide takes keys out of what a node said.
func (c *Client) hide(text string) string {
	if c.private == nil {
		return text
	}
	return c.private.Replace(text)
}
