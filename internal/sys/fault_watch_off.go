//go:build !linux && !(faultinject && (darwin || freebsd || netbsd || openbsd || dragonfly))

package sys

// signalAgain and unwatched do nothing where no readiness is made up.
func signalAgain(int) {}

func unwatched(int) {}
