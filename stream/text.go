package stream

// ReadToString, and the input it has to set aside because it cannot return a
// part of a string.

import (
	"io"
	"runtime"
	"unicode/utf8"
)

// ReadToString reads up to the end of the stream and returns everything as a
// string. On an error, [ErrWouldBlock] included, it returns "" and sets aside
// what it has read so far: the next call goes on with it, and so do Read and the
// other calls that read, on this handle and its clones. Input that is not valid
// UTF-8 is [ErrNotUTF8] and can be read with ReadToEnd. The read timeout applies
// to each wait. The size is not bounded: the peer decides.
//
// A poller does not know of the bytes set aside.
func (s *Stream) ReadToString() (string, error) {
	defer runtime.KeepAlive(s)
	c := s.socket()
	// Held until the input is set aside, or a Detach in between would lose it.
	if !c.desc.Acquire() {
		return "", c.closedError("read")
	}
	defer c.desc.Release()
	m := c.sharedMode()
	chunk := make([]byte, smallRead)
	for {
		n, err := c.read(chunk, fresh)
		m.hold(chunk[:n])
		if err == io.EOF {
			return c.text()
		}
		if err != nil {
			return "", err
		}
		if n == len(chunk) && n < maxChunk {
			chunk = make([]byte, 4*n)
		}
	}
}

// maxChunk is where the reads of a long text stop growing.
const maxChunk = 256 << 10

// text takes the whole input set aside if it is a string.
func (c *socket) text() (string, error) {
	m := c.sharedMode()
	m.heldMu.Lock()
	defer m.heldMu.Unlock()
	if !utf8.Valid(m.held) {
		return "", c.opError("read", ErrNotUTF8)
	}
	text := string(m.held)
	m.held = nil
	m.heldBytes.Store(0)
	return text, nil
}

// hold sets p aside.
func (m *mode) hold(p []byte) {
	m.heldMu.Lock()
	defer m.heldMu.Unlock()
	m.held = append(m.held, p...)
	m.heldBytes.Store(int64(len(m.held)))
}

// unhold reads from what was set aside.
func (m *mode) unhold(p []byte, how manner) int {
	m.heldMu.Lock()
	defer m.heldMu.Unlock()
	n := copy(p, m.held)
	if how == look {
		return n
	}
	m.held = m.held[n:]
	if len(m.held) == 0 {
		m.held = nil
	}
	m.heldBytes.Store(int64(len(m.held)))
	return n
}
