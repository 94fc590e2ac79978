// Package loop runs very many connections on few goroutines: an [Engine] has
// some loops, a loop is one goroutine with a poller, and a connection lives on
// one loop, which calls its [Handler] whenever it makes progress.
//
// # A server
//
// A [Protocol] makes the handler of each new connection. A protocol that needs
// nothing but the bytes is a [HandlerFunc]; this one is an echo server:
//
//	echo := loop.HandlerFunc(func(c *loop.Conn, in []byte) (int, error) {
//		return c.Write(in)
//	})
//	e, err := loop.New(loop.Config{})
//	if err != nil {
//		return err
//	}
//	if _, err := e.Listen(loop.ListenConfig{}, "tcp", "127.0.0.1:7000", echo.Protocol()); err != nil {
//		return err
//	}
//	return e.Run(ctx)
//
// OnData gets all the bytes that were received and not consumed yet, and says
// how many of them it consumed. A handler that wants a whole message and sees
// half of one consumes nothing and is called again when there is more; the
// engine keeps the half for it. State of a connection belongs into its handler:
//
//	type session struct{ requests int }
//
//	func (s *session) OnData(c *loop.Conn, in []byte) (int, error) { … }
//	func (s *session) OnClose(c *loop.Conn, err error)             { … }
//
//	protocol := func(c *loop.Conn) loop.Handler { return &session{} }
//
// # Goroutines
//
// All callbacks of a connection run on its loop's goroutine, one at a time, so a
// handler needs no locks for its own state. A callback must not block. Methods
// of [Conn], [Loop] (Post and Dial aside), [Timer] and [Registration] belong to
// that goroutine; from others, use [Conn.Ref] and [Loop.Post]. The race detector
// reports a mistake.
//
// # What is promised
//
// No byte is lost, duplicated or reordered until an error is reported. OnClose
// is called exactly once, last, with the first cause. Memory is bounded by the
// numbers in [Config]: a peer that does not read its answers is not read from
// (HighMark), a handler that consumes nothing ends its connection (MaxInbound).
// No error of accept ends the engine. A callback that panics ends its own
// connection and nothing else. The whole contract, C1 to C10, is in
// docs/contract.md, and each clause has tests of that name.
//
// # A turn
//
// A loop waits for readiness, delivers it, gives connections with work left
// over another go, runs the tasks that other goroutines posted, fires timers,
// then flushes what was written and closes what was closed. What a callback
// writes to its own connection goes out in one system call when it returns, so
// a handler may write in small pieces.
package loop
