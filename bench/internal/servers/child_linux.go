package servers

// A server as a child process.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/eddyline/eddyline/bench/internal/child"
	"github.com/eddyline/eddyline/bench/internal/workload"
)

// Role is the name under which a program offers Child to package child.
const Role = "server"

// spec is the configuration of a server's process.
type spec struct {
	Server   string            `json:"server"`
	Protocol workload.Protocol `json:"protocol"`
	Addr     string            `json:"addr"`
}

// imageFD is the descriptor of the program that a server's process becomes, where
// it becomes one: the first after the standard ones.
const imageFD = 3

// address is a server's first reply: where it listens.
type address struct {
	Addr string `json:"addr"`
}

// Mark is a server's account of itself at one moment.
type Mark struct {
	Mallocs uint64 `json:"mallocs"` // objects allocated since the process began
	UserNS  int64  `json:"user_ns"` // processor time in user mode, from getrusage(2)
	SysNS   int64  `json:"sys_ns"`  // processor time in the kernel
	GCs     uint32 `json:"gcs"`
	Heap    uint64 `json:"heap"` // bytes of live and not yet swept objects
}

// Running is a server in its own process.
type Running struct {
	*child.Process
	Addr   string
	remove func() error
}

// Start starts s serving p on a free port of 127.0.0.1, on core cpu with priority
// nice, with env added to the environment.
func Start(s Server, p workload.Protocol, cpu, nice int, env []string) (*Running, error) {
	if err := s.check(p); err != nil {
		return nil, fmt.Errorf("start %s: %w", s.Name, err)
	}
	o := child.Options{
		Name:   s.Name,
		Role:   Role,
		Config: spec{s.Name, p, "127.0.0.1:0"},
		CPU:    cpu,
		Nice:   nice,
		Env:    env,
	}
	remove := func() error { return nil }
	if s.Command != nil {
		argv, undo, err := s.Command()
		if err != nil {
			return nil, fmt.Errorf("start %s: %w", s.Name, err)
		}
		o.Role, o.Config, o.Command, remove = "", nil, argv, undo
	}
	if s.Image != nil {
		image, err := s.Image()
		if err != nil {
			return nil, fmt.Errorf("start %s: %w", s.Name, err)
		}
		o.Extra = []*os.File{image}
	}
	var ready address
	process, err := child.Start(o, &ready)
	if err != nil {
		return nil, errors.Join(err, remove())
	}
	return &Running{process, ready.Addr, remove}, nil
}

// Mark asks the server for its account; of a program of its own the kernel tells
// the processor time, and nobody the rest.
func (r *Running) Mark() (Mark, error) {
	var m Mark
	if r.Mute() {
		user, system, err := r.Times()
		return Mark{UserNS: user.Nanoseconds(), SysNS: system.Nanoseconds()}, err
	}
	err := r.Call("mark", nil, &m)
	return m, err
}

// Settle makes the server collect its garbage and return what is free.
func (r *Running) Settle() error {
	if r.Mute() {
		return nil
	}
	return r.Call("settle", nil, nil)
}

// StartProfile begins a CPU profile of the server in file.
func (r *Running) StartProfile(file string) error { return r.Call("profile", file, nil) }

// StopProfile ends the profile and completes its file.
func (r *Running) StopProfile() error { return r.Call("profiled", nil, nil) }

// Stop ends the server.
func (r *Running) Stop() error { return errors.Join(r.Process.Stop(), r.remove()) }

// Kill ends the server whatever it is doing.
func (r *Running) Kill() error {
	r.Process.Kill()
	return r.remove()
}

// Child returns the role of a server's process, which runs one of list.
func Child(list []Server) child.Role {
	return func(c *child.Control) error { return serve(c, list) }
}

func serve(c *child.Control, list []Server) error {
	var sp spec
	if err := c.Config(&sp); err != nil {
		return err
	}
	found, err := Find(list, []string{sp.Server})
	if err != nil {
		return err
	}
	if found[0].Image != nil {
		return become()
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	served := make(chan error, 1)
	ready := make(chan string, 1)
	go func() { served <- found[0].Serve(ctx, sp.Protocol, sp.Addr, func(addr string) { ready <- addr }) }()
	select {
	case err := <-served:
		return errors.Join(err, errors.New("the server ended before it listened"))
	case addr := <-ready:
		if err := c.Reply(address{addr}); err != nil {
			return err
		}
	}
	asked := make(chan error, 1)
	go func() { asked <- answer(c) }()
	select {
	case err := <-served:
		return errors.Join(err, errors.New("the server ended by itself"))
	case err := <-asked:
		cancel()
		return errors.Join(err, <-served)
	}
}

// become makes this process the program that its parent has built, which plays the
// same role with the same configuration.
func become() error {
	unix.CloseOnExec(imageFD)
	err := unix.Exec(fmt.Sprintf("/proc/self/fd/%d", imageFD), os.Args, os.Environ())
	return os.NewSyscallError("execve", err)
}

// answer serves requests until there are no more.
func answer(c *child.Control) error {
	a := answerer{line: make([]byte, 0, 256)}
	for {
		op, arg, err := c.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		line, err := a.answer(op, arg)
		if err != nil {
			err = c.Fail(err)
		} else {
			err = c.ReplyLine(line)
		}
		if err != nil {
			return err
		}
	}
}

// answerer answers requests without allocating where that would be counted
// among the server's own allocations.
type answerer struct {
	line    []byte
	mem     runtime.MemStats
	profile *os.File
}

func (a *answerer) answer(op string, arg []byte) ([]byte, error) {
	switch op {
	case "mark":
		return a.mark()
	case "settle":
		runtime.GC()
		debug.FreeOSMemory()
	case "profile":
		return []byte("{}\n"), a.startProfile(arg)
	case "profiled":
		pprof.StopCPUProfile()
		return []byte("{}\n"), a.profile.Close()
	default:
		return nil, fmt.Errorf("unknown request %q", op)
	}
	return []byte("{}\n"), nil
}

func (a *answerer) mark() ([]byte, error) {
	runtime.ReadMemStats(&a.mem)
	var ru unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &ru); err != nil {
		return nil, os.NewSyscallError("getrusage", err)
	}
	b := append(a.line[:0], `{"mallocs":`...)
	b = strconv.AppendUint(b, a.mem.Mallocs, 10)
	b = append(b, `,"user_ns":`...)
	b = strconv.AppendInt(b, ru.Utime.Nano(), 10)
	b = append(b, `,"sys_ns":`...)
	b = strconv.AppendInt(b, ru.Stime.Nano(), 10)
	b = append(b, `,"gcs":`...)
	b = strconv.AppendUint(b, uint64(a.mem.NumGC), 10)
	b = append(b, `,"heap":`...)
	b = strconv.AppendUint(b, a.mem.HeapAlloc, 10)
	return append(b, "}\n"...), nil
}

func (a *answerer) startProfile(arg []byte) error {
	var name string
	if err := json.Unmarshal(arg, &name); err != nil {
		return fmt.Errorf("profile: %w", err)
	}
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	a.profile = file
	return pprof.StartCPUProfile(file)
}
