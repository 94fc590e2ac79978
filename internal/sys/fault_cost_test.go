//go:build linux

package sys

// What the fault seam costs a release build: nothing. The compiler makes the same
// instructions of the engine as of one whose sources have no seam, function by function.

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// withoutSeam are the forms in which the sources ask the seam, and what would stand there
// if there were none.
var withoutSeam = []struct {
	form *regexp.Regexp
	as   string
}{
	{regexp.MustCompile(`(?m)^\tif seam \{\n(\t\t.*\n)+\t\}\n`), ""},
	{regexp.MustCompile(`(?m)^\tif e := fault\(\w+\); e != 0 \{\n.*\n\t\}\n`), ""},
	{regexp.MustCompile(`(?m)^\t(\w+), e := disturb\(\w+, \w+, (.*)\)\n\tif e != 0 \{\n.*\n\t\}\n`), "\t$1 := $2\n"},
	{regexp.MustCompile(`(?m)^\t+if interrupted\(\) \{\n\t+continue\n\t+\}\n`), ""},
	{regexp.MustCompile(`embellish\(\w+, \w+, (.*), e\)`), "$1, e"},
	{regexp.MustCompile(`(?m)^\t+(watched|unwatched|opened|released)\(.*\)\n`), ""},
}

// seamCall is what no source without a seam contains.
var seamCall = regexp.MustCompile(`(?m)^\t.*\b(seam\b|(fault|disturb|interrupted|embellish|watched|unwatched|opened|released|signalAgain)\()`)

func TestReleaseBuildsPayNothingForTheFaultSeam(t *testing.T) {
	release := instructions(t)
	without := instructions(t, "-overlay", seamRemoved(t))
	faulty := instructions(t, "-tags", "faultinject")
	const send = "github.com/eddyline/eddyline/internal/sys.Send"
	if len(without[send]) == 0 || slices.Equal(faulty[send], without[send]) {
		t.Fatalf("%s is the same with faults as without, in %d functions", send, len(without))
	}
	for _, name := range slices.Sorted(maps.Keys(without)) {
		if !slices.Equal(release[name], without[name]) {
			t.Errorf("%s: %d instructions, %d if there were no seam", name, len(release[name]), len(without[name]))
		}
	}
	for name := range release {
		if _, ok := without[name]; !ok {
			t.Errorf("%s would not be there if there were no seam", name)
		}
	}
}

// seamRemoved writes this package's sources without the seam and returns the file that
// lets the go command take them instead.
func seamRemoved(t *testing.T) (overlay string) {
	t.Helper()
	list, err := exec.Command("go", "list", "-f", `{{join .GoFiles "\n"}}`, ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	replace := make(map[string]string)
	for name := range strings.FieldsSeq(string(list)) {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(name, "fault_") || !seamCall.Match(source) {
			continue
		}
		for _, w := range withoutSeam {
			source = w.form.ReplaceAll(source, []byte(w.as))
		}
		if left := seamCall.Find(source); left != nil {
			t.Fatalf("%s asks the seam in a form that this test does not know: %s", name, bytes.TrimSpace(left))
		}
		from, err := filepath.Abs(name)
		if err != nil {
			t.Fatal(err)
		}
		replace[from] = filepath.Join(dir, name)
		if err := os.WriteFile(replace[from], source, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	overlay = filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlay, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return overlay
}

// instruction is a line of the compiler's listing: offset, position, what is done and, of a
// call, to whom.
var instruction = regexp.MustCompile(`^\t0x[0-9a-f]+ \d+ \([^)]*\)\t(CALL\t\S+|\w+)`)

// bookkeeping says what is in the listing for the collector, the debugger and the
// linker, and for want of anything to do.
var bookkeeping = []string{"FUNCDATA", "PCDATA", "TEXT", "NOP", "NOOP"}

// instructions returns those of each function of the engine, built with flags, in order
// of their names: the compiler chooses registers and places on the stack by what it has
// seen, removed or not.
func instructions(t *testing.T, flags ...string) map[string][]string {
	t.Helper()
	args := append([]string{"build", "-gcflags=github.com/eddyline/eddyline/...=-S"}, flags...)
	listing, err := exec.Command("go", append(args, "../../loop")...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, listing)
	}
	functions := make(map[string][]string)
	var function string
	for line := range strings.Lines(string(listing)) {
		if name, _, ok := strings.Cut(line, " STEXT "); ok {
			function = name
			functions[function] = []string{}
		}
		if m := instruction.FindStringSubmatch(line); m != nil && !slices.Contains(bookkeeping, m[1]) {
			functions[function] = append(functions[function], m[1])
		}
	}
	for _, f := range functions {
		slices.Sort(f)
	}
	return functions
}
