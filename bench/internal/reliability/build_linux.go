package reliability

// Servers that are built apart from this program.

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"

	"github.com/eddyline/eddyline/bench/internal/reliability/subject"
)

const alone = "github.com/eddyline/eddyline/bench/internal/reliability/subject/alone"

// The server for 32 bits, and the one without the race detector, whose memory
// hides that of the engine. Each is built once, and its file has no name.
var (
	build386   = sync.OnceValues(func() (*os.File, error) { return build("GOARCH=386") })
	buildPlain = sync.OnceValues(func() (*os.File, error) { return build() })
)

func build(env ...string) (*os.File, error) {
	dir, err := os.MkdirTemp("", "eddyline-alone-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "alone")
	// In a checkout; elsewhere it says that there is no such package.
	build := exec.Command("go", "build", "-o", program, alone)
	build.Env = append(append(os.Environ(), "CGO_ENABLED=0"), env...)
	if said, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%v: %w\n%s", build, err, said)
	}
	return os.Open(program)
}

// StartLean is StartAs of a row that is about memory: this engine's server has no
// race detector, so that the bound is not that of the detector.
func (t *Trial) StartLean(cfg subject.Config, how Launch) *Server {
	if raceEnabled && t.image == nil && t.Options.Server == subject.Own {
		image, err := buildPlain()
		t.Must("build", err)
		how.Image = image
	}
	return t.StartAs(cfg, how)
}
