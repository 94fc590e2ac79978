// Tuned is the program that serves with gnet's build tags. The measuring programs
// build and start it; alone it does nothing.
package main

import (
	"fmt"
	"os"

	"github.com/eddyline/eddyline/bench/internal/child"
	"github.com/eddyline/eddyline/bench/internal/servers"
)

func main() {
	if child.Dispatch(map[string]child.Role{servers.Role: servers.Child(servers.Tuned())}) {
		return
	}
	fmt.Fprintln(os.Stderr, "tuned: a server of the measurements, which start it themselves")
	os.Exit(2)
}
