package main

import (
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/eddyline/eddyline/bench/internal/child"
	"github.com/eddyline/eddyline/bench/internal/reliability"
	"github.com/eddyline/eddyline/bench/internal/reliability/subject"
)

func TestMain(m *testing.M) {
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
	if status := run(t.Context(), o, &out, os.Stderr); status != exitFailed || !strings.Contains(out.String(), "apt-get install strace") {
		t.Errorf("status %d\n%s", status, out.String())
	}
}
