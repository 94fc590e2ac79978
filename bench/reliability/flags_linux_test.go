package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/eddyline/eddyline/bench/internal/child"
	"github.com/eddyline/eddyline/bench/internal/harness"
	"github.com/eddyline/eddyline/bench/internal/reliability"
	"github.com/eddyline/eddyline/bench/internal/reliability/subject"
)

// asCommand is set in the environment of a process that is to be the command itself.
const asCommand = "EDDYLINE_TEST_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		os.Unsetenv(asCommand) // its servers are none
		main()
		return
	}
	if child.Dispatch(map[string]child.Role{subject.Role: subject.Child(peers())}) {
		return
	}
	// A program with the race detector otherwise sleeps for a second at its end.
	os.Setenv("GORACE", "atexit_sleep_ms=0")
	os.Exit(m.Run())
}

func TestFlags(t *testing.T) {
	o, err := parse([]string{"-rows", "reset-*,emfile", "-servers", "gnet,eddyline", "-short"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(o.rows); n < 3 || o.rows[n-1].Name != "emfile" || !slices.Equal(o.servers, []string{"gnet", "eddyline"}) || !o.short {
		t.Errorf("%+v", o)
	}
	twice, err := parse([]string{"-rows", "emfile,emfile,reset-idle,reset-*"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]int{}
	for _, r := range twice.rows {
		if named[r.Name]++; named[r.Name] > 1 {
			t.Errorf("%s is run twice", r.Name)
		}
	}
	if len(named) < 3 {
		t.Errorf("%d rows", len(named))
	}
	all, err := parse(nil, io.Discard)
	if err != nil || len(all.rows) != len(reliability.Rows()) || !slices.Equal(all.servers, []string{subject.Own}) {
		t.Errorf("without flags: %d rows, servers %v, error %v", len(all.rows), all.servers, err)
	}
}

func TestWrongFlagsSayWhat(t *testing.T) {
	for _, tt := range []struct{ flags, want string }{
		{"-rows no-such-row", "no-such-row"},
		{"-servers apache", "apache"},
		{"-servers gnet,gnet", "twice"},
		{"-patience 0", "-patience"},
		{"more", "more"},
	} {
		var said strings.Builder
		if _, err := parse(strings.Fields(tt.flags), &said); err == nil || !strings.Contains(said.String(), tt.want) {
			t.Errorf("%s: error %v, said %q; want %q in it", tt.flags, err, said.String(), tt.want)
		}
	}
}

func TestHelpTeaches(t *testing.T) {
	var said strings.Builder
	if _, err := parse([]string{"-h"}, &said); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("error %v", err)
	}
	for _, want := range []string{"-list", "-out", "lost data", "Exit status"} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("the help has no %q", want)
		}
	}
}

// A row runs on every server, and the files say so.
func TestARunWritesItsTable(t *testing.T) {
	dir := t.TempDir()
	o, err := parse([]string{"-rows", "reset-idle", "-servers", strings.Join(known(), ","), "-short", "-out", dir}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if status := run(t.Context(), o, &out, os.Stderr); status != 0 {
		t.Errorf("status %d\n%s", status, out.String())
	}
	table, err := os.ReadFile(filepath.Join(dir, "table.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range append(known(), "reset-idle", "held") {
		if !strings.Contains(string(table), want) {
			t.Errorf("no %q in the table\n%s", want, table)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "results.json")); err != nil {
		t.Error(err)
	}
}

// What does not hold for this engine makes the exit status 1.
func TestAFailureIsTheExitStatus(t *testing.T) {
	o, err := parse([]string{"-rows", "accept-EMFILE", "-short"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", t.TempDir()) // no strace
	var out strings.Builder
	if status := run(t.Context(), o, &out, os.Stderr); status != harness.Failed || !strings.Contains(out.String(), "apt-get install strace") {
		t.Errorf("status %d\n%s", status, out.String())
	}
}

// One interrupt ends the row that is under way and tells what is finished.
func TestAnInterruptEndsTheCommand(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-rows", "sigstop", "-patience", "1h")
	cmd.Env = append(os.Environ(), asCommand+"=1")
	var out strings.Builder
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // its status tells
	}()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for !stopped(cmd.Process.Pid) {
		select {
		case <-ended:
			t.Fatalf("it ended before the row had begun: %v\n%s", cmd.ProcessState, out.String())
		case <-look.C:
		}
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	<-ended
	if status := cmd.ProcessState.ExitCode(); status != harness.Interrupted || !strings.Contains(out.String(), "outcome") {
		t.Errorf("status %d\n%s", status, out.String())
	}
}

// stopped reports whether a process that pid has started is stopped by a signal.
func stopped(pid int) bool {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid)) // the pattern is well-formed
	for _, thread := range threads {
		children, _ := os.ReadFile(thread) // a thread may have ended
		for child := range strings.FieldsSeq(string(children)) {
			stat, _ := os.ReadFile("/proc/" + child + "/stat")
			if strings.Contains(string(stat), ") T ") {
				return true
			}
		}
	}
	return false
}
