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
	"strings"
	"sync"
	"syscall"
	"time"
)

// patience is how long a child may take to answer unless a request says
// otherwise.
const patience = 30 * time.Second

// Options tell how a child is started.
type Options struct {
	Name    string     // for messages
	Role    string     // the role of the program; "" when Command is another program
	Program *os.File   // the program that has the role; nil is this one
	Config  any        // the role's configuration
	CPU     int        // the core it is pinned to, before its first instruction; negative: none
	Nice    int        // its priority, as for nice(1); negative ones are granted to root only
	Env     []string   // added to the environment
	Extra   []*os.File // descriptors 3 and up in the child

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
	if err := FavourGroup(p.PID(), o.Nice); err != nil {
		p.kill()
		return nil, err
	}
	return p, nil
}

func command(o Options) (*exec.Cmd, error) {
	program, err := program(o)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program[0], program[1:]...)
	config, err := json.Marshal(o.Config)
	if err != nil {
		return nil, err
	}
	cmd.Env = append(os.Environ(), roleVar+"="+o.Role, configVar+"="+string(config))
	cmd.Env = append(cmd.Env, o.Env...)
	cmd.ExtraFiles = o.Extra
	// A session of its own keeps the terminal's interrupt from the children: the
	// parent ends them when it has collected what is finished. It also makes them a
	// scheduling group of their own, see FavourGroup.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	return cmd, nil
}

// program is what is run, with its arguments.
func program(o Options) ([]string, error) {
	if len(o.Command) > 0 {
		return o.Command, nil
	}
	if o.Program != nil {
		// By this process's descriptor, since the file may have no name.
		return []string{fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), o.Program.Fd())}, nil
	}
	self, err := os.Executable()
	return []string{self}, err
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
