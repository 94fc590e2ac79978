package load

// One connection: what was sent, what came back, and the comparison of both.

import (
	"bytes"
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// conn is one connection to the server.
type conn struct {
	fd      int32
	index   int32
	sendAt  uint32 // place in the stream of the next byte to send
	wantAt  uint32 // place in the stream of the next byte to come back
	due     int    // bytes that may be sent now
	flying  int    // bytes sent that have not come back
	partial int    // bytes of the current message that have come back
}

// receive takes what has come back, checks it and returns how many messages it
// completed.
func (c *conn) receive(buf []byte, size int) (messages int, err error) {
	for {
		n, errno := recv(int(c.fd), buf)
		if errno == unix.EAGAIN {
			return messages, nil
		}
		if errno != 0 {
			return messages, c.errorf("recv: %w", errno)
		}
		if n == 0 {
			return messages, c.errorf("the server closed it")
		}
		if err := c.check(buf[:n]); err != nil {
			return messages, err
		}
		c.partial += n
		messages += c.partial / size
		c.partial %= size
		// With edge triggering a full buffer must be followed by another receive; a
		// short one has emptied the socket.
		if n < len(buf) {
			return messages, nil
		}
	}
}

func (c *conn) check(got []byte) error {
	if len(got) > c.flying {
		return c.errorf("%d bytes came back when %d were outstanding", len(got), c.flying)
	}
	want := piece(c.wantAt, len(got))
	if !bytes.Equal(got, want) {
		at := 0
		for got[at] == want[at] {
			at++
		}
		return c.errorf("wrong byte: %#02x instead of %#02x, %d bytes into a receive of %d", got[at], want[at], at, len(got))
	}
	c.flying -= len(got)
	c.wantAt = advance(c.wantAt, len(got))
	return nil
}

// send sends what is due until the socket takes no more; the rest follows when
// the socket is reported writable.
func (c *conn) send() error {
	for c.due > 0 {
		p := piece(c.sendAt, min(c.due, maxStep))
		n, errno := send(int(c.fd), p)
		if errno == unix.EAGAIN {
			return nil
		}
		if errno != 0 {
			return c.errorf("send: %w", errno)
		}
		c.due -= n
		c.flying += n
		c.sendAt = advance(c.sendAt, n)
	}
	return nil
}

func (c *conn) errorf(format string, args ...any) error {
	return fmt.Errorf("connection %d, %d bytes outstanding: %w", c.index, c.flying, fmt.Errorf(format, args...))
}

// recv and send enter the kernel without telling the scheduler: the descriptors
// never block, and this process runs nothing else that matters.

func recv(fd int, p []byte) (int, syscall.Errno) {
	for {
		n, _, e := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)), 0, 0, 0)
		if e != unix.EINTR {
			return int(n), e
		}
	}
}

func send(fd int, p []byte) (int, syscall.Errno) {
	for {
		n, _, e := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)), unix.MSG_NOSIGNAL, 0, 0)
		if e != unix.EINTR {
			return int(n), e
		}
	}
}
