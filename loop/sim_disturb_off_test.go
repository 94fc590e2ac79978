//go:build linux && !faultinject && !simkernel

package loop

// disturb makes system calls of the turn that follows fail, and returns what ends
// that; this build cannot.
func (w *simWorld) disturb() (calm func()) { return func() {} }
