package reliability

// The server of a row: starting it, asking it, watching it from outside.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/eddyline/eddyline/bench/internal/child"
	"github.com/eddyline/eddyline/bench/internal/proc"
	"github.com/eddyline/eddyline/bench/internal/reliability/subject"
)

// Server is a server in a process of its own. Its methods may be called from any
// goroutine.
type Server struct {
	Addr    string
	Ceiling int64 // of resident memory above rest, in bytes

	t       *Trial
	network *Network
	log     *os.File
	began   time.Time
	over    bool // it is meant to have ended; nothing more is asked of it
	race    bool // it has the race detector

	mu sync.Mutex // guards process's conversation
	p  *child.Process

	before subject.Before
	rest   struct {
		descriptors, goroutines int
		resident                int64
	}
}

// Launch are the ways to start a server that are not its own configuration.
type Launch struct {
	Env     []string
	Image   *os.File // the program it becomes
	Network *Network // at whose far end it lives; nil is loopback
}

// Start starts the server of the row.
func (t *Trial) Start(cfg subject.Config) *Server { return t.StartAs(cfg, Launch{}) }

// StartAs is Start with more to say.
func (t *Trial) StartAs(cfg subject.Config, how Launch) *Server {
	if t.image != nil {
		how.Image = t.image
	}
	cfg.Server = t.Options.Server
	cfg.Image = how.Image != nil
	if n := how.Network; n != nil {
		cfg.NetNS, cfg.Addr = n.Path(n.Far), farIP+":0"
	}
	log, err := os.CreateTemp("", "eddyline-fault-*.log")
	t.Must("log file", err)
	t.Undo(func() { log.Close() })
	// Without a name it is gone with its last user, however that ends.
	t.Must("log file", os.Remove(log.Name()))
	extra := []*os.File{log}
	if how.Image != nil {
		extra = append(extra, how.Image)
	}
	var ready struct {
		Addr   string
		Before subject.Before
	}
	p, err := child.Start(child.Options{
		Name:   cfg.Server,
		Role:   subject.Role,
		Config: cfg,
		CPU:    -1,
		Env:    how.Env,
		Extra:  extra,
	}, &ready)
	s := &Server{Addr: ready.Addr, Ceiling: ceiling, t: t, network: how.Network, log: log, began: time.Now(), p: p, before: ready.Before}
	s.race = raceEnabled && how.Image == nil
	if err != nil {
		t.Fail(Failed, "start: %v\n%s", err, s.LogTail())
	}
	t.servers = append(t.servers, s)
	// What is asked of it when the row is interrupted need not be waited for.
	unwatch := context.AfterFunc(t.ctx, p.Kill)
	t.Undo(func() {
		unwatch()
		s.end()
	})
	// What is made at the first connection belongs to the state at rest.
	first := t.Dial(s, 1)[0]
	t.Must("the first echo", s.greet(first, cfg))
	first.Close()
	t.Must("rest before the fault", s.settle())
	return s
}

// greet uses a connection a little, where the protocol lets one.
func (s *Server) greet(c *Client, cfg subject.Config) error {
	switch cfg.Protocol {
	case subject.Echo, subject.Watched, subject.Flock:
		return c.Echo(64)
	}
	return nil
}

// settle waits until what the first connection left is gone and notes the state at
// rest.
func (s *Server) settle() error {
	same := 0
	return s.t.Until("the server is at rest", func() bool {
		d, m := s.Descriptors(), s.Mark()
		if d == s.rest.descriptors && m.Goroutines == s.rest.goroutines {
			same++
		} else {
			same = 0
		}
		s.rest.descriptors, s.rest.goroutines, s.rest.resident = d, m.Goroutines, s.memory("VmRSS")
		return same >= 3
	})
}

// PID is the process.
func (s *Server) PID() int { return s.p.PID() }

// call asks the server.
func (s *Server) call(op string, arg, reply any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.p.CallWithin(s.t.Patience+30*time.Second, op, arg, reply)
}

// Ask is call; a failure is the row's.
func (s *Server) Ask(op string, arg, reply any) {
	if err := s.call(op, arg, reply); err != nil {
		s.t.Must("ask "+op, breach(Broke, "%v", err))
	}
}

// Mark is the server's account; of one that cannot give it, that it has ended.
func (s *Server) Mark() subject.Mark {
	var m subject.Mark
	if err := s.call("mark", nil, &m); err != nil {
		return subject.Mark{Ended: true, Err: err.Error()}
	}
	return m
}

// Alive returns an error if the server does not serve any more.
func (s *Server) Alive() error {
	if s.over {
		return nil
	}
	if err := s.p.Err(); err != nil {
		return fmt.Errorf("the server's process ended: %v\n%s", err, s.LogTail())
	}
	if m := s.Mark(); m.Ended {
		return fmt.Errorf("the server ended by itself with error %s", m.Err)
	}
	return nil
}

// Descriptors counts those that the server has, -1 if it is gone.
func (s *Server) Descriptors() int {
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.PID()))
	if err != nil {
		return -1
	}
	return len(entries)
}

// Conns is how many descriptors there are more than at rest.
func (s *Server) Conns() int { return s.Descriptors() - s.rest.descriptors }

// memory is a figure of /proc/PID/status in bytes; 0 of a process that has gone.
func (s *Server) memory(name string) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.PID()))
	if err != nil {
		return 0
	}
	n, err := proc.Kilobytes(text, name)
	if !errors.Is(err, fs.ErrNotExist) { // one that has ended has no memory
		s.t.Must("memory", err)
	}
	return n
}

// Grown is how far the peak of its resident memory is above rest.
func (s *Server) Grown() int64 { return s.memory("VmHWM") - s.rest.resident }

// Load is the share of a core that the server uses while d passes, of the time in
// which nothing else kept it from running: a server that spins on a busy machine
// gets little of a core, and takes all it gets.
func (s *Server) Load(d time.Duration) float64 {
	before, began := s.threads(), time.Now()
	s.t.Sleep(d)
	after, passed := s.threads(), time.Since(began)
	ran := after.Ran - before.Ran
	if ran <= 0 {
		return 0
	}
	return float64(ran) / float64(max(ran, passed-(after.Waited-before.Waited)))
}

// threads is what all threads of the server have had and waited for.
func (s *Server) threads() (sum child.Thread) {
	all, _ := s.p.Threads() // of a server that has gone: nothing
	for _, one := range all {
		sum.Ran += one.Ran
		sum.Waited += one.Waited
	}
	return sum
}

// Signal sends the process a signal.
func (s *Server) Signal(sig syscall.Signal) { s.t.Must("signal", syscall.Kill(s.PID(), sig)) }

// LogTail is the end of the server's log.
func (s *Server) LogTail() string {
	text := s.logged()
	return string(text[max(0, len(text)-2000):])
}

// logged is the log so far. It is read by position: the server writes where the
// descriptors' common offset is.
func (s *Server) logged() []byte {
	text, _ := io.ReadAll(io.NewSectionReader(s.log, 0, maxLog))
	return text
}

// maxLog is how much of a log is looked at.
const maxLog = 1 << 26

// Over says that the server is meant to have ended: from now on it is at rest when it
// has what it had before it made its engine.
func (s *Server) Over() {
	s.over = true
	s.rest.descriptors, s.rest.goroutines = s.before.Descriptors, s.before.Goroutines
}

// end ends the process, whatever state it is in.
func (s *Server) end() {
	_ = syscall.Kill(s.PID(), syscall.SIGCONT)
	s.p.Kill()
}
