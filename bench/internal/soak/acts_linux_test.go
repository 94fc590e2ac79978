package soak

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"
)

// A limit that does not end its connection, or does so early, is told; so is what has nothing
// to do with it.
func TestEnded(t *testing.T) {
	broken := &net.OpError{Op: "write", Err: os.NewSyscallError("write", syscall.EPIPE)}
	late := &net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}
	for _, c := range []struct {
		name  string
		err   error
		began time.Time
		good  bool
	}{
		{"ended in time", io.EOF, time.Now().Add(-time.Minute), true},
		{"reset in time", broken, time.Now().Add(-time.Minute), true},
		{"early", io.EOF, time.Now(), false},
		{"reset early", broken, time.Now(), false},
		{"not ended", nil, time.Now().Add(-time.Minute), false},
		{"not ended within patience", late, time.Now().Add(-time.Minute), false},
		{"other bytes", errors.New("byte 3"), time.Now().Add(-time.Minute), false},
		{"half an answer", io.ErrUnexpectedEOF, time.Now().Add(-time.Minute), false},
	} {
		if err := ended(c.err, c.began, 10*time.Second); (err == nil) != c.good {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// What should have taken place and has not is a loss, in a run that is long enough.
func TestWhatNeverTookPlace(t *testing.T) {
	whole := func() *run {
		r := &run{Config: Config{Faults: true}, result: &Result{Samples: []Sample{{At: shortest}}}}
		r.account.Injected = []Count{{"late", 1}, {"interrupted", 2}}
		r.result.Faults = append([]Count{{"stopped", 1}}, r.account.Injected...)
		r.result.Seen = []Count{{"drained", 1}}
		r.result.Actions = []Tally{{Kind: "echo", Done: 1}}
		return r
	}
	for name, c := range map[string]struct {
		without func(r *run)
		want    string
	}{
		"nothing":         {func(*run) {}, "[]"},
		"a fault":         {func(r *run) { r.result.Faults[1].Times = 0 }, "[late]"},
		"a stop":          {func(r *run) { r.result.Faults[0].Times = 0 }, "[stopped]"},
		"a sight":         {func(r *run) { r.result.Seen[0].Times = 0 }, "[drained]"},
		"a kind":          {func(r *run) { r.result.Actions[0].Done = 0 }, "[echo]"},
		"a kind, shortly": {func(r *run) { r.result.Actions[0].Done = 0; r.result.Samples[0].At = 0 }, "[]"},
		"all faults, shortly": {func(r *run) {
			r.account.Injected = []Count{{"late", 0}}
			r.result.Samples[0].At = 0
		}, "[a system call that fails]"},
	} {
		r := whole()
		c.without(r)
		if got := fmt.Sprint(r.missing()); got != c.want {
			t.Errorf("without %s: %s, want %s", name, got, c.want)
		}
	}
}

// Each kind has its service.
func TestKinds(t *testing.T) {
	offered := map[string]bool{}
	for _, s := range services {
		offered[s.name] = true
	}
	for _, k := range kinds {
		if !offered[k.service] {
			t.Errorf("%s: no service %q", k.name, k.service)
		}
	}
}
