package table

// What the columns mean.

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/eddyline/eddyline/bench/internal/results"
)

// Meaning is what a column says.
type Meaning struct{ Head, Text string }

// Legend explains the columns of runs, in their order, and what figures have in
// common.
func Legend(runs []results.Run) []Meaning {
	var list []Meaning
	for _, run := range runs {
		for _, head := range Of(run).Heads {
			text := meaning(head)
			known := func(m Meaning) bool { return m.Head == head }
			if text != "" && !slices.ContainsFunc(list, known) {
				list = append(list, Meaning{head, text})
			}
		}
	}
	return list
}

// PrintLegend writes the legend as aligned text.
func PrintLegend(w io.Writer, runs []results.Run) {
	legend := Legend(runs)
	width := 0
	for _, m := range legend {
		width = max(width, utf8.RuneCountInString(m.Head))
	}
	for _, m := range legend {
		fmt.Fprintf(w, "  %s%s  %s\n", m.Head, strings.Repeat(" ", width-utf8.RuneCountInString(m.Head)), m.Text)
	}
}

// PrintLegendMarkdown writes the legend as a list.
func PrintLegendMarkdown(w io.Writer, runs []results.Run) {
	for _, m := range Legend(runs) {
		fmt.Fprintf(w, "- **%s**: %s\n", escape.Replace(m.Head), escape.Replace(m.Text))
	}
}

func meaning(head string) string {
	if text, ok := meanings[head]; ok {
		return text
	}
	metric, base, found := strings.Cut(head, "/")
	if i := slices.IndexFunc(results.Metrics, func(m results.Metric) bool { return m.Name == metric }); found && i >= 0 {
		return "median of the ratios to " + bases[base] + ", each taken within a round; " + preference(results.Metrics[i])
	}
	return ""
}

func preference(m results.Metric) string {
	if m.Better > 0 {
		return "more is better"
	}
	return "less is better"
}

var bases = map[string]string{
	results.Floor: "the better of the floors",
	results.Level: "the level-triggered floor, whichever floor is the better",
	results.Gnet:  "the better variant of gnet",
	results.Net:   "package net",
}

var meanings = map[string]string{
	"req/s":       "requests per second that the generator counted; this figure and the others are medians over the rounds",
	"±":           "half the distance between the quartiles over the rounds, in percent of the median, of the figure to its left",
	"p50 µs":      "microseconds within which half of the requests were answered; at a fixed rate from when they were due",
	"p90":         "microseconds within which 90 % were",
	"p99":         "microseconds within which 99 % were",
	"p99.9":       "microseconds within which 99.9 % were",
	"max":         "microseconds that the slowest request took",
	"CPU µs":      "the server's processor time per request, microseconds, by its process clock",
	"user":        "of it, in user mode, microseconds; user and system share it out as getrusage counts them, in coarser ticks",
	"system":      "of it, in the kernel, microseconds",
	"calls":       "system calls per request, counted by strace in a run of its own",
	"allocs":      "objects that the server allocated per request",
	"lost/M":      "of a million datagrams, those that never came back",
	"MiB":         "the server's own memory under load, at the end of the round: anonymous pages, without its program's file",
	"B/conn":      "anonymous memory per idle connection, bytes",
	"server %":    "share of its core that the server used",
	"load %":      "share of its core that the generator used, without looking for replies in vain; saturated when it was the bottleneck",
	"disturbed %": "what others had of the cores of server and generator in the windows that count, in percent of one core",
	"due":         "messages that became due in the windows",
	"late":        "of these, the ones that the generator gave to their socket more than 1 ms late",
	"lateness µs": "how late it gave them, on average",
	"outstanding": "messages without a reply at the end of the last window",
	"oldest µs":   "how long the oldest of these has been due",
	"unanswered":  "messages without a reply 2 s after their window",
	"messages":    "messages that went out to every connection",
	"all p50 µs":  "microseconds within which half of them had reached the last connection",
	"all p99 µs":  "microseconds within which 99 % had",
	"all max µs":  "microseconds that the slowest took",
	"belated":     "datagrams that came after they were given up",
	"slow bytes":  "bytes that the kernel took from the connections that do not read",
	Notes:         "generator saturated: it was the bottleneck in half of the rounds or more, and the row says more about it than about the server",
}
