// Package workload is what the measured servers answer, the same code in every
// server: a server's part is to bring the received bytes to a Responder and the
// reply back.
package workload

import (
	"fmt"
	"slices"
	"strings"
)

// Protocol names what a server does with the bytes that it receives.
type Protocol string

// The protocols.
const (
	Echo    Protocol = "echo"    // every byte goes back
	HTTP    Protocol = "http"    // HTTP/1.1: every request is answered with a short text
	Redis   Protocol = "redis"   // RESP2: PING, SET, GET, DEL and what redis-benchmark asks
	Discard Protocol = "discard" // every byte is taken and nothing answered
	Fanout  Protocol = "fanout"  // every byte goes to all connections
	UDPEcho Protocol = "udp"     // every datagram goes back
)

// Protocols are all of them.
var Protocols = []Protocol{Echo, HTTP, Redis, Discard, Fanout, UDPEcho}

// Lookup returns the protocol of a name; an unknown one is an error with the
// known ones.
func Lookup(name string) (Protocol, error) {
	if p := Protocol(name); slices.Contains(Protocols, p) {
		return p, nil
	}
	return "", fmt.Errorf("no protocol %q; there are %s", name, Names(Protocols))
}

// Names lists protocols for a message.
func Names(list []Protocol) string {
	names := make([]string, len(list))
	for i, p := range list {
		names[i] = string(p)
	}
	return strings.Join(names, ", ")
}

// maxRequest is the longest request that is waited for, in bytes.
const maxRequest = 512 << 10

// Responder answers what one connection has received. It consumes as many whole
// requests of in as there are and appends their answers to reply; out is the
// longer reply. Of in it keeps nothing. A used of 0 without an error means: wait
// for more, which it does for no more than 512 KiB of one request.
//
// An error ends the connection once out is sent: io.EOF because the client asked
// for it, any other because of what the client sent.
type Responder func(in, reply []byte) (used int, out []byte, err error)

// New returns what makes the Responder of each connection of one server. It may
// be called by several goroutines, and so may the Responders, each by one at a
// time. Fanout and UDPEcho, which are not about answering on a connection, have
// none.
func New(p Protocol) (func() Responder, error) {
	switch p {
	case Echo:
		return stateless(echo), nil
	case Discard:
		return stateless(discard), nil
	case HTTP:
		return stateless(new(web).respond), nil
	case Redis:
		s := newStore()
		return func() Responder { return (&redis{store: s}).respond }, nil
	}
	if _, err := Lookup(string(p)); err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("protocol %s has no answers", p)
}

func stateless(r Responder) func() Responder { return func() Responder { return r } }

func echo(in, reply []byte) (int, []byte, error) { return len(in), append(reply, in...), nil }

func discard(in, reply []byte) (int, []byte, error) { return len(in), reply, nil }
