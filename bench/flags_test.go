package main

import (
	"errors"
	"flag"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/eddyline/eddyline/bench/internal/scenario"
)

func mustParse(t *testing.T, args string) *options {
	t.Helper()
	var said strings.Builder
	o, err := parse(strings.Fields(args), &said)
	if err != nil {
		t.Fatalf("%s: %v", args, err)
	}
	if said.Len() > 0 {
		t.Errorf("%s: said %q", args, said.String())
	}
	return o
}

func TestQuickIsTheDefault(t *testing.T) {
	o := mustParse(t, "")
	if got := scenario.Names(o.scenarios); !slices.Equal(got, []string{"echo"}) {
		t.Errorf("scenarios %v", got)
	}
	if n, d := o.slices(); o.full || o.rounds != 5 || n != 1 || d != 200*time.Millisecond || o.servers != nil {
		t.Errorf("%+v: %d windows of %v", o, n, d)
	}
}

func TestFullIsEverythingAndLonger(t *testing.T) {
	o := mustParse(t, "-full")
	if got := scenario.Names(o.scenarios); !slices.Equal(got, scenario.Names(scenario.Available(scenario.All()))) {
		t.Errorf("scenarios %v", got)
	}
	if n, d := o.slices(); o.rounds != 5 || n != 3 || d != 200*time.Millisecond {
		t.Errorf("%d rounds of %d windows of %v", o.rounds, n, d)
	}
	if o := mustParse(t, "-full -rounds 3 -window 50ms -scenarios churn"); o.rounds != 3 || o.window != 50*time.Millisecond || len(o.scenarios) != 1 {
		t.Errorf("%+v", o)
	}
}

func TestFlagsReplaceTheGrid(t *testing.T) {
	o := mustParse(t, "-scenarios echo,rate -conns 1,20 -size 7 -pipeline 2,3 -rate 1e3,50.5")
	want := scenario.Grid{Conns: []int{1, 20}, Sizes: []int{7}, Pipelines: []int{2, 3}, Rates: []float64{1000, 50.5}}
	if !reflect.DeepEqual(o.instead, want) {
		t.Errorf("%+v, want %+v", o.instead, want)
	}
}

func TestComparing(t *testing.T) {
	if o := mustParse(t, "-compare a.json b.json"); o.old != "a.json" || o.new != "b.json" {
		t.Errorf("%q and %q", o.old, o.new)
	}
	if o := mustParse(t, "-compare a.json -out dir"); o.old != "a.json" || o.new != "" || o.out != "dir" {
		t.Errorf("%+v", o)
	}
}

func TestAComparisonRepeatsTheOldRun(t *testing.T) {
	before := strings.Fields("-full -scenarios churn,echo -servers net,gnet -conns 7,8 -rounds 3 -window 50ms -out dir -json=false -nice 0")
	for _, tt := range []struct{ args, want string }{
		{"", "-full -scenarios churn,echo -servers net,gnet -conns 7,8 -rounds 3 -window 50ms -nice 0"},
		{"-rounds 9 -scenarios echo", "-full -scenarios echo -servers net,gnet -conns 7,8 -rounds 9 -window 50ms -nice 0"},
		{"-full=false -window 1s -out here", "-scenarios churn,echo -servers net,gnet -conns 7,8 -rounds 3 -window 1s -nice 0"},
	} {
		var said strings.Builder
		got, taken, err := mustParse(t, "-compare old.json "+tt.args).repeating(before, &said)
		if err != nil || len(taken) != 7 {
			t.Errorf("%s: %v, taken %q, said %s", tt.args, err, taken, said.String())
			continue
		}
		want := mustParse(t, tt.want)
		if got.old != "old.json" || got.full != want.full || !slices.Equal(scenario.Names(got.scenarios), scenario.Names(want.scenarios)) ||
			!slices.Equal(got.servers, want.servers) || !reflect.DeepEqual(got.instead, want.instead) ||
			got.rounds != want.rounds || got.window != want.window || got.nice != want.nice {
			t.Errorf("%s: %+v, want %+v", tt.args, got, want)
		}
		if wanted := strings.Contains(tt.args, "-out"); wanted != (got.out == "here") || got.out == "dir" {
			t.Errorf("%s: writes into %q", tt.args, got.out)
		}
		// What it measured can be repeated in turn.
		third, _, err := mustParse(t, "-compare second.json").repeating(got.args, &said)
		if err != nil || !slices.Equal(third.servers, want.servers) || third.rounds != want.rounds || third.window != want.window || third.full != want.full {
			t.Errorf("%s, repeated: %+v, %v", tt.args, third, err)
		}
	}
}

func TestARunThatCannotBeRepeatedSaysWhy(t *testing.T) {
	var said strings.Builder
	if _, _, err := mustParse(t, "-compare old.json").repeating([]string{"-scenarios", "gone"}, &said); err == nil || !strings.Contains(said.String(), "gone") {
		t.Errorf("error %v, said %s", err, said.String())
	}
}

func TestBadFlagsSayWhatIsWrong(t *testing.T) {
	for args, want := range map[string]string{
		"-conns 0":                     "-conns 0: \"0\" is no positive number",
		"-conns 1,,2":                  "-conns 1,,2",
		"-conns many":                  "many",
		"-size -1":                     "-size",
		"-pipeline x":                  "-pipeline",
		"-rate 0 -scenarios rate":      "-rate 0",
		"-rate -5 -scenarios rate":     "-rate",
		"-rate NaN -scenarios rate":    "NaN",
		"-rate Inf -scenarios rate":    "Inf",
		"-rate 100":                    "-rate: none of echo",
		"-pipeline 2 -scenarios churn": "-pipeline: none of churn",
		"-rounds -1":                   "-rounds -1",
		"-rounds x":                    "-rounds",
		"-window 1ms":                  "too short",
		"-window -1s":                  "too short",
		"-scenarios eco":               "there are echo, rate, idle",
		"-scenarios echo,echo":         "twice",
		"-scenarios tls":               "not available yet",
		"-unknown":                     "-unknown",
		"extra":                        "unexpected argument \"extra\"",
		"-compare a b c":               "unexpected argument \"c\"",
		"-compare a -json":             "two outputs",
		"-compare -out d a b":          "unexpected argument",
		"-out d -compare a b":          "nothing to write",
	} {
		var said strings.Builder
		if _, err := parse(strings.Fields(args), &said); err == nil || !strings.Contains(said.String(), want) {
			t.Errorf("%s: error %v, output %q; want %q in it", args, err, said.String(), want)
		}
	}
}

func TestHelpTeaches(t *testing.T) {
	var said strings.Builder
	if _, err := parse([]string{"-h"}, &said); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("error %v", err)
	}
	for _, want := range []string{"-full", "-list", "-scenarios names", "-servers names", "-conns numbers", "-size bytes",
		"-pipeline numbers", "-rate messages", "-rounds", "-window", "-out directory", "-json", "-compare file", "Exit status", "wrk"} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("the help does not mention %q", want)
		}
	}
}
