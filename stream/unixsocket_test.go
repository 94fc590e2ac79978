//go:build unix

package stream_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/eddyline/eddyline/stream"
)

// Unix sockets: what lies at a path stays unless it is a socket on which nobody
// listens.

func TestUnixPathIsKnownToBothEnds(t *testing.T) {
	at := stream.UnixAddr(socketPath(t))
	client, server := connected(t, at)
	for what, call := range map[string]func() (stream.Addr, error){
		"the client's peer": client.PeerAddr, "the server's own": server.LocalAddr,
	} {
		if got, err := call(); got != at || err != nil {
			t.Errorf("%s: (%v, %v), want %v", what, got, err, at)
		}
	}
	// The client has no name.
	peer, err := server.PeerAddr()
	if peer.Path() != "" || err != nil {
		t.Errorf("the client's name: (%v, %v)", peer, err)
	}
}

// stale leaves a socket's file behind, as a process does that was killed.
func stale(t *testing.T, path string) {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	must(t, "socket", err)
	must(t, "bind", syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}))
	must(t, "listen", syscall.Listen(fd, 1))
	must(t, "close", syscall.Close(fd))
}

func TestUnixStaleSocketIsReplaced(t *testing.T) {
	path := socketPath(t)
	stale(t, path)
	l := listen(t, stream.UnixAddr(path))
	connect(t, stream.UnixAddr(path))
	accept(t, l)
}

// Bound, but never listened on: nobody listens, so it is replaced as well.
func TestUnixSocketThatNeverListenedIsReplaced(t *testing.T) {
	path := socketPath(t)
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	must(t, "socket", err)
	must(t, "bind", syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}))
	must(t, "close", syscall.Close(fd))
	l := listen(t, stream.UnixAddr(path))
	connect(t, stream.UnixAddr(path))
	accept(t, l)
}

func TestUnixLiveSocketIsNotStolen(t *testing.T) {
	path := socketPath(t)
	live := listen(t, stream.UnixAddr(path))
	before, err := os.Lstat(path)
	must(t, "lstat", err)
	for _, options := range []stream.ListenOptions{{}, {Mode: 0o600}, {KeepPath: true}} {
		if l, err := stream.Listen(stream.UnixAddr(path), options); err == nil {
			l.Close()
			t.Fatalf("%+v: a second listener took the path", options)
		} else {
			expectError(t, "Listen", err, syscall.EADDRINUSE)
		}
	}
	after, err := os.Lstat(path)
	if err != nil || !os.SameFile(before, after) {
		t.Fatalf("the live socket was replaced: %v", err)
	}
	s := connect(t, stream.UnixAddr(path))
	send(t, s, []byte("x"))
	// Looking whether somebody listens may have left a connection that is over.
	until(t, "the client's connection", func() bool {
		p := make([]byte, 1)
		n, err := readSome(accept(t, live), p)
		return n == 1 && err == nil && p[0] == 'x'
	})
}

// A live socket whose queue is full still has an owner.
func TestUnixBusySocketIsNotStolen(t *testing.T) {
	path := socketPath(t)
	listenWith(t, stream.UnixAddr(path), stream.ListenOptions{Backlog: 1})
	for range 8 {
		s, err := stream.Start(stream.UnixAddr(path))
		if err != nil {
			break
		}
		defer s.Close()
	}
	l, err := stream.Listen(stream.UnixAddr(path), stream.ListenOptions{})
	if err == nil {
		l.Close()
	}
	expectError(t, "Listen", err, syscall.EADDRINUSE)
}

// A datagram socket at the path has an owner of another kind.
func TestUnixDatagramSocketIsNotStolen(t *testing.T) {
	path := socketPath(t)
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_DGRAM, 0)
	must(t, "socket", err)
	defer syscall.Close(fd)
	must(t, "bind", syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}))
	l, err := stream.Listen(stream.UnixAddr(path), stream.ListenOptions{})
	if err == nil {
		l.Close()
	}
	expectError(t, "Listen", err, syscall.EADDRINUSE)
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("its file is gone: %v", err)
	}
}

func TestUnixOtherFilesAreLeftAlone(t *testing.T) {
	dir := filepath.Dir(socketPath(t))
	file, sub, link, hanging := dir+"/file", dir+"/dir", dir+"/link", dir+"/hanging"
	must(t, "write", os.WriteFile(file, []byte("precious"), 0o600))
	must(t, "mkdir", os.MkdirAll(sub+"/inner", 0o700))
	must(t, "symlink", os.Symlink(file, link))
	must(t, "symlink", os.Symlink(dir+"/nothing", hanging))
	for _, path := range []string{file, sub, link, hanging} {
		before, err := os.Lstat(path)
		must(t, "lstat", err)
		expectNoNewDescriptor(t, func() {
			l, err := stream.Listen(stream.UnixAddr(path), stream.ListenOptions{})
			if err == nil {
				l.Close()
			}
			expectError(t, "Listen at "+path, err, syscall.EADDRINUSE)
		})
		after, err := os.Lstat(path)
		if err != nil || !os.SameFile(before, after) {
			t.Errorf("%s was replaced or removed: %v", path, err)
		}
	}
	if text, err := os.ReadFile(file); string(text) != "precious" || err != nil {
		t.Errorf("the file holds (%q, %v)", text, err)
	}
	if _, err := os.Stat(sub + "/inner"); err != nil {
		t.Errorf("the directory was emptied: %v", err)
	}
}

// A link to a stale socket is no socket.
func TestUnixLinkToStaleSocketIsLeftAlone(t *testing.T) {
	path := socketPath(t)
	stale(t, path)
	must(t, "symlink", os.Symlink(path, path+"l"))
	l, err := stream.Listen(stream.UnixAddr(path+"l"), stream.ListenOptions{})
	if err == nil {
		l.Close()
	}
	for _, p := range []string{path, path + "l"} {
		if _, statErr := os.Lstat(p); statErr != nil {
			t.Errorf("%s is gone (Listen said %v)", p, err)
		}
	}
	if fi, err := os.Lstat(path + "l"); err == nil && fi.Mode()&fs.ModeSymlink == 0 {
		t.Error("the link was replaced")
	}
}

// A later owner's file is not removed by the earlier owner's Close.
func TestUnixCloseSparesALaterOwner(t *testing.T) {
	path := socketPath(t)
	first := listen(t, stream.UnixAddr(path))
	must(t, "remove", os.Remove(path))
	second := listen(t, stream.UnixAddr(path))
	must(t, "Close", first.Close())
	connect(t, stream.UnixAddr(path))
	accept(t, second)
}

// Whatever Close does with the file, the path is free for the next.
func TestUnixPathIsFreeAfterClose(t *testing.T) {
	at := stream.UnixAddr(socketPath(t))
	for range 3 {
		l := listen(t, at)
		must(t, "Close", l.Close())
	}
}

func TestUnixCloseRemovesItsFile(t *testing.T) {
	path := socketPath(t)
	l := listen(t, stream.UnixAddr(path))
	must(t, "Close", l.Close())
	if _, err := os.Lstat(path); err == nil {
		t.Error("the file is still there")
	}
	l = listenWith(t, stream.UnixAddr(path), stream.ListenOptions{KeepPath: true})
	must(t, "Close", l.Close())
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("KeepPath: %v", err)
	}
}

// The file is found again wherever the process has moved to.
func TestUnixCloseRemovesARelativePath(t *testing.T) {
	dir := filepath.Dir(socketPath(t))
	t.Chdir(dir)
	l := listen(t, stream.UnixAddr("relative"))
	t.Chdir("/")
	must(t, "Close", l.Close())
	if _, err := os.Lstat(dir + "/relative"); err == nil {
		t.Error("the file is still there")
	}
}

// A Listen that fails after it has bound takes its file away again.
func TestUnixFailedListenLeavesNoFile(t *testing.T) {
	path := socketPath(t)
	l, err := stream.Listen(stream.UnixAddr(path), stream.ListenOptions{Backlog: -1})
	if err == nil {
		l.Close()
	}
	expectError(t, "Listen", err, os.ErrInvalid)
	if _, err := os.Lstat(path); err == nil {
		t.Error("a file was made")
	}
}

func TestUnixMode(t *testing.T) {
	for _, mode := range []fs.FileMode{0o600, 0o660, 0o666, 0o700, 0o777} {
		path := socketPath(t)
		listenWith(t, stream.UnixAddr(path), stream.ListenOptions{Mode: mode})
		fi, err := os.Lstat(path)
		must(t, "lstat", err)
		if fi.Mode().Perm() != mode {
			t.Errorf("mode %o, want %o", fi.Mode().Perm(), mode)
		}
	}
}

func TestUnixPathErrors(t *testing.T) {
	dir := filepath.Dir(socketPath(t))
	for name, c := range map[string]struct {
		path string
		want []error
	}{
		"empty":           {"", []error{os.ErrInvalid, syscall.EINVAL}},
		"too long":        {dir + "/" + strings.Repeat("x", 200), []error{os.ErrInvalid, syscall.EINVAL, syscall.ENAMETOOLONG}},
		"zero byte in it": {dir + "/a\x00b", []error{os.ErrInvalid, syscall.EINVAL}},
		"no directory":    {dir + "/missing/s", []error{syscall.ENOENT}},
	} {
		t.Run(name, func(t *testing.T) {
			at := stream.UnixAddr(c.path)
			expectNoNewDescriptor(t, func() {
				l, err := stream.Listen(at, stream.ListenOptions{})
				if l != nil {
					l.Close()
				}
				expectError(t, "Listen", err, c.want...)
				s, err := stream.Connect(at)
				if s != nil {
					s.Close()
				}
				expectError(t, "Connect", err, append(c.want, syscall.ENOENT)...)
				if !strings.Contains(err.Error(), "connect") {
					t.Errorf("%q does not name the operation", err)
				}
			})
			if strings.Contains(c.path, "\x00") {
				if _, err := os.Lstat(dir + "/a"); err == nil {
					t.Error("the path was cut at the zero byte")
				}
			}
		})
	}
}

// The longest path that the kernel takes is taken.
func TestUnixLongestPath(t *testing.T) {
	var raw syscall.RawSockaddrUnix
	room := len(raw.Path) - 1
	dir := filepath.Dir(socketPath(t))
	if len(dir)+2 > room {
		t.Fatal("the directory for temporary files has too long a name")
	}
	at := stream.UnixAddr(dir + "/" + strings.Repeat("x", room-len(dir)-1))
	client, server := connected(t, at)
	if got, err := client.PeerAddr(); got != at || err != nil {
		t.Errorf("PeerAddr: (%v, %v)", got, err)
	}
	if got, err := server.LocalAddr(); got != at || err != nil {
		t.Errorf("LocalAddr: (%v, %v)", got, err)
	}
}

func TestAbstractNames(t *testing.T) {
	name := "@" + strings.ReplaceAll(socketPath(t), "/", "-")
	at := parse(t, "unix:"+name)
	if at != stream.UnixAddr(name) {
		t.Fatalf("ParseAddr and UnixAddr disagree: %v and %v", at, stream.UnixAddr(name))
	}
	if runtime.GOOS != "linux" {
		t.Skip("abstract names are Linux's own")
	}
	l := listen(t, at)
	if got := listenerAddr(t, l); got != at {
		t.Errorf("LocalAddr: %v, want %v", got, at)
	}
	if _, err := os.Lstat(name); err == nil {
		t.Errorf("a file named %s was made", name)
	}
	client := connect(t, at)
	server := accept(t, l)
	if got, err := client.PeerAddr(); got != at || err != nil {
		t.Errorf("PeerAddr: (%v, %v), want %v", got, err, at)
	}
	send(t, client, []byte("x"))
	expectReceived(t, server, []byte("x"))
	_, err := stream.Listen(at, stream.ListenOptions{})
	expectError(t, "a second Listen", err, syscall.EADDRINUSE)
	must(t, "Close", l.Close())
	_, err = stream.Connect(at)
	expectError(t, "Connect after Close", err, syscall.ECONNREFUSED)
}

// Names end where they end: one is not the beginning of the other.
func TestAbstractNamesAreNotPadded(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("abstract names are Linux's own")
	}
	name := "@" + strings.ReplaceAll(socketPath(t), "/", "-")
	listen(t, stream.UnixAddr(name))
	for _, other := range []string{name + "x", name[:len(name)-1]} {
		_, err := stream.Connect(stream.UnixAddr(other))
		expectError(t, "Connect to "+other, err, syscall.ECONNREFUSED)
	}
	// Package syscall agrees about the name.
	s, peer := connect(t, stream.UnixAddr(name)), syscallConnect(t, name)
	defer syscall.Close(peer)
	must(t, "Close", s.Close())
}

func syscallConnect(t *testing.T, name string) int {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	must(t, "socket", err)
	must(t, "connect", syscall.Connect(fd, &syscall.SockaddrUnix{Name: name}))
	return fd
}
