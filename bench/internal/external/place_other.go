//go:build !linux

package external

// Where a program runs: places are Linux's.

import (
	"errors"
	"syscall"
)

func ownSession() *syscall.SysProcAttr { return nil }

func (p Place) take(int) error { return errors.New("a program is placed on Linux only") }
