package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/eddyline/eddyline/bench/internal/child"
	"github.com/eddyline/eddyline/bench/internal/child/childtest"
	"github.com/eddyline/eddyline/bench/internal/client"
	"github.com/eddyline/eddyline/bench/internal/harness"
	"github.com/eddyline/eddyline/bench/internal/machine"
	"github.com/eddyline/eddyline/bench/internal/results"
	"github.com/eddyline/eddyline/bench/internal/servers"
	"github.com/eddyline/eddyline/bench/internal/servers/serverstest"
)

func everyServer() []servers.Server { return append(servers.All(), serverstest.Bad...) }

func TestMain(m *testing.M) {
	roles := map[string]child.Role{
		client.Role:  client.Child,
		servers.Role: servers.Child(everyServer()),
	}
	childtest.Main(m, roles)
}

// outcome is what a run of the program left.
type outcome struct {
	status         int
	stdout, stderr string
}

// bench runs the program with the flags args.
func bench(t *testing.T, ctx context.Context, args ...string) outcome {
	t.Helper()
	stderr, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer stderr.Close()
	o, err := parse(args, stderr)
	if err != nil {
		t.Fatal(err)
	}
	var stdout bytes.Buffer
	// Tests do not wait for measurements: their figures mean nothing.
	enter := func(context.Context, int, func()) (func() error, error) { return func() error { return nil }, nil }
	p := program{o, everyServer(), enter, &stdout, stderr}
	status := p.run(ctx)
	said, err := os.ReadFile(stderr.Name())
	if err != nil {
		t.Fatal(err)
	}
	return outcome{status, stdout.String(), string(said)}
}

// tiny are the flags of a run that takes no time.
func tiny(args ...string) []string {
	return append([]string{"-nice", "0", "-conns", "5", "-rounds", "2", "-window", "50ms"}, args...)
}

func TestFailedServersAreRowsAndTheOthersGoOn(t *testing.T) {
	got := bench(t, t.Context(), tiny("-servers", "eddyline,absent,net,liar,crasher", "-json")...)
	if got.status != harness.Failed {
		t.Errorf("status %d, stderr %s", got.status, got.stderr)
	}
	var d results.Document
	if err := json.Unmarshal([]byte(got.stdout), &d); err != nil {
		t.Fatalf("%v in %s", err, got.stdout)
	}
	if d.Format != results.Format || len(d.Runs) != 1 || d.Runs[0].Point.Conns != 5 || len(d.Environment) == 0 || d.Machine.Cores == 0 || d.Interrupted {
		t.Fatalf("document %+v", d)
	}
	for _, name := range []string{"eddyline", "net"} {
		row := d.Runs[0].Row(name)
		if row.Err != "" || len(row.Rounds) != 2 {
			t.Errorf("%s: error %q, %d rounds", name, row.Err, len(row.Rounds))
		}
		for _, r := range row.Rounds {
			if r.Requests == 0 || r.Seconds < 0.05 || r.Latency == nil || r.Latency.Max < r.Latency.P50 || r.CPUUS <= 0 || r.Anonymous == 0 {
				t.Errorf("%s: round %+v", name, r)
			}
		}
	}
	for name, want := range map[string]string{
		"absent":  "no bed to get up from",
		"liar":    "wrong",
		"crasher": "out of everything",
	} {
		if row := d.Runs[0].Row(name); !strings.Contains(row.Err, want) || len(row.Rounds) != 0 {
			t.Errorf("%s: error %q with %d rounds, want %q", name, row.Err, len(row.Rounds), want)
		}
	}
}

func TestTheTableShowsWhatFailed(t *testing.T) {
	got := bench(t, t.Context(), tiny("-servers", "eddyline,crasher")...)
	if got.status != harness.Failed {
		t.Errorf("status %d", got.status)
	}
	for _, want := range []string{"eddyline", "crasher failed: ", "out of everything", "5 connections", "the server's processor time per request"} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("no %q in\n%s", want, got.stdout)
		}
	}
}

func TestOutWritesFilesThatCanBeCompared(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "results")
	got := bench(t, t.Context(), tiny("-servers", "eddyline,net", "-out", dir)...)
	if got.status != 0 {
		t.Fatalf("status %d: %s", got.status, got.stderr)
	}
	file := filepath.Join(dir, "results.json")
	d, err := results.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if commit, _ := machine.Source(); (d.Commit == "") != (commit == "") {
		t.Errorf("commit %q, and of the source %q", d.Commit, commit)
	}
	page, err := os.ReadFile(filepath.Join(dir, "report.html"))
	if err != nil || !bytes.Contains(page, []byte("<")) {
		t.Errorf("report %.50q, %v", page, err)
	}
	tables, err := os.ReadFile(filepath.Join(dir, "tables.md"))
	if err != nil || !bytes.Contains(tables, []byte("| eddyline |")) {
		t.Errorf("tables %.50q, %v", tables, err)
	}
	if got := bench(t, t.Context(), "-compare", file, file); got.status != 0 {
		t.Errorf("a run compared with itself: status %d, %s%s", got.status, got.stdout, got.stderr)
	}
	again := filepath.Join(dir, "again")
	got = bench(t, t.Context(), "-compare", file, "-out", again)
	if got.status == harness.Usage || !strings.Contains(got.stderr, "-servers=eddyline,net") {
		t.Errorf("measured again: status %d, %s", got.status, got.stderr)
	}
	second, err := results.Load(filepath.Join(again, "results.json"))
	if err != nil || len(second.Runs) != len(d.Runs) || second.Runs[0].Point != d.Runs[0].Point || len(second.Runs[0].Rows) != 2 || len(second.Runs[0].Rows[0].Rounds) != 2 {
		t.Errorf("another selection: %+v, %v", second, err)
	}
	better, worse := filepath.Join(dir, "better.json"), filepath.Join(dir, "worse.json")
	store(t, better, repeated(d))
	store(t, worse, slower(d))
	if got := bench(t, t.Context(), "-compare", better, worse); got.status != harness.Failed || !strings.Contains(got.stdout, "eddyline") {
		t.Errorf("twice the cost: status %d, %s%s", got.status, got.stdout, got.stderr)
	}
	if got := bench(t, t.Context(), "-compare", file, file+".gone"); got.status != harness.Failed || !strings.Contains(got.stderr, "gone") {
		t.Errorf("a file that is not there: status %d, %s", got.status, got.stderr)
	}
}

// repeated has each first round several times, so that there is something to
// compare.
func repeated(d *results.Document) *results.Document {
	for i := range d.Runs {
		for j := range d.Runs[i].Rows {
			row := &d.Runs[i].Rows[j]
			row.Rounds = slices.Repeat(row.Rounds[:1], 6)
			for n := range row.Rounds {
				row.Rounds[n].Round = n
			}
		}
	}
	return d
}

// slower is the same at twice the cost and half the rate.
func slower(d *results.Document) *results.Document {
	for i := range d.Runs {
		for j := range d.Runs[i].Rows {
			for n := range d.Runs[i].Rows[j].Rounds {
				r := &d.Runs[i].Rows[j].Rounds[n]
				r.Requests /= 2
				r.CPUUS *= 2
			}
		}
	}
	return d
}

func store(t *testing.T, file string, d *results.Document) {
	t.Helper()
	if err := writeFile(file, d.Write); err != nil {
		t.Fatal(err)
	}
}

func TestAnInterruptPrintsAndWritesWhatIsFinished(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	dir := t.TempDir()
	o, err := parse(tiny("-servers", "eddyline", "-conns", "2,3", "-out", dir), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	var stdout bytes.Buffer
	// The first point is printed when it is finished.
	out := writerFunc(func(p []byte) (int, error) {
		cancel()
		return stdout.Write(p)
	})
	enter := func(context.Context, int, func()) (func() error, error) { return func() error { return nil }, nil }
	status := (&program{o, everyServer(), enter, out, os.Stderr}).run(ctx)
	if status != harness.Interrupted {
		t.Errorf("status %d", status)
	}
	if text := stdout.String(); !strings.Contains(text, "2 connections") || strings.Contains(text, "3 connections") {
		t.Errorf("printed\n%s", text)
	}
	d, err := results.Load(filepath.Join(dir, "results.json"))
	if err != nil {
		t.Fatal(err)
	}
	if !d.Interrupted || len(d.Runs) != 1 || len(d.Runs[0].Rows[0].Rounds) != 2 {
		t.Errorf("document %+v", d)
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestAnInterruptWhileWaitingForAnotherMeasurement(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	o, err := parse(tiny(), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	enter := func(ctx context.Context, _ int, waiting func()) (func() error, error) {
		cancel()
		return nil, context.Cause(ctx)
	}
	if status := (&program{o, everyServer(), enter, io.Discard, os.Stderr}).run(ctx); status != harness.Interrupted {
		t.Errorf("status %d", status)
	}
}

func TestWrongNamesEndBeforeAnythingIsMeasured(t *testing.T) {
	for _, tt := range []struct {
		args   []string
		want   string
		status int
	}{
		{[]string{"-servers", "nginx"}, "there are floor-level", harness.Usage},
		{[]string{"-conns", "2000000000"}, "a process may have", harness.Usage},
		{[]string{"-compare", "/nowhere/at/all.json"}, "/nowhere/at/all.json", harness.Failed},
		{[]string{"-out", "/dev/null/below"}, "/dev/null", harness.Usage},
	} {
		got := bench(t, t.Context(), tt.args...)
		if got.status != tt.status || !strings.Contains(got.stderr, tt.want) || got.stdout != "" {
			t.Errorf("%v: status %d, stderr %q, stdout %q", tt.args, got.status, got.stderr, got.stdout)
		}
	}
}

func TestTheListWritesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")
	got := bench(t, t.Context(), "-list", "-out", dir)
	if _, err := os.Stat(dir); got.status != 0 || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("status %d, and the directory: %v", got.status, err)
	}
}

func TestTheListHasEveryNameThatCanBeGiven(t *testing.T) {
	got := bench(t, t.Context(), "-list")
	if got.status != 0 {
		t.Errorf("status %d", got.status)
	}
	for _, want := range append(servers.Names(everyServer()), "echo ", "tls ", "not available yet") {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("no %q in\n%s", want, got.stdout)
		}
	}
}
