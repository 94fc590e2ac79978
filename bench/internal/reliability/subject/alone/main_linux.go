// Alone is the server of the fault table without the peers, for builds of another
// architecture. The table builds and starts it; alone it does nothing.
package main

import (
	"fmt"
	"os"

	"github.com/eddyline/eddyline/bench/internal/child"
	"github.com/eddyline/eddyline/bench/internal/reliability/subject"
)

func main() {
	if child.Dispatch(map[string]child.Role{subject.Role: subject.Child(nil)}) {
		return
	}
	fmt.Fprintln(os.Stderr, "alone: a server of the fault table, which starts it itself")
	os.Exit(2)
}
