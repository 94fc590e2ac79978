package sys

import "golang.org/x/sys/unix"

const reusePort = unix.SO_REUSEPORT

const somaxconnName = "kern.somaxconn"

// fionwrite is FIONWRITE of sys/filio.h, _IOR('f', 121, int), which x/sys lacks.
const fionwrite = 0x40046679
