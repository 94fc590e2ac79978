package stream

// The file of a unix socket: made by bind, removed by whoever made it.

import (
	"path/filepath"

	"github.com/eddyline/eddyline/internal/sys"
)

// socketFile is a file that bind made.
type socketFile struct {
	path string // does not depend on the working directory
	id   sys.FileID
}

// remove removes the file, unless another has taken its place. It comes before
// the descriptor is closed: until then no other file can have the same identity.
func (f *socketFile) remove() {
	id, _, e := sys.SocketFile(f.path)
	if e == 0 && id == f.id {
		sys.Unlink(f.path)
	}
}

// bindPath binds a unix socket and sets up its file, which c then owns.
func (c *socket) bindPath(opts *ListenOptions) error {
	const op = "listen"
	fd, sa := c.desc.FD(), c.addr.sa
	if isAbstract(sa.Path) {
		if e := sys.Bind(fd, sa); e != 0 {
			return c.callError(op, sys.CallBind, e)
		}
		return nil
	}
	path, err := filepath.Abs(sa.Path)
	if err != nil {
		return c.opError(op, err)
	}
	e := sys.Bind(fd, sa)
	if e == sys.EADDRINUSE && removeStale(sa) {
		e = sys.Bind(fd, sa)
	}
	if e != 0 {
		return c.callError(op, sys.CallBind, e)
	}
	if e := c.ownFile(path); e != 0 {
		return c.callError(op, sys.CallStat, e)
	}
	if opts.Mode == 0 {
		return nil
	}
	if e := sys.Chmod(path, uint32(opts.Mode)); e != 0 {
		return c.callError(op, sys.CallChmod, e)
	}
	return nil
}

// ownFile lets c.close remove the file that bind made a moment ago.
func (c *socket) ownFile(path string) sys.Errno {
	id, _, e := sys.SocketFile(path)
	if e != 0 {
		sys.Unlink(path) // nobody will be able to tell whose it is
		return e
	}
	c.file = &socketFile{path: path, id: id}
	return 0
}

func isAbstract(path string) bool { return path[0] == '@' }

// removeStale removes the file at a path if it is a socket that nobody listens
// on, and reports whether it did.
func removeStale(sa sys.Sockaddr) bool {
	id, socket, e := sys.SocketFile(sa.Path)
	if e != 0 || !socket || !refuses(sa) {
		return false
	}
	// Somebody else may have replaced it since.
	if again, _, e := sys.SocketFile(sa.Path); e != 0 || again != id {
		return false
	}
	return sys.Unlink(sa.Path) == 0
}

// refuses reports whether a connect finds a socket without a listener. Any other
// answer, a full queue for one, is a sign of life.
func refuses(sa sys.Sockaddr) bool {
	fd, e := sys.Socket(sa.Domain())
	if e != 0 {
		return false
	}
	defer sys.Close(fd)
	return sys.Connect(fd, sa) == sys.ECONNREFUSED
}
