// Package client is the load generator of the comparison. It runs in a process
// of its own, on one loop of the engine, checks every byte that a server
// answers, and records latencies in an HDR histogram.
//
// A latency is the time from when a message was due until its whole reply was
// there. In the closed modes a message is due when the reply before it came; at
// a fixed rate it is due when the rate says so, however late it could be sent,
// so that a server that stalls is charged for the messages that wait for it (no
// coordinated omission). The latencies of a window are then those of the messages
// that became due in it, for whose replies it is waited after its end, and no
// others. The clock is read once for all replies that one receive brings, before
// anything is sent in return: a latency is longer than the truth by at most the
// time that it takes to compare and send one receive's worth of messages, and
// never shorter.
package client

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"time"

	"github.com/eddyline/eddyline/bench/internal/results"
)

// Mode is what the connections do.
type Mode string

const (
	// Closed keeps Pipeline messages outstanding on each of Conns connections. Large
	// ones load both directions.
	Closed Mode = "closed"
	// Open sends Rate messages per second, spread evenly over time and in turns over
	// Conns connections, whether or not earlier ones were answered.
	Open Mode = "open"
	// Churn has Conns places in each of which a connection is made, sends one
	// message, receives its echo and ends with a FIN, and then the next is made. A
	// request is such a life, and so is a latency: from connecting to the echo.
	Churn Mode = "churn"
	// Fanout sends messages over the first of Conns connections, Pipeline of them
	// outstanding, to a server that passes the bytes of every connection on to all.
	// A request is one receipt, and so is a latency.
	Fanout Mode = "fanout"
	// Bulk sends over Conns connections as fast as a server that discards its input
	// takes it. A request is Size bytes that the kernel took.
	Bulk Mode = "bulk"
	// Datagrams is Closed over UDP. What has not come back after 200 ms is lost and
	// sent again; its latency counts from when it first was due. Size is at least 8.
	Datagrams Mode = "datagrams"
	// Slow is Closed, while SlowConns other connections send up to 1 MiB each, and
	// do not read the replies until Finish, which checks them.
	Slow Mode = "slow"
)

var modes = []Mode{Closed, Open, Churn, Fanout, Bulk, Slow, Datagrams}

// Spec tells a generator what to do. Fields that its mode does not speak of must
// be zero.
type Spec struct {
	Addr      string  // the server, IP address and port
	Mode      Mode    //
	Conns     int     // connections under load
	IdleConns int     // further ones that send one message when they are opened, and then nothing; any mode but Fanout, Bulk and Datagrams
	SlowConns int     //
	Size      int     // bytes per message, when Request is an echo
	Pipeline  int     // messages outstanding per connection; 0 is 1
	Rate      float64 // messages per second, of all connections together
	Request   Request //
	Spin      bool    // polls for replies instead of sleeping: for a generator with a core of its own
}

// Request is what is sent and what must come back. The zero Request is an echo:
// every connection sends an endless stream of bytes of its own, in messages of
// Spec.Size, and must get it back.
type Request struct {
	Exchange           // the same each time
	Opening  *Exchange // done once when a connection is opened, instead of a message
}

// Exchange is a fixed message and its fixed reply. If the reply is an HTTP
// response with a Date header, the header's value may be any of that length.
type Exchange struct {
	Send, Want []byte
}

// Ping is the PING of the Redis protocol.
func Ping() Request {
	return Request{Exchange: Exchange{Command("PING"), []byte("+PONG\r\n")}}
}

// Set is the SET of the Redis protocol.
func Set(key, value string) Request {
	return Request{Exchange: Exchange{Command("SET", key, value), []byte("+OK\r\n")}}
}

// Get is the GET of the Redis protocol; each connection sets the key when it is
// opened.
func Get(key, value string) Request {
	set := Set(key, value).Exchange
	want := fmt.Appendf(nil, "$%d\r\n%s\r\n", len(value), value)
	return Request{Exchange: Exchange{Command("GET", key), want}, Opening: &set}
}

// Command encodes a command of the Redis protocol.
func Command(words ...string) []byte {
	b := fmt.Appendf(nil, "*%d\r\n", len(words))
	for _, w := range words {
		b = fmt.Appendf(b, "$%d\r\n%s\r\n", len(w), w)
	}
	return b
}

// HTTPGet is a GET of path without other headers than Host, for which the whole
// response must be reply.
func HTTPGet(path string, reply []byte) Request {
	send := fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path)
	return Request{Exchange: Exchange{send, reply}}
}

// dated is a header that has a Date.
var dated = regexp.MustCompile(`(?is)\r\ndate:(.*?)(?:\r\n|$)`)

// date returns where in a reply the value of a Date header stands; from equals to
// if there is none.
func date(reply []byte) (from, to int) {
	head, _, found := bytes.Cut(reply, []byte("\r\n\r\n"))
	if !found || !bytes.HasPrefix(reply, []byte("HTTP/")) {
		return 0, 0
	}
	if at := dated.FindSubmatchIndex(head); at != nil {
		return at[2], at[3]
	}
	return 0, 0
}

func (r Request) echo() bool { return len(r.Send) == 0 && len(r.Want) == 0 }

// check finds what is wrong with a Spec.
func (s Spec) check() error {
	var errs []error
	refuse := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	if _, err := netip.ParseAddrPort(s.Addr); err != nil {
		errs = append(errs, fmt.Errorf("server address: %w", err))
	}
	known := false
	for _, m := range modes {
		known = known || m == s.Mode
	}
	refuse(!known, "no mode %q; there are %q", s.Mode, modes)
	refuse(min(s.Conns, s.IdleConns, s.SlowConns) < 0, "a number of connections is negative")
	refuse(s.Conns == 0 && (s.Mode != Closed || s.IdleConns == 0), "no connections")
	refuse(s.SlowConns > 0 != (s.Mode == Slow), "%d slow connections in mode %s", s.SlowConns, s.Mode)
	refuse(s.Rate > 0 != (s.Mode == Open) || s.Rate < 0, "a rate of %v in mode %s", s.Rate, s.Mode)
	refuse(s.Pipeline < 0, "%d messages outstanding", s.Pipeline)
	refuse(s.Size < 0 || s.Request.echo() && s.Size == 0, "messages of %d bytes", s.Size)
	refuse(len(s.Request.Send) > 0 != (len(s.Request.Want) > 0), "a request without a reply, or the other way round")
	if o := s.Request.Opening; o != nil {
		refuse(len(o.Send) == 0 || len(o.Want) == 0, "an opening without a message or without a reply")
	}
	special := s.Mode == Fanout || s.Mode == Bulk || s.Mode == Datagrams
	refuse(special && !s.Request.echo(), "mode %s sends bytes of its own only", s.Mode)
	refuse(s.Mode == Datagrams && (s.Size < stamp || s.Size > maxDatagram), "datagrams of %d bytes; there are those of %d to %d", s.Size, stamp, maxDatagram)
	refuse(special && s.IdleConns > 0, "mode %s has no idle connections", s.Mode)
	refuse((special || s.Mode == Churn || s.Request.echo()) && s.Request.Opening != nil, "no opening in mode %s with this request", s.Mode)
	if len(errs) > 0 {
		return fmt.Errorf("load of %s: %w", s.Addr, errors.Join(errs...))
	}
	return nil
}

// name is how messages call a connection.
func name(index int) string { return "connection " + strconv.Itoa(index) }

// Total is what came of a load from Begin to the end of Finish.
type Total struct {
	Seconds  float64
	Requests uint64 // as in Result
	Bytes    uint64
}

// Result is what happened in a window, or in several.
type Result struct {
	Seconds  float64
	Requests uint64           // replies that came back whole; 0 if the server gave none, which is no error here
	Bytes    uint64           // of payload that came back, in mode Bulk that went away
	Latency  *results.Latency // nil when no latency was recorded
	CPU      time.Duration    // processor time of the generator's process
	Spun     time.Duration    // how long it looked for replies and found none, or others had its core meanwhile
	Busy     float64          // share of a core that it used otherwise

	// Datagrams are those sent, Lost those of them that never came back; in other modes
	// than Datagrams both are 0. What is given up in one window and comes back in a
	// later one is Lost only until the two are summed.
	Datagrams, Lost uint64

	// Saturated says that the generator may have been the bottleneck, so that rate
	// and latencies say more about it than about the server: it was Busy for more
	// than 0.95. At a fixed rate this alone says little, since a generator that sleeps
	// wakes up for one message the more often the less there is to do, up to its whole
	// core; what counts there is how late messages were given to their sockets. It is saturated
	// if more than 1 % of them were over 1 ms late, or if it was Busy for more than
	// 0.95 and they were over 100 µs late in the mean. A message that waits because
	// the server does not read is not late in this sense.
	Saturated bool

	// Extra has the figures of a mode, by name with unit:
	//
	//	Open    "due", "late" (messages; those over 1 ms late), "lateness µs" (mean of all),
	//	        "outstanding" (at the end), "oldest µs" (how long the oldest of those has been due),
	//	        "unanswered" (of those that were due, none within 2 s after the end: their latency
	//	        is then how long they have waited)
	//	Fanout  "messages", "all p50 µs", "all p99 µs", "all max µs" (until the last connection had it)
	//	Datagrams "belated" (given up, and then they came)
	//	Slow    "slow bytes" (that the kernel has taken from the connections that do not read, since Begin)
	Extra map[string]float64

	windows []window
}

// Sum merges windows of one load: latencies are those of all messages together.
func Sum(windows ...Result) (Result, error) {
	var all []window
	for _, r := range windows {
		all = append(all, r.windows...)
	}
	return describe(all)
}
