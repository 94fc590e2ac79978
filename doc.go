// Package eddyline is the root of an event-loop networking engine; it holds no
// code. Start with package [github.com/eddyline/eddyline/loop], where servers
// and clients are written, or with the layers below it:
//
//   - [github.com/eddyline/eddyline/stream]: one nonblocking socket
//   - [github.com/eddyline/eddyline/poller]: which descriptors can make progress
package eddyline
