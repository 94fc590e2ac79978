package main

// The flags, and what they make of a run.

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/eddyline/eddyline/bench/internal/commas"
	"github.com/eddyline/eddyline/bench/internal/reliability"
	"github.com/eddyline/eddyline/bench/internal/reliability/subject"
)

const usage = `usage: go run ./bench/reliability [flags]

Runs the fault table: does faults on purpose to a server on the real kernel and
tells what came of it. The promises are those of docs/contract.md.

    go run ./bench/reliability                          this engine, every row, about ten minutes
    go run ./bench/reliability -short                   the same in small sizes, under a minute
    go run ./bench/reliability -rows emfile,reset-*     these rows
    go run ./bench/reliability -servers eddyline,gnet,evio,nbio -out results
    go run ./bench/reliability -list                    the rows, what each does and promises

Every row starts a server of its own in a child process, with an echo of default
configuration, does the fault, and checks every byte. After each row all clients
leave, and the server must have closed their descriptors, run no more goroutines
than before, use less than 5 % of a core, have stayed below the row's bound of
memory, have logged little, and still end as it should. Handlers of this engine
check the order of their callbacks as well.

The outcomes:

    held        all of that
    lost data   a byte was lost, changed or doubled, or a connection cut off
                that the fault did not touch
    ended       the server ended, or serves no more
    spun        it uses processor time although nothing happens
    grew        memory, descriptors, goroutines or log beyond the bound
    hung        what must happen did not within -patience
    broke       the order of callbacks, or a promise of this engine alone
    not tested  the fault could not be done here; the reason says what to install

Rows that need more than an echo are for this engine alone. Some need root,
strace, nft, ip, tc and ss (packages strace, nftables, iproute2): networks are
namespaces without a name, which are gone with the process, however it ends.

Exit status: 0; 1 when a row did not hold for eddyline, or was not tested; 2 for
wrong flags; 130 after an interrupt, which prints and writes what is finished.

`

// options are the flags, checked.
type options struct {
	rows     []reliability.Row
	servers  []string
	list     bool
	short    bool
	patience time.Duration
	out      string // directory; "" for none
}

// parse reads the command line. flag.ErrHelp means that the help was printed;
// after any other error w tells what is wrong.
func parse(args []string, w io.Writer) (*options, error) {
	o := new(options)
	fs := flag.NewFlagSet("reliability", flag.ContinueOnError)
	fs.SetOutput(w)
	fs.Usage = func() {
		fmt.Fprint(w, usage)
		fs.PrintDefaults()
	}
	rows := fs.String("rows", "*", "`names` with commas, see -list; a name may end with *")
	names := fs.String("servers", subject.Own, "`names` with commas: "+strings.Join(known(), ", "))
	fs.BoolVar(&o.list, "list", false, "list the rows and end")
	fs.BoolVar(&o.short, "short", false, "the small sizes, which the descriptions have in brackets")
	fs.DurationVar(&o.patience, "patience", 15*time.Second, "what must happen and has not after this time hangs")
	fs.StringVar(&o.out, "out", "", "write table.md and results.json into the `directory`")
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	if err := o.finish(fs.Args(), *rows, *names); err != nil {
		fmt.Fprintln(w, "reliability:", err)
		fmt.Fprintln(w, "Run with -h for help.")
		return nil, err
	}
	return o, nil
}

func (o *options) finish(args []string, rows, names string) (err error) {
	if len(args) > 0 {
		return fmt.Errorf("unexpected argument %q", args[0])
	}
	if o.patience <= 0 {
		return errors.New("-patience must be more than 0")
	}
	for _, name := range commas.Split(names) {
		if !slices.Contains(known(), name) {
			return fmt.Errorf("no server %q; there are %s", name, strings.Join(known(), ", "))
		}
		if slices.Contains(o.servers, name) {
			return fmt.Errorf("server %s is named twice", name)
		}
		o.servers = append(o.servers, name)
	}
	o.rows, err = reliability.Find(reliability.Rows(), commas.Split(rows))
	return err
}
