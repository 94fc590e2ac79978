package main

// The program run as its user runs it: the tests start their own binary, which
// then is the program.

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
)

const asProgram = "ECHO_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(run(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// program is the program under way.
type program struct {
	t      *testing.T
	cmd    *exec.Cmd
	lines  *bufio.Scanner
	seen   strings.Builder // of the standard output
	errors bytes.Buffer    // the standard error
}

// start starts the program with these arguments, through a command if any is
// given in front of them.
func start(t *testing.T, args ...string) *program {
	t.Helper()
	return startCommand(t, append([]string{self(t)}, args...)...)
}

func self(t *testing.T) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return exe
}

func startCommand(t *testing.T, command ...string) *program {
	t.Helper()
	ctx := t.Context()
	if end, ok := t.Deadline(); ok {
		// The test's end would leave the process behind.
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, end)
		t.Cleanup(cancel)
	}
	p := &program{t: t, cmd: exec.CommandContext(ctx, command[0], command[1:]...)}
	p.cmd.Env = append(os.Environ(), asProgram+"=1")
	p.cmd.Stderr = &p.errors
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.lines = bufio.NewScanner(out)
	return p
}

// line returns what follows prefix in the next line that begins with it.
func (p *program) line(prefix string) string {
	p.t.Helper()
	for p.lines.Scan() {
		p.seen.WriteString(p.lines.Text() + "\n")
		if rest, ok := strings.CutPrefix(p.lines.Text(), prefix); ok {
			return rest
		}
	}
	err := p.cmd.Wait()
	p.t.Fatalf("no line begins with %q:\n%s%s%v", prefix, &p.seen, &p.errors, err)
	return ""
}

func (p *program) signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// wait waits for the end and returns the standard output and the exit status.
func (p *program) wait() (out string, status int) {
	for p.lines.Scan() {
		p.seen.WriteString(p.lines.Text() + "\n")
	}
	_ = p.cmd.Wait() // the state tells it too
	return p.seen.String(), p.cmd.ProcessState.ExitCode()
}

// expect waits for the end, and wants that status and texts on standard output
// and standard error together.
func (p *program) expect(status int, texts ...string) {
	p.t.Helper()
	out, got := p.wait()
	out += p.errors.String()
	if got != status {
		p.t.Errorf("exit status is %d, want %d", got, status)
	}
	for _, text := range texts {
		if !strings.Contains(out, text) {
			p.t.Errorf("want %q", text)
		}
	}
	if p.t.Failed() {
		p.t.Logf("it said:\n%s", out)
	}
}
