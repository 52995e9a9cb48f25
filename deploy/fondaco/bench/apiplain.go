package bench

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

const helperPlain = "api-plain"

// plainSpec is the broadcaster that most people write first: a goroutine and a
// channel a connection, each message written as it comes.
type plainSpec struct{ Queue int } // messages that a connection's channel holds

// plain starts it in a process of its own and returns where it listens.
func plain(s plainSpec) (h *helper, addr string, err error) {
	if h, err = spawn(helperPlain, s); err != nil {
		return nil, "", err
	}
	if err := h.read(&addr); err != nil {
		h.stop()
		return nil, "", fmt.Errorf("starting a plain broadcaster: %w", err)
	}
	return h, addr, nil
}

func runPlain(text []byte) error {
	var s plainSpec
	if err := json.Unmarshal(text, &s); err != nil {
		return err
	}
	raise(1 << 20)
	var mu sync.Mutex
	var all []chan []byte
	up := websocket.Upgrader{}
	handle := func(w http.ResponseWriter, r *http.Request) {
		c, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		queue := make(chan []byte, s.Queue)
		mu.Lock()
		all = append(all, queue)
		mu.Unlock()
		go func() {
			for m := range queue {
				if c.WriteMessage(websocket.TextMessage, m) != nil {
					return
				}
			}
		}()
		for {
			if _, _, err := c.ReadMessage(); err != nil {
				return
			}
		}
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: http.HandlerFunc(handle)}
	defer srv.Close()
	go func() { _ = srv.Serve(ln) }()
	out := json.NewEncoder(os.Stdout)
	if err := out.Encode(ln.Addr().String()); err != nil {
		return err
	}
	// Each line of the input is a number of messages to tell everybody.
	in := bufio.NewScanner(os.Stdin)
	for seq := 0; in.Scan(); {
		var n int
		if _, err := fmt.Sscan(in.Text(), &n); err != nil {
			return err
		}
		now := time.Now().UTC().Format("2006-01-02T15:04:05.000Z")
		for range n {
			seq++
			// As long as a trade of the feed.
			m := fmt.Appendf(nil, `{"op":"event","id":1,"channel":"trades","symbol":"WINE-USD","epoch":"18bcfe56800-0","seq":%d,"data":{"trade_id":%d,"symbol":"WINE-USD","price":"1000.00","quantity":"1","taker_side":"buy","at":"%s","seq":%d}}`, seq, seq, now, seq)
			mu.Lock()
			for _, q := range all {
				select {
				case q <- m:
				default: // who is that slow misses it
				}
			}
			mu.Unlock()
		}
		if err := out.Encode(seq); err != nil {
			return err
		}
	}
	return nil
}
