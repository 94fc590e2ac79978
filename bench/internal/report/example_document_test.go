package report

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/eddyline/eddyline/bench/internal/machine"
	"github.com/eddyline/eddyline/bench/internal/results"
)

// contender has made-up figures: cost is relative to the floor's, growth how it
// rises with the connections.
type contender struct {
	server, version    string
	floor              bool
	cost, growth, conn float64
}

var contenders = []contender{
	{"floor-level", "", true, 1, 0.03, 60},
	{"floor-edge", "", true, 1.03, 0.02, 60},
	{"eddyline", "", false, 1.01, 0.025, 190},
	{"net", "", false, 1.18, 0.09, 7700},
	{"gnet", "v2.10.0", false, 1.33, 0.07, 540},
	{"gnet-tuned", "v2.10.0", false, 1.2, 0.07, 560},
	{"evio", "v1.0.8", false, 1.52, 0.05, 900},
	{"netpoll", "v0.7.2", false, 1.31, 0.08, 20000},
	{"nbio", "v1.6.12", false, 1.26, 0.06, 1500},
}

// example returns a document with everything that a report has to show.
func example() *results.Document {
	random := rand.New(rand.NewPCG(1, 2))
	d := &results.Document{
		Format: results.Format,
		Time:   time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		Machine: machine.Info{OS: "linux", Arch: "amd64", Kernel: "6.1.0", CPU: "Some Processor @ 3.00GHz", Cores: 2,
			MemoryKB: "16000000 kB", Go: "go1.26"},
		Version:     machine.Version{Commit: "feedbeef"},
		Args:        []string{"-full"},
		Environment: []string{"GOMAXPROCS=1", "GOGC=100"},
	}
	add := func(scenario string, p results.Point) *results.Run {
		run := results.Run{Scenario: scenario, Point: p}
		for _, c := range contenders {
			row := results.Row{Server: c.server, Version: c.version, Floor: c.floor}
			for i := range 5 {
				row.Rounds = append(row.Rounds, c.round(random, i, p, scenario == "idle"))
			}
			run.Rows = append(run.Rows, row)
		}
		d.Runs = append(d.Runs, run)
		return &d.Runs[len(d.Runs)-1]
	}
	for _, conns := range []int{1, 10, 100, 1000, 5000, 10_000, 19_900} {
		add("echo", results.Point{Conns: conns, Size: 64, Pipeline: 1})
	}
	for _, size := range []int{1, 1 << 10, 4 << 10, 16 << 10, 64 << 10} {
		add("echo", results.Point{Conns: 100, Size: size, Pipeline: 1})
	}
	for _, share := range []string{"30 %", "60 %", "90 %"} {
		add("rate", results.Point{Conns: 100, Size: 64, Rate: 50_000, Variant: share})
	}
	add("idle", results.Point{Conns: 15_050, Size: 64})

	// One failed at a point of a series, and one was too fast for the generator.
	crashed := d.Runs[5].Row("evio")
	crashed.Err, crashed.Rounds = "evio: exit status 2\npanic: <script>alert(1)</script> & more\n\ngoroutine 1 [running]:", crashed.Rounds[:0]
	for _, at := range []int{2, 3, 14} {
		row := d.Runs[at].Row("floor-level")
		for i := range row.Rounds {
			row.Rounds[i].Saturated, row.Rounds[i].Load = true, 0.98
		}
	}
	return d
}

func (c contender) round(random *rand.Rand, i int, p results.Point, idle bool) results.Round {
	noise := func(by float64) float64 { return 1 + by*random.NormFloat64() }
	cost := 3.4 * c.cost * (1 + c.growth*math.Log2(float64(p.Conns))/2) * noise(0.01)
	cost += float64(p.Size) / 4000
	if p.Conns == 1 {
		cost *= 2.5
	}
	rate := 0.9e6 / cost
	if p.Conns == 1 {
		rate /= 4
	}
	if p.Rate > 0 {
		rate = p.Rate
	}
	r := results.Round{
		Round: i, Seconds: 2, Requests: uint64(2 * rate), CPUUS: cost, UserUS: 0.3 * cost, SystemUS: 0.7 * cost,
		Allocs: 0.0001, Counted: true, Resident: 20 << 20, Anonymous: 9 << 20, Server: 0.95, Load: 0.6,
		Latency: distribution(40*c.cost*noise(0.03), 0.25*c.cost*noise(0.1)),
	}
	if idle {
		r.PerConn = c.conn * noise(0.01)
	}
	return r
}

// distribution is of latencies whose tail grows with each nine.
func distribution(us, tail float64) *results.Latency {
	at := func(q float64) int64 {
		n := -math.Log10(1 - min(q, 0.999999))
		return int64(1000 * us * (0.7 + 0.5*n + tail*math.Pow(n, 2.4)))
	}
	l := &results.Latency{P50: at(0.5), P90: at(0.9), P99: at(0.99), P999: at(0.999), Max: at(1)}
	for i := range 9 {
		l.Curve = append(l.Curve, results.Quantile{Q: float64(i) / 10, NS: at(float64(i) / 10)})
	}
	for i := 8; i < 40; i++ {
		q := 1 - math.Pow(10, -float64(i)/8)
		l.Curve = append(l.Curve, results.Quantile{Q: q, NS: at(q)})
	}
	l.Curve = append(l.Curve, results.Quantile{Q: 1, NS: l.Max})
	return l
}
