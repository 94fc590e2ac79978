package main

import (
	"errors"
	"flag"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/eddyline/eddyline/bench/internal/echo"
)

func at(conns, size, pipeline int) echo.Point {
	return echo.Point{Conns: conns, Size: size, Pipeline: pipeline}
}

func TestDefaultsAreTheGridOfTheGoals(t *testing.T) {
	o, err := parse(nil, new(strings.Builder))
	if err != nil {
		t.Fatal(err)
	}
	want := []echo.Point{at(1, 64, 1), at(100, 64, 1), at(2000, 64, 1), at(9000, 64, 1), at(1, 64, 16), at(100, 64, 16)}
	if o.mode != echoMode || !reflect.DeepEqual(o.points, want) || o.rounds != 7 || o.servers != nil {
		t.Errorf("mode %v, points %v, %d rounds, servers %v", o.mode, o.points, o.rounds, o.servers)
	}
	if n, d := o.slices(); n != 3 || d != 200*time.Millisecond {
		t.Errorf("%d windows of %v", n, d)
	}
}

func TestFlagsMakeTheGrid(t *testing.T) {
	for _, tt := range []struct {
		args string
		want []echo.Point
	}{
		{"-conns 5,7", []echo.Point{at(5, 64, 1), at(7, 64, 1)}},
		{"-conns 5 -pipeline 1,4 -size 1000", []echo.Point{at(5, 1000, 1), at(5, 1000, 4)}},
		{"-pipeline 2", []echo.Point{at(1, 64, 2), at(100, 64, 2), at(2000, 64, 2), at(9000, 64, 2)}},
	} {
		o, err := parse(strings.Fields(tt.args), new(strings.Builder))
		if err != nil || !reflect.DeepEqual(o.points, tt.want) {
			t.Errorf("%s: %v, %v; want %v", tt.args, o.points, err, tt.want)
		}
	}
}

func TestIdleSortsItsPoints(t *testing.T) {
	o, err := parse([]string{"-idle", "-conns", "500, 100,500"}, new(strings.Builder))
	if err != nil || o.mode != idleMode || !reflect.DeepEqual(o.conns, []int{100, 500}) || o.rounds != 3 {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestAShortWindowIsOneSlice(t *testing.T) {
	o, err := parse([]string{"-window", "50ms"}, new(strings.Builder))
	if err != nil {
		t.Fatal(err)
	}
	if n, d := o.slices(); n != 1 || d != 50*time.Millisecond {
		t.Errorf("%d windows of %v", n, d)
	}
}

func TestBadFlagsSayWhatIsWrong(t *testing.T) {
	for args, want := range map[string]string{
		"-conns 0":                "positive number",
		"-conns 1,,2":             "positive number",
		"-conns many":             "many",
		"-pipeline -3":            "-3",
		"-size 0":                 "-size",
		"-rounds -1":              "-rounds",
		"-window 1ms":             "too short",
		"-idle -timers":           "runs of their own",
		"-timers -connect":        "runs of their own",
		"-connect -profile x":     "-connect",
		"-connect -tries 0":       "-tries",
		"-idle -conns 100":        "slope",
		"-idle -profile x":        "-profile",
		"-quiet -1":               "-quiet",
		"-unknown":                "-unknown",
		"extra":                   "extra",
		"-timers -n 0":            "-n",
		"-retries -1 -conns 1,10": "-retries",
	} {
		var out strings.Builder
		if _, err := parse(strings.Fields(args), &out); err == nil || !strings.Contains(out.String(), want) {
			t.Errorf("%s: error %v, output %q; want %q in it", args, err, out.String(), want)
		}
	}
}

func TestHelpTeaches(t *testing.T) {
	var out strings.Builder
	if _, err := parse([]string{"-h"}, &out); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("error %v", err)
	}
	for _, want := range []string{"-idle", "-timers", "-connect", "-profile file", "floor-again", "Exit status"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the help does not mention %q", want)
		}
	}
}

func TestDescriptorLimit(t *testing.T) {
	for _, tt := range []struct {
		args string
		ok   bool
	}{
		{"-conns 100,936", true},
		{"-conns 937", false},
		{"-idle -conns 10,936", true},
		{"-idle -conns 10,937", false},
		{"-timers", true},
	} {
		o, err := parse(strings.Fields(tt.args), new(strings.Builder))
		if err != nil {
			t.Fatal(err)
		}
		if err := o.checkLimit(1000); (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.args, err)
		} else if err != nil && !strings.Contains(err.Error(), "936") {
			t.Errorf("%s: %v; want how many are possible", tt.args, err)
		}
	}
}
