package reliability

// The server's sockets as the kernel tells of them: what lies in their queues, and
// which descriptor each has. So a row sees that its fault took place.

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/eddyline/eddyline/bench/internal/proc"
)

// sockets are the server's ends of its connections, by the address of the other.
func (s *Server) sockets() map[netip.AddrPort]proc.Socket {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/tcp", s.PID()))
	s.t.Must("sockets", err)
	all, err := proc.Sockets(text)
	s.t.Must("sockets", err)
	own := netip.MustParseAddrPort(s.Addr)
	found := map[netip.AddrPort]proc.Socket{}
	for _, end := range all {
		if end.Local == own {
			found[end.Peer] = end
		}
	}
	return found
}

// name is the client's address as the server sees it.
func (c *Client) name() netip.AddrPort { return c.LocalAddr().(*net.TCPAddr).AddrPort() }

// await waits until the server's ends of all clients are as cond says: the fault is
// not done before.
func (s *Server) await(what string, clients []*Client, cond func(proc.Socket) bool) {
	left := 0
	err := s.t.Until(what, func() bool {
		ends := s.sockets()
		left = 0
		for _, c := range clients {
			if end, there := ends[c.name()]; !there || !cond(end) {
				left++
			}
		}
		return left == 0
	})
	if err != nil {
		s.Signal(syscall.SIGCONT) // it will be asked whether it lives
		s.t.Must(what, breach(Failed, "not so for %d of %d clients: %v", left, len(clients), err))
	}
}

// parted waits until the kernel has no connection with any of the clients: unlike one
// that ended in order, one that was reset is gone whatever the server does.
func (s *Server) parted(clients []*Client) {
	err := s.t.Until("the connections are gone", func() bool {
		ends := s.sockets()
		return !slices.ContainsFunc(clients, func(c *Client) bool { _, there := ends[c.name()]; return there })
	})
	if err != nil {
		s.Signal(syscall.SIGCONT) // it will be asked whether it lives
		s.t.Must("reset", breach(Failed, "%v", err))
	}
}

// halt stops the process, and returns when no thread of it runs any more: the
// signal alone leaves time for a turn.
func (s *Server) halt() {
	s.Signal(syscall.SIGSTOP)
	s.t.Must("stop the server", s.t.Until("its threads have stopped", func() bool {
		files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", s.PID()))
		return !slices.ContainsFunc(files, func(f string) bool {
			text, err := os.ReadFile(f)
			return err == nil && !strings.Contains(string(text), "\nState:\tT")
		})
	}))
}

// numbers are the descriptors of the server's ends of clients.
func (s *Server) numbers(clients []*Client) map[string]bool {
	open, ends, found := openSockets(s.PID()), s.sockets(), map[string]bool{}
	for _, c := range clients {
		if n, there := open[ends[c.name()].Inode]; there {
			found[n] = true
		}
	}
	return found
}

// openSockets are the descriptors of a process that are sockets, by their inodes.
func openSockets(pid int) map[string]string {
	byInode := map[string]string{}
	links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid)) // of one that has gone: none
	for _, l := range links {
		what, _ := os.Readlink(l) // it may have been closed since
		if inode, is := strings.CutPrefix(what, "socket:["); is {
			byInode[strings.TrimSuffix(inode, "]")] = filepath.Base(l)
		}
	}
	return byInode
}

// orphans counts the sockets that the server has closed and a child of it has.
func (s *Server) orphans() (n int) {
	own := openSockets(s.PID())
	for inode := range openSockets(s.child()) {
		if own[inode] == "" {
			n++
		}
	}
	return n
}

// child is a process that the server has started, 0 if there is none.
func (s *Server) child() int {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", s.PID()))
	for _, l := range lists {
		text, _ := os.ReadFile(l) // the thread may have ended since
		first, _, _ := strings.Cut(string(text), " ")
		if pid, err := strconv.Atoi(first); err == nil {
			return pid
		}
	}
	return 0
}
