//go:build linux

package loop

// The handlers of simulated connections: which of the optional interfaces they
// have differs, because that decides what the engine does.

// simHandler is one handler; SetHandler puts another in its place.
type simHandler struct{ x *simConn }

func (h *simHandler) OnData(_ *Conn, in []byte) (int, error) {
	x := h.x
	x.enter(h, "OnData")
	x.onData(in)
	if x.nibbles && x.rng.IntN(64) > 0 {
		x.inside = false
		x.consumed++
		return 1, nil
	}
	x.leave("OnData")
	return x.consume(len(in))
}

func (h *simHandler) OnClose(_ *Conn, err error) {
	x := h.x
	x.enter(h, "OnClose")
	x.onClose(err)
	x.leave("OnClose")
}

type simOpens struct{ h *simHandler }

func (s simOpens) OnOpen(*Conn) error {
	x := s.h.x
	x.enter(s.h, "OnOpen")
	x.onOpen()
	x.leave("OnOpen")
	return x.maybeError()
}

type simEOFs struct{ h *simHandler }

func (s simEOFs) OnEOF(*Conn) {
	x := s.h.x
	x.enter(s.h, "OnEOF")
	x.onEOF()
	x.leave("OnEOF")
}

type simDrains struct{ h *simHandler }

func (s simDrains) OnDrain(*Conn) {
	x := s.h.x
	x.enter(s.h, "OnDrain")
	x.onDrain()
	x.leave("OnDrain")
}

type simTimeouts struct{ h *simHandler }

func (s simTimeouts) OnTimeout(_ *Conn, d Deadline) error {
	x := s.h.x
	x.enter(s.h, "OnTimeout")
	x.onTimeout(d)
	x.leave("OnTimeout")
	return x.maybeError()
}

type simShutdowns struct{ h *simHandler }

func (s simShutdowns) OnShutdown(*Conn) {
	x := s.h.x
	x.enter(s.h, "OnShutdown")
	x.onShutdown()
	x.leave("OnShutdown")
}

// The handlers that there are.
type (
	simFull struct {
		*simHandler
		simOpens
		simEOFs
		simDrains
		simTimeouts
		simShutdowns
	}
	simEnder struct {
		*simHandler
		simOpens
		simEOFs
	}
	simPacer struct {
		*simHandler
		simDrains
		simTimeouts
	}
)

// newHandler makes the handler that is called from now on.
func (x *simConn) newHandler() Handler {
	x.set = x.drawHandler()
	return x.set
}

func (x *simConn) drawHandler() Handler {
	h := &simHandler{x}
	x.handler = h
	x.told = false
	switch x.rng.IntN(6) {
	case 0:
		x.rose = false // nobody is to hear of it
		return h
	case 1:
		x.rose = false
		return simEnder{h, simOpens{h}, simEOFs{h}}
	case 2:
		return simPacer{h, simDrains{h}, simTimeouts{h}}
	default:
		return simFull{h, simOpens{h}, simEOFs{h}, simDrains{h}, simTimeouts{h}, simShutdowns{h}}
	}
}

// drains tells whether the handler hears of OnDrain.
func (x *simConn) drains() bool {
	_, ok := x.c.handler.(DrainHandler)
	return ok
}
