package main

import (
	"strings"
	"testing"

	"github.com/eddyline/eddyline/bench/internal/echo"
	"github.com/eddyline/eddyline/bench/internal/idle"
	"github.com/eddyline/eddyline/bench/internal/stats"
	"github.com/eddyline/eddyline/bench/internal/timers"
)

func TestPrintEcho(t *testing.T) {
	sample := echo.Sample{Messages: 50_000, Seconds: 0.5, CPU: 4, Counted: true, Allocs: 0.0001, Server: 0.9, Load: 0.5, UserShare: 0.25}
	busy := sample
	busy.Load, busy.Disturbed = 0.97, 0.2
	mute := sample
	mute.Counted = false
	is := func(x float64) stats.Summary { return stats.Summary{N: 1, Median: x, Q1: x, Q3: x, Min: x, Max: x} }
	r := echo.Result{Point: echo.Point{Conns: 100, Size: 64, Pipeline: 1}, Rows: []echo.Row{
		{Server: "floor", Floor: true, Samples: []echo.Sample{sample}, CPU: is(4), Ratio: is(1), Base: "floor"},
		{Server: "twin", Again: "floor", Samples: []echo.Sample{busy}, CPU: is(4), Ratio: is(1.01), Base: "floor"},
		{Server: "mute", Samples: []echo.Sample{mute}, CPU: is(5), Ratio: is(1.25), Base: "floor"},
		{Server: "dead", Err: "it fell over\nbadly"},
	}}
	var out strings.Builder
	printEcho(&out, r, true)
	want := `100 connections, 64 bytes, 1 outstanding
  server  CPU µs/msg     quartiles  ratio     quartiles  user  allocs/msg   msg/s  server  load  notes
  floor        4.000  4.000..4.000  1.000  1.000..1.000  25 %      0.0001  100000    90 %  50 %  the floor here
  twin         4.000  4.000..4.000  1.010  1.010..1.010  25 %      0.0001  100000    90 %  97 %  ratio to floor; load saturated; disturbed 20 %
  mute         5.000  5.000..5.000  1.250  1.250..1.250     -           -  100000    90 %  50 %
  dead             -             -      -             -     -           -       -       -     -  FAILED
  round  server  CPU µs/msg  messages  server  load  disturbed  thrown away
  1       floor       4.000     50000    90 %  50 %        0 %            0
  1        twin       4.000     50000    90 %  97 %       20 %            0
  1        mute       4.000     50000    90 %  50 %        0 %            0
  dead failed: it fell over
    badly

`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

func TestPrintIdleAndTimersShowFailures(t *testing.T) {
	var out strings.Builder
	printIdle(&out, []idle.Row{{Server: "engine", Settled: idle.Slope{Summary: stats.Summary{N: 1, Median: 191.4}}}, {Server: "dead", Err: "gone"}}, false)
	printTimers(&out, []timers.Row{
		{Kind: timers.Standard, Pattern: timers.Pushed, NS: stats.Summary{N: 1, Median: 80}, Samples: []timers.Sample{{Fired: 3}}},
		{Kind: timers.Engine, Pattern: timers.Pushed, Err: "late"},
	}, 1000, false)
	for _, want := range []string{"engine", "191", "dead failed: gone", "1000 timers", "80.0", "3 fired", "loop.Timer failed: late"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}
