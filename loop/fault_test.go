//go:build unix && faultinject

package loop_test

// System calls that fail on purpose, each in its turn: nothing leaks, the error
// says what failed where, and the engine goes on.

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/eddyline/eddyline/internal/sys"
)

// inject makes calls fail for which the hook returns an errno, until the test or
// remove ends it.
func inject(t *testing.T, hook func(sys.Call) sys.Errno) (remove func()) {
	t.Helper()
	remove = sys.Inject(hook)
	t.Cleanup(remove)
	return remove
}

// kth makes the k-th of the calls fail, and tells which one that was.
func kth(t *testing.T, k int64, calls ...sys.Call) (failed func() (sys.Call, bool), remove func()) {
	t.Helper()
	var n atomic.Int64
	var which atomic.Pointer[sys.Call]
	remove = inject(t, func(c sys.Call) sys.Errno {
		// The loops' own calls go on in the background, and the write of a wake-up
		// and a close that fail are nobody's error.
		if c == sys.CallEpollWait || c == sys.CallKeventWait || c == sys.CallWrite || c == sys.CallClose {
			return 0
		}
		if len(calls) > 0 {
			wanted := false
			for _, w := range calls {
				wanted = wanted || w == c
			}
			if !wanted {
				return 0
			}
		}
		if n.Add(1) != k {
			return 0
		}
		which.Store(&c)
		return sys.ENOBUFS
	})
	return func() (sys.Call, bool) {
		c := which.Load()
		if c == nil {
			return "", false
		}
		return *c, true
	}, remove
}

// eachCall runs attempt with its first system call failing, then the second, and
// so on until one run has no call left to fail. Each must fail with the injected
// error and name the call, or succeed because it can do without the call.
func eachCall(t *testing.T, attempt func(t *testing.T) error, mentions ...string) {
	t.Helper()
	if reported := everyFailure(t, attempt, mentions...); reported == 0 && !t.Failed() {
		t.Error("no failure was reported")
	}
}

// everyFailure is eachCall, and returns how many failures attempt has reported.
func everyFailure(t *testing.T, attempt func(t *testing.T) error, mentions ...string) (reported int) {
	t.Helper()
	for k := int64(1); ; k++ {
		done := false
		t.Run(fmt.Sprint(k), func(t *testing.T) {
			before := openDescriptors()
			failed, remove := kth(t, k)
			err := attempt(t)
			call, any := failed()
			remove()
			expectDescriptors(t, before)
			if !any {
				done = true
				if err != nil {
					t.Errorf("without any failure: %v", err)
				}
				return
			}
			if err == nil {
				return // it can do without
			}
			reported++
			if !errors.Is(err, syscall.ENOBUFS) {
				t.Errorf("with %s failing: %v, want ENOBUFS", call, err)
			}
			for _, what := range append(mentions, string(call)) {
				if !strings.Contains(err.Error(), what) {
					t.Errorf("with %s failing: %q does not mention %q", call, err, what)
				}
			}
		})
		if done || t.Failed() {
			return reported
		}
	}
}
