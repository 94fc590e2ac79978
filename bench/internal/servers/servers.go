// Package servers holds the echo servers that are measured, each under a name,
// and runs them as child processes that are asked for their figures.
package servers

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Server is one way to serve an echo.
type Server struct {
	Name  string
	About string // one line for a list
	Floor bool   // one of those that the ratios are taken to
	Again string // the server of which this is a second copy, to show how far equals differ

	Extra bool // measured only when asked for by name

	// Serve listens on addr, an IPv4 address with port, calls ready once with the
	// address it got, and echoes until ctx ends; then it returns nil.
	Serve func(ctx context.Context, addr string, ready func(addr string)) error

	// Command builds a server that is a program of its own instead, and returns its
	// command line and what removes it again.
	Command func() (argv []string, remove func() error, err error)
}

// Names returns the names of the servers.
func Names(list []Server) []string {
	names := make([]string, len(list))
	for i, s := range list {
		names[i] = s.Name
	}
	return names
}

// Usual returns the servers of list that are measured unless others are asked
// for.
func Usual(list []Server) []Server {
	return slices.DeleteFunc(slices.Clone(list), func(s Server) bool { return s.Extra })
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
