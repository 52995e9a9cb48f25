package fault

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
)

// Control is the switchboard's own API, JSON over HTTP:
//
//	GET    /faults                      every fault: name, of, says, default
//	GET    /endpoints                   of each endpoint what is on, and how often it acted
//	PUT    /endpoints/{name}/faults/{f} switches on; the body may hold Params
//	DELETE /endpoints/{name}/faults/{f} switches off
//	DELETE /endpoints/{name}/sockets    ends the endpoint's WebSocket connections
//	POST   /chain/{f}                   makes the chain do something once
func Control(chain Chain, boards map[string]*Board) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /faults", func(w http.ResponseWriter, _ *http.Request) { write(w, List()) })
	mux.HandleFunc("GET /endpoints", func(w http.ResponseWriter, _ *http.Request) {
		type state struct {
			On    []Fault        `json:"on"`
			Acted map[string]int `json:"acted"`
		}
		out := map[string]state{}
		for name, b := range boards {
			s := state{On: b.On(), Acted: map[string]int{}}
			for _, f := range specs {
				if n := b.Acted(f.Name); n > 0 {
					s.Acted[f.Name] = n
				}
			}
			out[name] = s
		}
		write(w, out)
	})
	board := func(do func(b *Board, r *http.Request) error) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			b := boards[r.PathValue("name")]
			if b == nil {
				http.Error(w, "no such endpoint", http.StatusNotFound)
				return
			}
			done(w, do(b, r))
		}
	}
	mux.HandleFunc("PUT /endpoints/{name}/faults/{fault}", board(func(b *Board, r *http.Request) error {
		p, err := params(r)
		if err != nil {
			return err
		}
		return b.Set(r.PathValue("fault"), p)
	}))
	mux.HandleFunc("DELETE /endpoints/{name}/faults/{fault}", board(func(b *Board, r *http.Request) error {
		b.Clear(r.PathValue("fault"))
		return nil
	}))
	mux.HandleFunc("DELETE /endpoints/{name}/sockets", board(func(b *Board, _ *http.Request) error {
		b.DropSockets()
		return nil
	}))
	mux.HandleFunc("POST /chain/{fault}", func(w http.ResponseWriter, r *http.Request) {
		p, err := params(r)
		if err == nil {
			err = Change(chain, r.PathValue("fault"), p)
		}
		done(w, err)
	})
	return mux
}

// params reads the body; none leaves the defaults.
func params(r *http.Request) (p Params, err error) {
	d := json.NewDecoder(io.LimitReader(r.Body, 1<<12))
	d.DisallowUnknownFields()
	if err = d.Decode(&p); errors.Is(err, io.EOF) {
		err = nil
	}
	return p, err
}

func done(w http.ResponseWriter, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func write(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the client may be gone
}
