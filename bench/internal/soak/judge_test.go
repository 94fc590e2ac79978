package soak

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// flat is a run in which everything stays, give or take noise: that of the collector,
// of connections that come and go, of a machine whose neighbours make everything on
// it up to eight times slower for a while, and of stops.
func flat(rng *rand.Rand, length time.Duration) *Result {
	r := &Result{Config: Config{For: length, Conns: 100}, Baseline: Sample{Resident: 12 * mega, Heap: mega, Descriptors: 15, Goroutines: 5}}
	final := r.Baseline
	r.Final = &final
	machine := 1.0
	for i := range int(length / time.Second) {
		if rng.IntN(60) == 0 {
			machine = 1 + 7*rng.Float64()
		}
		s := Sample{
			At:          time.Duration(i) * time.Second,
			Resident:    30*mega + rng.Int64N(2*mega),
			Heap:        12*mega + rng.Int64N(4*mega),
			Descriptors: 115 + rng.IntN(4),
			Conns:       100,
			Goroutines:  5,
			Server:      latency(rng, machine, 300*time.Microsecond),
			Control:     latency(rng, machine, 100*time.Microsecond),
		}
		if i%15 < 2 {
			s.Stopped = true
			s.Server.P50, s.Server.P99 = time.Second, 2*time.Second
			s.Descriptors += 300
		}
		r.Samples = append(r.Samples, s)
	}
	return r
}

// latency is what a second's echoes take of about typical, on a machine so slow.
func latency(rng *rand.Rand, machine float64, typical time.Duration) Latency {
	p50 := time.Duration(machine * float64(typical) * (0.8 + 0.4*rng.Float64()))
	return Latency{P50: p50, P99: p50 * time.Duration(5+rng.IntN(30)), Echoes: 200}
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
	for _, length := range []time.Duration{time.Minute, 10 * time.Minute, 25 * time.Minute} {
		for seed := range uint64(50) {
			r := flat(rand.New(rand.NewPCG(seed, 0)), length)
			if failed := failures(r); failed != "" || !r.Passed() {
				t.Errorf("%v, seed %d: %s", length, seed, failed)
			}
		}
	}
}

// From some moment on the machine is so busy that the server, which has more to do
// than the control, loses much more: latency three times as many times the control's, output
// and connections pile up. That is a step and no leak, whenever it comes.
func TestSaturationIsNoGrowth(t *testing.T) {
	const length = 10 * time.Minute
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 3))
		r := flat(rng, length)
		for i := rng.IntN(len(r.Samples)); i < len(r.Samples); i++ {
			s := &r.Samples[i]
			s.Server.P50 *= 3
			s.Server.P99 *= 3
			s.Resident += 20 * mega
			s.Heap += 20 * mega
			s.Descriptors += 50
		}
		if failed := failures(r); failed != "" {
			t.Errorf("seed %d: %s", seed, failed)
		}
	}
}

// leaks are found when a run ends with so much more than it began with: what a run of
// ten minutes, of 25, and of eight hours is held to.
var leaks = []struct {
	figure string
	rises  [3]float64 // in the figure's unit; latency: times what it was
	into   func(s *Sample, rise float64)
}{
	{"resident, MB", [3]float64{9, 7, 6}, func(s *Sample, rise float64) { s.Resident += int64(rise * mega) }},
	{"heap, MB", [3]float64{9, 7, 6}, func(s *Sample, rise float64) { s.Heap += int64(rise * mega) }},
	{"descriptors less connections", [3]float64{9, 8, 8}, func(s *Sample, rise float64) { s.Descriptors += int(rise) }},
	{"goroutines", [3]float64{8, 8, 8}, func(s *Sample, rise float64) { s.Goroutines += int(rise) }},
	{"p50, times the control's", [3]float64{2, 1.2, 0.8}, func(s *Sample, rise float64) { s.Server.P50 += time.Duration(rise * float64(s.Server.P50)) }},
	{"p99, times the control's", [3]float64{6, 6, 1.2}, func(s *Sample, rise float64) { s.Server.P99 += time.Duration(rise * float64(s.Server.P99)) }},
}

var lengths = [3]time.Duration{10 * time.Minute, 25 * time.Minute, 8 * time.Hour}

func TestLeaksAreFound(t *testing.T) {
	for i, length := range lengths {
		for _, leak := range leaks {
			for seed := range uint64(2) {
				r := flat(rand.New(rand.NewPCG(seed, 4)), length)
				for j := range r.Samples {
					s := &r.Samples[j]
					leak.into(s, leak.rises[i]*float64(s.At)/float64(length))
				}
				if failed := failures(r); !strings.HasPrefix(failed, leak.figure) || r.Passed() {
					t.Errorf("%v, seed %d: a leak of %v in %q: it says %q", length, seed, leak.rises[i], leak.figure, failed)
				}
			}
		}
	}
}

// What a run says that it would notice, it notices; half of it, less than what it may rise by, it does not.
func TestWhatIsSaidToBeNoticed(t *testing.T) {
	r := flat(rand.New(rand.NewPCG(1, 5)), 25*time.Minute)
	r.judge()
	var least float64
	if _, err := fmt.Sscan(r.Verdicts[1].Noticed, &least); err != nil || least <= 0 {
		t.Fatalf("it notices %q, %v", r.Verdicts[1].Noticed, err)
	}
	for times, want := range map[float64]bool{0.5: false, 1: true} {
		leaking := *r
		leaking.Samples = append([]Sample(nil), r.Samples...)
		for i := range leaking.Samples {
			s := &leaking.Samples[i]
			s.Heap += int64(times * least * mega * float64(s.At) / float64(r.Config.For))
		}
		if failed := failures(&leaking); strings.Contains(failed, "heap, MB: GREW") != want {
			t.Errorf("%v times %v MB: it says %q", times, least, failed)
		}
	}
}

// What is bad from the first second does not grow.
func TestABadLatencyIsFoundWithoutGrowth(t *testing.T) {
	for name, worse := range map[string]struct {
		want string
		of   func(l *Latency)
	}{
		"as it is": {"", func(*Latency) {}},
		"p50":      {"p50, times the control's: flat, TOO MUCH", func(l *Latency) { l.P50 *= 5 }},
		"p99":      {"p99, times the control's: flat, TOO MUCH", func(l *Latency) { l.P99 *= 5 }},
	} {
		r := flat(rand.New(rand.NewPCG(1, 6)), 10*time.Minute)
		for i := range r.Samples {
			worse.of(&r.Samples[i].Server)
		}
		if failed := failures(r); failed != worse.want {
			t.Errorf("%s: it says %q, want %q", name, failed, worse.want)
		}
	}
}

// One descriptor or goroutine more at the end is one too many.
func TestWhatDoesNotComeBackIsFound(t *testing.T) {
	for name, leave := range map[string]func(s *Sample){
		"resident":    func(s *Sample) { s.Resident += 33 * mega },
		"heap":        func(s *Sample) { s.Heap += 13 * mega },
		"descriptors": func(s *Sample) { s.Descriptors++ },
		"goroutines":  func(s *Sample) { s.Goroutines++ },
	} {
		r := flat(rand.New(rand.NewPCG(1, 2)), 10*time.Minute)
		leave(r.Final)
		if failed := failures(r); !strings.HasPrefix(failed, name) || !strings.HasSuffix(failed, "NOT BACK") || r.Passed() {
			t.Errorf("%s: it says %q", name, failed)
		}
	}
}

func TestALossFails(t *testing.T) {
	r := flat(rand.New(rand.NewPCG(1, 2)), time.Minute)
	r.judge()
	r.Lost = []string{"echo: wrong bytes"}
	if r.Passed() {
		t.Error("a run that lost something has passed")
	}
}

// A run that did not come to its end has passed only if somebody wanted that.
func TestAnEndBeforeTheTime(t *testing.T) {
	r := flat(rand.New(rand.NewPCG(1, 2)), time.Minute)
	r.judge()
	for ended, want := range map[string]bool{"": true, interrupted: true, "the process ended: exit status 2": false} {
		if r.Ended = ended; r.Passed() != want {
			t.Errorf("%q: passed %v, want %v", ended, r.Passed(), want)
		}
	}
}

// What was not seen is not judged, and not taken for nothing.
func TestARunWithoutSamplesOrAnEnd(t *testing.T) {
	r := flat(rand.New(rand.NewPCG(1, 2)), 10*time.Minute)
	r.Final = nil
	if failed := failures(r); failed != "" || r.Verdicts[0].After != "-" || strings.Contains(r.Verdicts[0].Says, "back") {
		t.Errorf("without an end: %q, %+v", failed, r.Verdicts[0])
	}
	r.Samples = nil
	if failed := failures(r); failed != "" || r.Verdicts[0].Says != "not seen" {
		t.Errorf("without samples: %q, %+v", failed, r.Verdicts[0])
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
		r := flat(rand.New(rand.NewPCG(1, 2)), 20*time.Second)
		much.of(&r.Samples[10])
		if failed := failures(r); !strings.HasPrefix(failed, much.want) || (failed == "") != (much.want == "") {
			t.Errorf("%s: it says %q", name, failed)
		}
	}
}

// What waits while the server is stopped does not wait for the engine.
func TestStopsSayNothingOfLatencyAndDescriptors(t *testing.T) {
	r := flat(rand.New(rand.NewPCG(1, 2)), 10*time.Minute)
	for i := range r.Samples {
		s := &r.Samples[i]
		if s.Stopped = i%5 < 3; s.Stopped {
			s.Server.P50, s.Server.P99 = time.Second, 2*time.Second
			s.Descriptors += 300
		}
	}
	if failed := failures(r); failed != "" {
		t.Error(failed)
	}
	for i := range r.Samples {
		r.Samples[i].Stopped = false
	}
	if failed := failures(r); !strings.Contains(failed, "p50, times the control's: flat, TOO MUCH") || !strings.Contains(failed, "descriptors less connections: flat, TOO MUCH") {
		t.Errorf("without stops it says %q", failed)
	}
}

// A long run has no more samples than one of eight hours.
func TestTheNumberOfSamplesIsBounded(t *testing.T) {
	for _, length := range []time.Duration{time.Second, time.Minute, 8 * time.Hour, 1000 * time.Hour} {
		every := Config{For: length}.every()
		if n := length / every; n > most || n < 20 {
			t.Errorf("%v has %d samples", length, n)
		}
	}
	if every := (Config{For: 8 * time.Hour}).every(); every != time.Second {
		t.Errorf("eight hours have a sample each %v", every)
	}
}
