//go:build !linux

package sys

func signalAgain(int) {}

func unwatched(int) {}
