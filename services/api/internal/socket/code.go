package socket

import "github.com/gobwas/ws"

// Close codes of our own, beside those of RFC 6455.
const (
	CodeSlow     ws.StatusCode = 4001
	CodeIdle     ws.StatusCode = 4002
	CodeAuth     ws.StatusCode = 4003
	CodeFlooding ws.StatusCode = 4004
)

// Reconnect says what a client is to do after a close code.
type Reconnect string

const (
	Resume Reconnect = "resume" // connect again, subscribe with since and epoch
	Later  Reconnect = "later"  // the same, after the delay that goodbye told, or a growing one
	Never  Reconnect = "never"  // not before the client does something else
)

// Closing is one way in which the server ends a connection.
type Closing struct {
	Code      ws.StatusCode
	Reconnect Reconnect
	Meaning   string
}

// closings are all close codes that the server begins with; a client's own code
// is sent back as it came. asyncapi.yaml says the same, which a test holds.
var closings = []Closing{
	{ws.StatusGoingAway, Later, "the server goes away"},
	{ws.StatusProtocolError, Never, "the client's frames break RFC 6455"},
	{ws.StatusUnsupportedData, Never, "binary data; only text is spoken"},
	{ws.StatusInvalidFramePayloadData, Never, "text that is not UTF-8"},
	{ws.StatusMessageTooBig, Never, "a message is too long"},
	{ws.StatusInternalServerError, Later, "an error of the server"},
	{CodeSlow, Resume, "the client took too little for too long"},
	{CodeIdle, Resume, "nothing was heard for a minute, not even a pong"},
	{CodeAuth, Never, "the token was revoked: sign in anew"},
	{CodeFlooding, Later, "too many messages: slow down"},
}
