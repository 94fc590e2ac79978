package subject

// The server's process.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/metrics"

	"golang.org/x/sys/unix"

	"github.com/eddyline/eddyline/bench/internal/child"
)

// The descriptors that a server's process begins with, after the standard ones.
const (
	logFD   = 3 // becomes its standard error
	imageFD = 4
)

// settled is set in the environment of a process that is where it belongs.
const settled = "EDDYLINE_SUBJECT_SETTLED"

// Child returns the role of a server's process: this engine, or one of peers by
// its name.
func Child(peers map[string]Serve) child.Role {
	return func(c *child.Control) error {
		var cfg Config
		if err := c.Config(&cfg); err != nil {
			return err
		}
		if (cfg.NetNS != "" || cfg.Image) && os.Getenv(settled) == "" {
			return move(cfg)
		}
		if err := prepare(cfg); err != nil {
			return err
		}
		return run(c, cfg, peers)
	}
}

// move makes this process the program, in the namespace, that cfg wants. A
// namespace is a matter of one thread, and of all that come after execve(2).
func move(cfg Config) error {
	runtime.LockOSThread()
	if cfg.NetNS != "" {
		ns, err := os.Open(cfg.NetNS)
		if err != nil {
			return err
		}
		if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
			return &os.PathError{Op: "setns", Path: cfg.NetNS, Err: err}
		}
		ns.Close()
	}
	if cfg.Hosts != "" {
		if err := takeNames(cfg.Hosts); err != nil {
			return err
		}
	}
	program := "/proc/self/exe"
	if cfg.Image {
		unix.CloseOnExec(imageFD)
		program = fmt.Sprintf("/proc/self/fd/%d", imageFD)
	}
	err := unix.Exec(program, os.Args, append(os.Environ(), settled+"=1"))
	return os.NewSyscallError("execve", err)
}

// takeNames makes a file this thread's list of names, by a mount that nobody else sees.
func takeNames(hosts string) error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return os.NewSyscallError("unshare", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return os.NewSyscallError("mount", err)
	}
	return os.NewSyscallError("mount", unix.Mount(hosts, "/etc/hosts", "", unix.MS_BIND, ""))
}

// prepare moves the log to where the parent reads it and sets the limit.
func prepare(cfg Config) error {
	if err := unix.Dup3(logFD, 2, 0); err != nil {
		return os.NewSyscallError("dup3", err)
	}
	if err := unix.Close(logFD); err != nil {
		return os.NewSyscallError("close", err)
	}
	if cfg.Files == 0 {
		return nil
	}
	return limitFiles(cfg.Files)
}

// limitFiles sets the limit of descriptors and leaves the hard one.
func limitFiles(n uint64) error {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		return os.NewSyscallError("getrlimit", err)
	}
	l.Cur = n
	return os.NewSyscallError("setrlimit", unix.Setrlimit(unix.RLIMIT_NOFILE, &l))
}

// run serves and answers until the parent has no more requests.
func run(c *child.Control, cfg Config, peers map[string]Serve) error {
	s := &server{ended: make(chan struct{})}
	serve, known := peers[cfg.Server]
	if cfg.Server == Own {
		s.own = newEngine(cfg)
		serve, known = s.own.serve, true
	}
	if !known {
		return fmt.Errorf("no server %q", cfg.Server)
	}
	addr := cfg.Addr
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	before, err := account()
	if err != nil {
		return err
	}
	at := make(chan string, 1)
	go func() {
		s.err = serve(ctx, addr, func(addr string) { at <- addr })
		close(s.ended)
	}()
	select {
	case <-s.ended:
		return errors.Join(s.err, errors.New("the server ended before it listened"))
	case addr := <-at:
		if err := c.Reply(ready{addr, before}); err != nil {
			return err
		}
	}
	if err := s.answer(c); err != nil {
		return err
	}
	cancel()
	<-s.ended
	return s.err
}

// server is what runs in the process.
type server struct {
	own    *engine // nil for peers
	ended  chan struct{}
	err    error         // valid when ended is closed
	forked <-chan forked // by the last fork
}

// answer serves requests until there are no more.
func (s *server) answer(c *child.Control) error {
	for {
		op, arg, err := c.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		reply, err := s.do(op, arg)
		if err != nil {
			err = c.Fail(err)
		} else {
			err = c.Reply(reply)
		}
		if err != nil {
			return err
		}
	}
}

func (s *server) do(op string, arg []byte) (any, error) {
	switch op {
	case "mark":
		return s.mark(), nil
	case "exec":
		return inherited(arg)
	case "fork":
		s.forked = fork()
		return struct{}{}, nil
	case "forked":
		f := <-s.forked
		return f.found, f.err
	}
	if s.own == nil {
		return nil, fmt.Errorf("%s: only for %s", op, Own)
	}
	return s.own.do(op, arg)
}

func (s *server) mark() Mark {
	m := Mark{Goroutines: runtime.NumGoroutine(), Memory: debug.SetMemoryLimit(-1), CPU: processor()}
	select {
	case <-s.ended:
		m.Ended = true
		m.Err = fmt.Sprint(s.err)
	default:
	}
	if s.own != nil {
		m.Report = s.own.report()
	}
	return m
}

// account is what this process has. The pipe makes the runtime make what it keeps to
// wait for descriptors, and that is none of the engine's.
func account() (b Before, err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return b, err
	}
	r.Close()
	w.Close()
	open, err := descriptors()
	return Before{len(open), runtime.NumGoroutine()}, err
}

// descriptors are those that this process has, each with what it is.
func descriptors() ([]string, error) {
	const dir = "/proc/self/fd"
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var open []string
	for _, e := range entries {
		// That of the list itself is gone by now.
		if what, err := os.Readlink(filepath.Join(dir, e.Name())); err == nil {
			open = append(open, e.Name()+" "+what)
		}
	}
	return open, nil
}

// processor is what the runtime says of processor time.
func processor() CPU {
	m := []metrics.Sample{{Name: "/cpu/classes/total:cpu-seconds"}, {Name: "/cpu/classes/gc/total:cpu-seconds"}}
	metrics.Read(m)
	return CPU{m[0].Value.Float64(), m[1].Value.Float64()}
}

// decode reads the argument of a request.
func decode[T any](arg []byte) (v T, err error) {
	err = json.Unmarshal(arg, &v)
	return v, err
}
