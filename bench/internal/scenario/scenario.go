// Package scenario holds the scenarios of the comparison, each a small
// description, and the order in which servers are measured in them.
package scenario

import (
	"fmt"
	"slices"
	"strings"

	"github.com/eddyline/eddyline/bench/internal/client"
	"github.com/eddyline/eddyline/bench/internal/external"
	"github.com/eddyline/eddyline/bench/internal/results"
	"github.com/eddyline/eddyline/bench/internal/servers"
	"github.com/eddyline/eddyline/bench/internal/workload"
)

// Scenario describes something that servers are measured at.
type Scenario struct {
	Name  string
	About string // one line for a list

	Usual       bool   // measured unless others are asked for
	Missing     string // why it cannot be measured; "" if it can
	Quick, Full []Grid // the points of a quick run and of a full one

	Protocol func(p Point) workload.Protocol // what the server speaks
	Load     func(p Point) client.Spec       // what the load generator does; the address follows
	Apart    bool                            // servers are started one after another, because all at once would not fit

	// Idle, if set, returns numbers of idle connections, ascending: the server holds
	// that many, one number after the other, before the load begins, and its memory
	// is read at each.
	Idle func(p Point) []int

	// Unread says that some peers do not read.
	Unread bool

	// Program, if set, is a load generator that is used instead when it is
	// installed, as With returns it.
	Program string
	With    func(p Point) external.Load

	// Also are servers for this scenario only.
	Also func() []servers.Server
}

// Lack says in a few words why server cannot be measured at p, "" if it can.
func (s Scenario) Lack(server servers.Server, p Point) string {
	speaks := s.Protocol(p)
	switch {
	case !server.Offers(speaks):
		return server.Lack(speaks)
	case s.Unread && server.Waits:
		return "it waits for a peer that does not read"
	}
	return ""
}

// all is in the order in which they are measured.
var all = []Scenario{echo, rate, idle, churn, fanout, slow, stream, http, redis, udp, tls}

// All returns the scenarios in the order in which they are measured.
func All() []Scenario { return slices.Clone(all) }

// Names returns the names of the scenarios.
func Names(list []Scenario) []string {
	names := make([]string, len(list))
	for i, s := range list {
		names[i] = s.Name
	}
	return names
}

// Find returns the scenarios of list with the given names, in the order of names.
// An unknown name is an error that tells the known ones; so is a name given twice
// and a scenario that cannot be measured.
func Find(list []Scenario, names []string) ([]Scenario, error) {
	var found []Scenario
	for _, name := range names {
		i := slices.IndexFunc(list, func(s Scenario) bool { return s.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("no scenario %q; there are %s", name, strings.Join(Names(list), ", "))
		}
		if slices.Contains(Names(found), name) {
			return nil, fmt.Errorf("scenario %s is named twice", name)
		}
		if list[i].Missing != "" {
			return nil, fmt.Errorf("scenario %s: %s", name, list[i].Missing)
		}
		found = append(found, list[i])
	}
	return found, nil
}

// Available returns the scenarios of list that can be measured.
func Available(list []Scenario) []Scenario {
	return slices.DeleteFunc(slices.Clone(list), func(s Scenario) bool { return s.Missing != "" })
}

// Usual returns the scenarios of list that a quick run measures unless others
// are asked for.
func Usual(list []Scenario) []Scenario {
	return slices.DeleteFunc(Available(list), func(s Scenario) bool { return !s.Usual })
}

// Point is one point of a scenario's grid.
type Point struct {
	results.Point
	Share float64 // of the slowest server's maximum, from which Rate is found; 0: Rate stands
}

// always is the protocol of a scenario that has one only.
func always(p workload.Protocol) func(Point) workload.Protocol {
	return func(Point) workload.Protocol { return p }
}

// closed is the load of most scenarios.
func closed(p Point) client.Spec {
	return client.Spec{Mode: client.Closed, Conns: p.Conns, Size: p.Size, Pipeline: p.Pipeline}
}
