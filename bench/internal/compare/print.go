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
	t := table.Table{{"server", "metric", "unit", "old", "new", "change", "p", "rounds", table.Notes}}
	var said []string
	few, differ := 0, 0
	for _, c := range changes {
		switch {
		case c.Note != "":
			said = append(said, about(c))
		case c.TooFew:
			few++
		case c.Significant:
			differ++
			t.Add(c.Server, c.Metric.Name, c.Metric.Unit, table.Figure(c.Old.Median), table.Figure(c.New.Median), change(c.Percent),
				fmt.Sprintf("%.3f", c.P), fmt.Sprintf("%d and %d", c.Old.N, c.New.N), verdict(c))
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
	var compared, differ, worse, regressions int
	for _, c := range changes {
		if c.Regression {
			regressions++
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
	fmt.Fprintf(w, "Regressions (a main metric of this engine worse by more than %v %%, or a new failure): %d\n", Threshold, regressions)
}
