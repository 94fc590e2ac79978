//go:build linux && simkernel

package sys

// Descriptors of the model kernel, pipes, and the paths of its unix sockets.

import "github.com/eddyline/eddyline/internal/sim"

// Close closes fd. An injected failure closes too.
func Close(fd int) Errno {
	injected := fault(CallClose)
	if e := locked(func(k *sim.Kernel) Errno { return Errno(k.Close(fd)) }); e != 0 {
		return e
	}
	return injected
}

// Dup duplicates fd.
func Dup(fd int) (int, Errno) {
	if e := fault(CallDup); e != 0 {
		return -1, e
	}
	machine.Lock()
	defer machine.Unlock()
	n, e := machine.kernel.Dup(fd)
	return n, Errno(e)
}

// check says whether fd is open.
func check(fd int) Errno {
	return locked(func(k *sim.Kernel) Errno { return Errno(k.Check(fd)) })
}

// SetNonblock has nothing to do: nothing blocks here.
func SetNonblock(fd int) Errno {
	if e := fault(CallFcntl); e != 0 {
		return e
	}
	return check(fd)
}

// CloseOnExec has nothing to do: nothing survives this program.
func CloseOnExec(fd int) Errno {
	if e := fault(CallFcntl); e != 0 {
		return e
	}
	return check(fd)
}

// FileID tells one file from all others of the machine.
type FileID struct{ inode uint64 }

// SocketFile identifies the file at path. There are only sockets.
func SocketFile(path string) (id FileID, socket bool, e Errno) {
	if e := fault(CallStat); e != 0 {
		return FileID{}, false, e
	}
	machine.Lock()
	defer machine.Unlock()
	inode, failure := machine.kernel.Lookup(path)
	return FileID{inode}, failure == 0, Errno(failure)
}

// Unlink removes the file at path.
func Unlink(path string) Errno {
	if e := fault(CallUnlink); e != 0 {
		return e
	}
	return locked(func(k *sim.Kernel) Errno { return Errno(k.Unlink(path)) })
}

// Chmod sets nothing: everybody may do everything here.
func Chmod(path string, _ uint32) Errno {
	if e := fault(CallChmod); e != 0 {
		return e
	}
	return locked(func(k *sim.Kernel) Errno {
		_, e := k.Lookup(path)
		return Errno(e)
	})
}

// Eventfd returns a new counter at 0.
func Eventfd() (int, Errno) {
	if e := fault(CallEventfd); e != 0 {
		return -1, e
	}
	machine.Lock()
	defer machine.Unlock()
	fd, e := machine.kernel.Eventfd()
	return fd, Errno(e)
}

// Pipe returns the read and the write end of a new pipe.
func Pipe() (r, w int, e Errno) {
	if e := fault(CallPipe); e != 0 {
		return -1, -1, e
	}
	machine.Lock()
	defer machine.Unlock()
	r, w, failure := machine.kernel.Pipe()
	return r, w, Errno(failure)
}

// Read reads once from a pipe or eventfd.
func Read(fd int, p []byte) (int, Errno) {
	size, e := disturb(CallRead, fd, min(len(p), MaxTransfer))
	if e != 0 {
		return 0, e
	}
	machine.Lock()
	defer machine.Unlock()
	n, failure := machine.kernel.Read(fd, p[:size])
	return n, Errno(failure)
}

// Write writes once to a pipe or eventfd.
func Write(fd int, p []byte) (int, Errno) {
	size, e := disturb(CallWrite, fd, min(len(p), MaxTransfer))
	if e != 0 {
		return 0, e
	}
	machine.Lock()
	defer machine.Unlock()
	n, failure := machine.kernel.Write(fd, p[:size])
	return n, Errno(failure)
}
