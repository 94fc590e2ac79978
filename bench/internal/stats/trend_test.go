package stats

import (
	"math"
	"math/rand/v2"
	"testing"
)

// points are n figures with noise, to which shape adds.
func points(rng *rand.Rand, n int, shape func(i int) float64) (x, y []float64) {
	for i := range n {
		x = append(x, float64(i))
		y = append(y, rng.NormFloat64()+shape(i))
	}
	return x, y
}

func nothing(int) float64 { return 0 }

// A straight line has its own rise, whatever its points are apart.
func TestTheRiseOfALine(t *testing.T) {
	var x, y []float64
	for i := range Shortest {
		x = append(x, float64(i*i))
		y = append(y, 5+3*float64(i*i))
	}
	last := float64((Shortest - 1) * (Shortest - 1))
	if got, ok := Rising(x, y); !ok || math.Abs(got.Rise-3*last) > 1e-6*last || got.Noise > 1e-6*last {
		t.Errorf("%+v, %v, want a rise of %v", got, ok, 3*last)
	}
	if got, ok := Rising(x[1:], y[1:]); ok {
		t.Errorf("too few points have the trend %+v", got)
	}
}

// What is no trend stays below six times what Rising takes for noise, in nearly all
// of many runs.
func TestWhatIsNoTrend(t *testing.T) {
	const n, runs, allowed = 600, 400, 12 // 3 %
	for name, shape := range map[string]func(*rand.Rand) func(int) float64{
		"noise": func(*rand.Rand) func(int) float64 { return nothing },
		"a step": func(rng *rand.Rand) func(int) float64 {
			at := rng.IntN(n)
			return func(i int) float64 { return 8 * step(i >= at) }
		},
		"two steps": func(rng *rand.Rand) func(int) float64 {
			a, b := rng.IntN(n), rng.IntN(n)
			return func(i int) float64 { return 8*step(i >= a) + 8*step(i >= b) }
		},
		"spikes": func(rng *rand.Rand) func(int) float64 {
			return func(int) float64 { return 500 * step(rng.IntN(20) == 0) }
		},
		"a neighbour who comes and goes": func(rng *rand.Rand) func(int) float64 {
			busy := 0.0
			return func(int) float64 {
				if rng.IntN(100) == 0 {
					busy = 8 - busy
				}
				return busy
			}
		},
		"what wanders": func(rng *rand.Rand) func(int) float64 {
			far := 0.0
			return func(int) float64 {
				far = 0.97*far + rng.NormFloat64()
				return far
			}
		},
	} {
		seen := 0
		for seed := range uint64(runs) {
			rng := rand.New(rand.NewPCG(seed, 1))
			trend, ok := Rising(points(rng, n, shape(rng)))
			if !ok {
				t.Fatal("too few points")
			}
			if trend.Rise > 6*trend.Noise {
				seen++
			}
		}
		if seen > allowed {
			t.Errorf("%s: a trend in %d of %d runs", name, seen, runs)
		}
	}
}

// A leak shows through noise and steps: 24 times the noise of a point, over 600 of them.
func TestALeakIsATrend(t *testing.T) {
	const n, runs, leak = 600, 400, 24.0
	for name, on := range map[string]func(i int) float64{
		"alone":            nothing,
		"with a step down": func(i int) float64 { return -8 * step(i > n/2) },
		"with a stop":      func(i int) float64 { return 300 * step(i > n/3 && i < n/3+20) },
	} {
		missed := 0
		for seed := range uint64(runs) {
			rng := rand.New(rand.NewPCG(seed, 2))
			trend, _ := Rising(points(rng, n, func(i int) float64 { return leak*float64(i)/n + on(i) }))
			if trend.Rise <= 6*trend.Noise || math.Abs(trend.Rise-leak) > leak/2 {
				missed++
			}
		}
		if missed > runs/20 {
			t.Errorf("%s: missed in %d of %d runs", name, missed, runs)
		}
	}
}

func step(on bool) float64 {
	if on {
		return 1
	}
	return 0
}
