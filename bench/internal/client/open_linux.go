package client

// The open loop: messages at a fixed rate, whatever becomes of them.

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eddyline/eddyline/loop"
	"github.com/eddyline/eddyline/poller"
)

// quantum is the least time from one tick to the next: at high rates messages go
// out in small batches, each some microseconds late. Without it most of the
// generator's core goes into waking up, and they are later still.
const quantum = 50 * time.Microsecond

// openLoop is woken by a timerfd: the loop's own timers are as coarse as a
// millisecond, which is longer than most latencies. It is a one-shot that is set
// for the next message that is due, and its registration is edge-triggered, so
// that it is never read: a tick costs one system call, and ticks that a busy
// generator misses cost none.
type openLoop struct {
	closedLoop
	timer    int // descriptor, valid while there is a watch
	watch    *loop.Registration
	begun    int64   // when the load began
	sent     int64   // messages that became due since
	interval float64 // nanoseconds from one message to the next
	window   window  // the figures of the window under way
}

func (d *openLoop) open() {
	d.interval = float64(time.Second) / d.g.spec.Rate
	if err := d.makeTimer(); err != nil {
		d.g.fail(err)
		return
	}
	d.connect(false, d.g.complete)
}

func (d *openLoop) makeTimer() error {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return os.NewSyscallError("timerfd_create", err)
	}
	watch, err := d.g.loop.Register(fd, poller.Read|poller.Edge, func(poller.Event) { d.pace() })
	if err != nil {
		return errors.Join(fmt.Errorf("timer: %w", err), unix.Close(fd))
	}
	d.timer, d.watch = fd, watch
	return nil
}

func (d *openLoop) begin() {
	d.begun, d.sent = d.g.now(), 0
	d.pace()
}

// pace makes all messages due whose time has come, each as of then, and sets the
// timer for the next.
func (d *openLoop) pace() {
	if !d.g.sending {
		return
	}
	now := d.g.now()
	at := d.next()
	for ; at <= now; at = d.next() {
		d.count(now - at)
		d.conns[d.sent%int64(len(d.conns))].demand(at, 1)
		d.sent++
	}
	d.set(max(quantum, time.Duration(at-d.g.now())))
}

// next returns when the next message is due.
func (d *openLoop) next() int64 { return d.begun + int64(float64(d.sent)*d.interval) }

func (d *openLoop) count(late int64) {
	d.window.Due++
	d.window.Lateness += time.Duration(late)
	if late > int64(tardy) {
		d.window.Late++
	}
}

// set sets the timer, 0 unsets it.
func (d *openLoop) set(wait time.Duration) {
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(wait))}
	if err := unix.TimerfdSettime(d.timer, 0, &spec, nil); err != nil {
		d.g.fail(os.NewSyscallError("timerfd_settime", err))
	}
}

func (d *openLoop) finish() {
	d.set(0)
	d.closedLoop.finish()
}

// measured moves the figures of the window to w and adds what waits.
func (d *openLoop) measured(w *window) {
	now := d.g.now()
	w.Due, w.Late, w.Lateness = d.window.Due, d.window.Late, d.window.Lateness
	d.window = window{}
	for _, c := range d.conns {
		if c.due.n > 0 {
			w.Outstanding += c.due.n
			w.Oldest = max(w.Oldest, time.Duration(now-c.due.at(0).at))
		}
	}
}

func (d *openLoop) reset() {
	if d.watch != nil {
		_ = d.watch.Close() // both are open
		_ = unix.Close(d.timer)
	}
	d.closedLoop.reset()
}
