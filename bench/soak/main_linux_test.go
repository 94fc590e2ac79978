package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
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
	for _, want := range []string{replay, "accept too many open files", "bounded", "slow reader", "hand-over", "dial to itself", "descriptors", "SIGSTOP", "back", "p99 in the control's"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report does not have %q:\n%s", want, out.String())
		}
	}
	if charts, _ := filepath.Glob(dir + "/*.svg"); len(charts) != 4 {
		t.Errorf("charts: %q", charts)
	}
}

// An interrupt ends the load early and judges what there is.
func TestAnInterruptedRunIsJudged(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	samples := 0
	o := &options{Config: soak.Config{For: time.Hour, Seed: 7, Conns: 10, Step: func(soak.Sample) {
		if samples++; samples == 3 {
			cancel()
		}
	}}, out: t.TempDir()}
	var out bytes.Buffer
	if status := run(ctx, o, &out, os.Stderr); status != harness.Interrupted {
		t.Errorf("status %d, want %d:\n%s", status, harness.Interrupted, out.String())
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
