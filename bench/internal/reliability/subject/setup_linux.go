package subject

// Engines and connections whose making fails.

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eddyline/eddyline/loop"
	"github.com/eddyline/eddyline/poller"
)

// setup makes engines with 0, 1, 2, ... descriptors left, until one can be made.
func setup() (s Setup, err error) {
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		return s, os.NewSyscallError("getrlimit", err)
	}
	restore := func() error {
		return os.NewSyscallError("setrlimit", unix.Setrlimit(unix.RLIMIT_NOFILE, &old))
	}
	for left := range uint64(256) {
		failed, err := s.attempt(fmt.Sprintf("%d left", left), unix.EMFILE, func() (bool, error) {
			next, err := firstFree()
			if err != nil {
				return false, err
			}
			if err := limitFiles(next + left); err != nil {
				return false, err
			}
			err = makeEngine()
			return err != nil, errors.Join(err, restore())
		})
		if err != nil || !failed || len(s.Leaks) > 8 { // which are enough
			return s, err
		}
	}
	s.Odd = append(s.Odd, "it cannot be made with 256 descriptors")
	return s, nil
}

// attempts makes an engine, and then connections, with the first call of the given
// name failing, the second, and so on.
func attempts(arg []byte) (s Setup, err error) {
	of, err := decode[Attempts](arg)
	if err != nil {
		return s, err
	}
	for what, make := range map[string]func(failing) (bool, error){"an engine": failing.makeEngine, "connections": failing.makeConns} {
		for k := 1; k < Period/2; k++ {
			failed, err := s.attempt(fmt.Sprintf("%s, %s %d with %s", what, of.Call, k, unix.ErrnoName(of.Errno)), of.Errno, func() (bool, error) { return make(failing{of, k}) })
			if err != nil {
				return s, err
			}
			if !failed {
				break
			}
		}
	}
	return s, nil
}

// attempt notes what is left after f, which tells whether something failed in it, and
// the error that came of that: of the cause. Meanwhile nothing is collected that would
// close a descriptor nobody has any more.
func (s *Setup) attempt(what string, cause error, f func() (bool, error)) (failed bool, err error) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	before, err := descriptors()
	if err != nil {
		return false, err
	}
	running := runtime.NumGoroutine()
	failed, said := f()
	if failed {
		s.Failed++
	}
	if said != nil && !errors.Is(said, cause) {
		s.Odd = append(s.Odd, fmt.Sprintf("%s: %v", what, said))
	}
	now := goroutines(running)
	after, err := descriptors()
	left := slices.DeleteFunc(after, func(d string) bool { return slices.Contains(before, d) })
	if len(left) > 0 || now > running {
		s.Leaks = append(s.Leaks, fmt.Sprintf("%s: %q is left, and %d goroutines instead of %d", what, left, now, running))
	}
	return failed, err
}

// goroutines counts them when no more than want are left, or a second has passed:
// one that has said its last word may not have ended yet.
func goroutines(want int) int {
	for end := time.Now().Add(time.Second); runtime.NumGoroutine() > want && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	return runtime.NumGoroutine()
}

// makeEngine makes an engine of three loops with three listeners, and ends it.
func makeEngine() error {
	e, err := loop.New(loop.Config{Loops: 3})
	if err != nil {
		return err
	}
	for _, balance := range []loop.Balance{loop.RoundRobin, loop.ReusePort, loop.LeastConns} {
		if _, err := e.Listen(loop.ListenConfig{Balance: balance}, "tcp", "127.0.0.1:0", taker); err != nil {
			return errors.Join(err, e.Close())
		}
	}
	return e.Close()
}

// taker is the protocol of those with whom nobody talks.
var taker = loop.HandlerFunc(func(_ *loop.Conn, in []byte) (int, error) { return len(in), nil }).Protocol()

// firstFree is the lowest descriptor that is free.
func firstFree() (uint64, error) {
	fd, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return 0, os.NewSyscallError("fcntl", err)
	}
	return uint64(fd), unix.Close(fd)
}

// failing is the k-th call of a name that a thread makes.
type failing struct {
	of Attempts
	k  int
}

// inVain are calls that do nothing, and count.
var inVain = map[string]func() error{
	"bind":        func() error { return unix.Bind(-1, &unix.SockaddrInet4{}) },
	"connect":     func() error { return unix.Connect(-1, &unix.SockaddrInet4{}) },
	"epoll_ctl":   func() error { return unix.EpollCtl(-1, unix.EPOLL_CTL_DEL, 0, nil) },
	"fcntl":       func() error { _, err := unix.FcntlInt(^uintptr(0), unix.F_GETFD, 0); return err },
	"getpeername": func() error { _, err := unix.Getpeername(-1); return err },
	"getsockopt":  func() error { _, err := unix.GetsockoptInt(-1, unix.SOL_SOCKET, unix.SO_ERROR); return err },
	"getsockname": func() error { _, err := unix.Getsockname(-1); return err },
	"listen":      func() error { return unix.Listen(-1, 0) },
	"setsockopt":  func() error { return unix.SetsockoptInt(-1, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1) },
}

// arm makes that call of this thread fail, counted from now on: the others before the
// next that fails anyhow are made in vain.
func (f failing) arm() error {
	runtime.LockOSThread()
	if _, err := f.untilNext(); err != nil {
		return err
	}
	for range Period - f.k {
		_ = inVain[f.of.Call]()
	}
	return nil
}

// disarm tells whether it was made: then the next one that fails is far away. On another
// thread one may have failed besides, of which the error tells.
func (f failing) disarm() (made bool, err error) {
	left, err := f.untilNext()
	runtime.UnlockOSThread()
	return left > Period/2, err
}

// untilNext calls in vain until one fails that was made to, and counts them.
func (f failing) untilNext() (n int, err error) {
	for n := range Period {
		if inVain[f.of.Call]() == f.of.Errno {
			return n + 1, nil
		}
	}
	return 0, fmt.Errorf("of %d calls of %s none fails", Period, f.of.Call)
}

// makeEngine makes an engine while the call fails.
func (f failing) makeEngine() (failed bool, err error) {
	if err := f.arm(); err != nil {
		return false, err
	}
	said := makeEngine()
	failed, err = f.disarm()
	return failed || said != nil, errors.Join(said, err)
}

// makeConns dials, adopts and registers on the loop of an engine while the call fails.
func (f failing) makeConns() (failed bool, err error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0") // nobody need accept
	if err != nil {
		return false, err
	}
	defer ln.Close()
	e, err := loop.New(loop.Config{Loops: 1})
	if err != nil {
		return false, err
	}
	ran := make(chan error, 1)
	go func() { ran <- e.Run(context.Background()) }()
	failed, err = f.onLoop(e.Loops()[0], ln.Addr().String())
	return failed, errors.Join(err, e.Close(), <-ran)
}

// onLoop does it: all of it is the business of the loop's thread.
func (f failing) onLoop(l *loop.Loop, addr string) (failed bool, err error) {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		return false, err
	}
	defer nc.Close()
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return false, os.NewSyscallError("eventfd", err)
	}
	defer unix.Close(fd)
	said, dialled := make(chan error, 2), make(chan error, 1)
	err = l.Post(func() {
		err := f.arm()
		if err == nil {
			err = l.Dial(context.Background(), loop.DialConfig{}, "tcp", addr, taker, func(_ *loop.Conn, err error) { dialled <- err })
		}
		if err != nil {
			dialled <- err
		}
		_, err = l.Register(fd, poller.Read, func(poller.Event) {})
		said <- errors.Join(err, l.Engine().Adopt(nc, taker))
	})
	if err != nil {
		return false, err
	}
	err = errors.Join(<-said, <-dialled)
	// Behind what the loop has yet to do for the one that was adopted.
	if err := l.Post(func() {
		var err error
		failed, err = f.disarm()
		said <- err
	}); err != nil {
		return false, err
	}
	late := <-said
	return failed || err != nil, errors.Join(err, late)
}
