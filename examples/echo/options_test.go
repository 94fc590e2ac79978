package main

import (
	"errors"
	"flag"
	"strings"
	"testing"
	"time"
)

func TestTheCommandLine(t *testing.T) {
	local := address{"tcp", "127.0.0.1:7000"}
	for line, want := range map[string]options{
		"":                          {addr: local, drain: 10 * time.Second, conns: 10_000, time: 10 * time.Second},
		"-addr 127.0.0.1:7000":      {addr: local, drain: 10 * time.Second, conns: 10_000, time: 10 * time.Second},
		"-addr :7001 -loops 1":      {addr: address{"tcp", ":7001"}, loops: 1, drain: 10 * time.Second, conns: 10_000, time: 10 * time.Second},
		"-addr unix:/tmp/s":         {addr: address{"unix", "/tmp/s"}, drain: 10 * time.Second, conns: 10_000, time: 10 * time.Second},
		"-demo":                     {addr: address{"tcp", "127.0.0.1:0"}, demo: true, drain: 10 * time.Second, conns: 10_000, time: 10 * time.Second},
		"-demo -addr 127.0.0.1:80":  {addr: address{"tcp", "127.0.0.1:80"}, demo: true, drain: 10 * time.Second, conns: 10_000, time: 10 * time.Second},
		"-demo -conns 5 -time 20ms": {addr: address{"tcp", "127.0.0.1:0"}, demo: true, drain: 10 * time.Second, conns: 5, time: 20 * time.Millisecond},
	} {
		got, err := parse(strings.Fields(line))
		if err != nil || got != want {
			t.Errorf("%q is %+v, %v, want %+v", line, got, err, want)
		}
	}
}

func TestABadCommandLineSaysWhatToDo(t *testing.T) {
	for line, want := range map[string]string{
		"-port 80":              "-port",
		"-loops many":           "-loops",
		"-loops -1":             "0 for one per processor",
		"-drain 0s":             "give a time",
		"-drain 10":             "-drain",
		"127.0.0.1:80":          "begins with a dash",
		"-addr 127.0.0.1":       "write 127.0.0.1:7000",
		"-addr 127.0.0.1:":      "write 127.0.0.1:7000",
		"-addr unix:":           "write unix:/tmp/echo.sock",
		"-conns 5":              "-conns is for -demo",
		"-time 5s":              "-time is for -demo",
		"-demo -conns 0":        "give a number",
		"-demo -time -1s":       "give a time",
		"-demo -conns 5 -addr=": "neither host:port nor",
	} {
		_, err := parse(strings.Fields(line))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q gives the error %v, want one with %q", line, err, want)
		}
	}
}

func TestHelpIsNoError(t *testing.T) {
	if _, err := parse([]string{"-h"}); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("-h gives %v, want flag.ErrHelp", err)
	}
}

func TestHelpNamesEveryFlag(t *testing.T) {
	for _, name := range []string{"addr", "loops", "drain", "demo", "conns", "time"} {
		if !strings.Contains(help, "\n  -"+name+" ") {
			t.Errorf("help says nothing of -%s", name)
		}
	}
}
