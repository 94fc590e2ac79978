// Package reliability is the fault table: rows of faults, each done on purpose to
// a server on the real kernel, and what the contract says must come of it.
package reliability

import (
	"fmt"
	"slices"
	"strings"
)

// Row is one fault.
type Row struct {
	Name    string
	Promise string   // what must hold, in one sentence
	Clauses []string // of the contract that it is about
	Does    string   // the fault and the load around it
	Needs   []Need
	Own     bool // it needs more than an echo, so it is for this engine alone

	run func(t *Trial)
}

// Need is what a row needs of the machine besides Linux.
type Need string

// The needs. Names of programs are needs too.
const (
	Root   Need = "root"
	GoTool Need = "go"
	Strace Need = "strace"
	NFT    Need = "nft"
	IP     Need = "ip"
	TC     Need = "tc"
	SS     Need = "ss"
)

// packages are the packages of Debian that programs are in.
var packages = map[Need]string{Strace: "strace", NFT: "nftables", IP: "iproute2", TC: "iproute2", SS: "iproute2"}

// Outcome is what came of a row.
type Outcome string

// The outcomes.
const (
	Held   Outcome = "held"
	Lost   Outcome = "lost data"  // a byte was lost, changed or doubled, or a connection cut off that the fault did not touch
	Ended  Outcome = "ended"      // the server ended, or serves no more
	Spun   Outcome = "spun"       // it uses processor time although nothing happens
	Grew   Outcome = "grew"       // memory, descriptors, goroutines or log beyond the bound
	Hung   Outcome = "hung"       // what must happen did not within the time allowed
	Broke  Outcome = "broke"      // the order of callbacks, or a promise of this engine alone
	Failed Outcome = "not tested" // the fault could not be done
)

// Breach is a promise that was not kept.
type Breach struct {
	Outcome Outcome `json:"outcome"`
	Text    string  `json:"text"`

	cause error // nil if it is none of an error
}

func (b *Breach) Error() string { return b.Text }

// Unwrap is the error that it was noticed by.
func (b *Breach) Unwrap() error { return b.cause }

func breach(o Outcome, format string, args ...any) *Breach {
	return &Breach{Outcome: o, Text: fmt.Sprintf(format, args...)}
}

// Result is one row on one server.
type Result struct {
	Row      string   `json:"row"`
	Server   string   `json:"server"`
	Breaches []Breach `json:"breaches,omitempty"`
	Figures  []string `json:"figures,omitempty"` // measured, with units
	Seconds  float64  `json:"seconds"`
	Long     bool     `json:"long"`
}

// Held reports whether the server kept all that the row promises.
func (r Result) Held() bool { return len(r.Breaches) == 0 }

// Outcome is the outcome in words, every kind once.
func (r Result) Outcome() string {
	if r.Held() {
		return string(Held)
	}
	var kinds []string
	for _, b := range r.Breaches {
		if !slices.Contains(kinds, string(b.Outcome)) {
			kinds = append(kinds, string(b.Outcome))
		}
	}
	return strings.Join(kinds, ", ")
}

// Why is what was wrong, a line for each breach.
func (r Result) Why() string {
	lines := make([]string, len(r.Breaches))
	for i, b := range r.Breaches {
		lines[i] = b.Text
	}
	return strings.Join(lines, "\n")
}

// Find returns the rows with the given names, in their order and each once; a name
// that ends with * is those that begin so.
func Find(rows []Row, names []string) ([]Row, error) {
	var found []Row
	for _, name := range names {
		prefix, many := strings.CutSuffix(name, "*")
		known := false
		for _, r := range rows {
			if r.Name != name && !(many && strings.HasPrefix(r.Name, prefix)) {
				continue
			}
			known = true
			if !slices.ContainsFunc(found, func(other Row) bool { return other.Name == r.Name }) {
				found = append(found, r)
			}
		}
		if !known {
			return nil, fmt.Errorf("no row %q; -list shows all", name)
		}
	}
	return found, nil
}
