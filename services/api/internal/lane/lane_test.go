package lane

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// mirror answers with what it was asked, in the ways that handlers have.
func mirror(w http.ResponseWriter, r *http.Request) {
	large := bytes.Repeat([]byte("0123456789abcdef"), 5000)
	switch r.URL.Path {
	case "/unread":
		w.WriteHeader(http.StatusUnauthorized)
		return
	case "/none":
		w.WriteHeader(http.StatusNoContent)
		return
	case "/same":
		w.Header().Set("ETag", `"1"`)
		w.WriteHeader(http.StatusNotModified)
		return
	case "/large":
		_, _ = w.Write(large)
		_, _ = w.Write(large[:7])
		return
	case "/long":
		w.Header().Set("Content-Length", fmt.Sprint(len(large)))
		_, _ = w.Write(large[:10])
		_, _ = w.Write(large[10:])
		return
	case "/flush":
		_, _ = io.WriteString(w, "first")
		w.(http.Flusher).Flush()
		_, _ = io.WriteString(w, "second")
		return
	case "/short":
		w.Header().Set("Content-Length", "10")
		_, _ = io.WriteString(w, "less")
		return
	case "/over":
		w.Header().Set("Content-Length", "2")
		_, _ = io.WriteString(w, "ab")
		_, _ = io.WriteString(w, "cd")
		return
	case "/split":
		w.Header().Set("X-Split", "a\r\nX-Injected: b")
		w.Header().Set("Bad Name", "x")
		_, _ = io.WriteString(w, "<html>")
		return
	case "/close":
		w.Header().Set("Connection", "close")
	case "/panic":
		panic(http.ErrAbortHandler)
	}
	data, err := io.ReadAll(r.Body)
	var lines []string
	for name, values := range r.Header {
		lines = append(lines, fmt.Sprintf("%s=%q", name, values))
	}
	slices.Sort(lines)
	w.Header().Set("X-Several", "1")
	w.Header().Add("X-Several", "2")
	_, _ = fmt.Fprintf(w, "%s %s %s path %q raw %q query %q %v host %q %s close %v length %d %q body %q %v",
		r.Method, r.RequestURI, r.Proto, r.URL.Path, r.URL.RawPath, r.URL.RawQuery, r.URL.ForceQuery, r.Host, strings.Join(lines, " "), r.Close, r.ContentLength, r.TransferEncoding, data, err)
}

var quiet = log.New(io.Discard, "", 0)

// serving starts a lane and gives its address.
func serving(t testing.TB, web *http.Server) (*Server, string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	web.ErrorLog = quiet
	s := New(web)
	done := make(chan error, 1)
	go func() { done <- s.Serve(ln) }()
	t.Cleanup(func() {
		_ = s.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return s, ln.Addr().String()
}

// general starts net/http's server.
func general(t testing.TB, web *http.Server) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	web.ErrorLog = quiet
	go func() { _ = web.Serve(ln) }()
	t.Cleanup(func() { _ = web.Close() })
	return ln.Addr().String()
}

func dial(t testing.TB, addr string) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	return c.(*net.TCPConn)
}

// conversation sends bytes and gives all answers, one text each.
func conversation(t testing.TB, addr string, parts ...string) (out []string) {
	t.Helper()
	c := dial(t, addr)
	defer func() { _ = c.Close() }()
	asked := ""
	for _, p := range parts {
		asked += p
		if _, err := io.WriteString(c, p); err != nil {
			break // it was refused already
		}
	}
	_ = c.CloseWrite()
	in := bufio.NewReader(c)
	for {
		r, err := http.ReadResponse(in, asker(asked, len(out)))
		if err != nil {
			return out
		}
		data, err := io.ReadAll(r.Body)
		if errors.Is(err, syscall.ECONNRESET) {
			err = nil // something that was sent came after the close; data tells what was answered
		}
		r.Header.Del("Date")
		// net/http sends chunks sooner, and says of a HEAD less.
		if r.ContentLength > 2000 || len(data) > 2000 || r.Request.Method == "HEAD" && r.ContentLength < 0 {
			r.Header.Del("Content-Length")
			r.ContentLength, r.TransferEncoding = 0, nil
		}
		out = append(out, fmt.Sprintf("%s %v length %d %q close %v %q %v", r.Status, r.Header, r.ContentLength, r.TransferEncoding, r.Close, data, err))
	}
}

// asker is what a reader of answers has to know of the n-th request: whether it
// was a HEAD.
func asker(text string, n int) *http.Request {
	method := "GET"
	if n == 0 && strings.HasPrefix(text, "HEAD") {
		method = "HEAD"
	}
	return &http.Request{Method: method}
}

var requests = []string{
	"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
	"HEAD /a/b?c=d HTTP/1.1\r\nHost: x:80\r\nAccept: */*\r\n\r\n",
	"POST /v1/orders HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\nCONTENT-TYPE:application/json \r\nAuthorization: Bearer a b\r\n\r\nhello",
	"GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\nX-A: 1\r\nX-A: 2\r\n\r\nDELETE /3 HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /one HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\nGET /two HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /one HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, x\r\n\r\n", "GET /one HTTP/1.0\r\nHost: x\r\n\r\n", "GET /one HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
	"GET /one HTTP/1.1\r\n\r\n", "GET /one HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", "GET /one HTTP/1.1\r\nHost: x y\r\n\r\n", "GET /one HTTP/1.1\r\nHost:\r\n\r\n",
	"GET /a%20b?c=%31 HTTP/1.1\r\nHost: x\r\n\r\n", "GET /a?b=%zz HTTP/1.1\r\nHost: x\r\n\r\n", "GET /a? HTTP/1.1\r\nHost: x\r\n\r\n", "GET //a HTTP/1.1\r\nHost: x\r\n\r\n", "GET http://y/a HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /a;b,c!d*(e)'f$&+= HTTP/1.1\r\nHost: x\r\n\r\n", "GET /a:b@c/./../d HTTP/1.1\r\nHost: x\r\n\r\n", "GET * HTTP/1.1\r\nHost: x\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", "GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /a HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n", "GET /a HTTP/1.1\r\nHost: x\r\nX : a\r\n\r\n", "GET /a HTTP/1.1\r\nHost: x\r\n: a\r\n\r\n", "GET /a HTTP/1.1\r\nHost: x\r\nX\r\n\r\n",
	"GET /a HTTP/1.1\nHost: x\n\n", "GET /a HTTP/1.1\r\nHost: x\r\nX: a\n\r\n", "GET /a HTTP/1.1\r\nHost: x\r\nX: a\rb\r\n\r\n", "GET /a HTTP/1.1\r\nHost: x\r\nX: \x00\r\n\r\n", "GET /a HTTP/1.1\r\nHost: x\r\nX: \xff\r\n\r\n",
	"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
	"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\nabc", "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: -3\r\n\r\nabc", "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3, 3\r\n\r\nabc", "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\r\nabc",
	"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc", "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", "POST /a HTTP/1.1\r\nHost: x\r\n\r\n", "GET /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab",
	"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n", "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
	"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc", "GET /a HTTP/1.1\r\nHost: x\r\nExpect: 3\r\n\r\n", "GET /a HTTP/1.1\r\nHost: x\r\nPragma: no-cache\r\n\r\n", "GET /a HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AA\r\n\r\n",
	"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "FLY /a HTTP/1.1\r\nHost: x\r\n\r\n", "\r\nGET /a HTTP/1.1\r\nHost: x\r\n\r\n", "GET  /a HTTP/1.1\r\nHost: x\r\n\r\n", "GET /a HTTP/1.1 \r\nHost: x\r\n\r\n", "GET /a\r\n\r\n", "GET /a HTTP/1.1\r\nHost", "", "G",
	"POST /unread HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na",
	"POST /unread HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcGET /next HTTP/1.1\r\nHost: x\r\n\r\n", "GET /none HTTP/1.1\r\nHost: x\r\n\r\n", "GET /same HTTP/1.1\r\nHost: x\r\n\r\n", "GET /large HTTP/1.1\r\nHost: x\r\n\r\n", "HEAD /large HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /long HTTP/1.1\r\nHost: x\r\n\r\n", "HEAD /long HTTP/1.1\r\nHost: x\r\n\r\n", "GET /flush HTTP/1.1\r\nHost: x\r\n\r\n", "GET /short HTTP/1.1\r\nHost: x\r\n\r\nGET /next HTTP/1.1\r\nHost: x\r\n\r\n", "GET /over HTTP/1.1\r\nHost: x\r\n\r\nGET /next HTTP/1.1\r\nHost: x\r\n\r\n",
	"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n", "POST /a HTTP/1.1\r\nHost: x\r\n\r\n\r\n\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n", "POST /a HTTP/1.1\r\nHost: x\r\n\r\n0", "POST /a HTTP/1.1\r\nHost: x\r\n\r\n\r000", "GET /a HTTP/1.1\r\nHost: x\r\n\r\n0", "POST /a HTTP/1.1\r\nHost: x\r\n\r\n01234",
	// The same header again, with other bodies, after one that nobody read, after a HEAD, and as the last one.
	strings.Repeat("GET /a HTTP/1.1\r\nHost: x\r\nX-A: 1\r\n\r\n", 4), "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcPOST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\ndefPOST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nghGET /a HTTP/1.1\r\nHost: x\r\n\r\n",
	strings.Repeat("POST /unread HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", 3) + "GET /next HTTP/1.1\r\nHost: x\r\n\r\n", strings.Repeat("GET /none HTTP/1.1\r\nHost: x\r\n\r\n", 2) + "GET /one HTTP/1.1\r\nHost: x\r\nX-A: 1\r\n\r\n",
	strings.Repeat("GET /one HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 2), "GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /a HTTP/1.1\r\nHost: x\r\n\rGET /a", "GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	// What smuggles: lengths and encodings that two readers may see differently.
	"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 03\r\n\r\nabc", "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 0x3\r\n\r\nabc", "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3 \t\r\n\r\nabc", "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\x0b\r\n\r\nabc",
	"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\ncontent-length: 0\r\n\r\nabc", "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\nabc", "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length : 3\r\n\r\nabc", "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1_0\r\n\r\n0123456789",
	"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nZ\r\n0\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n", "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\nContent-Length: 3\r\n\r\nabc",
	"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\nContent-Length: 3\r\n\r\nabc", "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n", "POST /a HTTP/1.1\r\nHost: x\r\nX: a\r\n\tTransfer-Encoding: chunked\r\n\r\n", "POST /a HTTP/1.1\r\nHost: x\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"POST /a HTTP/1.1\r\nHost: x\r\nX: a\rTransfer-Encoding: chunked\r\n\r\n", "POST /a HTTP/1.1\r\nHost: x\r\nX: a\nContent-Length: 3\r\n\r\nabc", "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3 ;a=b\r\nabc\r\n00\r\nX: y\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n", "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
	"POST /a HTTP/1.1\r\nHost: x\r\nConnection: Content-Length\r\nContent-Length: 3\r\n\r\nabc", "GET /a HTTP/1.1\r\nHost: x\r\nContent-Length: 31\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\nxyGET /c HTTP/1.1\r\nHost: x\r\n\r\n", "POST /a HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	// What is odd: bytes that do not belong there, other protocols, more than one of what is one.
	"GET /a\x00b HTTP/1.1\r\nHost: x\r\n\r\n", "GET /a?\x00 HTTP/1.1\r\nHost: x\r\n\r\n", "G\x00T /a HTTP/1.1\r\nHost: x\r\n\r\n", "GET /a HTTP/1.1\r\nHost: x\x00\r\n\r\n", "GET /a HTTP/1.1\r\nHost: x\r\nX\x00: y\r\n\r\n", "\x00GET /a HTTP/1.1\r\nHost: x\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
	"get /a HTTP/1.1\r\nHost: x\r\n\r\n", "CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n", "TRACE /a HTTP/1.1\r\nHost: x\r\n\r\n", "GET /a HTTP/1.2\r\nHost: x\r\n\r\n", "GET /a HTTP/2.0\r\nHost: x\r\n\r\n", "GET /a HTTP/1.1\r\nHost: a@b\r\n\r\n", "GET /a HTTP/1.1\r\nHost: [::1\r\n\r\n", "GET /a HTTP/1.1\r\nhost: x\r\nHOST: x\r\n\r\n",
	"GET http://y/a HTTP/1.1\r\n\r\n", "GET http:///a HTTP/1.1\r\nHost: x\r\n\r\n", "GET y:80 HTTP/1.1\r\nHost: x\r\n\r\n", "GET ../a HTTP/1.1\r\nHost: x\r\n\r\n", "GET /\x7f HTTP/1.1\r\nHost: x\r\n\r\n", "GET /\xc3\xa9 HTTP/1.1\r\nHost: x\r\n\r\n", "GET /a?\xff HTTP/1.1\r\nHost: x\r\n\r\n", "GET /a\tb HTTP/1.1\r\nHost: x\r\n\r\n",
	"POST /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabcGET /b HTTP/1.1\r\nHost: x\r\n\r\n", "POST /unread HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n", "POST /a HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 3\r\n\r\nabcGET /b HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /a HTTP/1.1\r\nHost: x\r\nX-Large: " + strings.Repeat("x", 1<<20+5000) + "\r\n\r\n", "GET /" + strings.Repeat("x", 5000) + " HTTP/1.1\r\nHost: x\r\n\r\n", "GET /a HTTP/1.1\r\nHost: x\r\nConnection: close, keep-alive\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n", "GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\nConnection: keep-alive\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /split HTTP/1.1\r\nHost: x\r\n\r\n", "GET /close HTTP/1.1\r\nHost: x\r\n\r\nGET /next HTTP/1.1\r\nHost: x\r\n\r\n", "GET /panic HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /a HTTP/1.1\r\nHost: x\r\nX-Large: " + strings.Repeat("x", 5000) + "\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n", "GET /a HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X: y\r\n", 70) + "\r\n",
	"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n" + strings.Repeat("x", 60000) + "GET /b HTTP/1.1\r\nHost: x\r\n\r\n", "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 70000\r\n\r\n" + strings.Repeat("x", 70000),
}

// FuzzAsNetHTTP: whatever is sent, in one piece or in two, the answers are those
// of net/http's server.
func FuzzAsNetHTTP(f *testing.F) {
	for i, r := range requests {
		f.Add(r, i*7)
		f.Add(r, strings.Index(r, "\r\n\r\n")+1+i%3) // within the header's end, or at the body
		f.Add(r, 0)
	}
	_, here := serving(f, &http.Server{Handler: http.HandlerFunc(mirror)})
	there := general(f, &http.Server{Handler: http.HandlerFunc(mirror)})
	f.Fuzz(func(t *testing.T, text string, cut int) {
		if len(text) > 2<<20 {
			return
		}
		cut = max(0, min(cut, len(text)))
		// Who closes a connection of which something is unread resets it, and an
		// answer may be lost with that, on both sides.
		var want, got []string
		for range 5 {
			want = conversation(t, there, text)
			if got = conversation(t, here, text[:cut], text[cut:]); slices.Equal(got, want) {
				return
			}
		}
		t.Fatalf("%.300q is answered\n%.800q\nnet/http says\n%.800q", text, got, want)
	})
}

// BenchmarkRequests: what a server costs, clients included; cpu-us/op is what
// tells them apart on a machine that does other things.
func BenchmarkRequests(b *testing.B) {
	const request, body = "GET /v1/markets/A-B/depth?limit=50 HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nAccept: application/json\r\n\r\n", `{"data":"abc"}`
	for _, kind := range []string{"lane", "net/http"} {
		b.Run(kind, func(b *testing.B) {
			web := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set("Content-Length", strconv.Itoa(len(body)))
				_, _ = io.WriteString(w, body)
			}), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, WriteTimeout: time.Minute, IdleTimeout: time.Minute}
			addr := ""
			if kind == "lane" {
				_, addr = serving(b, web)
			} else {
				addr = general(b, web)
			}
			b.ReportAllocs()
			b.SetParallelism(16)
			var before, after syscall.Rusage
			_ = syscall.Getrusage(syscall.RUSAGE_SELF, &before)
			b.RunParallel(func(pb *testing.PB) {
				c := dial(b, addr)
				buf := make([]byte, 4096)
				for pb.Next() {
					if _, err := io.WriteString(c, request); err != nil {
						b.Error(err)
						return
					}
					if _, err := c.Read(buf); err != nil {
						b.Error(err)
						return
					}
				}
			})
			_ = syscall.Getrusage(syscall.RUSAGE_SELF, &after)
			b.ReportMetric(float64(after.Utime.Nano()+after.Stime.Nano()-before.Utime.Nano()-before.Stime.Nano())/1000/float64(b.N), "cpu-us/op")
		})
	}
}
