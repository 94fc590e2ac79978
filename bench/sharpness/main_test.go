package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/eddyline/eddyline/bench/internal/harness"
	"github.com/eddyline/eddyline/bench/internal/sharpness"
)

func TestFlags(t *testing.T) {
	for args, want := range map[string]string{
		"-seeds 0":        "-seeds 0: one is the least",
		"-only (":         "-only: error parsing regexp",
		"-only nonesuch":  "no breakage is called so",
		"another":         `unexpected argument "another"`,
		"-no-such-option": "flag provided but not defined",
	} {
		var said bytes.Buffer
		if _, err := parse(strings.Fields(args), &said); err == nil || !strings.Contains(said.String(), want) {
			t.Errorf("%s: %v, said %q, want %q", args, err, said.String(), want)
		}
	}
}

func TestOutcomesAreShown(t *testing.T) {
	done := []sharpness.Outcome{
		{Breakage: sharpness.Breakage{Name: "one", Clause: "C1"}, By: "7", Words: strings.Repeat("ü", 2*longest)},
		{Breakage: sharpness.Breakage{Name: "two", Clause: "C2", Missed: "it is late"}},
		{Breakage: sharpness.Breakage{Name: "three", Clause: "C3"}},
	}
	for _, o := range []struct {
		options
		want []string
	}{
		{options{seeds: 9}, []string{"first seed", "1 of 3 breakages noticed within 9 seeds"}},
		{options{seeds: 9, markdown: true}, []string{"| first seed |", "1 of 3 breakages noticed within 9 seeds"}},
		{options{table: true}, []string{"row", "1 of 3 breakages noticed by the fault table"}},
	} {
		var out bytes.Buffer
		tell(&out, done, &o.options)
		for _, want := range append(o.want, "7", strings.Repeat("ü", longest)+"…", "not noticed: it is late", "NOT NOTICED") {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%+v: %q is not in\n%s", o.options, want, out.String())
			}
		}
	}
}

func TestTheListNamesEveryBreakage(t *testing.T) {
	for flags, all := range map[string][]sharpness.Breakage{"-list": sharpness.Breakages, "-list -table": sharpness.RowBreakages} {
		o, err := parse(strings.Fields(flags), io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if status := run(context.Background(), o, &out, os.Stderr); status != 0 {
			t.Errorf("%s: status %d", flags, status)
		}
		for _, b := range all {
			if !strings.Contains(out.String(), b.Name) || !strings.Contains(out.String(), b.Row) {
				t.Errorf("%s: %q is not listed", flags, b.Name)
			}
		}
	}
}

// The documentation shows every breakage, as noticed or with the reason why not.
func TestTheDocumentationHasEveryBreakage(t *testing.T) {
	const document = "../../docs/reliability.md"
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range slices.Concat(sharpness.Breakages, sharpness.RowBreakages) {
		line := fmt.Sprintf("\n| %s | %s |", b.Name, b.Clause)
		if b.Row != "" {
			line += " " + b.Row + " |"
		}
		if b.Missed != "" {
			line = fmt.Sprintf("\n- %s: %s.", b.Name, b.Missed)
		}
		if !strings.Contains(string(text), line) {
			t.Errorf("%s has no line that begins%s", document, line)
		}
	}
}

// What nobody notices, and what was cut short, show in the exit status.
func TestTheExitStatusTells(t *testing.T) {
	o, err := parse([]string{"-only", "^Register succeeds while the loop ends$", "-seeds", "1"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if status := run(context.Background(), o, &out, os.Stderr); status != harness.Failed || !strings.Contains(out.String(), "NOT NOTICED") {
		t.Errorf("status %d, said\n%s", status, out.String())
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if status := run(ended, o, &out, os.Stderr); status != harness.Interrupted {
		t.Errorf("status %d after an interrupt", status)
	}
}
