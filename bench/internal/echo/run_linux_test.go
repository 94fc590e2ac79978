package echo

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/eddyline/eddyline/bench/internal/servers"
	"github.com/eddyline/eddyline/bench/internal/servers/serverstest"
)

// short is a run that is long enough to see whether everything works.
func short(list ...servers.Server) Config {
	return Config{
		Servers: list,
		Points:  []Point{{Conns: 3, Size: 64, Pipeline: 2}},
		Rounds:  2,
		Slices:  2,
		Slice:   20 * time.Millisecond,
		Warmup:  5 * time.Millisecond,
		Quiet:   1,
		Cores:   Cores{-1, -1},
	}
}

func TestEveryServerEchoes(t *testing.T) {
	list := servers.All()
	if _, err := exec.LookPath("cc"); err != nil {
		list, _ = servers.Find(list, []string{"floor-level", "floor-edge", "floor-again", "eddyline", "net"})
	}
	c := short(list...)
	steps := 0
	c.Step = func(s Step) {
		if s.Done != steps || s.Total != c.Rounds*c.Slices*len(list) {
			t.Errorf("step %+v, want %d done", s, steps)
		}
		steps++
	}
	results := Run(t.Context(), c)
	if len(results) != 1 || len(results[0].Rows) != len(list) {
		t.Fatalf("%d results, of %d rows", len(results), len(results[0].Rows))
	}
	for _, row := range results[0].Rows {
		if row.Err != "" {
			t.Errorf("%s: %s", row.Server, row.Err)
			continue
		}
		if len(row.Samples) != c.Rounds || row.CPU.N != c.Rounds || row.Ratio.N != c.Rounds {
			t.Errorf("%s: %d samples, %+v", row.Server, len(row.Samples), row.CPU)
		}
		for _, s := range row.Samples {
			if s.Messages == 0 || s.CPU <= 0 || s.Server <= 0 || s.Load <= 0 || s.Seconds < 0.04 {
				t.Errorf("%s: %+v", row.Server, s)
			}
			if s.Counted == (row.Server == "floor-c") {
				t.Errorf("%s tells its allocations: %v", row.Server, s.Counted)
			}
		}
	}
}

func TestAFailureEndsItsOwnRowOnly(t *testing.T) {
	good, err := servers.Find(servers.All(), []string{"floor-edge"})
	if err != nil {
		t.Fatal(err)
	}
	results := Run(t.Context(), short(serverstest.Bad[0], good[0], serverstest.Bad[1], serverstest.Bad[2]))
	want := map[string][]string{
		"absent":  {"no bed to get up from"},
		"liar":    {"wrong byte"},
		"crasher": {"out of everything", "exit status 4"},
	}
	for _, row := range results[0].Rows {
		if want[row.Server] == nil && (row.Err != "" || len(row.Samples) != 2) {
			t.Errorf("%s: %d samples, error %s", row.Server, len(row.Samples), row.Err)
		}
		for _, text := range want[row.Server] {
			if !strings.Contains(row.Err, text) || len(row.Samples) > 0 {
				t.Errorf("%s: %d samples, error %q; want one with %q", row.Server, len(row.Samples), row.Err, text)
			}
		}
	}
}

func TestInterruptKeepsWhatIsFinished(t *testing.T) {
	good, err := servers.Find(servers.All(), []string{"floor-level", "floor-edge"})
	if err != nil {
		t.Fatal(err)
	}
	c := short(good...)
	c.Points = append(c.Points, Point{Conns: 1, Size: 64, Pipeline: 1}, Point{Conns: 2, Size: 64, Pipeline: 1})
	ctx, cancel := context.WithCancel(t.Context())
	c.Step = func(s Step) {
		if s.Point.Conns == 1 && s.Round == 1 {
			cancel()
		}
	}
	results := Run(ctx, c)
	if len(results) != 2 {
		t.Fatalf("%d points, want the finished one and the one begun", len(results))
	}
	for i, samples := range []int{2, 1} {
		for _, row := range results[i].Rows {
			if len(row.Samples) != samples || row.CPU.N != samples || row.Err != "" {
				t.Errorf("%v, %s: %d samples, error %q; want %d", results[i].Point, row.Server, len(row.Samples), row.Err, samples)
			}
		}
	}
}

func TestProfile(t *testing.T) {
	found, err := servers.Find(servers.All(), []string{"eddyline"})
	if err != nil {
		t.Fatal(err)
	}
	c := short(found...)
	file := t.TempDir() + "/profile"
	if err := Profile(t.Context(), c, found[0], c.Points[0], 50*time.Millisecond, file); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Size() == 0 {
		t.Errorf("the file: %v, %v", info, err)
	}
	if err := Profile(t.Context(), c, found[0], c.Points[0], 0, "/no/such/directory/profile"); err == nil {
		t.Error("a profile was written where nothing can be")
	}
}
