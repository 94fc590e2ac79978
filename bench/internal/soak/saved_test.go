package soak

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// A saved run is judged and drawn like the run itself.
func TestARunIsSavedWhole(t *testing.T) {
	r := flat(rand.New(rand.NewPCG(1, 2)), time.Minute)
	r.Config.Seed, r.Config.Faults = 7, true
	r.Actions, r.Faults, r.Seen = []Tally{{"echo", 3, 2, 1}}, []Count{{"late", 4}}, []Count{{"drained", 5}}
	r.Lost, r.Ended, r.Began = []string{"echo: wrong bytes"}, "the process ended", time.Now().UTC().Round(0)
	r.judge()
	file := filepath.Join(t.TempDir(), "results.json")
	d := NewDocument("go run ./bench/soak -seed 7")
	d.Result = r
	if err := d.Save(file); err != nil {
		t.Fatal(err)
	}
	got, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, d) {
		t.Errorf("it is not the run that was saved: judged %+v, want %+v", got.Result.Verdicts, d.Result.Verdicts)
	}
	about := strings.Join(got.About(), "\n")
	for _, want := range []string{"go run ./bench/soak -seed 7", d.Machine.Kernel, d.Machine.Go, "1m0s of 1m0s"} {
		if !strings.Contains(about, want) {
			t.Errorf("about does not have %q:\n%s", want, about)
		}
	}
}

func TestWhatIsNoSavedRun(t *testing.T) {
	dir := t.TempDir()
	if _, err := Load(filepath.Join(dir, "none")); err == nil {
		t.Error("a file that is not there was loaded")
	}
	for name, text := range map[string]string{"no JSON": "x", "another format": `{"format":99,"result":{}}`, "no run": `{"format":1}`} {
		file := filepath.Join(dir, "file")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(file); err == nil {
			t.Errorf("%s was loaded", name)
		}
	}
}
