//go:build !linux && !darwin && !freebsd && !netbsd && !openbsd && !dragonfly

package sys

// Sockets are not available here: every call gives ENOSYS, which matches
// errors.ErrUnsupported.

// The directions of Shutdown.
const (
	SHUT_RD = iota
	SHUT_WR
	SHUT_RDWR
)

// SOCK_STREAM is the value of OptType that this module can use.
const SOCK_STREAM = 1

// Recv is not available here.
func Recv(int, []byte) (int, Errno) { return 0, ENOSYS }

// Peek is not available here.
func Peek(int, []byte) (int, Errno) { return 0, ENOSYS }

// RecvVec is not available here.
func RecvVec(int, [][]byte) (int, Errno) { return 0, ENOSYS }

// Send is not available here.
func Send(int, []byte) (int, Errno) { return 0, ENOSYS }

// SendVec is not available here.
func SendVec(int, [][]byte) (int, Errno) { return 0, ENOSYS }

// Accept is not available here.
func Accept(int) (int, Sockaddr, Errno) { return -1, Sockaddr{}, ENOSYS }

// Socket is not available here.
func Socket(Domain) (int, Errno) { return -1, ENOSYS }

// Socketpair is not available here.
func Socketpair() ([2]int, Errno) { return [2]int{-1, -1}, ENOSYS }

// SocketDomain is not available here.
func SocketDomain(int) (Domain, Errno) { return DomainNone, ENOSYS }

// Bind is not available here.
func Bind(int, Sockaddr) Errno { return ENOSYS }

// Connect is not available here.
func Connect(int, Sockaddr) Errno { return ENOSYS }

// Listen is not available here.
func Listen(int, int) Errno { return ENOSYS }

// Getsockname is not available here.
func Getsockname(int) (Sockaddr, Errno) { return Sockaddr{}, ENOSYS }

// Getpeername is not available here.
func Getpeername(int) (Sockaddr, Errno) { return Sockaddr{}, ENOSYS }

// Shutdown is not available here.
func Shutdown(int, int) Errno { return ENOSYS }

// SocketError is not available here.
func SocketError(int) (pending, failure Errno) { return 0, ENOSYS }

// SetOption is not available here.
func SetOption(int, Option, int) Errno { return ENOSYS }

// GetOption is not available here.
func GetOption(int, Option) (int, Errno) { return 0, ENOSYS }

// SetLinger is not available here.
func SetLinger(int, bool, int) Errno { return ENOSYS }

// Linger is not available here.
func Linger(int) (onoff bool, seconds int, e Errno) { return false, 0, ENOSYS }

// BindToDevice is not available here.
func BindToDevice(int, string) Errno { return ENOSYS }

// OutQueue is not available here.
func OutQueue(int) (int, Errno) { return 0, ENOSYS }

// MaxBacklog is not available here.
func MaxBacklog() int { return 0 }
