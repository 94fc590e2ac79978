package client

// The open loop: messages at a fixed rate, whatever becomes of them.

import (
	"errors"
	"fmt"
	"iter"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eddyline/eddyline/loop"
	"github.com/eddyline/eddyline/poller"
)

// quantum is the least time from one tick to the next of a generator that sleeps: at
// high rates messages go out in small batches, each some microseconds late. Without
// it most of the generator's core goes into waking up, and they are later still.
const quantum = 50 * time.Microsecond

// openLoop looks in every turn what is due, if its loop does not sleep. One that
// does is woken by a timerfd: the loop's own timers are as coarse as a
// millisecond, which is longer than most latencies. It is a one-shot that is set
// for the next message that is due, and its registration is edge-triggered, so
// that it is never read: a tick costs one system call, and ticks that a busy
// generator misses cost none.
type openLoop struct {
	closedLoop
	turn     func()             // tick, made once
	timer    int                // descriptor, valid while there is a watch
	watch    *loop.Registration // nil in a loop that does not sleep
	begun    int64              // when the load began
	sent     int64              // messages that became due since
	interval float64            // nanoseconds from one message to the next
	window   window             // the figures of the window under way
	missing  int                // messages that were due in the window that has ended, and are awaited
	whole    func()             // called when none is missing, nil when none is awaited
	looked   int64              // when the latest turn was, if the loop does not sleep
	replies  uint64             // by then
}

func (d *openLoop) open() {
	d.interval = float64(time.Second) / d.g.spec.Rate
	d.turn = d.tick
	if !d.g.spec.Spin {
		if err := d.makeTimer(); err != nil {
			d.g.fail(err)
			return
		}
	}
	d.connect(false, d.answered, d.g.complete)
}

func (d *openLoop) makeTimer() error {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return os.NewSyscallError("timerfd_create", err)
	}
	watch, err := d.g.loop.Register(fd, poller.Read|poller.Edge, func(poller.Event) { d.tick() })
	if err != nil {
		return errors.Join(fmt.Errorf("timer: %w", err), unix.Close(fd))
	}
	d.timer, d.watch = fd, watch
	return nil
}

func (d *openLoop) begin() {
	d.begun, d.sent = d.g.now(), 0
	d.looked, d.replies = d.begun, d.g.replies
	d.tick()
}

// tick sends what is due, and sees to the next tick.
func (d *openLoop) tick() {
	if !d.g.sending {
		return
	}
	now, sent := d.g.now(), d.sent
	d.pace(now)
	if d.watch != nil {
		d.set(max(quantum, time.Duration(d.next()-d.g.now())))
		return
	}
	if d.sent == sent && d.g.replies == d.replies {
		d.window.Spun += time.Duration(now - max(d.looked, d.g.mark.from))
	}
	d.looked, d.replies = now, d.g.replies
	if err := d.g.loop.Post(d.turn); err != nil {
		d.g.fail(fmt.Errorf("next turn: %w", err))
	}
}

// pace makes all messages due whose time has come by now, each as of then.
func (d *openLoop) pace(now int64) {
	for at := d.next(); at <= now; at = d.next() {
		if d.g.mark.covers(at) {
			d.count(now - at)
		}
		d.conns[d.sent%int64(len(d.conns))].demand(at, 1)
		d.sent++
	}
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

// answered counts n replies to what was due at the moment at. Their latency belongs to
// the window in which they were due.
func (d *openLoop) answered(at, now int64, n int) {
	d.g.replies += uint64(n)
	if !d.g.mark.covers(at) {
		return
	}
	record(d.g.each, now-at, n)
	if d.whole == nil {
		return
	}
	if d.missing -= n; d.missing == 0 {
		d.end()
	}
}

// linger calls then when all that was due in the window is answered, or has been awaited
// long enough: for how long counts then.
func (d *openLoop) linger(w *window, then func()) {
	d.missing = 0
	for r := range d.unanswered() {
		d.missing += r.n
	}
	if d.missing == 0 {
		then()
		return
	}
	timer := d.g.loop.AfterFunc(d.g.overtime, func() {
		d.giveUp(w)
		d.end()
	})
	d.whole = func() {
		timer.Stop()
		then()
	}
}

func (d *openLoop) end() {
	whole := d.whole
	d.whole = nil
	whole()
}

func (d *openLoop) giveUp(w *window) {
	now := d.g.now()
	for r := range d.unanswered() {
		w.Unanswered += uint64(r.n)
		record(d.g.each, now-r.at, r.n)
	}
}

// unanswered are the messages that were due in the window and are not answered yet.
func (d *openLoop) unanswered() iter.Seq[run] {
	return func(yield func(run) bool) {
		for _, c := range d.conns {
			for i := range c.due.used {
				if r := *c.due.at(i); d.g.mark.covers(r.at) && !yield(r) {
					return
				}
			}
		}
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
	if d.watch != nil {
		d.set(0)
	}
	d.closedLoop.finish()
}

// measured moves the figures of the window to w and adds what waits.
func (d *openLoop) measured(w *window) {
	now := d.g.now()
	if d.g.sending {
		d.pace(now)
	}
	w.Due, w.Late, w.Lateness = d.window.Due, d.window.Late, d.window.Lateness
	w.Spun += d.window.Spun
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
