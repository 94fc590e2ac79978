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
	r := &Result{Config: Config{For: 10 * time.Minute}, Baseline: Sample{Resident: 12 * mega, Heap: mega, Descriptors: 15, Goroutines: 5}}
	r.Final = r.Baseline
	for i := range 600 {
		r.Samples = append(r.Samples, Sample{
			At:          time.Duration(i) * time.Second,
			Resident:    40*mega + rng.Int64N(4*mega),
			Heap:        20*mega + rng.Int64N(12*mega),
			Descriptors: 100 + rng.IntN(60),
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

// What leaks is found: 50 KB, a third of a descriptor, a goroutine now and then.
func TestLeaksAreFound(t *testing.T) {
	for name, leak := range map[string]struct {
		want string
		into func(s *Sample, i int)
	}{
		"resident":    {"resident, MB: GREW", func(s *Sample, i int) { s.Resident += int64(i) * 50_000 }},
		"heap":        {"heap, MB: GREW", func(s *Sample, i int) { s.Heap += int64(i) * 100_000 }},
		"descriptors": {"descriptors: GREW", func(s *Sample, i int) { s.Descriptors += i / 3 }},
		"goroutines":  {"goroutines: GREW", func(s *Sample, i int) { s.Goroutines += i / 20 }},
		"latency":     {"p99, ms: GREW", func(s *Sample, i int) { s.P99 += time.Duration(i) * 200 * time.Microsecond }},
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

func TestAShortRunSaysNothingOfGrowth(t *testing.T) {
	r := flat(rand.New(rand.NewPCG(1, 2)))
	r.Config.For = 3 * time.Second
	for i := range r.Samples {
		r.Samples[i].Resident += int64(i) * mega
	}
	if failed := failures(r); failed != "" {
		t.Error(failed)
	}
}

func TestCheckFindsEveryWrongByte(t *testing.T) {
	p := make([]byte, 3*period/2)
	fill(p, 12345)
	if err := check(p, 12345); err != nil {
		t.Fatal(err)
	}
	for _, at := range []int{0, 1, period - 12345, len(p) - 1} {
		p[at]++
		if check(p, 12345) == nil {
			t.Errorf("byte %d is wrong and was not found", at)
		}
		p[at]--
	}
	if check(p, 12346) == nil || check(p[1:], 12345) == nil {
		t.Error("bytes of another place passed")
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
