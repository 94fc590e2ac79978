package expiry

// The tries.

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eddyline/eddyline/bench/internal/harness"
	"github.com/eddyline/eddyline/stream"
)

// Config tells what is measured.
type Config struct {
	Limits []time.Duration
	Tries  int // per kind and limit, the kinds taking turns

	// Step, if set, is called before each try.
	Step func(done, total int, what string)
}

// Run measures, and returns what there is when ctx ends.
func Run(ctx context.Context, c Config) ([]Row, error) {
	to, err := listenDeaf()
	if err != nil {
		return nil, err
	}
	defer to.close()
	var all []Row
	done, total := 0, len(c.Limits)*len(All)*c.Tries
	for _, limit := range c.Limits {
		rows := make([]Row, len(All))
		for i, kind := range All {
			rows[i] = Row{Kind: kind, Limit: limit}
		}
		harness.InTurn(rows, c.Tries, func(row *Row) {
			if c.Step != nil {
				c.Step(done, total, fmt.Sprintf("%s, %v", row.Kind, limit))
			}
			done++
			if ctx.Err() == nil && row.Err == "" {
				row.try(to)
			}
		})
		all = append(all, rows...)
	}
	return all, nil
}

func (r *Row) try(to *deaf) {
	from := time.Now()
	err := waitOut(r.Kind, to, r.Limit)
	late := time.Since(from) - r.Limit
	if err != nil {
		r.Err = err.Error()
		return
	}
	r.Late = append(r.Late, late)
}

// waitOut returns nil when the limit was what ended the wait.
func waitOut(kind Kind, to *deaf, limit time.Duration) error {
	switch kind {
	case Engine:
		s, err := stream.ConnectTimeout(to.addr, limit)
		if err == nil {
			return errors.Join(errAnswered, s.Close())
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		return err
	case Standard:
		c, err := net.DialTimeout("tcp", to.addr.String(), limit)
		if err == nil {
			return errors.Join(errAnswered, c.Close())
		}
		// It has several errors for this, not all of them os.ErrDeadlineExceeded.
		if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
			return nil
		}
		return err
	case Kernel:
		return sleepOut(limit)
	default:
		return fmt.Errorf("no kind of limit %q", kind)
	}
}

// sleepOut polls nothing until the limit is over, however often a signal cuts in.
func sleepOut(limit time.Duration) error {
	for end := time.Now().Add(limit); ; {
		left := time.Until(end)
		if left <= 0 {
			return nil
		}
		ts := unix.NsecToTimespec(left.Nanoseconds())
		if _, err := unix.Ppoll(nil, &ts, nil); err != nil && err != unix.EINTR {
			return os.NewSyscallError("ppoll", err)
		}
	}
}

var errAnswered = errors.New("the connect that nobody was to answer succeeded")

// deaf is a listener whose queue is full: the kernel answers no connect to it.
type deaf struct {
	ln    *stream.Listener
	addr  stream.Addr
	queue []*stream.Stream
}

const (
	mostQueued = 64
	answered   = 200 * time.Millisecond // loopback answers within microseconds, or not at all
)

func listenDeaf() (d *deaf, err error) {
	at, err := stream.ParseAddr("127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	ln, err := stream.Listen(at, stream.ListenOptions{Backlog: 1})
	if err != nil {
		return nil, err
	}
	d = &deaf{ln: ln}
	defer func() {
		if err != nil {
			d.close()
		}
	}()
	if d.addr, err = ln.LocalAddr(); err != nil {
		return nil, err
	}
	for len(d.queue) < mostQueued {
		s, err := stream.ConnectTimeout(d.addr, answered)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return d, nil
		}
		if err != nil {
			return nil, err
		}
		d.queue = append(d.queue, s)
	}
	return nil, fmt.Errorf("the listener at %v with a queue of 1 took %d connections", d.addr, mostQueued)
}

func (d *deaf) close() {
	for _, s := range d.queue {
		_ = s.Close()
	}
	_ = d.ln.Close()
}
