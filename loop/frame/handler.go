package frame

// The handler: from the bytes of a connection to one call per frame.

import (
	"fmt"
	"io"
	"slices"

	"github.com/eddyline/eddyline/loop"
)

// Split finds the first frame in in, which is everything received and not yet
// taken; it is never empty. n is how many bytes of in the frame takes, whatever
// encloses it included; frame is what of them the receiver is to see, a part of
// in. The results tell what there is:
//
//   - n 0: no whole frame. Split is called again when there is more.
//   - n > 0: a frame, which may be empty but not nil. With a nil frame the n
//     bytes are skipped.
//   - an error: what is there can never become a frame. The connection closes
//     with it.
//
// seen is how many bytes of in the last call, which found no whole frame, was
// shown already; 0 on the first call for a frame. A search that goes on from
// there, rather than from the start, costs time in proportion to what arrives,
// however small the pieces.
//
// When the input has ended with a part of a frame, Split is called once more, with
// eof set. It may say that the rest is a frame; if it still finds none, the
// connection closes with [io.ErrUnexpectedEOF].
//
// The Splits of this package keep no state and may be used by any number of
// connections. One that does keep state is made anew for each Handler.
type Split func(in []byte, seen int, eof bool) (n int, frame []byte, err error)

// Handler is a [loop.Handler] that gives each frame to a function. It is made by
// [New], for one connection; embed it to have callbacks of your own beside it.
// One frame is taken per OnData, so all that a callback may do to its connection
// holds between frames too: after Close nothing more comes, after Pause nothing
// until Resume, after SetHandler the next handler gets what follows the frame, and
// when too much output is pending the next frame waits.
type Handler struct {
	split Split
	fn    func(c *loop.Conn, frame []byte) error
	seen  int  // how much of the input, which has no whole frame, split was shown
	eof   bool // nothing follows that input
}

// New returns a Handler that splits the input of one connection and calls fn with
// each frame, in order, on the connection's loop. frame belongs to the engine and
// is valid until fn returns; it may be changed, appended to (which copies it) and
// passed to Write. An error of fn closes the connection with that cause, after
// what was written has been flushed.
func New(split Split, fn func(c *loop.Conn, frame []byte) error) *Handler {
	return &Handler{split: split, fn: fn}
}

// Protocol returns a [loop.Protocol] that gives every connection a [New] Handler of
// its own, for protocols without other state.
func Protocol(split Split, fn func(c *loop.Conn, frame []byte) error) loop.Protocol {
	return func(*loop.Conn) loop.Handler { return New(split, fn) }
}

// OnData takes one frame.
func (h *Handler) OnData(c *loop.Conn, in []byte) (int, error) {
	n, frame, err := h.split(in, h.seen, h.eof)
	if err != nil {
		return 0, err
	}
	if n == 0 {
		return 0, h.wait(in)
	}
	h.seen = 0
	if frame == nil || uint(n) > uint(len(in)) {
		return n, nil // the engine objects to an impossible n
	}
	return n, h.fn(c, slices.Clip(frame))
}

// wait leaves in until there is more of it.
func (h *Handler) wait(in []byte) error {
	if h.eof {
		return fmt.Errorf("frame: the input ends with %d bytes of a frame: %w", len(in), io.ErrUnexpectedEOF)
	}
	h.seen = len(in)
	return nil
}

// OnEOF closes the connection once the input has ended where a frame does.
func (h *Handler) OnEOF(c *loop.Conn) {
	if h.End(c) {
		_ = c.Close() // the only error is that it is closing already
	}
}

// End is for a handler that has an OnEOF of its own, to go on writing after the
// peer has ended its output. It reports whether the input ended where a frame does.
// If not, the Split is asked about the rest when OnEOF has returned: either that
// makes frames, and OnEOF is called again, or the connection closes with
// [io.ErrUnexpectedEOF].
func (h *Handler) End(c *loop.Conn) bool {
	if h.ends() {
		return true
	}
	c.SetHandler(c.Handler()) // whatever handler this one is part of is offered the rest again
	return false
}

// ends reports whether the input, which has ended, did so where a frame does; if not,
// the Split is to be told.
func (h *Handler) ends() bool {
	h.eof = h.Unfinished() > 0
	return !h.eof
}

// Unfinished returns how many bytes of a frame that is not whole the Split was shown:
// 0 between frames. An OnTimeout or OnShutdown of one's own tells by it a peer that
// rests from one in the middle of a frame.
func (h *Handler) Unfinished() int { return h.seen }

// OnClose does nothing.
func (h *Handler) OnClose(*loop.Conn, error) {}
