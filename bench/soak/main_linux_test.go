package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/eddyline/eddyline/bench/internal/child"
	"github.com/eddyline/eddyline/bench/internal/harness"
	"github.com/eddyline/eddyline/bench/internal/soak"
)

// The test's own program plays the server.
func TestMain(m *testing.M) {
	if child.Dispatch(soak.Roles) {
		return
	}
	os.Exit(m.Run())
}

var soakSeed = flag.Uint64("soak.seed", 7, "seed of TestSoak")

// Three seconds of everything: nothing is lost, nothing is too much, and all comes
// back.
func TestSoak(t *testing.T) {
	var out bytes.Buffer
	dir := t.TempDir()
	status := run(t.Context(), &options{Config: soak.Config{For: 3 * time.Second, Seed: *soakSeed, Conns: 40, Faults: true}, out: dir}, &out, os.Stderr)
	if status != 0 {
		t.Fatalf("status %d:\n%s", status, out.String())
	}
	replay := fmt.Sprintf("-for 3s -seed %d -conns 40 -faults=true", *soakSeed)
	for _, want := range []string{replay, "accept too many open files", "bounded", "slow reader", "hand-over", "dial to itself", "descriptors", "SIGSTOP", "back", "p99, times the control's"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report does not have %q:\n%s", want, out.String())
		}
	}
	if r := saved(t, dir); len(r.Samples) == 0 || r.Config.Seed != *soakSeed {
		t.Errorf("%d samples, %+v", len(r.Samples), r.Config)
	}
}

// An interrupt ends the load early and judges what there is.
func TestAnInterruptedRunIsJudged(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	dir := t.TempDir()
	o := &options{Config: soak.Config{For: time.Hour, Seed: 7, Conns: 10, Step: after(3, cancel)}, out: dir}
	var out bytes.Buffer
	if status := run(ctx, o, &out, os.Stderr); status != harness.Interrupted {
		t.Errorf("status %d, want %d:\n%s", status, harness.Interrupted, out.String())
	}
	if r := saved(t, dir); len(r.Samples) < 3 || r.Ended == "" || r.Final == nil {
		t.Errorf("%d samples, ended %q, at its end %+v", len(r.Samples), r.Ended, r.Final)
	}
}

// after calls f at the count-th sample.
func after(count int, f func()) func(soak.Sample) {
	return func(soak.Sample) {
		if count--; count == 0 {
			f()
		}
	}
}

// saved is the run in dir, which has its charts too.
func saved(t *testing.T, dir string) *soak.Result {
	t.Helper()
	if charts, _ := filepath.Glob(dir + "/*.svg"); len(charts) != 4 {
		t.Errorf("charts: %q", charts)
	}
	d, err := soak.Load(filepath.Join(dir, "results.json"))
	if err != nil {
		t.Fatal(err)
	}
	return d.Result
}

// A server that dies takes nothing with it of what was seen until then.
func TestWhatWasSeenOutlivesTheServer(t *testing.T) {
	dir := t.TempDir()
	o := &options{Config: soak.Config{For: time.Hour, Seed: 7, Conns: 10, Step: after(3, func() { kill(t, "soak") })}, out: dir}
	var out bytes.Buffer
	if status := run(t.Context(), o, &out, os.Stderr); status != harness.Failed {
		t.Errorf("status %d, want %d", status, harness.Failed)
	}
	for _, want := range []string{"ENDED before its time", "signal: killed", "go run ./bench/soak -for 1h0m0s -seed 7 -conns 10", "echo", "goroutines"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report does not have %q:\n%s", want, out.String())
		}
	}
	r := saved(t, dir)
	if len(r.Samples) < 3 || r.Actions[0].Done == 0 || !strings.Contains(r.Ended, "signal: killed") || r.Final != nil || r.Passed() {
		t.Errorf("%d samples, %+v, ended %q, at its end %+v, passed %v", len(r.Samples), r.Actions[0], r.Ended, r.Final, r.Passed())
	}
}

// Without the control there is no latency to speak of.
func TestARunWithoutItsControlFails(t *testing.T) {
	o := &options{Config: soak.Config{For: 2 * time.Second, Seed: 7, Conns: 10, Step: after(3, func() { kill(t, "soak-control") })}, out: t.TempDir()}
	var out bytes.Buffer
	if status := run(t.Context(), o, &out, os.Stderr); status != harness.Failed || !strings.Contains(out.String(), "LOST: probe of the control") {
		t.Errorf("status %d, want %d:\n%s", status, harness.Failed, out.String())
	}
}

// kill ends the child of this process that has the role.
func kill(t *testing.T, role string) {
	t.Helper()
	parent := fmt.Sprintf("\nPPid:\t%d\n", os.Getpid())
	processes, _ := filepath.Glob("/proc/[0-9]*")
	for _, p := range processes {
		status, _ := os.ReadFile(p + "/status")
		environment, _ := os.ReadFile(p + "/environ")
		if !strings.Contains(string(status), parent) || !slices.Contains(strings.Split(string(environment), "\x00"), "EDDYLINE_BENCH_ROLE="+role) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(p))
		if err == nil {
			err = syscall.Kill(pid, syscall.SIGKILL)
		}
		if err != nil {
			t.Error(err)
		}
		return
	}
	t.Errorf("no child with role %q", role)
}

// A saved run is told and drawn again as it was.
func TestASavedRunIsShownAgain(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	var out, again bytes.Buffer
	if status := run(t.Context(), &options{Config: soak.Config{For: 2 * time.Second, Seed: 7, Conns: 10}, out: first}, &out, os.Stderr); status != 0 {
		t.Fatalf("status %d:\n%s", status, out.String())
	}
	if status := run(t.Context(), &options{from: filepath.Join(first, "results.json"), out: second}, &again, os.Stderr); status != 0 {
		t.Fatalf("status %d:\n%s", status, again.String())
	}
	_, told, _ := strings.Cut(out.String(), "\n") // which seed it is comes first
	if told = strings.ReplaceAll(told, first, second); told != again.String() {
		t.Errorf("told:\n%s\nand again:\n%s", told, again.String())
	}
	saved(t, second)
	if status := run(t.Context(), &options{from: second, out: second}, &again, os.Stderr); status != harness.Failed {
		t.Errorf("a directory instead of a file: status %d", status)
	}
}

func TestFlags(t *testing.T) {
	var out bytes.Buffer
	o, err := parse([]string{"-for", "2m", "-conns", "7"}, &out)
	if err != nil || o.For != 2*time.Minute || o.Conns != 7 || o.Seed == 0 || !o.Faults {
		t.Errorf("%+v, %v", o, err)
	}
	if o, _ := parse([]string{"-seed", "99"}, &out); o == nil || o.Seed != 99 {
		t.Errorf("%+v", o)
	}
	if _, err := parse([]string{"-h"}, &out); !errors.Is(err, flag.ErrHelp) || !strings.Contains(out.String(), "Exit status") {
		t.Errorf("%v, %s", err, out.String())
	}
	for _, wrong := range [][]string{{"-for", "1ms"}, {"-for", "x"}, {"-conns", "0"}, {"-conns", "99999"}, {"soak"}} {
		if _, err := parse(wrong, &out); err == nil {
			t.Errorf("%q passed", wrong)
		}
	}
}
