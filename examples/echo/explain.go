package main

// What an error means for whoever typed the command.

import (
	"errors"
	"fmt"
	"io/fs"
)

// explain adds to err what can be done about it, where that is known. o is the
// command line that led to it.
func explain(err error, o options) error {
	switch {
	case isAddressInUse(err) && o.addr.network == "unix":
		return fmt.Errorf("%w\nSomething else listens there, or a file that is no socket has that path: choose another with -addr", err)
	case isAddressInUse(err):
		return fmt.Errorf("%w\nSomething else listens there: stop it, or choose another address with -addr", err)
	case isAddressUnknown(err):
		return fmt.Errorf("%w\nThis machine has no such address: give one of its own with -addr, or only a port, such as :7000", err)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w\nThe directory of the socket must exist: make it, or choose another path with -addr", err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w\nListening there is not allowed: ports below 1024 and others' directories need rights; choose another address with -addr", err)
	}
	return err
}
