package reliability

// The guards: what every row holds its servers to besides its own checks.

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/eddyline/eddyline/bench/internal/reliability/subject"
	"github.com/eddyline/eddyline/bench/internal/stats"
)

// The bounds that every row is held to unless it sets its own.
const (
	calmCPU     = 0.05 // of a core, while nothing happens
	calmWindows = 5    // which must be calm, taken together
	mostWindows = 25   // within which they must be
	meanWindow  = 2 * time.Second
	ceiling     = 64 << 20 // bytes of resident memory above those at rest, at the peak
	raceFactor  = 8        // memory of a program with the race detector
)

// bounds are those that differ between this engine and others.
type bounds struct {
	goroutines int // more than at rest
	log        int // lines of the log per second and cause
}

// bounds are for the row's server.
func (t *Trial) bounds() bounds {
	if t.Options.Server == subject.Own {
		return bounds{goroutines: 0, log: 1}
	}
	// Others keep workers and promise nothing of their logs.
	return bounds{goroutines: 32, log: 100}
}

// Calm is the least load of so many windows in a row, as a whole: the server may still
// finish something first, and its kernel may, such as the probes of thousands of windows that
// are shut, which come less and less often.
func (s *Server) Calm() float64 {
	loads := make([]float64, 0, mostWindows)
	least := math.Inf(1)
	for len(loads) < mostWindows && least > calmCPU {
		loads = append(loads, s.Load(s.window()))
		if n := len(loads); n >= calmWindows {
			least = min(least, stats.Mean(loads[n-calmWindows:]))
		}
	}
	return least
}

// calmDown waits for a calm window, for some time.
func (s *Server) calmDown() {
	for range mostWindows {
		if s.Load(s.window()) <= calmCPU {
			return
		}
	}
}

func (s *Server) window() time.Duration { return s.t.Time(100*time.Millisecond, 400*time.Millisecond) }

// calm holds the server to Calm; what says when.
func (s *Server) calm(what string) {
	if s.over {
		return
	}
	s.bounded(s.Calm(), what)
}

// calmAsAWhole is calm of a server that tries something again after longer and longer
// pauses: most windows have none of the attempts in them.
func (s *Server) calmAsAWhole(what string) {
	s.calmDown()
	s.bounded(s.Load(meanWindow), what)
}

// bounded holds a load to what is calm.
func (s *Server) bounded(load float64, what string) {
	s.t.load = max(s.t.load, load)
	if load > calmCPU {
		s.t.Breach(Spun, "%.0f %% of a core %s", 100*load, what)
	}
}

// rest holds the servers of a row to what all rows promise, after its clients have
// gone.
func (t *Trial) rest() {
	if t.ctx.Err() != nil {
		t.Fail(Failed, "interrupted")
	}
	for _, c := range t.clients {
		c.Close()
	}
	for _, s := range t.servers {
		if err := s.Alive(); err != nil {
			if !t.noted(Ended) {
				t.Breach(Ended, "%v", err)
			}
			continue
		}
		s.atRest()
	}
}

// noted reports whether a breach of that kind is in the result.
func (t *Trial) noted(o Outcome) bool {
	return slices.ContainsFunc(t.result.Breaches, func(b Breach) bool { return b.Outcome == o })
}

// atRest holds one server to it.
func (s *Server) atRest() {
	s.descriptors()
	s.goroutines()
	s.calm("although nothing happens")
	s.resident()
	if why := tooMuch(s.logged(), s.t.bounds().log, time.Since(s.began)); why != "" {
		s.t.Breach(Grew, "the log: %s", why)
	}
	s.watched()
	s.stop()
}

// descriptors wants those of the clients closed.
func (s *Server) descriptors() {
	if err := s.t.Until("the descriptors are closed", func() bool { return s.Conns() <= 0 }); err != nil {
		s.t.Breach(Grew, "%d descriptors are left %v after the last client has gone", s.Conns(), s.t.Patience)
	}
}

// goroutines wants no more than before.
func (s *Server) goroutines() {
	now := 0
	if err := s.t.Until("the goroutines are gone", func() bool {
		now = s.Mark().Goroutines
		return now <= s.rest.goroutines+s.t.bounds().goroutines
	}); err != nil {
		s.t.Breach(Grew, "%d goroutines, %d at rest before the fault", now, s.rest.goroutines)
	}
}

// resident holds the peak of memory to the row's bound.
func (s *Server) resident() {
	limit := s.Ceiling
	if s.race {
		limit *= raceFactor
	}
	grown := s.Grown()
	if grown > limit {
		s.t.Breach(Grew, "resident memory %d MiB above rest at its peak; the bound is %d MiB", grown>>20, limit>>20)
	}
	s.t.peak = max(s.t.peak, grown)
}

// tooMuch says which cause has more lines in a log than perSecond, or "". A cause
// is what a structured line's message and error say. One line may come as long
// after it was admitted as the next one is due. Lines without a time, which no
// logger of this engine writes, count together, over as long as the log took.
func tooMuch(log []byte, perSecond int, took time.Duration) string {
	due := time.Second / time.Duration(perSecond)
	type account struct {
		last  time.Time
		ahead time.Duration
	}
	causes := map[string]account{}
	loose := 0
	for line := range strings.Lines(string(log)) {
		at, cause, ok := parseLine(line)
		if !ok {
			loose++
			continue
		}
		a := causes[cause]
		a.ahead = max(0, a.ahead-at.Sub(a.last)) + due
		a.last = at
		causes[cause] = a
		if a.ahead > 2*due {
			return fmt.Sprintf("%s more often than %d a second", cause, perSecond)
		}
	}
	if seconds := int(took.Seconds()) + 1; loose > perSecond*seconds {
		return fmt.Sprintf("%d lines of no logger in %d s", loose, seconds)
	}
	return ""
}

// parseLine reads a line of a slog.JSONHandler.
func parseLine(line string) (at time.Time, cause string, ok bool) {
	var l struct {
		Time       time.Time
		Msg, Error string
	}
	err := json.Unmarshal([]byte(line), &l)
	return l.Time, l.Msg + ": " + l.Error, err == nil && !l.Time.IsZero()
}

// watched tells what this engine's handlers saw.
func (s *Server) watched() {
	r := s.Mark().Report
	if len(r.Wrong) > 0 {
		s.t.Breach(Broke, "%s", strings.Join(r.Wrong, "\n"))
	}
	if r.Opened != r.Closed && !s.over {
		s.t.Breach(Broke, "%d handlers were made, %d heard OnClose", r.Opened, r.Closed)
	}
	if len(r.Late) > 0 {
		s.t.Breach(Broke, "%s", strings.Join(r.Late, "\n"))
	}
}

// stop ends the server as it should end.
func (s *Server) stop() {
	if err := s.p.Stop(); err != nil {
		s.t.Breach(Ended, "at the end: %v\n%s", err, s.LogTail())
	}
}
