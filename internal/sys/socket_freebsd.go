package sys

import "golang.org/x/sys/unix"

// reusePort spreads connections; plain SO_REUSEPORT would give all to one.
const reusePort = unix.SO_REUSEPORT_LB

const somaxconnName = "kern.ipc.somaxconn"
