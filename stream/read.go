package stream

// Reading: every way to take bytes from a stream.

import (
	"io"
	"iter"
	"runtime"
	"slices"

	"github.com/eddyline/eddyline/internal/sys"
)

// Read reads what is there, at most len(p) bytes, into p and returns how many.
// It returns [io.EOF] when the peer has ended its output, again at every call;
// [ErrWouldBlock] when there is nothing yet (in blocking mode it waits instead,
// at most the read timeout, and then the error is [os.ErrDeadlineExceeded]); and
// (0, nil) only for an empty p. One call moves at most 1 MiB. A reset or other
// failure of the connection is returned at every call from then on, never an
// io.EOF in its place. p is not kept. Any goroutine may call it; bytes go to
// concurrent callers in no certain order.
//
// A reader that is driven edge-triggered must call Read until ErrWouldBlock.
// Readers from other packages that keep their first error (bufio.Scanner,
// json.Decoder) do not survive an ErrWouldBlock: use them in blocking mode.
func (s *Stream) Read(p []byte) (int, error) {
	n, err := s.socket().read(p, take)
	runtime.KeepAlive(s)
	return n, err
}

// Peek is Read that leaves the bytes in place: the next call sees them again.
func (s *Stream) Peek(p []byte) (int, error) {
	n, err := s.socket().read(p, look)
	runtime.KeepAlive(s)
	return n, err
}

// ReadVectored is Read into several slices, filled one after the other by a
// single system call. Empty slices are skipped; of those with room, one call
// fills the first 64 at most. It returns (0, nil) only when none has room.
func (s *Stream) ReadVectored(bufs [][]byte) (int, error) {
	n, err := s.socket().readVectored(bufs)
	runtime.KeepAlive(s)
	return n, err
}

// ReadFull reads until p is full. When it returns an error, n bytes of p are
// filled, and after an [ErrWouldBlock] (or an expired timeout) ReadFull(p[n:])
// goes on. The error is [io.EOF] if the stream ended before the first byte and
// [io.ErrUnexpectedEOF] if it ended later.
func (s *Stream) ReadFull(p []byte) (n int, err error) {
	defer runtime.KeepAlive(s)
	for n < len(p) {
		m, err := s.socket().read(p[n:], take)
		n += m
		if err == io.EOF && n > 0 {
			return n, io.ErrUnexpectedEOF
		}
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// ReadAppend is one Read into the free capacity of dst, which it enlarges only
// if there is none. It returns dst with the bytes appended, unchanged on an
// error.
func (s *Stream) ReadAppend(dst []byte) ([]byte, error) {
	defer runtime.KeepAlive(s)
	return s.socket().readAppend(dst)
}

// ReadToEnd appends to dst everything up to the end of the stream, which is no
// error. On an error it returns what it appended so far as well, and after an
// [ErrWouldBlock] (or an expired timeout) a call with that slice goes on. The
// read timeout applies to each wait. The size is not bounded: the peer decides.
func (s *Stream) ReadToEnd(dst []byte) ([]byte, error) {
	defer runtime.KeepAlive(s)
	for {
		var err error
		dst, err = s.socket().readAppend(dst)
		if err == io.EOF {
			return dst, nil
		}
		if err != nil {
			return dst, err
		}
	}
}

// Bytes yields the stream byte by byte, with one system call for each: for more
// than a few bytes, Read is the better choice. It ends at the end of the
// stream, or after it has yielded an error. No byte is lost by breaking off or
// after an error such as [ErrWouldBlock]: the next byte comes from the next
// call of whatever reads.
func (s *Stream) Bytes() iter.Seq2[byte, error] {
	return func(yield func(byte, error) bool) {
		defer runtime.KeepAlive(s)
		var b [1]byte
		for {
			_, err := s.socket().read(b[:], take)
			if err == io.EOF {
				return
			}
			if err != nil {
				yield(0, err)
				return
			}
			if !yield(b[0], nil) {
				return
			}
		}
	}
}

// manner is how bytes are read.
type manner uint8

const (
	take  manner = iota // first what was set aside, then from the kernel
	look                // the same, and leave it there
	fresh               // from the kernel, not what was set aside
)

func (c *socket) read(p []byte, how manner) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if !c.desc.Acquire() {
		return 0, c.closedError("read")
	}
	var l limit
	for {
		n, e := c.receive(p, how)
		if e == sys.EAGAIN {
			if err := c.pause("read", reading, &l); err != nil {
				c.desc.Release()
				return 0, err
			}
			continue
		}
		c.desc.Release()
		return c.received(n, e)
	}
}

func (c *socket) receive(p []byte, how manner) (int, sys.Errno) {
	if how != fresh {
		if m := c.mode.Load(); m != nil && m.heldBytes.Load() != 0 {
			if n := m.unhold(p, how); n > 0 {
				return n, 0
			}
		}
	}
	if how == look {
		return sys.Peek(c.desc.FD(), p)
	}
	return sys.Recv(c.desc.FD(), p)
}

// received turns the outcome of a receive that did not block into that of Read.
func (c *socket) received(n int, e sys.Errno) (int, error) {
	if n > 0 {
		return n, nil
	}
	if e != 0 {
		c.noteBroken(e)
		return 0, c.callError("read", sys.CallRecv, e)
	}
	if m := c.mode.Load(); m != nil {
		if e := sys.Errno(m.broken.Load()); e != 0 {
			return 0, c.callError("read", sys.CallRecv, e)
		}
	}
	return 0, io.EOF
}

// noteBroken remembers an error that ended the connection. The kernel tells it
// once, and afterwards a broken connection reads like one that was ended.
func (c *socket) noteBroken(e sys.Errno) {
	switch e {
	case sys.ECONNRESET, sys.ETIMEDOUT, sys.ECONNREFUSED, sys.EHOSTUNREACH, sys.ENETUNREACH:
		c.sharedMode().broken.CompareAndSwap(0, uintptr(e))
	}
}

func (c *socket) readVectored(bufs [][]byte) (int, error) {
	bufs = withoutEmpty(bufs)
	if len(bufs) == 0 {
		return 0, nil
	}
	if !c.desc.Acquire() {
		return 0, c.closedError("read")
	}
	defer c.desc.Release()
	var l limit
	for {
		n, e := c.receiveVectored(bufs)
		if e != sys.EAGAIN {
			return c.received(n, e)
		}
		if err := c.pause("read", reading, &l); err != nil {
			return 0, err
		}
	}
}

func (c *socket) receiveVectored(bufs [][]byte) (int, sys.Errno) {
	if m := c.mode.Load(); m != nil && m.heldBytes.Load() != 0 {
		return c.receive(bufs[0], take)
	}
	return sys.RecvVec(c.desc.FD(), bufs)
}

// withoutEmpty drops the empty slices that bufs begins with.
func withoutEmpty(bufs [][]byte) [][]byte {
	for len(bufs) > 0 && len(bufs[0]) == 0 {
		bufs = bufs[1:]
	}
	return bufs
}

// smallRead is the least room that a read is given that has to make some.
const smallRead = 4 << 10

func (c *socket) readAppend(dst []byte) ([]byte, error) {
	if len(dst) == cap(dst) {
		dst = slices.Grow(dst, smallRead)
	}
	n, err := c.read(dst[len(dst):cap(dst)], take)
	return dst[:len(dst)+n], err
}
