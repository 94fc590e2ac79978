package soak

import (
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"
)

// flat is a run of ten minutes in which everything stays, give or take noise.
func flat(rng *rand.Rand) *Result {
	r := &Result{Config: Config{For: 10 * time.Minute, Conns: 100}, Baseline: Sample{Resident: 12 * mega, Heap: mega, Descriptors: 15, Goroutines: 5}}
	r.Final = r.Baseline
	for i := range 600 {
		r.Samples = append(r.Samples, Sample{
			At:          time.Duration(i) * time.Second,
			Resident:    40*mega + rng.Int64N(4*mega),
			Heap:        20*mega + rng.Int64N(12*mega),
			Descriptors: 115 + rng.IntN(9),
			Conns:       100,
			Goroutines:  5,
			P50:         time.Millisecond,
			P99:         time.Duration(rng.Int64N(int64(40 * time.Millisecond))),
		})
	}
	return r
}

// failures are the figures that did not pass.
func failures(r *Result) string {
	r.judge()
	var failed []string
	for _, v := range r.Verdicts {
		if v.Failed {
			failed = append(failed, v.Figure+": "+v.Says)
		}
	}
	return strings.Join(failed, "; ")
}

func TestNoiseIsNoGrowth(t *testing.T) {
	for seed := range uint64(50) {
		r := flat(rand.New(rand.NewPCG(seed, 0)))
		if failed := failures(r); failed != "" || !r.Passed() {
			t.Errorf("seed %d: %s", seed, failed)
		}
	}
}

// What leaks is found: 50 KB, a descriptor or a goroutine now and then,
// an echo that is slower by 10 microseconds each second.
func TestLeaksAreFound(t *testing.T) {
	for name, leak := range map[string]struct {
		want string
		into func(s *Sample, i int)
	}{
		"resident":    {"resident, MB: GREW", func(s *Sample, i int) { s.Resident += int64(i) * 50_000 }},
		"heap":        {"heap, MB: GREW", func(s *Sample, i int) { s.Heap += int64(i) * 100_000 }},
		"descriptors": {"descriptors less connections: GREW", func(s *Sample, i int) { s.Descriptors += i / 40 }},
		"goroutines":  {"goroutines: GREW", func(s *Sample, i int) { s.Goroutines += i / 20 }},
		"p50":         {"p50, ms: GREW", func(s *Sample, i int) { s.P50 += time.Duration(i) * 10 * time.Microsecond }},
		"p99":         {"p99, ms: GREW", func(s *Sample, i int) { s.P99 += time.Duration(i) * 100 * time.Microsecond }},
	} {
		t.Run(name, func(t *testing.T) {
			r := flat(rand.New(rand.NewPCG(1, 2)))
			for i := range r.Samples {
				leak.into(&r.Samples[i], i)
			}
			if failed := failures(r); !strings.Contains(failed, leak.want) || r.Passed() {
				t.Errorf("it says %q, want %q", failed, leak.want)
			}
		})
	}
}

// One descriptor or goroutine more at the end is one too many.
func TestWhatDoesNotComeBackIsFound(t *testing.T) {
	for name, leave := range map[string]func(s *Sample){
		"resident":    func(s *Sample) { s.Resident += 33 * mega },
		"heap":        func(s *Sample) { s.Heap += 9 * mega },
		"descriptors": func(s *Sample) { s.Descriptors++ },
		"goroutines":  func(s *Sample) { s.Goroutines++ },
	} {
		r := flat(rand.New(rand.NewPCG(1, 2)))
		leave(&r.Final)
		if failed := failures(r); !strings.HasPrefix(failed, name) || !strings.HasSuffix(failed, "NOT BACK") || r.Passed() {
			t.Errorf("%s: it says %q", name, failed)
		}
	}
}

func TestALossFails(t *testing.T) {
	r := flat(rand.New(rand.NewPCG(1, 2)))
	r.judge()
	r.Lost = []string{"echo: wrong bytes"}
	if r.Passed() {
		t.Error("a run that lost something has passed")
	}
}

// A run too short for growth is held to its bounds all the same.
func TestTooMuchIsFoundInAnyRun(t *testing.T) {
	for name, much := range map[string]struct {
		want string
		of   func(s *Sample)
	}{
		"nothing":     {"", func(*Sample) {}},
		"resident":    {"resident, MB: too short to tell growth, TOO MUCH", func(s *Sample) { s.Resident += 90 * mega }},
		"heap":        {"heap, MB: too short to tell growth, TOO MUCH", func(s *Sample) { s.Heap += 90 * mega }},
		"descriptors": {"descriptors less connections: too short to tell growth, TOO MUCH", func(s *Sample) { s.Descriptors += 120 }},
		"goroutines":  {"goroutines: too short to tell growth, TOO MUCH", func(s *Sample) { s.Goroutines += 9 }},
	} {
		r := flat(rand.New(rand.NewPCG(1, 2)))
		r.Samples = r.Samples[:20]
		much.of(&r.Samples[10])
		if failed := failures(r); !strings.HasPrefix(failed, much.want) || (failed == "") != (much.want == "") {
			t.Errorf("%s: it says %q", name, failed)
		}
	}
}

// What waits while the server is stopped does not wait for the engine.
func TestStopsSayNothingOfLatencyAndDescriptors(t *testing.T) {
	r := flat(rand.New(rand.NewPCG(1, 2)))
	for i := range r.Samples[300:] {
		s := &r.Samples[300+i]
		if s.Stopped = i%5 < 3; s.Stopped {
			s.P50, s.P99 = time.Second, 2*time.Second
			s.Descriptors += 300
		}
	}
	if failed := failures(r); failed != "" {
		t.Error(failed)
	}
	for i := range r.Samples {
		r.Samples[i].Stopped = false
	}
	if failed := failures(r); !strings.Contains(failed, "p50, ms: GREW") || !strings.Contains(failed, "p99, ms: GREW") || !strings.Contains(failed, "TOO MUCH") {
		t.Errorf("without stops it says %q", failed)
	}
}

func TestDraw(t *testing.T) {
	files, err := flat(rand.New(rand.NewPCG(1, 2))).Draw(t.TempDir() + "/charts")
	if err != nil || len(files) != len(charts) {
		t.Fatalf("%q, %v", files, err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil || !strings.Contains(string(text), "<svg") || !strings.Contains(string(text), "seconds") {
			t.Errorf("%s: %d bytes, %v", f, len(text), err)
		}
	}
}
