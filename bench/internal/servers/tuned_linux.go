package servers

// gnet with its build tags, which are those of a whole program.

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
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

// buildTuned builds the program in tuned, once, and returns its file, which has no
// name anymore.
var buildTuned = sync.OnceValues(func() (*os.File, error) {
	dir, err := os.MkdirTemp("", "eddyline-tuned-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "tuned")
	// In a checkout; elsewhere it says that there is no such package.
	build := exec.Command("go", "build", "-tags", gnetTags, "-o", program, tunedPath)
	if said, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%v: %w\n%s", build, err, said)
	}
	return os.Open(program)
})
