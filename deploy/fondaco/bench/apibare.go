package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const helperBare = "api-bare"

// bareSpec is a server on net/http that does what a route must and nothing else.
type bareSpec struct {
	Body []byte // the answer to everything; or
	URL  string // a database, and
	SQL  string // the statement of the route
	Args []any
	// The first columns of a row that are not of the row's object.
	Skip   int
	Events bool // the rows are events, else blocks
}

// bare starts it in a process of its own and returns where it listens.
func bare(s bareSpec) (h *helper, addr string, err error) {
	if h, err = spawn(helperBare, s); err != nil {
		return nil, "", err
	}
	if err := h.read(&addr); err != nil {
		h.stop()
		return nil, "", fmt.Errorf("starting a bare handler: %w", err)
	}
	return h, addr, nil
}

// bareBlock is a row as the route writes it.
type bareBlock struct {
	BlockHash     string   `json:"blockHash"`
	ParentHash    string   `json:"parentHash"`
	Timestamp     string   `json:"timestamp"`
	EraID         string   `json:"eraId"`
	Proposer      string   `json:"proposer"`
	State         string   `json:"state"`
	Height        int64    `json:"height"`
	Deploys       []string `json:"deploys"`
	DeployCount   int      `json:"deployCount"`
	StateRootHash string   `json:"stateRootHash"`
	Extra         int64    `json:"signatures"`
}

// bareBlockOf reads a row whose first columns are skipped.
func bareBlockOf(skip int) pgx.RowToFunc[bareBlock] {
	return func(row pgx.CollectableRow) (b bareBlock, err error) {
		into := append(make([]any, skip, 12), &b.BlockHash, &b.ParentHash, &b.Height, &b.EraID, &b.Timestamp, &b.Proposer, &b.StateRootHash, &b.Deploys)
		if skip == 0 {
			into = append(into, &b.Extra)
		} else {
			into = append(into, nil, nil) // what the page is ordered by
		}
		err = row.Scan(into...)
		b.State, b.DeployCount = "added", len(b.Deploys)
		return b, err
	}
}

func runBare(text []byte) error {
	var s bareSpec
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&s); err != nil {
		return err
	}
	answer := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(s.Body)
	}
	if s.SQL != "" {
		cfg, err := pgxpool.ParseConfig(s.URL)
		if err != nil {
			return err
		}
		cfg.MaxConns = 8                            // as the api's
		cfg.ConnConfig.RuntimeParams["jit"] = "off" // likewise: over many rows a page is compiled otherwise, each time
		pool, err := pgxpool.NewWithConfig(context.Background(), cfg)
		if err != nil {
			return err
		}
		defer pool.Close()
		for i, a := range s.Args {
			if n, ok := a.(json.Number); ok {
				if s.Args[i], err = n.Int64(); err != nil {
					return err
				}
			}
		}
		answer = func(w http.ResponseWriter, r *http.Request) {
			rows, err := pool.Query(r.Context(), s.SQL, s.Args...)
			var data any
			if err == nil {
				if s.Events {
					data, err = pgx.CollectRows(rows, bareEventOf)
				} else {
					data, err = pgx.CollectRows(rows, bareBlockOf(s.Skip))
				}
			}
			var out []byte
			if err == nil {
				out, err = json.Marshal(map[string]any{"data": data})
			}
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(out)
		}
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(ln.Addr().String()); err != nil {
		return err
	}
	srv := &http.Server{Handler: http.HandlerFunc(answer)}
	go func() { _, _ = io.Copy(io.Discard, os.Stdin); _ = srv.Close() }()
	if err := srv.Serve(ln); err != http.ErrServerClosed {
		return err
	}
	return nil
}
