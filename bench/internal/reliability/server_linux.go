package reliability

// The server of a row: starting it, watching it from outside, holding it to its
// bounds at the end.

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/eddyline/eddyline/bench/internal/child"
	"github.com/eddyline/eddyline/bench/internal/reliability/subject"
)

// The bounds that every row is held to unless it sets its own.
const (
	calmCPU     = 0.05     // of a core, while nothing happens
	ceiling     = 64 << 20 // bytes of resident memory above those at rest, at the peak
	ownLog      = 4        // lines of the log per second, this engine: one for each cause
	peerLog     = 100      // the same for peers, which promise nothing
	ownSlack    = 0        // goroutines more than at rest, this engine
	peerSlack   = 32       // the same for peers, which keep workers
	raceFactor  = 8        // memory of a program with the race detector
	calmWindows = 10       // windows of which one must be calm
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

	mu sync.Mutex // guards process's conversation
	p  *child.Process

	rest struct {
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
	var ready struct{ Addr string }
	p, err := child.Start(child.Options{
		Name:   cfg.Server,
		Role:   subject.Role,
		Config: cfg,
		CPU:    -1,
		Env:    how.Env,
		Extra:  extra,
	}, &ready)
	s := &Server{Addr: ready.Addr, Ceiling: ceiling, t: t, network: how.Network, log: log, began: time.Now(), p: p}
	if err != nil {
		t.Fail(Failed, "start: %v\n%s", err, s.LogTail())
	}
	t.servers = append(t.servers, s)
	t.Undo(func() { s.end() })
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
	case subject.Echo, subject.Watched, subject.Quiet:
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
		s.rest.descriptors, s.rest.goroutines, s.rest.resident = d, m.Goroutines, s.memory("VmRSS:")
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

// memory is a figure of /proc/PID/status in bytes.
func (s *Server) memory(label string) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.PID()))
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(text) {
		if rest, found := bytes.CutPrefix(line, []byte(label)); found {
			kb, _ := strconv.ParseInt(string(bytes.Fields(rest)[0]), 10, 64)
			return kb << 10
		}
	}
	return 0
}

// Grown is how far the peak of its resident memory is above rest.
func (s *Server) Grown() int64 { return s.memory("VmHWM:") - s.rest.resident }

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

// Calm is the least load of some windows in a row: a server that spins never has
// a calm one, one that still finishes something has.
func (s *Server) Calm() float64 {
	least := s.Load(s.window())
	for range calmWindows - 1 {
		if least <= calmCPU {
			break
		}
		least = min(least, s.Load(s.window()))
	}
	return least
}

// calm holds the server to Calm; what says when.
func (s *Server) calm(what string) {
	if s.over {
		return
	}
	load := s.Calm()
	s.t.load = max(s.t.load, load)
	if load > calmCPU {
		s.t.Breach(Spun, "%.0f %% of a core %s", 100*load, what)
	}
}

func (s *Server) window() time.Duration { return s.t.Time(250*time.Millisecond, 2*time.Second) }

// Signal sends the process a signal.
func (s *Server) Signal(sig syscall.Signal) { s.t.Must("signal", syscall.Kill(s.PID(), sig)) }

// LogTail is the end of the server's log.
func (s *Server) LogTail() string {
	text := s.logged()
	return string(text[max(0, len(text)-2000):])
}

// LogLines counts the lines of the log.
func (s *Server) LogLines() int { return bytes.Count(s.logged(), []byte("\n")) }

// logged is the log so far. It is read by position: the server writes where the
// descriptors' common offset is.
func (s *Server) logged() []byte {
	text, _ := io.ReadAll(io.NewSectionReader(s.log, 0, maxLog))
	return text
}

// maxLog is how much of a log is looked at.
const maxLog = 1 << 26

// Over says that the server is meant to have ended.
func (s *Server) Over() { s.over = true }

// end ends the process, whatever state it is in.
func (s *Server) end() {
	_ = syscall.Kill(s.PID(), syscall.SIGCONT)
	s.p.Kill()
}

// rest holds the servers of a row to what all rows promise, after its clients have
// gone.
func (t *Trial) rest() {
	if t.ctx.Err() != nil {
		t.Fail(Failed, "interrupted")
	}
	for _, c := range t.clients {
		c.Close()
	}
	for _, s := range t.servers {
		if err := s.Alive(); err != nil {
			if !t.noted(Ended) {
				t.Breach(Ended, "%v", err)
			}
			continue
		}
		s.atRest()
	}
	t.Figure("peak memory +%.1f MiB, %.1f %% of a core at rest", float64(t.peak)/(1<<20), 100*t.load)
}

// noted reports whether a breach of that kind is in the result.
func (t *Trial) noted(o Outcome) bool {
	for _, b := range t.result.Breaches {
		if b.Outcome == o {
			return true
		}
	}
	return false
}

// atRest holds one server to it.
func (s *Server) atRest() {
	t := s.t
	if err := t.Until("the descriptors are closed", func() bool { return s.Conns() <= 0 }); err != nil {
		t.Breach(Grew, "%d descriptors are left %v after the last client has gone", s.Conns(), t.Patience)
	}
	slack, perSecond := peerSlack, peerLog
	if t.Options.Server == subject.Own {
		slack, perSecond = ownSlack, ownLog
	}
	goroutines := 0
	if err := t.Until("the goroutines are gone", func() bool {
		goroutines = s.Mark().Goroutines
		return goroutines <= s.rest.goroutines+slack
	}); err != nil {
		t.Breach(Grew, "%d goroutines, %d at rest before the fault", goroutines, s.rest.goroutines)
	}
	s.calm("although nothing happens")
	limit := s.Ceiling
	if raceEnabled {
		limit *= raceFactor
	}
	grown := s.Grown()
	if grown > limit {
		t.Breach(Grew, "resident memory %d MiB above rest at its peak; the bound is %d MiB", grown>>20, limit>>20)
	}
	t.peak = max(t.peak, grown)
	lines, seconds := s.LogLines(), int(time.Since(s.began).Seconds())+1
	if lines > perSecond*seconds {
		t.Breach(Grew, "%d lines in the log in %d s", lines, seconds)
	}
	s.watched()
	s.stop()
}

// watched tells what this engine's handlers saw.
func (s *Server) watched() {
	r := s.Mark().Report
	if len(r.Wrong) > 0 {
		s.t.Breach(Broke, "%s", strings.Join(r.Wrong, "\n"))
	}
	if r.Opened != r.Closed && !s.over {
		s.t.Breach(Broke, "%d handlers were made, %d heard OnClose", r.Opened, r.Closed)
	}
	if len(r.Late) > 0 {
		s.t.Breach(Broke, "%s", strings.Join(r.Late, "\n"))
	}
}

// stop ends the server as it should end.
func (s *Server) stop() {
	if err := s.p.Stop(); err != nil {
		s.t.Breach(Ended, "at the end: %v\n%s", err, s.LogTail())
	}
}
