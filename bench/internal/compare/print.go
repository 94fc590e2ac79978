package compare

// The changes, as people read them.

import (
	"fmt"
	"io"
	"iter"
	"math"

	"github.com/eddyline/eddyline/bench/internal/table"
)

// Print writes the notes, what changed beyond noise, and how much did not.
func Print(w io.Writer, changes []Change) {
	for group := range byRun(changes) {
		printRun(w, group)
	}
	printTotals(w, changes)
}

// byRun yields the changes of one run after the other.
func byRun(changes []Change) iter.Seq[[]Change] {
	return func(yield func([]Change) bool) {
		for len(changes) > 0 {
			n := 1
			for n < len(changes) && changes[n].Run == changes[0].Run {
				n++
			}
			if !yield(changes[:n]) {
				return
			}
			changes = changes[n:]
		}
	}
}

func printRun(w io.Writer, changes []Change) {
	t := table.Table{{"server", "metric", "unit", "old", "new", "change", "p", "corrected", "rounds", table.Notes}}
	var said []string
	few, differ := 0, 0
	for _, c := range changes {
		switch {
		case c.Note != "":
			said = append(said, about(c))
		case c.TooFew && !c.Regression:
			few++
		case c.Significant || c.Regression:
			differ++
			t.Add(c.Server, c.Metric.Name, unit(c), figure(c, c.Old.Median), figure(c, c.New.Median), change(c.Percent),
				fmt.Sprintf("%.3f", c.P), corrected(c), fmt.Sprintf("%d and %d", c.Old.N, c.New.N), verdict(c))
		}
	}
	if few > 0 {
		said = append(said, fmt.Sprintf("too few rounds to tell anything about %d figures: the U test needs 4 on each side to reach p < %v", few, Alpha))
	}
	if len(said)+differ == 0 {
		return
	}
	if title := changes[0].Run; title != "" {
		fmt.Fprintln(w, title)
	}
	for _, line := range said {
		fmt.Fprintln(w, "  "+line)
	}
	if differ > 0 {
		t.Print(w)
	}
	fmt.Fprintln(w)
}

// unit tells what the old and the new are.
func unit(c Change) string {
	if c.Base != "" {
		return "× " + c.Base
	}
	return c.Metric.Unit
}

func figure(c Change, v float64) string {
	if c.Base != "" {
		return fmt.Sprintf("%.3f", v)
	}
	return table.Figure(v)
}

func corrected(c Change) string {
	if !c.Judged {
		return "-"
	}
	return fmt.Sprintf("%.3f", c.Corrected)
}

func about(c Change) string {
	text := c.Note
	if c.Server != "" {
		text = c.Server + ": " + text
	}
	if c.Regression {
		text += ": REGRESSION"
	}
	return text
}

func change(percent float64) string {
	if math.IsNaN(percent) {
		return "from 0"
	}
	return fmt.Sprintf("%+.1f %%", percent)
}

func verdict(c Change) string {
	switch {
	case c.Regression:
		return "REGRESSION"
	case c.Worse:
		return "worse"
	case c.Metric.Better == 0:
		return "different"
	}
	return "better"
}

func printTotals(w io.Writer, changes []Change) {
	var compared, differ, worse, judged, undecided, regressions int
	for _, c := range changes {
		if c.Regression {
			regressions++
		}
		if c.Judged {
			judged++
		}
		if c.Undecided {
			undecided++
		}
		if c.Note != "" || c.TooFew {
			continue
		}
		compared++
		if c.Significant {
			differ++
		}
		if c.Worse {
			worse++
		}
	}
	fmt.Fprintf(w, "Figures compared: %d. Different beyond noise (p < %v): %d, of these for the worse: %d; chance alone makes about %.0f differ.\n",
		compared, Alpha, differ, worse, Alpha*float64(compared))
	if undecided > 0 {
		fmt.Fprintf(w, "Too few rounds to tell whether %d of the %d figures by which this engine is judged became worse: among so many it takes %d rounds on each side.\n",
			undecided, judged, roundsFor(judged))
	}
	fmt.Fprintf(w, "Regressions (of the %d figures by which this engine is judged, those worse by more than %v %% at p < %v when corrected for their number; and new failures): %d\n",
		judged, Effect, Alpha, regressions)
}
