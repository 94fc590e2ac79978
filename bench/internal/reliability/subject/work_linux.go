package subject

// What the server does to itself when asked: floods, timers, failing set-ups,
// starting programs.

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eddyline/eddyline/loop"
)

// flood posts tasks from many goroutines as fast as they can.
func (g *engine) flood(arg []byte) (any, error) {
	f, err := decode[Flood](arg)
	if err != nil {
		return nil, err
	}
	l := g.e.Loops()[0]
	var accepted, refused, ran, misplaced, most atomic.Int64
	var posting sync.WaitGroup
	for range f.Goroutines {
		posting.Go(func() {
			last := -1 // touched by the loop alone
			for i := range f.Each {
				err := l.Post(func() {
					if i <= last {
						misplaced.Add(1)
					}
					last = i
					ran.Add(1)
				})
				if err != nil {
					refused.Add(1)
					runtime.Gosched()
					continue
				}
				raise(&most, accepted.Add(1)-ran.Load())
			}
		})
	}
	posting.Wait()
	done := make(chan struct{})
	for {
		err := l.Post(func() { close(done) })
		if err == nil {
			break
		}
		if !errors.Is(err, loop.ErrBackpressure) {
			return nil, err
		}
		runtime.Gosched()
	}
	<-done
	return Flooded{int(accepted.Load()), int(refused.Load()), int(ran.Load()), int(misplaced.Load()), int(most.Load())}, nil
}

// write writes records to the newest connection from many goroutines.
func (g *engine) write(arg []byte) error {
	f, err := decode[Flood](arg)
	if err != nil {
		return err
	}
	to := g.current()
	failed := make([]error, f.Goroutines)
	var writing sync.WaitGroup
	for id := range f.Goroutines {
		writing.Go(func() { failed[id] = writeRecords(to, id, f.Each) })
	}
	writing.Wait()
	return errors.Join(failed...)
}

func writeRecords(to loop.Ref, id, count int) error {
	var record [RecordSize]byte
	binary.LittleEndian.PutUint64(record[:], uint64(id))
	for i := range count {
		binary.LittleEndian.PutUint64(record[8:], uint64(i))
		for {
			_, err := to.Write(record[:])
			if err == nil {
				break
			}
			if !errors.Is(err, loop.ErrBackpressure) {
				return fmt.Errorf("goroutine %d, record %d: %w", id, i, err)
			}
			runtime.Gosched()
		}
	}
	return nil
}

// deadline sets a deadline of the newest connection, by name.
func (g *engine) deadline(arg []byte) error {
	d, err := decode[SetDeadline](arg)
	if err != nil {
		return err
	}
	now := time.Now()
	t, known := map[string]time.Time{
		"past":    now.Add(-time.Hour),
		"zero":    {},
		"cleared": {},
		"now":     now,
		"maximal": now.Add(1<<63 - 1),
		"epoch":   time.Unix(0, 0),
		"far":     time.Unix(1<<60, 0),
	}[d.To]
	if !known {
		return fmt.Errorf("no deadline %q", d.To)
	}
	set := make(chan struct{})
	err = g.current().Do(func(c *loop.Conn) {
		setTo := c.SetReadDeadline
		if d.Write {
			setTo = c.SetWriteDeadline
		}
		if d.To == "cleared" {
			setTo(now.Add(Soon))
		}
		setTo(t)
		close(set)
	})
	if err == nil {
		<-set
	}
	return err
}

// wrote returns, a turn later, how much was echoed to the connection of a client.
func (g *engine) wrote(arg []byte) (int, error) {
	client, err := decode[string](arg)
	if err != nil {
		return 0, err
	}
	c, s := g.find(client)
	if s == nil {
		return 0, fmt.Errorf("no connection of %s", client)
	}
	count := make(chan int, 1)
	if err := c.Ref().Loop().Post(func() { count <- s.wrote }); err != nil {
		return 0, err
	}
	return <-count, nil
}

// find finds a client's connection.
func (g *engine) find(client string) (*loop.Conn, *session) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for c, s := range g.sessions {
		if s.client == client {
			return c, s
		}
	}
	return nil, nil
}

// timers sets timers of every length and notes those that fire early or twice.
func (g *engine) timers() error {
	done := make(chan struct{})
	err := g.e.Loops()[0].Post(func() {
		l := g.e.Loops()[0]
		short := []time.Duration{-1 << 63, -1, 0, 1, time.Microsecond, time.Millisecond, 17 * time.Millisecond, 80 * time.Millisecond}
		left := len(short)
		for _, d := range short {
			set, fired := time.Now(), 0
			l.AfterFunc(d, func() {
				if took := time.Since(set); took < d {
					g.late("a timer of %v after %v", d, took)
				}
				if fired++; fired > 1 {
					g.late("a timer of %v twice", d)
				}
				if left--; left == 0 {
					close(done)
				}
			})
		}
		for _, d := range []time.Duration{time.Hour, 1<<63 - 1} {
			l.AfterFunc(d, func() { g.late("a timer of %v", d) })
		}
	})
	if err == nil {
		<-done
	}
	return err
}

func (g *engine) late(format string, args ...any) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.seen.Late = append(g.seen.Late, fmt.Sprintf(format, args...))
}

// inherited starts programs, one after the other.
func inherited(arg []byte) (Inherited, error) {
	n, err := decode[int](arg)
	if err != nil {
		return Inherited{}, err
	}
	in := Inherited{Programs: n}
	for range n {
		leaked, err := start(nil)
		if err != nil {
			return in, err
		}
		if in.Leaked = append(in.Leaked, leaked...); len(in.Leaked) > 64 {
			break
		}
	}
	return in, nil
}

// fork starts a program and does not wait for it. In a user namespace of its own
// the child has a copy of this process's memory: otherwise the thread that makes it
// is suspended until it has become its program, and a collection of garbage would
// wait for that.
func fork() <-chan forked {
	done := make(chan forked, 1)
	go func() {
		leaked, err := start(&syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER})
		done <- forked{Inherited{1, leaked}, err}
	}()
	return done
}

// forked is what came of a fork.
type forked struct {
	found Inherited
	err   error
}

// start starts a program that lists its descriptors, and returns which it has
// besides the standard ones and that of its own list.
func start(attr *syscall.SysProcAttr) (leaked []string, err error) {
	list := exec.Command("ls", "-l", "/proc/self/fd")
	list.SysProcAttr = attr
	said, err := list.Output()
	return leaks(string(said)), err
}

// leaks are the sockets and what else the engine makes that a list of ls -l has.
func leaks(list string) (found []string) {
	for line := range strings.Lines(list) {
		_, link, _ := strings.Cut(line, " -> ")
		if strings.HasPrefix(link, "socket:") || strings.HasPrefix(link, "anon_inode:") {
			found = append(found, strings.TrimSpace(link))
		}
	}
	return found
}

// raise sets most to n if that is more.
func raise(most *atomic.Int64, n int64) {
	for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
	}
}
