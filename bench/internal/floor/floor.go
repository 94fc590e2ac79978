// Package floor holds the smallest echo servers that can be written: one
// thread, one epoll instance, no state per connection, nothing between the loop
// and the kernel. They are what the engine is measured against, so every trick
// that makes an echo cheaper belongs here too.
//
// They are no servers to use: a reply that the socket does not take at once is
// waited for with the whole loop, and no error is told to anybody.
package floor

import _ "embed"

// Trigger says how the kernel reports readiness to a floor loop.
type Trigger int

// The triggers: level reports a descriptor for as long as it can be read, edge
// once per arrival.
const (
	Level Trigger = iota
	Edge
)

// Source is the level- and edge-triggered floor in C, for "cc -O2": the same
// loop without the Go runtime. The program takes "level" or "edge", prints
// {"addr":"127.0.0.1:PORT"} and serves until a signal ends it.
//
//go:embed c/floor.c
var Source []byte
