//go:build linux

package sys

// What the fault seam costs a release build: nothing is left of it.

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// seam are the functions through which a test build disturbs calls.
var seam = []string{"fault", "disturb", "interrupted", "embellish", "watched", "unwatched", "signalAgain", "(*Tally).note"}

// A release build has no code of the fault seam: each of its functions is inlined to
// nothing. A build with faultinject has it, so the names are right.
func TestReleaseBuildsHaveNoFaultSeam(t *testing.T) {
	if found := linked(t, ""); len(found) != 0 {
		t.Errorf("a release build contains %v", found)
	}
	if found := linked(t, "faultinject"); len(found) != len(seam) {
		t.Errorf("a build with faultinject contains %v, want all of %v", found, seam)
	}
}

// linked returns which functions of the seam a test program of the engine contains.
func linked(t *testing.T, tags string) (found []string) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "loop.test")
	if out, err := exec.Command("go", "test", "-c", "-tags", tags, "-o", program, "../../loop").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	symbols, err := exec.Command("go", "tool", "nm", program).Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range seam {
		if strings.Contains(string(symbols), "/internal/sys."+name+"\n") {
			found = append(found, name)
		}
	}
	return found
}
