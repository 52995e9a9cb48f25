package casper

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// Event is one event of a node's stream.
type Event struct {
	// Type is the node's name of it: BlockAdded, DeployProcessed, Shutdown, …
	Type string
	// Raw is the whole data field: {"BlockAdded":{…}}, or "Shutdown".
	Raw json.RawMessage
}

func event(kind string, body any) Event {
	return Event{Type: kind, Raw: encode(map[string]any{kind: body})}
}

var shutdown = Event{Type: "Shutdown", Raw: json.RawMessage(`"Shutdown"`)}

// parseEvent names the event in a data field. A payload of no known form is an
// event of type "": it can be replayed all the same.
func parseEvent(raw []byte) Event {
	e := Event{Raw: bytes.Clone(raw)}
	var name string
	if json.Unmarshal(raw, &name) == nil {
		e.Type = name
		return e
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(raw, &object) == nil && len(object) == 1 {
		for e.Type = range object {
		}
	}
	return e
}

// ReadRecording reads events that were taken off nodes, in either form: one
// JSON object a line with the payload under "event", or SSE text, of which it
// takes the data lines.
func ReadRecording(r io.Reader) ([]Event, error) {
	var events []Event
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 16<<20)
	for n := 1; lines.Scan(); n++ {
		line := lines.Bytes()
		switch {
		case bytes.HasPrefix(line, []byte("data:")):
			events = append(events, parseEvent(bytes.TrimSpace(line[len("data:"):])))
		case bytes.HasPrefix(line, []byte("{")):
			var wrapped struct{ Event json.RawMessage }
			if err := json.Unmarshal(line, &wrapped); err != nil || wrapped.Event == nil {
				return nil, fmt.Errorf("line %d of the recording has no event: %w", n, err)
			}
			events = append(events, parseEvent(wrapped.Event))
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading the recording: %w", err)
	}
	return events, nil
}

// stream is one of the paths on which events are served.
type stream uint8

const (
	streamMain stream = 1 << iota // /events/main
	streamDeploys
	streamSigs
	streamAll = streamMain | streamDeploys | streamSigs // /events, and what every path gets
)

// streamOf is the path of protocol 1.x on which an event is served.
func streamOf(kind string) stream {
	switch kind {
	case "DeployAccepted", "TransactionAccepted":
		return streamDeploys
	case "FinalitySignature":
		return streamSigs
	case "Shutdown":
		return streamAll
	default:
		return streamMain
	}
}
