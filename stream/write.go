package stream

// Writing: every way to give bytes to a stream.

import (
	"net"
	"os"
	"runtime"

	"github.com/eddyline/eddyline/internal/sys"
)

// Write writes p and returns how many bytes of it the kernel took: fewer than
// len(p) only together with an error. When the kernel has no more room the error
// is [ErrWouldBlock], and Write(p[n:]) goes on once there is room; in blocking
// mode Write waits instead, altogether at most the write timeout, and then the
// error is [os.ErrDeadlineExceeded]. A peer that is gone gives ECONNRESET or
// EPIPE, never a SIGPIPE. p is not kept. Any goroutine may call it; concurrent
// writes may be mixed with each other.
func (s *Stream) Write(p []byte) (int, error) {
	n, err := s.socket().write(p)
	runtime.KeepAlive(s)
	return n, err
}

// WriteSome is a Write that makes a single send: the kernel may take fewer than
// len(p) bytes without an error. It takes at most 1 MiB at once.
func (s *Stream) WriteSome(p []byte) (int, error) {
	n, err := s.socket().writeSome(p)
	runtime.KeepAlive(s)
	return n, err
}

// WriteVectored is Write of several slices one after the other, 64 of them per
// system call. There may be any number of them; empty ones are skipped. bufs is
// not changed, and n counts bytes across all slices.
func (s *Stream) WriteVectored(bufs [][]byte) (n int, err error) {
	defer runtime.KeepAlive(s)
	return s.socket().writeVectored(bufs)
}

// WriteBuffers is WriteVectored of what bufs holds, which it takes out of bufs
// as far as it was written: after an [ErrWouldBlock] the same call goes on. A nil
// bufs is [os.ErrInvalid].
func (s *Stream) WriteBuffers(bufs *net.Buffers) (int64, error) {
	defer runtime.KeepAlive(s)
	c := s.socket()
	if bufs == nil {
		return 0, c.opError("write", os.ErrInvalid)
	}
	n, err := c.writeVectored(*bufs)
	consume(bufs, n)
	return int64(n), err
}

// Flush does nothing, since a Stream keeps nothing back: Write has given its
// bytes to the kernel. It returns [net.ErrClosed] after Close.
func (s *Stream) Flush() error {
	defer runtime.KeepAlive(s)
	if c := s.socket(); c.desc.Closed() {
		return c.closedError("flush")
	}
	return nil
}

func (c *socket) write(p []byte) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	if !c.desc.Acquire() {
		return 0, c.closedError("write")
	}
	var l limit
	for {
		m, e := sys.Send(c.desc.FD(), p[n:])
		n += m
		if e != 0 {
			err = c.sendFailed(e, &l)
		}
		if err != nil || n == len(p) {
			c.desc.Release()
			return n, err
		}
	}
}

func (c *socket) writeSome(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if !c.desc.Acquire() {
		return 0, c.closedError("write")
	}
	defer c.desc.Release()
	var l limit
	for {
		n, e := sys.Send(c.desc.FD(), p)
		if e == 0 {
			return n, nil
		}
		if err := c.sendFailed(e, &l); err != nil {
			return 0, err
		}
	}
}

func (c *socket) writeVectored(bufs [][]byte) (n int, err error) {
	bufs = withoutEmpty(bufs)
	if len(bufs) == 0 {
		return 0, nil
	}
	if !c.desc.Acquire() {
		return 0, c.closedError("write")
	}
	defer c.desc.Release()
	var l limit
	done := 0 // bytes of bufs[0] that are written
	for len(bufs) > 0 {
		m, e := c.sendVectored(bufs, done)
		n += m
		bufs, done = advance(bufs, done+m)
		if e == 0 {
			continue
		}
		if err := c.sendFailed(e, &l); err != nil {
			return n, err
		}
	}
	return n, nil
}

// sendVectored sends once from bufs, without the first done bytes. The slice
// that was cut goes out by itself, because bufs is the caller's.
func (c *socket) sendVectored(bufs [][]byte, done int) (int, sys.Errno) {
	if done > 0 {
		return sys.Send(c.desc.FD(), bufs[0][done:])
	}
	return sys.SendVec(c.desc.FD(), bufs)
}

// advance drops the slices that n bytes fill, and empty ones after them, and
// returns how many bytes of the next are done.
func advance(bufs [][]byte, n int) ([][]byte, int) {
	for len(bufs) > 0 && n >= len(bufs[0]) {
		n -= len(bufs[0])
		bufs = bufs[1:]
	}
	return bufs, n
}

// consume takes n bytes out of bufs, as [net.Buffers.WriteTo] does.
func consume(bufs *net.Buffers, n int) {
	rest, done := advance(*bufs, n)
	clear((*bufs)[:len(*bufs)-len(rest)])
	if done > 0 {
		rest[0] = rest[0][done:]
	}
	*bufs = rest
}

// sendFailed returns nil when the send should be tried again.
func (c *socket) sendFailed(e sys.Errno, l *limit) error {
	if e == sys.EAGAIN {
		return c.pause("write", writing, l)
	}
	c.noteBroken(e)
	return c.callError("write", sys.CallSend, e)
}
