// Package servers holds the servers that are measured, each under a name, and
// runs them as child processes that are asked for their figures. What they serve
// are the protocols of package workload.
package servers

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/eddyline/eddyline/bench/internal/workload"
)

// Server is one way to serve the protocols.
type Server struct {
	Name    string
	About   string // one line for a list
	Version string // of the library, empty for parts of this repository
	Floor   bool   // one of those that the ratios are taken to
	Again   string // the server of which this is a second copy, to show how far equals differ

	Extra bool // not among the Usual
	Waits bool // for the peer when a socket is full, and serves nobody else meanwhile

	// Protocols are those that the server offers.
	Protocols []workload.Protocol

	// Lacks says why the server does not offer others of them.
	Lacks map[workload.Protocol]string

	// Serve listens on addr, an IPv4 address with port, calls ready once with the
	// address it got, and serves p, one of the Protocols, until ctx ends; then it
	// returns nil.
	Serve func(ctx context.Context, p workload.Protocol, addr string, ready func(addr string)) error

	// Command builds a server that is a program of its own instead, and returns its
	// command line and what removes it again.
	Command func() (argv []string, remove func() error, err error)

	// Image builds a program of this repository otherwise than this one is built; the
	// server's process becomes it. The file stays open for the life of this program.
	Image func() (*os.File, error)
}

// Offers reports whether the server serves p.
func (s Server) Offers(p workload.Protocol) bool { return slices.Contains(s.Protocols, p) }

// Lack says why the server does not serve p, in a few words.
func (s Server) Lack(p workload.Protocol) string {
	if why := s.Lacks[p]; why != "" {
		return why
	}
	return "it does not serve " + string(p)
}

// check returns an error with what there is if the server does not serve p.
func (s Server) check(p workload.Protocol) error {
	if _, err := workload.Lookup(string(p)); err != nil {
		return err
	}
	if !s.Offers(p) {
		return fmt.Errorf("server %s does not serve %s, only %s", s.Name, p, workload.Names(s.Protocols))
	}
	return nil
}

// Names returns the names of the servers.
func Names(list []Server) []string {
	names := make([]string, len(list))
	for i, s := range list {
		names[i] = s.Name
	}
	return names
}

// Usual returns the servers of list whose cost is measured unless others are
// asked for.
func Usual(list []Server) []Server { return without(list, func(s Server) bool { return s.Extra }) }

// Compared returns the servers of list that stand side by side in a comparison
// unless others are asked for: each once, and none that needs a C compiler.
func Compared(list []Server) []Server {
	return without(list, func(s Server) bool { return s.Again != "" || s.Command != nil })
}

// Offering returns the servers of list that serve p.
func Offering(list []Server, p workload.Protocol) []Server {
	return without(list, func(s Server) bool { return !s.Offers(p) })
}

func without(list []Server, unwanted func(Server) bool) []Server {
	return slices.DeleteFunc(slices.Clone(list), unwanted)
}

// Find returns the servers of list with the given names, in the order of names;
// an unknown name and one given twice are errors, the former with the known ones.
func Find(list []Server, names []string) ([]Server, error) {
	var found []Server
	for _, name := range names {
		i := slices.IndexFunc(list, func(s Server) bool { return s.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("no server %q; there are %s", name, strings.Join(Names(list), ", "))
		}
		if slices.Contains(Names(found), name) {
			return nil, fmt.Errorf("server %s is named twice", name)
		}
		found = append(found, list[i])
	}
	return found, nil
}
