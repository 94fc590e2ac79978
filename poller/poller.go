package poller

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/eddyline/eddyline/internal/descriptor"
	"github.com/eddyline/eddyline/internal/sys"
)

// maxBlock bounds one blocking system call. Longer timeouts are waited for in
// pieces, because kernels overflow or refuse them: epoll counts milliseconds in
// 32 bits, and Darwin refuses more than some years.
const maxBlock = 24 * time.Hour

// maxBatch bounds how many events one call takes from the kernel.
const maxBatch = 16 << 10

// Poller tells which of its descriptors can make progress. Use New.
//
// One goroutine at a time may be in Wait. Every other method may be called from
// any goroutine, at any time, also while Wait runs: a registration made then
// takes part in that wait.
type Poller struct {
	// queue is the epoll or kqueue descriptor. Every call holds it open while it
	// uses the number.
	queue descriptor.Descriptor
	// bell coalesces wake-ups: the Wake that sets bellRung writes to the kernel,
	// the Wait that hears that clears it before it returns. Wake always writes
	// the word, even if it changes nothing: only so does all that came before it
	// happen before the return of that Wait.
	bell    atomic.Uint32
	backend backend
}

// The bits of the bell.
const (
	bellRung = 1 << iota
	bellGone
)

// New returns an empty poller. It fails with the kernel's error, such as
// EMFILE, or with errors.ErrUnsupported where there is neither epoll nor kqueue.
func New() (*Poller, error) {
	p := new(Poller)
	if f := p.backend.open(&p.queue); f.errno != 0 {
		return nil, f.wrap(opNew, noFD)
	}
	return p, nil
}

// Add registers fd for the given interest. Its events carry token. fd should be
// nonblocking; it stays the caller's, and should be deleted before it is closed.
//
// It fails with fs.ErrExist if fd is registered already, also while a one-shot
// registration is disarmed; with os.ErrInvalid for a negative fd, an unknown
// interest bit or ReservedToken; with net.ErrClosed after Close; and with the
// kernel's errno otherwise, such as EBADF for a closed fd, or, on Linux, EPERM
// for a regular file, which is always ready.
func (p *Poller) Add(fd int, interest Interest, token Token) error {
	if !validFD(fd) || !validRequest(interest, token) {
		return invalidError(opAdd, fd)
	}
	if !p.queue.Acquire() {
		return closedError(opAdd, fd)
	}
	f := p.backend.add(p.queue.FD(), fd, interest, token)
	p.queue.Release()
	return f.wrap(opAdd, fd)
}

// Modify replaces the interest and token of fd and arms it anew: what is ready
// now is reported, even if the same edge or one-shot event was reported before.
//
// It fails with fs.ErrNotExist if fd is not registered, else as Add does.
func (p *Poller) Modify(fd int, interest Interest, token Token) error {
	if !validFD(fd) || !validRequest(interest, token) {
		return invalidError(opModify, fd)
	}
	if !p.queue.Acquire() {
		return closedError(opModify, fd)
	}
	f := p.backend.modify(p.queue.FD(), fd, interest, token)
	p.queue.Release()
	return f.wrap(opModify, fd)
}

// Delete ends the registration of fd. A Wait that runs at the same time may
// have taken an event of fd before and still report it.
//
// It fails with fs.ErrNotExist if fd is not registered, with os.ErrInvalid for a
// negative fd and with net.ErrClosed after Close.
func (p *Poller) Delete(fd int) error {
	if !validFD(fd) {
		return invalidError(opDelete, fd)
	}
	if !p.queue.Acquire() {
		return closedError(opDelete, fd)
	}
	f := p.backend.remove(p.queue.FD(), fd)
	p.queue.Release()
	return f.wrap(opDelete, fd)
}

// Wait fills events with what is ready and returns how many it filled, at most
// one event per descriptor. It returns (0, nil) when the timeout has passed or
// Wake was called. More may be ready than fits: the rest comes with the next
// call, and nothing is lost.
//
// A timeout below 0 waits without limit, 0 does not wait. Any other is waited
// out in full: never less, and up to a millisecond more where the kernel counts
// in milliseconds. Signals do not end the wait.
//
// Wait does not keep events and does not allocate, except when a longer slice
// is passed than before.
//
// It fails with os.ErrInvalid if events is empty and with net.ErrClosed once the
// poller is closed, also if that happens during the wait.
func (p *Poller) Wait(events []Event, timeout time.Duration) (int, error) {
	if len(events) == 0 {
		return 0, invalidError(opWait, noFD)
	}
	if !p.queue.Acquire() {
		return 0, closedError(opWait, noFD)
	}
	if timeout != 0 {
		n, err := p.block(events, timeout)
		p.queue.Release()
		return n, err
	}
	// A loop under load does nothing but this, so it is not a function of its own:
	// the processor predicts returns badly after a system call.
	var err error
	n, woken, f := p.backend.wait(p.queue.FD(), events, 0)
	if woken || f.errno != 0 {
		n, err = p.unusual(events, n, woken, f)
	}
	p.queue.Release()
	return n, err
}

// unusual finishes a poll that is more than some events or none.
func (p *Poller) unusual(events []Event, n int, woken bool, f failure) (int, error) {
	for f.errno == sys.EINTR {
		n, woken, f = p.backend.wait(p.queue.FD(), events, 0)
	}
	if woken {
		return p.wakened(n)
	}
	return n, f.wrap(opWait, noFD)
}

// block waits for some time. Unlike a poll, it depends on the bell to end when
// the poller is closed, and closing the bell's descriptor would take its event
// back.
func (p *Poller) block(events []Event, timeout time.Duration) (n int, err error) {
	if !p.backend.holdBell() {
		return 0, closedError(opWait, noFD)
	}
	if timeout > 0 {
		n, err = p.waitLimited(events, timeout)
	} else {
		n, err = p.waitForever(events)
	}
	p.backend.releaseBell()
	return n, err
}

// waitForever needs no clock.
func (p *Poller) waitForever(events []Event) (int, error) {
	for {
		n, woken, f := p.backend.wait(p.queue.FD(), events, -1)
		if woken {
			return p.wakened(n)
		}
		if n > 0 {
			return n, nil
		}
		if f.errno != 0 && f.errno != sys.EINTR {
			return 0, f.wrap(opWait, noFD)
		}
	}
}

// waitLimited waits until something is ready or timeout has passed. The clock
// decides the latter: signals and kernels end a wait early.
func (p *Poller) waitLimited(events []Event, timeout time.Duration) (int, error) {
	start := sys.Now()
	for left := timeout; left > 0; left = timeout - sys.Since(start) {
		n, woken, f := p.backend.wait(p.queue.FD(), events, min(left, maxBlock))
		if woken {
			return p.wakened(n)
		}
		if n > 0 {
			return n, nil
		}
		if f.errno != 0 && f.errno != sys.EINTR {
			return 0, f.wrap(opWait, noFD)
		}
	}
	return 0, nil
}

// wakened ends a wait that heard the bell, n events besides. Only now may
// another Wake ring: all those before are answered by this return.
func (p *Poller) wakened(n int) (int, error) {
	if p.bell.And(^uint32(bellRung))&bellGone != 0 {
		return 0, closedError(opWait, noFD)
	}
	return n, nil
}

// Wake makes the Wait that runs now return, or else the next one, whatever its
// timeout. Any number of calls before that return count as one; a call after it
// wakes the next Wait, so none is lost. What was done before a Wake happens before
// the return of the Wait that it woke, in the sense of the Go memory model.
//
// It fails with net.ErrClosed after Close.
func (p *Poller) Wake() error {
	before := p.bell.Or(bellRung)
	if before == bellRung {
		return nil
	}
	if before&bellGone != 0 || !p.queue.Acquire() {
		return closedError(opWake, noFD)
	}
	f := p.backend.ring(p.queue.FD())
	if f.errno != 0 {
		p.bell.And(^uint32(bellRung))
	}
	p.queue.Release()
	return f.wrap(opWake, noFD)
}

// Close ends the poller and a Wait that runs, which returns net.ErrClosed. The
// registered descriptors stay open. The poller's own descriptors are closed when
// the last call that uses them has returned, so none of them can reach a
// descriptor that was given the same number.
//
// A second Close fails with net.ErrClosed.
func (p *Poller) Close() error {
	if !p.queue.Acquire() {
		return closedError(opClose, noFD)
	}
	if !p.queue.Close() {
		p.queue.Release()
		return closedError(opClose, noFD)
	}
	p.bell.Or(bellGone)
	f := p.backend.ring(p.queue.FD())
	p.backend.close()
	p.queue.Release()
	return f.wrap(opClose, noFD)
}

// validFD refuses what would be cut to another number in the kernel's int.
func validFD(fd int) bool { return fd >= 0 && int64(fd) <= math.MaxInt32 }

func validRequest(interest Interest, token Token) bool {
	return interest&^allInterests == 0 && token != ReservedToken
}
