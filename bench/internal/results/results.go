// Package results is what a comparison leaves behind: the machine, the versions,
// and every raw round, as one JSON document. Reports and comparisons are made of
// it alone.
package results

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/eddyline/eddyline/bench/internal/machine"
)

// Format is the version of the document; a reader refuses others.
const Format = 1

// Document is one run of the comparison.
type Document struct {
	Format          int          `json:"format"`
	Time            time.Time    `json:"time"`
	Machine         machine.Info `json:"machine"`
	machine.Version              // that was measured
	Args            []string     `json:"args"`        // the command line, without the program
	Environment     []string     `json:"environment"` // of every server
	Nice            int          `json:"nice"`        // priority of servers and generators
	Interrupted     bool         `json:"interrupted,omitempty"`
	Runs            []Run        `json:"runs"`
}

// Run is one point of one scenario, measured with several servers.
type Run struct {
	Scenario string `json:"scenario"`
	Point    Point  `json:"point"`
	Rows     []Row  `json:"rows"`
}

// Point is where in a scenario's grid a run stands. Zero fields do not apply.
type Point struct {
	Conns    int     `json:"conns,omitempty"`
	Size     int     `json:"size,omitempty"`     // bytes per message
	Pipeline int     `json:"pipeline,omitempty"` // messages that a connection keeps outstanding
	Rate     float64 `json:"rate,omitempty"`     // requests per second of an open loop; 0 is a closed one
	Variant  string  `json:"variant,omitempty"`  // what else distinguishes points: "SET", "both ways", "60 %"
}

// String describes the point in words.
func (p Point) String() string {
	var words []string
	add := func(on bool, format string, args ...any) {
		if on {
			words = append(words, fmt.Sprintf(format, args...))
		}
	}
	add(p.Variant != "", "%s", p.Variant)
	add(p.Conns == 1, "1 connection")
	add(p.Conns > 1, "%d connections", p.Conns)
	add(p.Size == 1, "1 byte")
	add(p.Size > 1, "%d bytes", p.Size)
	add(p.Pipeline > 1, "%d outstanding", p.Pipeline)
	add(p.Rate > 0, "%.0f per second", p.Rate)
	return strings.Join(words, ", ")
}

// Title names the run: its scenario and its point.
func (r Run) Title() string {
	if point := r.Point.String(); point != "" {
		return r.Scenario + ": " + point
	}
	return r.Scenario
}

// Row is one server at one point.
type Row struct {
	Server  string   `json:"server"`
	Version string   `json:"version,omitempty"` // of a peer
	Floor   bool     `json:"floor,omitempty"`   // one of those that ratios to the floor are taken to
	Rounds  []Round  `json:"rounds"`
	Err     string   `json:"error,omitempty"` // why the row failed, with what the server had to say
	Notes   []string `json:"notes,omitempty"`
}

// Round is one server's figures of one round. Figures that were not taken are 0.
type Round struct {
	Round     int                `json:"round"` // from 0; rows of one run with the same number were interleaved
	Seconds   float64            `json:"seconds"`
	Requests  uint64             `json:"requests"`
	Bytes     uint64             `json:"bytes,omitempty"`       // of payload that came back, or went one way
	Latency   *Latency           `json:"latency,omitempty"`     //
	UserUS    float64            `json:"user_us,omitempty"`     // server's processor time per request in user mode, microseconds
	SystemUS  float64            `json:"system_us,omitempty"`   // and in the kernel
	CPUUS     float64            `json:"cpu_us,omitempty"`      // both, by the more precise process clock
	Calls     float64            `json:"calls,omitempty"`       // system calls per request, from a run of its own under strace
	Allocs    float64            `json:"allocs,omitempty"`      // objects allocated per request
	Counted   bool               `json:"counted,omitempty"`     // the server counts its allocations: Allocs of 0 means none
	Resident  int64              `json:"resident,omitempty"`    // bytes, at the end of the round under load
	Anonymous int64              `json:"anonymous,omitempty"`   // of it, what is the server's own: without the files that it maps, such as its program
	PerConn   float64            `json:"per_conn,omitempty"`    // anonymous memory per connection, bytes
	Server    float64            `json:"server_busy,omitempty"` // share of a core that the server used
	Load      float64            `json:"load_busy,omitempty"`   // share of a core that the generator used
	Saturated bool               `json:"saturated,omitempty"`   // the generator was the bottleneck
	Datagrams uint64             `json:"datagrams,omitempty"`   // sent by the generator
	Lost      uint64             `json:"lost,omitempty"`        // of them, that never came back
	Extra     map[string]float64 `json:"extra,omitempty"`       // a scenario's own figures, by name with unit
}

// Rate returns requests per second.
func (r Round) Rate() float64 {
	if r.Seconds <= 0 {
		return 0
	}
	return float64(r.Requests) / r.Seconds
}

// LostPerMillion returns how many of a million datagrams never came back.
func (r Round) LostPerMillion() float64 {
	if r.Datagrams == 0 {
		return 0
	}
	return 1e6 * float64(r.Lost) / float64(r.Datagrams)
}

// Latency is the distribution of a round's latencies, nanoseconds.
type Latency struct {
	P50   int64      `json:"p50"`
	P90   int64      `json:"p90"`
	P99   int64      `json:"p99"`
	P999  int64      `json:"p999"`
	Max   int64      `json:"max"`
	Curve []Quantile `json:"curve,omitempty"` // for a percentile curve, ascending
}

// Quantile is one point of a percentile curve.
type Quantile struct {
	Q  float64 `json:"q"` // 0 to 1
	NS int64   `json:"ns"`
}

// Row returns the row of a server, nil when it has none.
func (r *Run) Row(server string) *Row {
	for i := range r.Rows {
		if r.Rows[i].Server == server {
			return &r.Rows[i]
		}
	}
	return nil
}

// Failed tells whether any row failed.
func (d *Document) Failed() bool {
	for _, run := range d.Runs {
		for _, row := range run.Rows {
			if row.Err != "" {
				return true
			}
		}
	}
	return false
}

// Write writes the document as indented JSON.
func (d *Document) Write(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", " ")
	return enc.Encode(d)
}

// Load reads a document from a file.
func Load(file string) (*Document, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	d, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return d, nil
}

// parse looks at the format first: the fields of another one may not even have
// the same types.
func parse(text []byte) (*Document, error) {
	var head struct{ Format int }
	if err := json.Unmarshal(text, &head); err != nil {
		return nil, fmt.Errorf("no results of a comparison: %w", err)
	}
	if head.Format != Format {
		return nil, fmt.Errorf("format %d of the results is not %d: measure again with this version", head.Format, Format)
	}
	var d Document
	if err := json.Unmarshal(text, &d); err != nil {
		return nil, err
	}
	return &d, nil
}
