//go:build linux && !faultinject && !simkernel

package loop

import "testing"

// disturb makes system calls fail until undisturb; this build cannot.
func (w *simWorld) disturb() { w.restore = func() {} }

func (w *simWorld) undisturb() { w.restore() }

func checkSimFaults(*testing.T) {}
