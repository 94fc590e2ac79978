package child

// The child's end of the conversation.

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// Control is a child's end of the conversation. Its reads block a thread in the
// kernel instead of using the runtime's poller, which would otherwise be woken
// up and polled by servers that have no use for it.
type Control struct {
	pending []byte // received, not yet handled
	chunk   [4096]byte
}

func newControl() *Control {
	_ = unix.SetNonblock(0, false)
	_ = unix.SetNonblock(1, false)
	return new(Control)
}

// Config decodes the configuration that the parent gave.
func (c *Control) Config(into any) error {
	if err := json.Unmarshal([]byte(os.Getenv(configVar)), into); err != nil {
		return fmt.Errorf("configuration of role %s: %w", os.Getenv(roleVar), err)
	}
	return nil
}

// Reply sends v as one line of JSON.
func (c *Control) Reply(v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return c.ReplyLine(append(line, '\n'))
}

// ReplyLine sends line, JSON with a newline at its end, without allocating.
func (c *Control) ReplyLine(line []byte) error {
	for len(line) > 0 {
		n, err := unix.Write(1, line)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return os.NewSyscallError("write", err)
		}
		line = line[n:]
	}
	return nil
}

// Fail sends err as the reply.
func (c *Control) Fail(err error) error {
	text := err.Error()
	return c.Reply(failure{&text})
}

// Next returns the next request, io.EOF when the parent has no more. The argument
// is valid until the following call.
func (c *Control) Next() (op string, arg []byte, err error) {
	for {
		if i := bytes.IndexByte(c.pending, '\n'); i >= 0 {
			op, arg = splitRequest(c.pending[:i])
			c.pending = c.pending[i+1:]
			return op, arg, nil
		}
		n, err := unix.Read(0, c.chunk[:])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return "", nil, os.NewSyscallError("read", err)
		}
		if n == 0 {
			return "", nil, io.EOF
		}
		c.pending = append(c.pending, c.chunk[:n]...)
	}
}
