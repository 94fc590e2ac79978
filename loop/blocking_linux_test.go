package loop_test

// Sockets that others share, and make blocking.

import (
	"syscall"
	"testing"

	"github.com/eddyline/eddyline/loop"
	"github.com/eddyline/eddyline/stream"
)

// O_NONBLOCK belongs to the open file description, so that whoever has a duplicate can
// take it away (open(2)). The loop blocks neither in a receive nor in a send.
func TestASocketThatWasMadeBlockingDoesNotBlockItsLoop(t *testing.T) {
	r := newRig(t, loop.Config{Loops: 1})
	a, b, err := stream.Pair()
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	dup, err := syscall.Dup(a.FD())
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(dup)
	served := make(chan error, 1)
	if err := r.engine.AdoptStream(a, r.always(hooks{data: func(c *loop.Conn, in []byte) (int, error) {
		_, err := c.Write(make([]byte, 1<<20)) // more than the socket holds
		served <- err
		return len(in), nil
	}})); err != nil {
		t.Fatal(err)
	}
	do(t, r.engine.Loops()[0], func() {}) // it is registered
	if err := syscall.SetNonblock(dup, false); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := take(t, "the input", served); err != nil {
		t.Error(err)
	}
	do(t, r.engine.Loops()[0], func() {})
}
