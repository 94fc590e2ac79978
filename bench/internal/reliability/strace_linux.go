package reliability

// System calls of the server that fail, by strace(1), which lets the kernel not
// even begin them.

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Injection is a strace that makes calls of a server fail.
type Injection struct {
	t    *Trial
	s    *Server
	cmd  *exec.Cmd
	log  *os.File
	said chan string
}

// Inject makes system calls of the server fail from now on, by rules of strace's
// option inject. It counts calls by thread.
func (t *Trial) Inject(s *Server, rules ...string) *Injection {
	log, err := os.CreateTemp("", "eddyline-strace-")
	t.Must("strace", err)
	in := &Injection{t: t, s: s, log: log, said: make(chan string, 1)}
	t.Undo(in.Stop)
	calls := map[string]bool{}
	args := []string{"-f", "-o", log.Name(), "-p", fmt.Sprint(s.PID())}
	for _, r := range rules {
		names, _, _ := strings.Cut(r, ":")
		for name := range strings.SplitSeq(names, ",") {
			calls[name] = true
		}
		args = append(args, "-e", "inject="+r)
	}
	args = append(args, "-e", "trace="+strings.Join(slices.Sorted(maps.Keys(calls)), ","))
	in.cmd = exec.Command("strace", args...)
	in.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	t.Must("strace", in.attach())
	return in
}

// attach starts strace and waits until it has the process.
func (in *Injection) attach() error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	in.cmd.Stderr = w
	err = in.cmd.Start()
	w.Close()
	if err != nil {
		r.Close()
		in.cmd = nil
		return err
	}
	if err := r.SetReadDeadline(time.Now().Add(in.t.Patience)); err != nil {
		return err
	}
	lines := bufio.NewReader(r)
	first, err := lines.ReadString('\n')
	_ = r.SetReadDeadline(time.Time{})
	go func() {
		defer r.Close()
		rest, _ := io.ReadAll(lines)
		in.said <- string(rest)
	}()
	if err != nil || !strings.Contains(first, "attached") {
		return errors.Join(err, errors.New(strings.TrimSpace(first)))
	}
	return nil
}

var (
	// failure is a line of strace about a call that it made fail: one for a new socket, or on
	// a descriptor other than the standard ones, over which the server and this program talk.
	failure = regexp.MustCompile(`^(\w+)\((?:AF_|[3-9]|\d\d).*\(INJECTED\)$`)
	// ofThread is a line with the thread that it is about in front.
	ofThread = regexp.MustCompile(`(?m)^(\d+) +(.*)$`)
	// resumed is the second half of a line that another thread's has cut.
	resumed = regexp.MustCompile(`^<\.\.\. \w+ resumed>`)
)

// Failed is how many calls have failed so far because they were made to, by name.
func (in *Injection) Failed() map[string]int {
	text, _ := os.ReadFile(in.log.Name())
	return countFailed(string(text))
}

func countFailed(log string) map[string]int {
	failed, begun := map[string]int{}, map[string]string{} // this one by thread
	for _, m := range ofThread.FindAllStringSubmatch(log, -1) {
		thread, line := m[1], m[2]
		if first, cut := strings.CutSuffix(line, " <unfinished ...>"); cut {
			begun[thread] = first
			continue
		}
		if at := resumed.FindStringIndex(line); at != nil {
			line = begun[thread] + line[at[1]:]
		}
		if call := failure.FindStringSubmatch(line); call != nil {
			failed[call[1]]++
		}
	}
	return failed
}

// Stop ends the injection and lets the server go on; a second call does nothing. The
// server is stopped meanwhile: strace has replaced the number of a call that it makes
// fail, and one that it leaves in the middle of that fails with ENOSYS.
func (in *Injection) Stop() {
	if in.cmd == nil || in.cmd.Process == nil {
		return
	}
	_ = syscall.Kill(in.s.PID(), syscall.SIGSTOP) // unless it has ended
	defer func() { _ = syscall.Kill(in.s.PID(), syscall.SIGCONT) }()
	in.rest()
	in.end(os.Interrupt)
}

// Release is Stop of an injection that only holds calls up. They go on when strace is
// killed; asked to end, it first waits for threads that wait for those it holds.
func (in *Injection) Release() { in.end(os.Kill) }

func (in *Injection) end(sig os.Signal) {
	_ = in.cmd.Process.Signal(sig)
	late := time.AfterFunc(10*time.Second, func() { _ = in.cmd.Process.Kill() })
	_ = in.cmd.Wait()
	late.Stop()
	<-in.said
	in.cmd = nil
	in.log.Close()
	os.Remove(in.log.Name())
}

// rest waits until no thread of the stopped server has run for a while.
func (in *Injection) rest() {
	const quiet = 5
	for seen, last := 0, ""; seen < quiet; {
		now, err := threads(in.s.PID())
		if err != nil || in.t.ctx.Err() != nil {
			return
		}
		if now == last {
			seen++
		} else {
			seen, last = 0, now
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// threads tells of each thread of a process how often it was taken off a processor.
func threads(pid int) (string, error) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil || len(files) == 0 {
		return "", errors.Join(err, fs.ErrNotExist)
	}
	var all strings.Builder
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			continue // it has ended since
		}
		if i := strings.Index(string(text), "voluntary_ctxt_switches"); i >= 0 {
			all.Write(text[i:])
		}
	}
	return all.String(), nil
}
