package external

// Counting the system calls of a running process.

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// attachTime is how long strace may take to attach, or to detach and report.
const attachTime = 10 * time.Second

// Trace is a count of system calls under way.
type Trace struct {
	cmd    *exec.Cmd
	cancel context.CancelFunc
	report string
	said   <-chan string // the rest of its standard error, when that has ended
}

// Attach begins to count the calls of all threads of a process.
func Attach(ctx context.Context, pid int) (*Trace, error) {
	f, err := os.CreateTemp("", "eddyline-strace-")
	if err != nil {
		return nil, err
	}
	f.Close()
	ctx, cancel := context.WithCancel(ctx)
	t := &Trace{cancel: cancel, report: f.Name()}
	t.cmd = exec.CommandContext(ctx, StraceName, "-f", "-c", "-o", t.report, "-p", fmt.Sprint(pid))
	t.cmd.SysProcAttr = ownSession()
	if err := t.attach(); err != nil {
		t.end()
		return nil, fmt.Errorf("strace: %w", err)
	}
	return t, nil
}

// attach starts strace and waits until it says that it has the process.
func (t *Trace) attach() error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	t.cmd.Stderr = w
	err = t.cmd.Start()
	w.Close()
	if err != nil {
		r.Close()
		return err
	}
	// Should it never say anything, the time limit ends it and with it the line.
	timer := time.AfterFunc(attachTime, t.cancel)
	lines := bufio.NewReader(r)
	first, err := lines.ReadString('\n')
	timer.Stop()
	rest := make(chan string, 1)
	t.said = rest
	go func() {
		defer r.Close()
		text, _ := io.ReadAll(lines)
		rest <- string(text)
	}()
	if err != nil || !strings.Contains(first, "attached") || strings.Contains(first, "not permitted") {
		t.cancel()
		_ = t.cmd.Wait()
		return errors.New(tail(first + <-rest))
	}
	return nil
}

// Stop ends the count and returns the calls.
func (t *Trace) Stop() (calls uint64, err error) {
	defer t.end()
	if err := t.cmd.Process.Signal(os.Interrupt); err != nil {
		return 0, errors.Join(fmt.Errorf("strace: %w", err), t.cmd.Wait())
	}
	timer := time.AfterFunc(attachTime, t.cancel)
	// It ends with the signal that ended it; the report tells whether it worked.
	_ = t.cmd.Wait()
	timer.Stop()
	said := <-t.said
	text, err := os.ReadFile(t.report)
	if err != nil {
		return 0, err
	}
	calls, err = parseStrace(text)
	if err != nil {
		return 0, fmt.Errorf("%w\n%s", err, tail(said))
	}
	return calls, nil
}

func (t *Trace) end() {
	t.cancel()
	os.Remove(t.report)
}
