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
	want := 3 * (x[Shortest-1] - x[0])
	if got, ok := Rising(x, y); !ok || math.Abs(got.Rise-want) > 1e-6*want || math.Abs(got.Least-want) > 1e-6*want || got.Noise > 1e-6*want {
		t.Errorf("%+v, %v, want a rise of %v", got, ok, want)
	}
	if got, ok := Rising(x[1:], y[1:]); ok {
		t.Errorf("too few points have the trend %+v", got)
	}
}

// The noise is that of the rise: it tells how far repeated rises are apart.
func TestTheNoiseOfARise(t *testing.T) {
	const runs = 500
	var rises, noises []float64
	for seed := range uint64(runs) {
		trend, _ := Rising(points(rand.New(rand.NewPCG(seed, 7)), 600, nothing))
		rises, noises = append(rises, trend.Rise), append(noises, trend.Noise)
	}
	if apart, told := deviation(rises), Median(noises); apart < 0.8*told || apart > 1.4*told {
		t.Errorf("rises of nothing deviate by %.3f, and say %.3f", apart, told)
	}
}

// What is no leak is not steady: a rise of more than twelve times the noise, and of half
// a step, hardly ever is.
func TestWhatIsNotSteady(t *testing.T) {
	const n, runs, size = 600, 200, 8.0
	const allowed = runs / 50
	for name, shape := range map[string]func(*rand.Rand) func(int) float64{
		"noise": func(*rand.Rand) func(int) float64 { return nothing },
		"a step": func(rng *rand.Rand) func(int) float64 {
			at := rng.IntN(n)
			return func(i int) float64 { return size * step(i >= at) }
		},
		"two steps": func(rng *rand.Rand) func(int) float64 {
			a, b := rng.IntN(n), rng.IntN(n)
			return func(i int) float64 { return size*step(i >= a) + size*step(i >= b) }
		},
		"spikes": func(rng *rand.Rand) func(int) float64 {
			return func(int) float64 { return 500 * step(rng.IntN(20) == 0) }
		},
		"a neighbour who comes and goes": func(rng *rand.Rand) func(int) float64 {
			busy := 0.0
			return func(int) float64 {
				if rng.IntN(100) == 0 {
					busy = size - busy
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
		"what fills up": func(*rand.Rand) func(int) float64 {
			return func(i int) float64 { return size * (1 - math.Exp(-float64(i)/30)) }
		},
	} {
		seen := 0
		for seed := range uint64(runs) {
			rng := rand.New(rand.NewPCG(seed, 1))
			trend, ok := Rising(points(rng, n, shape(rng)))
			if !ok {
				t.Fatal("too few points")
			}
			if trend.Steady() > max(size/2, 12*trend.Noise) {
				seen++
			}
		}
		if seen > allowed {
			t.Errorf("%s: steady in %d of %d runs", name, seen, runs)
		}
	}
}

// A leak of the size that is certain is seen, of half the limit never; alone, with as much
// noise as may be, and where a stop disturbs it.
func TestALeakIsSteady(t *testing.T) {
	const n, runs = 600, 200
	for name, on := range map[string]func(i int) float64{
		"alone":       nothing,
		"with a stop": func(i int) float64 { return 300 * step(i > n/3 && i < n/3+3) },
	} {
		for _, limit := range []float64{0.5, 2, 10} {
			seen, half := 0, 0
			for seed := range uint64(runs) {
				leaking := func(rise float64) Trend {
					rng := rand.New(rand.NewPCG(seed, 2))
					trend, _ := Rising(points(rng, n, func(i int) float64 { return rise*float64(i)/n + on(i) }))
					return trend
				}
				if leaking(leaking(0).Certain(limit)).Steady() > limit {
					seen++
				}
				if leaking(limit/2).Steady() > limit {
					half++
				}
			}
			if seen < runs*9/10 || half > runs/20 {
				t.Errorf("%s, limit %v: seen in %d of %d runs, and half of the limit in %d", name, limit, seen, runs, half)
			}
		}
	}
}

func step(on bool) float64 {
	if on {
		return 1
	}
	return 0
}
