package expiry

import (
	"testing"
	"time"
)

// Every kind waits its limit out, and none is early.
func TestRunWaitsLimitsOut(t *testing.T) {
	steps := 0
	rows, err := Run(t.Context(), Config{
		Limits: []time.Duration{time.Millisecond, 3 * time.Millisecond},
		Tries:  3,
		Step:   func(done, total int, what string) { steps++ },
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 2*len(All) || steps != 3*len(rows) {
		t.Fatalf("%d rows after %d steps, want %d and %d", len(rows), steps, 2*len(All), 6*len(All))
	}
	for _, r := range rows {
		if r.Err != "" || len(r.Late) != 3 || r.Early() != 0 {
			t.Errorf("%s, %v: late %v, early %d, error %q", r.Kind, r.Limit, r.Late, r.Early(), r.Err)
		}
	}
}

// A connect that somebody answers is no expiry.
func TestAnswerIsAFailure(t *testing.T) {
	d, err := listenDeaf()
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	if s, err := d.ln.Accept(); err != nil {
		t.Fatal(err)
	} else {
		defer s.Close()
	}
	for _, kind := range []Kind{Engine, Standard} {
		r := Row{Kind: kind, Limit: 10 * time.Second}
		r.try(d)
		if r.Err == "" || len(r.Late) != 0 {
			t.Errorf("%s: late %v, error %q, want an error", kind, r.Late, r.Err)
		}
		s, err := d.ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
	}
}

func TestQuantileAndEarly(t *testing.T) {
	r := Row{Late: []time.Duration{4, -1, 2, 3}}
	if got := r.Early(); got != 1 {
		t.Errorf("early: %d, want 1", got)
	}
	for q, want := range map[float64]time.Duration{0: -1, 0.5: 3, 1: 4} {
		if got := r.Quantile(q); got != want {
			t.Errorf("quantile %v: %d, want %d", q, got, want)
		}
	}
	if got := new(Row).Quantile(0.5); got != 0 {
		t.Errorf("quantile of nothing: %d, want 0", got)
	}
}
