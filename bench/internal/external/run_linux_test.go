package external

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// anywhere is no particular core.
var anywhere = Place{CPU: -1}

func TestRunReturnsWhatAProgramSaid(t *testing.T) {
	got, err := anywhere.run(t.Context(), time.Minute, "sh", []string{"-c", "echo $1", "sh", "two words"})
	if err != nil || string(got.out) != "two words\n" || got.busy < 0 {
		t.Errorf("%q, %v, busy %v", got.out, err, got.busy)
	}
}

func TestRunTellsTheProcessorTimeOfTheProgram(t *testing.T) {
	got, err := anywhere.run(t.Context(), time.Minute, "sh", []string{"-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done"})
	if err != nil || got.used <= 0 || got.busy <= 0 {
		t.Errorf("used %v, busy %v, %v", got.used, got.busy, err)
	}
}

func TestRunPlacesTheProgramBeforeItBegins(t *testing.T) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		t.Fatal(err)
	}
	cpu := 0
	for !set.IsSet(cpu) {
		cpu++
	}
	got, err := Place{CPU: cpu, Nice: 5}.run(t.Context(), time.Minute, "sh", []string{"-c", "nice; nproc"})
	if err != nil || string(got.out) != "5\n1\n" {
		t.Errorf("priority and cores %q, %v", got.out, err)
	}
}

func TestFailuresSayWhatTheProgramSaid(t *testing.T) {
	for _, tt := range []struct {
		name, program string
		args          []string
		limit         time.Duration
		want          string
	}{
		{"status", "sh", []string{"-c", "echo no luck >&2; exit 3"}, time.Minute, "no luck"},
		{"hangs", "sleep", []string{"60"}, 20 * time.Millisecond, "did not end within 20ms"},
		{"missing", "no-such-program-here", nil, time.Minute, "no-such-program-here"},
	} {
		if _, err := anywhere.run(t.Context(), tt.limit, tt.program, tt.args); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q in it", tt.name, err, tt.want)
		}
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := anywhere.run(ctx, time.Minute, "sleep", []string{"60"}); err == nil {
		t.Error("no error")
	}
}

// redis-benchmark counts milliseconds: what prepares a GET may take none, and then has no
// rate to report.
func TestAPreparationTooShortToMeasureIsNoFailure(t *testing.T) {
	dir := t.TempDir()
	report, err := filepath.Abs("testdata/redis-benchmark-7.0.txt")
	if err != nil {
		t.Fatal(err)
	}
	script := `#!/bin/sh
case "$*" in
*"-t set"*) echo "50 requests completed in 0.00 seconds"; echo "throughput summary: inf requests per second" ;;
*) cat ` + report + ` ;;
esac
`
	if err := os.WriteFile(filepath.Join(dir, RedisBenchmarkName), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	begun := false
	r, err := RedisBenchmark("GET", 50, 64, 1)(t.Context(), anywhere, "127.0.0.1:1", time.Second, func() error {
		begun = true
		return nil
	})
	if err != nil || r.Requests == 0 || !begun {
		t.Errorf("%+v, %v", r, err)
	}
}

// A process that makes system calls is counted where strace is installed and
// allowed; elsewhere there is a reason.
func TestTraceCountsOrSaysWhyNot(t *testing.T) {
	// Each byte is read and written again.
	busy := exec.Command("cat")
	in, err := busy.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := busy.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := busy.Start(); err != nil {
		t.Fatal(err)
	}
	defer busy.Wait()
	defer in.Close()
	trace, err := Attach(t.Context(), busy.Process.Pid)
	if err != nil {
		if !strings.Contains(err.Error(), "strace: ") || len(err.Error()) < 12 {
			t.Errorf("error %q says nothing", err)
		}
		return
	}
	const n = 20
	for range n {
		p := []byte("x")
		if _, err := in.Write(p); err != nil {
			t.Fatal(err)
		}
		if _, err := out.Read(p); err != nil {
			t.Fatal(err)
		}
	}
	calls, err := trace.Stop()
	// The first read may have begun before the count, the last write may end after it.
	if err != nil || calls < 2*n-2 || calls > 4*n {
		t.Errorf("%d calls, %v; want 2 for each of %d bytes", calls, err, n)
	}
	if _, err := os.Stat(trace.report); !os.IsNotExist(err) {
		t.Errorf("the report is still there: %v", err)
	}
}

func TestTraceOfNobody(t *testing.T) {
	if _, err := Attach(t.Context(), 1<<30); err == nil || !strings.Contains(err.Error(), "strace") {
		t.Errorf("error %v", err)
	}
}

// What is installed tells its version, and no server is left of asking.
func TestVersions(t *testing.T) {
	for _, p := range Programs {
		if got := p.Version(); (got != "") != Installed(p.Name) {
			t.Errorf("%s is of version %q, installed %v", p.Name, got, Installed(p.Name))
		}
	}
	if got := Version("no-such-program-here"); got != "" {
		t.Errorf("version %q of nothing", got)
	}
}
