package child

// The parent's end: starting, asking, watching and ending a child.

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long a child may take to answer unless a request says
// otherwise.
const patience = 30 * time.Second

// Options tell how a child is started.
type Options struct {
	Name   string     // for messages
	Role   string     // the role of this program; "" when Command is another program
	Config any        // the role's configuration
	CPU    int        // the core it is pinned to, before its first instruction; negative: none
	Nice   int        // its priority, as for nice(1); negative ones are granted to root only
	Env    []string   // added to the environment
	Extra  []*os.File // descriptors 3 and up in the child

	// Command runs another program instead, with its arguments. It must send the
	// first reply and is otherwise asked nothing; Stop kills it.
	Command []string
}

// Process is a running child. Its methods may be called from one goroutine at a
// time.
type Process struct {
	name   string
	cmd    *exec.Cmd
	in     *os.File
	out    *os.File
	lines  *bufio.Reader
	stderr *tail
	mute   bool
	ended  chan struct{}
	status error // valid when ended is closed
}

// Start starts a child and decodes its first reply into ready. A child that ends
// or stays silent instead is an error with what it wrote to its standard error.
func Start(o Options, ready any) (*Process, error) {
	p, err := start(o)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", o.Name, err)
	}
	if err := p.read(ready, patience); err != nil {
		err = p.explain(err)
		p.kill()
		return nil, fmt.Errorf("start %s: %w", o.Name, err)
	}
	return p, nil
}

func start(o Options) (*Process, error) {
	cmd, err := command(o)
	if err != nil {
		return nil, err
	}
	childIn, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	out, childOut, err := os.Pipe()
	if err != nil {
		childIn.Close()
		in.Close()
		return nil, err
	}
	p := &Process{
		name:   o.Name,
		cmd:    cmd,
		in:     in,
		out:    out,
		lines:  bufio.NewReader(out),
		stderr: new(tail),
		mute:   len(o.Command) > 0,
		ended:  make(chan struct{}),
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = childIn, childOut, p.stderr
	err = startPlaced(cmd, o.CPU, o.Nice)
	childIn.Close()
	childOut.Close()
	if err != nil {
		in.Close()
		out.Close()
		return nil, err
	}
	go func() {
		p.status = cmd.Wait()
		close(p.ended)
	}()
	if err := favour(p.PID(), o.Nice); err != nil {
		p.kill()
		return nil, err
	}
	return p, nil
}

// favour gives the priority to the scheduling group of the child's session as
// well, where the kernel makes such groups (sched(7), "The autogroup feature"):
// among groups the priority of a single process counts for nothing.
func favour(pid, nice int) error {
	if nice == 0 {
		return nil
	}
	err := os.WriteFile(fmt.Sprintf("/proc/%d/autogroup", pid), []byte(strconv.Itoa(nice)), 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

func command(o Options) (*exec.Cmd, error) {
	cmd := new(exec.Cmd)
	if len(o.Command) > 0 {
		cmd = exec.Command(o.Command[0], o.Command[1:]...)
	} else {
		self, err := os.Executable()
		if err != nil {
			return nil, err
		}
		cmd = exec.Command(self)
	}
	config, err := json.Marshal(o.Config)
	if err != nil {
		return nil, err
	}
	cmd.Env = append(os.Environ(), roleVar+"="+o.Role, configVar+"="+string(config))
	cmd.Env = append(cmd.Env, o.Env...)
	cmd.ExtraFiles = o.Extra
	// A session of its own keeps the terminal's interrupt from the children: the
	// parent ends them when it has collected what is finished. It also makes them a
	// scheduling group of their own, see favour.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	return cmd, nil
}

// startPlaced starts cmd on one core and with a priority: the thread that forks
// takes both for a moment, and the child inherits them, so that even the child's
// runtime counts one core.
func startPlaced(cmd *exec.Cmd, cpu, nice int) (err error) {
	runtime.LockOSThread()
	restore, err := place(cpu, nice)
	if err == nil {
		err = cmd.Start()
	}
	if restore() == nil {
		// Otherwise the thread stays locked and ends with its goroutine.
		runtime.UnlockOSThread()
	}
	return err
}

// place moves the calling thread to a core and gives it a priority.
func place(cpu, nice int) (restore func() error, err error) {
	restore = func() error { return nil }
	if cpu >= 0 {
		var old, one unix.CPUSet
		if err := unix.SchedGetaffinity(0, &old); err != nil {
			return restore, os.NewSyscallError("sched_getaffinity", err)
		}
		one.Set(cpu)
		if err := unix.SchedSetaffinity(0, &one); err != nil {
			return restore, fmt.Errorf("pin to core %d: %w", cpu, os.NewSyscallError("sched_setaffinity", err))
		}
		restore = func() error { return unix.SchedSetaffinity(0, &old) }
	}
	if nice == 0 {
		return restore, nil
	}
	if err := unix.Setpriority(unix.PRIO_PROCESS, 0, nice); err != nil {
		return restore, fmt.Errorf("priority %d: %w", nice, os.NewSyscallError("setpriority", err))
	}
	unpin := restore
	return func() error {
		return errors.Join(unpin(), unix.Setpriority(unix.PRIO_PROCESS, 0, 0))
	}, nil
}

// Cores returns the cores that this process may run on.
func Cores() []int {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil
	}
	var cores []int
	for cpu := 0; len(cores) < set.Count(); cpu++ {
		if set.IsSet(cpu) {
			cores = append(cores, cpu)
		}
	}
	return cores
}

// PID returns the child's process number.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Mute reports whether the child is another program that answers no requests.
func (p *Process) Mute() bool { return p.mute }

// Call sends a request and decodes its reply; arg and reply may be nil.
func (p *Process) Call(op string, arg, reply any) error {
	return p.CallWithin(patience, op, arg, reply)
}

// CallWithin is Call for requests that take long.
func (p *Process) CallWithin(limit time.Duration, op string, arg, reply any) error {
	if p.mute {
		return fmt.Errorf("%s %s: it takes no requests", p.name, op)
	}
	line := []byte(op)
	if arg != nil {
		text, err := json.Marshal(arg)
		if err != nil {
			return err
		}
		line = append(append(line, ' '), text...)
	}
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("%s %s: %w", p.name, op, p.explain(err))
	}
	if err := p.read(reply, limit); err != nil {
		return fmt.Errorf("%s %s: %w", p.name, op, p.explain(err))
	}
	return nil
}

func (p *Process) read(reply any, limit time.Duration) error {
	if err := p.out.SetReadDeadline(time.Now().Add(limit)); err != nil {
		return err
	}
	line, err := p.lines.ReadBytes('\n')
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("no answer within %v", limit)
	}
	if err != nil {
		return err
	}
	return parseReply(line, reply)
}

// explain adds to err how the child ended, if it did, and what it wrote to its
// standard error.
func (p *Process) explain(err error) error {
	text := err.Error()
	select {
	case <-p.ended:
		text = "the process ended"
		if p.status != nil {
			text += ": " + p.status.Error()
		}
	case <-time.After(200 * time.Millisecond):
	}
	if s := p.Stderr(); s != "" {
		text += "\n" + s
	}
	return errors.New(text)
}

// Stderr returns the end of what the child has written to its standard error.
func (p *Process) Stderr() string { return p.stderr.String() }

// Err returns an error if the child has ended, with the reason.
func (p *Process) Err() error {
	select {
	case <-p.ended:
		return p.explain(errors.New("it ended"))
	default:
		return nil
	}
}

// Stop ends the child and waits for it. A child that was dead already, or that
// ends otherwise than it should, is an error.
func (p *Process) Stop() error {
	if err := p.Err(); err != nil {
		p.kill()
		return fmt.Errorf("%s: %w", p.name, err)
	}
	if p.mute {
		p.kill()
		return nil
	}
	p.in.Close()
	select {
	case <-p.ended:
	case <-time.After(10 * time.Second):
		p.kill()
		return fmt.Errorf("%s: did not end within 10 s of being asked to\n%s", p.name, p.Stderr())
	}
	p.out.Close()
	if p.status != nil {
		return fmt.Errorf("%s: %w", p.name, p.explain(p.status))
	}
	return nil
}

// Kill ends the child at once, whatever it is doing.
func (p *Process) Kill() { p.kill() }

func (p *Process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
	p.in.Close()
	p.out.Close()
}

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const tailSize = 8 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if extra := len(t.text) - tailSize; extra > 0 {
		t.text = bytes.Clone(t.text[extra:])
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.text))
}
