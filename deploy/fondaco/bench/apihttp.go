package bench

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"
)

// httpSpec is a load of one GET over kept connections, each waiting for its
// answer.
type httpSpec struct {
	Host, Path string
	Conns      int
	For        time.Duration
}

// httpRun is what such clients saw.
type httpRun struct {
	Requests float64 // a second
	P50, P99 time.Duration
	Bytes    int // of an answer's body
	Error    string
}

const helperHTTP = "api-http"

// load runs it in a process of its own.
func load(host, path string, conns int, d time.Duration) (r httpRun, err error) {
	h, err := spawn(helperHTTP, httpSpec{host, path, conns, d})
	if err != nil {
		return r, err
	}
	defer h.stop()
	if err := h.read(&r); err != nil {
		return r, fmt.Errorf("loading %s: %w", path, err)
	}
	if r.Error != "" {
		return r, fmt.Errorf("loading %s: %s", path, r.Error)
	}
	return r, nil
}

func runHTTP(text []byte) error {
	var s httpSpec
	if err := json.Unmarshal(text, &s); err != nil {
		return err
	}
	var mu sync.Mutex
	var took []time.Duration
	var r httpRun
	var wg sync.WaitGroup
	began := time.Now()
	for range s.Conns {
		wg.Go(func() {
			mine, size, err := getting(s, began.Add(s.For))
			mu.Lock()
			defer mu.Unlock()
			took = append(took, mine...)
			r.Bytes = max(r.Bytes, size)
			if err != nil {
				r.Error = err.Error()
			}
		})
	}
	wg.Wait()
	r.Requests = float64(len(took)) / time.Since(began).Seconds()
	slices.Sort(took)
	r.P50, r.P99 = at(took, 0.5), at(took, 0.99)
	if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, os.Stdin) // until it was read: the pipe ends with this process
	return err
}

func getting(s httpSpec, end time.Time) (took []time.Duration, size int, err error) {
	c, err := net.Dial("tcp", s.Host)
	if err != nil {
		return nil, 0, err
	}
	defer c.Close()
	_ = c.SetDeadline(end.Add(20 * time.Second))
	in := bufio.NewReaderSize(c, 64<<10)
	request := []byte("GET " + s.Path + " HTTP/1.1\r\nHost: " + s.Host + "\r\nAccept: application/json\r\n\r\n")
	for time.Now().Before(end) {
		began := time.Now()
		if _, err := c.Write(request); err != nil {
			return took, size, err
		}
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			return took, size, fmt.Errorf("reading an answer: %w", err)
		}
		n, err := io.Copy(io.Discard, resp.Body)
		if err == nil && resp.StatusCode != http.StatusOK {
			err = errors.New(resp.Status)
		}
		if err != nil {
			return took, size, err
		}
		took, size = append(took, time.Since(began)), int(n)
	}
	return took, size, nil
}
