package sys

import "golang.org/x/sys/unix"

// reusePort spreads connections; plain SO_REUSEPORT would give all to one.
const reusePort = unix.SO_REUSEPORT_LB

const somaxconnName = "kern.ipc.somaxconn"

// fionwrite is FIONWRITE of sys/filio.h, _IOR('f', 119, int), which x/sys lacks.
const fionwrite = 0x40046677
