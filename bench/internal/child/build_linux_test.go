package child

import (
	"os"
	"path/filepath"
	"testing"
)

// A program is built where git cannot tell of which commit it is, as in the checkout of
// another user.
func TestBuildDoesWithoutGit(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "git"), []byte("#!/bin/sh\nexit 128\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOFLAGS", "-buildvcs=true")
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	program, err := Build("github.com/eddyline/eddyline/bench/internal/reliability/subject/alone", []string{"CGO_ENABLED=0"})
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	if info, err := program.Stat(); err != nil || info.Mode()&0o111 == 0 {
		t.Errorf("what was built cannot be executed: %v, %v", info, err)
	}
}
