package poller

import (
	"encoding/binary"

	"github.com/eddyline/eddyline/internal/sys"
)

// stroke is what is written to wake a wait: an eventfd takes it as the number 1,
// a pipe as eight bytes, which it takes whole or not at all.
var stroke = binary.NativeEndian.AppendUint64(nil, 1)

// ring makes r readable by a write to w, the two ends of a pipe or twice the
// same eventfd. r is registered edge-triggered, so that each write is an event
// by itself and nobody has to read; only when the pipe or counter is full, which
// refuses the write, what nobody needs any more is taken out.
func ring(w, r int) failure {
	var sink [512]byte
	for {
		_, e := sys.Write(w, stroke)
		if e != sys.EAGAIN {
			return failure{sys.CallWrite, e}
		}
		if _, e := sys.Read(r, sink[:]); e != 0 && e != sys.EAGAIN {
			return failure{sys.CallRead, e}
		}
	}
}
