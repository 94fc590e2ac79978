package external

// The real redis-server.

import (
	"fmt"
	"net"
	"os/exec"
)

// RedisServer is the command of a redis-server that keeps nothing on disk. It
// announces its address like the other servers, if slightly before it listens.
// It listens on a loopback address alone, so it needs no protection from others,
// which would refuse all clients but those from 127.0.0.1.
func RedisServer() (argv []string, remove func() error, err error) {
	path, err := exec.LookPath(RedisServerName)
	if err != nil {
		return nil, nil, err
	}
	host, port, err := freePort()
	if err != nil {
		return nil, nil, err
	}
	announce := fmt.Sprintf(`{"addr":"%s"}`, net.JoinHostPort(host, port))
	return []string{
		"/bin/sh", "-c", `echo "$0" && exec "$@" >&2`, announce,
		path, "--bind", host, "--port", port, "--protected-mode", "no", "--save", "", "--appendonly", "no", "--loglevel", "warning",
	}, func() error { return nil }, nil
}

// freePort returns a port that nobody listens on.
func freePort() (host, port string, err error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", "", err
	}
	defer ln.Close()
	return net.SplitHostPort(ln.Addr().String())
}
