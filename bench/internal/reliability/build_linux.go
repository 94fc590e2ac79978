package reliability

// Servers that are built apart from this program.

import (
	"os"
	"sync"

	"github.com/eddyline/eddyline/bench/internal/child"
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
	return child.Build(alone, append(env, "CGO_ENABLED=0"))
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
