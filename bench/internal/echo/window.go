package echo

// What happened in a window, or in several, and the sample that they make.

import "time"

type window struct {
	wall         time.Duration
	messages     uint64
	server, load time.Duration // processor time, the load's without what it waited for messages
	waited       time.Duration // of the two busiest threads, for a core that something else had
	counted      bool          // whether the server tells the following
	mallocs      uint64        // objects it allocated
	user, sys    time.Duration // its processor time, split by the kernel's ticks
	retries      int           // windows thrown away before these
}

// disturbed returns the share of the window that was lost to other programs.
func (w window) disturbed() float64 { return w.share(w.waited) }

func (w window) share(d time.Duration) float64 { return float64(d) / float64(w.wall) }

func (w *window) add(o window) {
	w.wall += o.wall
	w.messages += o.messages
	w.server += o.server
	w.load += o.load
	w.waited += o.waited
	w.counted = o.counted
	w.mallocs += o.mallocs
	w.user += o.user
	w.sys += o.sys
}

// sample returns the figures of a round; w has messages.
func (w window) sample(round int) Sample {
	s := Sample{
		Round:     round,
		Messages:  w.messages,
		Seconds:   w.wall.Seconds(),
		CPU:       float64(w.server.Nanoseconds()) / 1e3 / float64(w.messages),
		Counted:   w.counted,
		Allocs:    float64(w.mallocs) / float64(w.messages),
		Server:    w.share(w.server),
		Load:      w.share(w.load),
		Disturbed: w.disturbed(),
		Retries:   w.retries,
	}
	if all := w.user + w.sys; all > 0 {
		s.UserShare = float64(w.user) / float64(all)
	}
	return s
}
