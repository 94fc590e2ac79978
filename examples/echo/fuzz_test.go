package main

import (
	"errors"
	"flag"
	"fmt"
	"math/big"
	"net"
	"strings"
	"testing"
)

// An address is a path behind "unix:" or what package net splits, with a port, and is
// written as it was given. An error says which flag it was and what was given.
func FuzzAddress(f *testing.F) {
	for _, s := range []string{"127.0.0.1:7000", ":7001", "[::1]:80", "unix:/tmp/s", "unix:@name", "unix:", "Unix:/x", "::1", "[::1]", "host:", "", "a:b:c", "unix", "h:http"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := parseAddress(s)
		want, ok := address{"tcp", s}, false
		if _, port, wrong := net.SplitHostPort(s); strings.HasPrefix(s, "unix:") {
			want, ok = address{"unix", s[len("unix:"):]}, s != "unix:"
		} else {
			ok = wrong == nil && port != ""
		}
		switch {
		case (err == nil) != ok:
			t.Errorf("%q is %+v, %v, want an address: %v", s, got, err, ok)
		case err == nil && (got != want || got.String() != s):
			t.Errorf("%q is %+v, which is written %q; want %+v", s, got, got, want)
		case err != nil && !strings.Contains(err.Error(), "-addr "+s+" "):
			t.Errorf("%q does not name -addr %q", err, s)
		}
	})
}

// Whatever the options, what is taken is in the bounds that the help tells.
func FuzzOptions(f *testing.F) {
	for _, line := range []string{"", "-demo|-conns|5|-time|20ms", "-loops|-1", "-drain|0s", "-drain|9223372036854775808ns", "-conns|5", "-h", "-demo=maybe", "-demo|-conns|99999999999999999999", "x", "--|-demo", "-addr"} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		o, err := parse(strings.Split(line, "|"))
		if errors.Is(err, flag.ErrHelp) || err != nil {
			return
		}
		if o.loops < 0 || o.drain <= 0 || o.conns <= 0 || o.time <= 0 || o.addr.network != "tcp" && o.addr.network != "unix" || o.addr.address == "" {
			t.Errorf("%q is taken: %+v", line, o)
		}
		// Written as flags it means the same.
		args := []string{"-addr", o.addr.String(), "-loops", fmt.Sprint(o.loops), "-drain", o.drain.String()}
		if o.demo {
			args = append(args, "-demo", "-conns", fmt.Sprint(o.conns), "-time", o.time.String())
		}
		if again, err := parse(args); err != nil || again != o {
			t.Errorf("%q is %+v, which as %q is %+v, %v", line, o, args, again, err)
		}
	})
}

// The second figure is the pages in memory; what is no such figure is unknown.
func FuzzStatm(f *testing.F) {
	for _, second := range []string{"1234", "0", "-1", "+1", "many", "", "281474976710655", "281474976710656", "99999999999999999999", "1.5", "0x10", "007"} {
		f.Add("5678 " + second + " 3 4 0 5 0\n")
	}
	f.Add("5678")
	f.Fuzz(func(t *testing.T, statm string) {
		want := int64(0)
		if fields := strings.Fields(statm); len(fields) > 1 && strings.Trim(fields[1], "0123456789") == "" {
			if n, _ := new(big.Int).SetString(fields[1], 10); n.BitLen() <= 48 {
				want = n.Int64()
			}
		}
		if got := residentPages([]byte(statm)); got != want {
			t.Errorf("%q has %d pages, want %d", statm, got, want)
		}
	})
}
