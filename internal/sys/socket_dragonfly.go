package sys

import "golang.org/x/sys/unix"

const reusePort = unix.SO_REUSEPORT

const somaxconnName = "kern.ipc.somaxconn"
