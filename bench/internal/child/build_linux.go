package child

// Programs that are built for the purpose.

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// Build builds the program of package pkg, with flags of go build and additions to
// its environment, and returns its file, which has no name anymore. It needs the
// checkout that pkg is in and the go command.
func Build(pkg string, env []string, flags ...string) (*os.File, error) {
	dir, err := os.MkdirTemp("", "eddyline-build-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "program")
	// Nobody asks such a program of which commit it is, and git may be unable to tell.
	build := exec.Command("go", slices.Concat([]string{"build", "-buildvcs=false", "-o", program}, flags, []string{pkg})...)
	build.Env = append(os.Environ(), env...)
	if said, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%v: %w\n%s", build, err, said)
	}
	return os.Open(program)
}
