// Package stream is sockets: what one descriptor can do, nonblocking. It offers
// what Rust's std::net::TcpStream and TcpListener do, in Go's idiom, for TCP and
// unix stream sockets; docs/rust-std.md has the table.
//
// A [Stream] is nonblocking from birth. A call that cannot go on returns
// [ErrWouldBlock] at once, and whoever drives the Stream tries again when a poller
// reports the descriptor ready:
//
//	n, err := s.Read(buf)
//	switch {
//	case err == stream.ErrWouldBlock:
//		// Nothing there: wait for the poller to say that s.FD() is readable.
//	case err == io.EOF:
//		// The peer has ended its output; we can still write.
//	case err != nil:
//		// The connection is broken.
//	default:
//		use(buf[:n])
//	}
//
// No call loses count: whatever was read or written before an error is
// reported with it, so that the next call can go on at that place.
//
// # Making connections
//
// [Connect] and [ConnectTimeout] wait for addresses that are known, [Dial] looks
// names up. [Start] and [Stream.FinishConnect] connect without waiting, for an
// event loop. [Listen] makes a [Listener], [Pair] two Streams that are connected
// to each other; [FromFD] and [FromConn] take over what others made.
//
// # Blocking mode
//
// After SetNonblocking(false) calls wait instead, for as long as the timeouts
// allow, and a Close or a Shutdown from another goroutine ends them. The
// descriptor stays nonblocking, so that other goroutines never stall. It is meant
// for tools, tests and the code around an event loop; each waiting call takes a
// thread.
//
// # Closing
//
// Any method may be called from any goroutine at any time, Close included. A call
// that Close overtakes never reaches a stranger's descriptor: the number goes
// back to the kernel when the last call under way has ended. Who keeps a number
// in a poller holds it with Acquire.
package stream
