package servers

// gnet with its build tags, which are those of a whole program.

import (
	"os"
	"sync"

	"github.com/eddyline/eddyline/bench/internal/child"
)

const (
	gnetTuned = "gnet-tuned"
	gnetTags  = "poll_opt,gc_opt"
	tunedPath = "github.com/eddyline/eddyline/bench/internal/servers/tuned"
)

// Tuned returns the servers of the program in tuned, which is built with gnet's
// tags and plays the same role as the program that starts it.
func Tuned() []Server {
	return []Server{{Name: gnetTuned, Serve: serveGnet}}
}

// buildTuned builds the program in tuned, once. It needs a checkout; elsewhere
// the go command says that there is no such package.
var buildTuned = sync.OnceValues(func() (*os.File, error) {
	return child.Build(tunedPath, nil, "-tags", gnetTags)
})
