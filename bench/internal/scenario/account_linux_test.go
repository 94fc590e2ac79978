package scenario

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/eddyline/eddyline/bench/internal/client"
	"github.com/eddyline/eddyline/bench/internal/results"
	"github.com/eddyline/eddyline/bench/internal/servers"
)

const ms = time.Millisecond

// after is a reading so much later than the zero one.
func after(at, server, load, cores time.Duration) reading {
	return reading{at: time.Time{}.Add(at), cpu: server, load: load, cores: cores, told: true}
}

func TestWhatRanOnTheCoresBesidesServerAndLoadIsForeign(t *testing.T) {
	silent := after(200*ms, 150*ms, 200*ms, 0)
	silent.told = false
	for name, tt := range map[string]struct {
		from, to reading
		foreign  time.Duration
		lost     float64
		told     bool
	}{
		"nobody":            {after(0, 0, 0, 0), after(200*ms, 150*ms, 200*ms, 350*ms), 0, 0, true},
		"somebody":          {after(0, 0, 0, 0), after(200*ms, 100*ms, 180*ms, 320*ms), 40 * ms, 0.2, true},
		"more than a core":  {after(0, 0, 0, 0), after(200*ms, 50*ms, 50*ms, 400*ms), 300 * ms, 1.5, true},
		"later in a life":   {after(50*ms, 7*ms, 9*ms, 900*ms), after(150*ms, 57*ms, 109*ms, 1070*ms), 20 * ms, 0.2, true},
		"clocks cut a hair": {after(0, 0, 0, 0), after(200*ms, 150*ms, 200*ms, 349*ms), 0, 0, true},
		"it is not told":    {after(0, 0, 0, 0), silent, 0, 0, false},
	} {
		a := between(tt.from, tt.to)
		if a.foreign != tt.foreign || a.lost() != tt.lost || a.told != tt.told {
			t.Errorf("%s: %v foreign, %v lost, told %v; want %v, %v, %v", name, a.foreign, a.lost(), a.told, tt.foreign, tt.lost, tt.told)
		}
	}
}

// taking measures windows in which others take these shares of a core.
func taking(shares ...float64) (measure func() (int, account, error), taken *int) {
	taken = new(int)
	return func() (int, account, error) {
		share := shares[min(*taken, len(shares)-1)]
		*taken++
		return *taken, account{span: time.Second, foreign: time.Duration(share * float64(time.Second)), told: true}, nil
	}, taken
}

func TestADisturbedWindowIsMeasuredAgainWhileRetriesAreLeft(t *testing.T) {
	for name, tt := range map[string]struct {
		shares  []float64
		used    int // retries of this round before
		windows int
		lost    float64
	}{
		"quiet":                   {[]float64{0.01}, 0, 1, 0.01},
		"just quiet":              {[]float64{quiet}, 0, 1, quiet},
		"once disturbed":          {[]float64{0.5, 0.02}, 0, 2, 0.02},
		"always, the last counts": {[]float64{0.9, 0.8, 0.7, 0.6, 0.1}, 0, 1 + retries, 0.6},
		"two retries used":        {[]float64{0.9, 0.8, 0.7}, retries - 1, 2, 0.8},
		"all used":                {[]float64{0.9, 0}, retries, 1, 0.9},
	} {
		again := tt.used
		measure, taken := taking(tt.shares...)
		w, a, err := undisturbed(t.Context(), &again, measure)
		if err != nil || w != tt.windows || *taken != tt.windows || again != tt.used+tt.windows-1 || math.Abs(a.lost()-tt.lost) > 1e-9 {
			t.Errorf("%s: window %d of %d, %d retries, %v lost, %v; want %d and %v", name, w, *taken, again, a.lost(), err, tt.windows, tt.lost)
		}
	}
}

func TestNothingIsMeasuredAgainAfterAnErrorOrTheEnd(t *testing.T) {
	broken := errors.New("broken")
	again, measured := 0, 0
	fails := func() (int, account, error) {
		measured++
		return 0, account{}, broken
	}
	if _, _, err := undisturbed(t.Context(), &again, fails); err != broken || measured != 1 {
		t.Errorf("%d windows, %v", measured, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	measure, taken := taking(1)
	if _, _, err := undisturbed(ctx, &again, measure); err != nil || *taken != 1 {
		t.Errorf("%d windows, %v", *taken, err)
	}
}

func TestAccountsAndWhatServersSayAddUp(t *testing.T) {
	a := account{span: 3, wall: 2, cpu: 5, foreign: 7, told: true}
	sum := a
	sum.add(a)
	if want := (account{span: 6, wall: 4, cpu: 10, foreign: 14, told: true}); sum != want {
		t.Errorf("%+v, want %+v", sum, want)
	}
	before := servers.Mark{Mallocs: 100, UserNS: 10, SysNS: 1000}
	o := said(before, servers.Mark{Mallocs: 130, UserNS: 12, SysNS: 1500}, time.Second, 10)
	o.add(o)
	if want := (own{loaded: 2 * time.Second, requests: 20, user: 4, sys: 1000, mallocs: 60}); o != want {
		t.Errorf("%+v, want %+v", o, want)
	}
}

func TestTheFiguresOfARound(t *testing.T) {
	// 1,000 requests within 2 s, of which the server used 1.2 s.
	round := results.Round{Seconds: 2, Requests: 1000, Counted: true, Extra: map[string]float64{"other": 1}}
	sum := account{span: 4 * time.Second, wall: 2 * time.Second, cpu: 1200 * ms, foreign: 400 * ms, told: true}
	said := own{loaded: 5 * time.Second, requests: 3000, user: time.Second, sys: 3 * time.Second, mallocs: 6000}
	uncounted, untold, silent := said, sum, said
	uncounted.requests = 0
	untold.told, untold.foreign = false, 0
	silent.user, silent.sys = 0, 0
	for name, tt := range map[string]struct {
		mode client.Mode
		sum  account
		own  own
		want results.Round
	}{
		"all": {client.Closed, sum, said, results.Round{CPUUS: 1200, UserUS: 300, SystemUS: 900, Allocs: 2, Counted: true, Server: 0.6,
			Extra: map[string]float64{"other": 1, disturbed: 10}}},
		// By the rate, there were 2,500 of them.
		"nobody counted the requests of the load": {client.Closed, sum, uncounted, results.Round{CPUUS: 1200, UserUS: 300, SystemUS: 900, Allocs: 2.4, Counted: true,
			Server: 0.6, Extra: map[string]float64{"other": 1, disturbed: 10}}},
		"nobody tells what others had": {client.Closed, untold, said, results.Round{CPUUS: 1200, UserUS: 300, SystemUS: 900, Allocs: 2, Counted: true, Server: 0.6,
			Extra: map[string]float64{"other": 1}}},
		"user and system unknown": {client.Closed, sum, silent, results.Round{CPUUS: 1200, Allocs: 2, Counted: true, Server: 0.6,
			Extra: map[string]float64{"other": 1, disturbed: 10}}},
		"peers that do not read": {client.Slow, sum, said, results.Round{CPUUS: 1200, Server: 0.6, Extra: map[string]float64{"other": 1, disturbed: 10}}},
	} {
		c := contender{task: Task{Load: client.Spec{Mode: tt.mode}}, round: round, sum: tt.sum, own: tt.own}
		got, err := c.figures()
		if err != nil {
			t.Fatal(err)
		}
		for what, pair := range map[string][2]float64{
			"processor time":      {got.CPUUS, tt.want.CPUUS},
			"user":                {got.UserUS, tt.want.UserUS},
			"system":              {got.SystemUS, tt.want.SystemUS},
			"allocations":         {got.Allocs, tt.want.Allocs},
			"share of a core":     {got.Server, tt.want.Server},
			"disturbed":           {got.Extra[disturbed], tt.want.Extra[disturbed]},
			"another one's extra": {got.Extra["other"], 1},
			"number of extras":    {float64(len(got.Extra)), float64(len(tt.want.Extra))},
		} {
			if math.Abs(pair[0]-pair[1]) > 1e-9 {
				t.Errorf("%s: %s %v, want %v", name, what, pair[0], pair[1])
			}
		}
		if got.Counted != tt.want.Counted {
			t.Errorf("%s: counted %v", name, got.Counted)
		}
	}
	if len(round.Extra) != 1 {
		t.Errorf("the windows' own figures became %v", round.Extra)
	}
}

func TestAQuietRoundSaysSo(t *testing.T) {
	c := contender{sum: account{span: time.Second, wall: time.Second, told: true}}
	r, err := c.figures()
	if lost, told := r.Extra[disturbed]; err != nil || !told || lost != 0 {
		t.Errorf("%v, told %v, %v", lost, told, err)
	}
}
