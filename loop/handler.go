package loop

// What a user of the engine writes: protocols and handlers.

// Protocol makes the handler of one new connection. It is called once per
// connection, on the connection's loop, before OnOpen. The handler is where
// the state of the connection lives; a protocol without state may return the
// same handler each time. A nil Handler refuses the connection, which is then
// closed without any callback, as by Close if something was written, else at once.
type Protocol func(c *Conn) Handler

// Handler is what is called as a connection makes progress, always on the
// goroutine of the connection's loop and never two calls at once. A handler
// must not block: every other connection of the loop waits for it.
//
// A handler may implement [OpenHandler], [EOFHandler], [DrainHandler],
// [TimeoutHandler] and [ShutdownHandler] as well.
type Handler interface {
	// OnData offers all the bytes received and not consumed so far; n is how
	// many of them it consumed. It is called again at once while it consumed
	// something and bytes are left, so it may take one message per call;
	// consuming nothing means: wait for more. What is left is offered again too
	// after SetHandler and Resume, and when there is room for output (OnDrain). An
	// error closes the connection with that cause, after what was written has been
	// flushed.
	//
	// in belongs to the engine and is valid until OnData returns; it may be
	// changed, and may be passed to Write.
	OnData(c *Conn, in []byte) (n int, err error)
	// OnClose is called once, last, for every connection whose handler was made.
	// err is nil only when the end was orderly: a Close whose output was flushed,
	// or both directions ended, and no reset by the peer meanwhile. Otherwise it is
	// the first cause. Methods of c that do I/O fail from here on.
	OnClose(c *Conn, err error)
}

// OpenHandler is a [Handler] that wants to know when its connection is up.
type OpenHandler interface {
	// OnOpen is called once, before any other callback. An error closes the
	// connection with that cause.
	OnOpen(c *Conn) error
}

// EOFHandler is a [Handler] that goes on when the peer has ended its output.
type EOFHandler interface {
	// OnEOF is called once, after all input was offered, when the peer has sent
	// its FIN. The connection can still be written to and stays until Close (or
	// until CloseWrite was called as well). A handler without OnEOF gets the
	// usual end: pending output is flushed, then the connection is closed.
	OnEOF(c *Conn)
}

// DrainHandler is a [Handler] that paces its output.
type DrainHandler interface {
	// OnDrain is called when pending output, having been above the high mark or
	// too much for another Write, is down to the low mark; see [Conn.Write].
	OnDrain(c *Conn)
}

// TimeoutHandler is a [Handler] that decides what an expired deadline means.
type TimeoutHandler interface {
	// OnTimeout is called when a deadline of the connection has passed; that
	// deadline is cleared (an idle timeout: starts anew). A nil error keeps the
	// connection; any other closes it with that cause. Without OnTimeout the
	// connection is closed with os.ErrDeadlineExceeded.
	OnTimeout(c *Conn, d Deadline) error
}

// ShutdownHandler is a [Handler] that ends its connection in its protocol's own
// way when the engine shuts down.
type ShutdownHandler interface {
	// OnShutdown is called once, when Engine.Shutdown begins. The handler should
	// Close the connection as soon as its protocol allows. Without OnShutdown
	// the engine calls Close.
	OnShutdown(c *Conn)
}

// HandlerFunc is a [Handler] for a protocol that needs only OnData.
type HandlerFunc func(c *Conn, in []byte) (n int, err error)

// OnData calls f.
func (f HandlerFunc) OnData(c *Conn, in []byte) (int, error) { return f(c, in) }

// OnClose does nothing.
func (f HandlerFunc) OnClose(*Conn, error) {}

// Protocol returns a Protocol that gives f to every connection.
func (f HandlerFunc) Protocol() Protocol { return func(*Conn) Handler { return f } }

// Deadline tells the deadlines of a connection apart.
type Deadline uint8

const (
	// ReadDeadline is the one that SetReadDeadline sets.
	ReadDeadline Deadline = iota
	// WriteDeadline is the one that SetWriteDeadline sets.
	WriteDeadline
	// IdleTimeout is the one that SetIdleTimeout sets.
	IdleTimeout
)

// String is "read deadline", "write deadline" or "idle timeout".
func (d Deadline) String() string {
	switch d {
	case ReadDeadline:
		return "read deadline"
	case WriteDeadline:
		return "write deadline"
	default:
		return "idle timeout"
	}
}
