package stream

// Blocking mode. The descriptor is nonblocking all the same: a call that cannot
// go on waits here with poll(2) and is then tried again.

import (
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eddyline/eddyline/internal/sys"
)

// direction is the half of a connection that a call waits for.
type direction uint8

const (
	reading direction = 1 << iota
	writing
)

func (d direction) events() int16 {
	if d == reading {
		return sys.POLLIN
	}
	return sys.POLLOUT
}

// mode is what all clones of a socket share beside the socket. The zero value is
// the state of a new one.
type mode struct {
	blocking     atomic.Bool
	readTimeout  atomic.Int64 // nanoseconds, 0 for none
	writeTimeout atomic.Int64
	// broken is the first error that ended the connection, see noteBroken.
	broken atomic.Uintptr
	// connect is a connecting state: connect.go. failure is why it is failed, peer
	// the other end once it is connected, if the socket did not know before.
	connect atomic.Uint32
	failure error
	peer    Addr
	// shut holds the directions that were shut down.
	shut atomic.Uint32

	mu      sync.Mutex
	waiters []*waiter

	heldMu    sync.Mutex
	held      []byte       // input set aside, see text.go
	heldBytes atomic.Int64 // len(held), to be looked at without the lock
}

// waiter is one call that waits.
type waiter struct {
	c         *socket
	direction direction
	// waker ends the wait. It is nil when no descriptor was to be had.
	waker *waker
}

// timeout is how long a call may wait, 0 without limit.
func (m *mode) timeout(d direction) time.Duration {
	if d == reading {
		return time.Duration(m.readTimeout.Load())
	}
	return time.Duration(m.writeTimeout.Load())
}

// limit is the time by which a call must end. The zero value is not yet set: it
// starts with the first wait.
type limit struct {
	deadline time.Time
	started  bool
}

func (l *limit) start(timeout time.Duration) {
	if l.started {
		return
	}
	l.started = true
	if timeout > 0 {
		l.deadline = time.Now().Add(timeout)
	}
}

// atMost brings the deadline forward to d from now, unless it is earlier.
func (l *limit) atMost(d time.Duration) {
	if left, _ := l.left(); l.deadline.IsZero() || left > d {
		l.deadline = time.Now().Add(d)
	}
}

// left is the time until the deadline, -1 if there is none. It is false when
// the deadline has passed.
func (l *limit) left() (time.Duration, bool) {
	if l.deadline.IsZero() {
		return -1, true
	}
	d := time.Until(l.deadline)
	return d, d > 0
}

// pause is called with a reference held when a call would block. It returns
// ErrWouldBlock in nonblocking mode; else it waits and returns nil when the
// call should be tried again.
func (c *socket) pause(op string, d direction, l *limit) error {
	m := c.mode.Load()
	if m == nil || !m.blocking.Load() {
		return ErrWouldBlock
	}
	l.start(m.timeout(d))
	w := m.enter(c, d)
	defer m.leave(w)
	// Both are checked after entering: whoever sets them wakes all who entered.
	if c.desc.Closed() {
		return c.closedError(op)
	}
	if m.shut.Load()&uint32(d) != 0 {
		return nil
	}
	if !w.wait(l) {
		return c.opError(op, os.ErrDeadlineExceeded)
	}
	if c.desc.Closed() {
		return c.closedError(op)
	}
	return nil
}

// wait waits for what w is for, or until it is time to look again. It reports
// false if the limit expired.
func (w *waiter) wait(l *limit) bool {
	fd, events := w.c.desc.FD(), w.direction.events()
	if w.waker != nil {
		return waitReady(fd, events, w.waker, l)
	}
	look := *l
	look.atMost(unwakeable)
	if waitReady(fd, events, nil, &look) {
		return true
	}
	_, ok := l.left()
	return ok
}

// unwakeable is how long a wait lasts that nobody can end, because the process
// has no descriptor left for a waker.
const unwakeable = 10 * time.Millisecond

// noDescriptor is what poll(2) passes over.
const noDescriptor = -1

// waitReady waits until fd may have become ready or w, if there is one, was
// signalled. It reports false if the limit expired first, and never before its
// time.
func waitReady(fd int, events int16, w *waker, l *limit) bool {
	fds := [2]sys.PollFd{{Fd: int32(fd), Events: events}, {Fd: noDescriptor, Events: sys.POLLIN}}
	if w != nil {
		fds[1].Fd = int32(w.fd())
	}
	for {
		left, ok := l.left()
		if !ok {
			return false
		}
		// Any error but EINTR comes back at once from the call that is tried again.
		n, e := sys.Poll(fds[:], left)
		if n > 0 || e != 0 && e != sys.EINTR {
			return true
		}
	}
}

func (m *mode) enter(c *socket, d direction) *waiter {
	w := &waiter{c: c, direction: d}
	if wk, e := newWaker(); e == 0 {
		w.waker = wk
	}
	m.mu.Lock()
	m.waiters = append(m.waiters, w)
	m.mu.Unlock()
	return w
}

func (m *mode) leave(w *waiter) {
	m.mu.Lock()
	i := slices.Index(m.waiters, w)
	m.waiters = slices.Delete(m.waiters, i, i+1)
	m.mu.Unlock()
	if w.waker != nil {
		w.waker.close()
	}
}

// wakeOf ends the waits of one handle.
func (m *mode) wakeOf(c *socket) {
	m.signal(func(w *waiter) bool { return w.c == c })
}

// wakeIn ends the waits of all handles for a direction.
func (m *mode) wakeIn(d direction) {
	m.signal(func(w *waiter) bool { return w.direction&d != 0 })
}

func (m *mode) signal(which func(*waiter) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, w := range m.waiters {
		if w.waker != nil && which(w) {
			w.waker.signal()
		}
	}
}
