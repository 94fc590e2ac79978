// Package child runs parts of a measurement in processes of their own: the
// program starts itself again in another role, on a chosen core, and talks to
// it in lines over its standard input and output.
//
// A request is one line, an operation and optionally its argument as JSON. A
// reply is one line of JSON. Before the first request a child sends one reply,
// which says that it is ready. When its input ends, a child ends.
package child

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

// The environment that tells a process its role and the role's configuration.
const (
	roleVar   = "EDDYLINE_BENCH_ROLE"
	configVar = "EDDYLINE_BENCH_CONFIG"
)

// Role is what a child process does until it is told to quit. Its error goes to
// standard error and makes the process exit with status 1.
type Role func(c *Control) error

// Dispatch runs the role that the environment names and reports whether it named
// one; a program calls it first thing in main and returns when it did.
func Dispatch(roles map[string]Role) bool {
	name := os.Getenv(roleVar)
	if name == "" {
		return false
	}
	role, ok := roles[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "this program has no role %q\n", name)
		os.Exit(2)
	}
	if err := role(newControl()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return true
}

// failure is the reply of a request that failed.
type failure struct {
	Err *string `json:"err"` // nil of a reply that is none
}

// parseReply decodes a line into reply, or returns the error that it carries.
func parseReply(line []byte, reply any) error {
	if bytes.HasPrefix(line, []byte("{")) {
		var f failure
		if err := json.Unmarshal(line, &f); err != nil {
			return fmt.Errorf("reply %q: %w", line, err)
		}
		if f.Err != nil {
			return errors.New(*f.Err)
		}
	}
	if reply == nil {
		return nil
	}
	if err := json.Unmarshal(line, reply); err != nil {
		return fmt.Errorf("reply %q: %w", line, err)
	}
	return nil
}

// splitRequest takes a request line apart.
func splitRequest(line []byte) (op string, arg []byte) {
	head, arg, _ := bytes.Cut(bytes.TrimSpace(line), []byte(" "))
	return string(head), arg
}
