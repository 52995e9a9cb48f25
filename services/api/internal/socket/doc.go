// Package socket serves WebSockets: the protocol of /v1/ws, and the bare
// sockets of the Casper routes.
//
// Nothing runs for a connection while nothing happens. Bytes that arrive get a
// reader from a pool, which ends with them; an epoll waits for more
// (poller_linux.go), and for five seconds behind an order the reader itself. Frames are made once and shared. What waits
// for a client is bounded in bytes and written by a few flushers: the first frame
// after silence at once, those that follow within a tick together (loop.go,
// write.go). Answers to a client's own messages do not wait for a tick. One wheel
// pings all connections (wheel.go).
//
// What becomes of a slow client is the channel's class (channel.go). Facts are
// never left out: when the queue is full the subscription leaves its feed and
// goes on at the client's own pace, so that a burst costs nobody the connection;
// who takes nothing for a while, or stays behind for long, is closed with 4001
// and resumes by its last seq. Newest frames replace the one that still waits.
// Changes of a book's levels are folded into one, with the newest of each level;
// other changes are left out together, and a snapshot follows.
//
//	close code  then                       why
//	1001        later, after retry_ms      the server goes away; {"op":"goodbye","retry_ms":…} came before
//	1002        not                        the frames break RFC 6455
//	1003, 1007  not                        binary data, text that is not UTF-8
//	1009        not                        a message is too long
//	1011        later                      an error of the server
//	4001        at once, with since        too slow
//	4002        at once, with since        nothing was heard for a minute, not even a pong
//	4003        not before a new sign-in   the token was revoked
//	4004        later                      too many messages
//
// Not spoken: binary messages, permessage-deflate, tokens in the URL. Pages of
// other origins sign in only where Config.Origins lists them.
//
// The protocol of /v1/ws is JSON objects in text frames.
//
//	client sends                                          server answers
//	--------------------------------------------------    ------------------------------------------------
//	{"op":"subscribe","id":1,"channel":"events",          {"op":"subscribed","id":1,"channel":"events",
//	 "network":"dev","filter":{…},"since":9,"epoch":"…"}    "network":"dev","epoch":"…","seq":9}
//	{"op":"unsubscribe","id":1}                           {"op":"unsubscribed","id":1}
//	{"op":"auth","token":"…"}                             {"op":"authenticated","account":7,"role":"trader"}
//	{"op":"ping","id":2}                                  {"op":"pong","id":2}
//	anything wrong                                        {"op":"error","id":…,"code":"…","message":"…",
//	                                                       "parameter":"…","allowed":[…]}
//
// Orders, for the role trader. data is one object or an array of up to 100;
// each gets an outcome of its own in the answer's data, an object or an array
// likewise. Requests may be pipelined; what reached the order book is answered
// in its order, what was refused before (its elements could not be read, a
// limit) at once. An answer means that the commands are durable.
//
//	{"op":"order.place","id":3,"data":{"symbol":"A-B","side":"buy","price":"1.50","quantity":"3"}}
//	{"op":"result","id":3,"data":{"id":7,"client_order_id":"…","status":"open","filled":"0","remaining":"3"}}
//
//	order.place       an order as POST /v1/orders takes it
//	order.cancel      {"id":7} or {"client_order_id":…} or {"client_ref":…}
//	order.amend       the same and price, quantity, or both; not before the order's own answer
//	order.replace     the same and "order": the one that takes its place
//	order.pair        {"first":{…},"second":{…}}: one cancels the other
//	order.batch       an array of any of these, each with "op": place, cancel, amend, replace, pair
//	order.cancel_all  {"symbol":…,"side":…}, both may be left out, data too
//	keep_alive        {"timeout_ms":5000}: all orders are canceled unless it comes again; 0 ends it
//
// A client that sends more than it may gets an error with code rate_limited and
// retry_after_ms; nothing of that request was sent. Code unknown: the outcome is
// not known yet, ask for the orders.
//
//	frames of a subscription (all with id, channel, network or symbol, epoch, seq)
//	---------------------------------------------------------------------------------------------
//	{"op":"event",…,"data":{…}}       a block, event, deploy, trade, order, or changed levels of a book
//	{"op":"reverted",…,"data":{…}}    blocks to_number+1..from_number are no longer of the chain
//	{"op":"repaired",…,"data":{…}}    a block has other events than were told: those that removed names by log_index are
//	                                  void, and what is new follows as events; log_count replaces the block's own
//	{"op":"snapshot",…,"data":{…}}    of a state (depth, bbo, …): the whole, at the start and after a lag
//	{"op":"goodbye","retry_ms":…}     of no subscription: the server goes away
//	{"op":"position",…}               every 10 s: everything up to seq was told
//	{"op":"reset",…}                  what the client holds is of another life (epoch): begin anew at seq
//
// id is a whole number or a string of [A-Za-z0-9._-]; it names the subscription
// on its connection. seq grows within an epoch; epoch is opaque. since is the
// last seq that the client has: what follows it comes first, then what is new,
// without a hole or a double. A replay tells a row that was taken back like any
// other, and later that it was: who applies the frames in their order holds what
// REST shows. A repaired frame goes to every filter, and may name rows that the
// filter has never let through.
//
//	channel  wants    filter                                            policy
//	blocks   network  casper: hash                                      public
//	events   network  contract address event topic0..3 arg.NAME, args   public
//	deploys  network  hash account state                                public
//	heads    network  -                                                 public: newest indexed and newest final block
//	depth    symbol   -                                                 public
//	trades   symbol   -                                                 public
//	orders   -        symbol                                            owner (own orders only)
//	bbo      symbol   -                                                 public: best bid and ask
//	ticker   symbol   -                                                 public: the last 24 hours, when there are trades
//	candles  symbol   interval: 1s 1m 5m 15m 1h 4h 1d                   public: the newest candle
//	markets  symbol   -                                                 public: phase and limits
//	queue    symbol   -                                                 admin: the book order by order
//	status   -        -                                                 public: ready, lag, reorg, promotion, maintenance
//
// A depth frame carries absolute quantities ("0" = gone), the update id of REST
// (seq), and a checksum of the best ten levels after it: see shape.Depth.
package socket
