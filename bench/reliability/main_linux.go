// Command reliability runs the fault table: faults done on purpose to a server on
// the real kernel, this engine's or a peer's, and what came of them. Run it with -h.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/eddyline/eddyline/bench/internal/child"
	"github.com/eddyline/eddyline/bench/internal/harness"
	"github.com/eddyline/eddyline/bench/internal/machine"
	"github.com/eddyline/eddyline/bench/internal/progress"
	"github.com/eddyline/eddyline/bench/internal/reliability"
	"github.com/eddyline/eddyline/bench/internal/reliability/subject"
)

func main() {
	if child.Dispatch(map[string]child.Role{subject.Role: subject.Child(peers())}) {
		return
	}
	harness.Main(parse, run)
}

// run does what the flags say and returns the exit status.
func run(ctx context.Context, o *options, out io.Writer, stderr *os.File) int {
	if o.list {
		reliability.PrintList(out, o.rows)
		return 0
	}
	if o.out != "" {
		if err := os.MkdirAll(o.out, 0o777); err != nil {
			fmt.Fprintln(stderr, "reliability:", err)
			return harness.Usage
		}
	}
	d := reliability.Document{
		Time:    time.Now().UTC(),
		Machine: machine.Describe(),
		Version: machine.Source(),
		Command: strings.TrimSpace("go run ./bench/reliability " + strings.Join(os.Args[1:], " ")),
		Results: measure(ctx, o, out, stderr),
	}
	reliability.Print(out, d)
	if err := write(o, d); err != nil {
		fmt.Fprintln(stderr, "reliability:", err)
		return harness.Failed
	}
	switch {
	case ctx.Err() != nil:
		return harness.Interrupted
	case !d.Held(subject.Own):
		return harness.Failed
	}
	return 0
}

// measure runs every row on every server, and tells at once what did not hold.
func measure(ctx context.Context, o *options, out io.Writer, stderr *os.File) []reliability.Result {
	var results []reliability.Result
	line := progress.New(stderr, false)
	total := len(o.rows) * len(o.servers)
	for i, row := range o.rows {
		for j, server := range o.servers {
			line.Show(i*len(o.servers)+j, total, row.Name+" on "+server)
			if row.Own && server != subject.Own {
				continue
			}
			r := reliability.Run(ctx, row, reliability.Options{Server: server, Long: !o.short, Patience: o.patience})
			if ctx.Err() != nil {
				line.Clear()
				return results
			}
			results = append(results, r)
			if !r.Held() {
				line.Clear()
				fmt.Fprintf(out, "%s on %s: %s\n    %s\n", row.Name, server, r.Outcome(), strings.ReplaceAll(r.Why(), "\n", "\n    "))
			}
		}
	}
	line.Clear()
	return results
}

// write writes the files that -out asks for.
func write(o *options, d reliability.Document) error {
	if o.out == "" {
		return nil
	}
	text, err := json.MarshalIndent(d, "", "\t")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(o.out, "results.json"), append(text, '\n'), 0o666); err != nil {
		return err
	}
	table, err := os.Create(filepath.Join(o.out, "table.md"))
	if err != nil {
		return err
	}
	reliability.PrintMarkdown(table, o.rows, d)
	return table.Close()
}
