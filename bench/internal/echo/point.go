// Package echo measures what an echo costs a server: connections that each keep
// a fixed number of messages outstanding, the server on one core and the load
// on another, and the server's processor time divided by the messages. The
// servers take turns, round after round, so that a slow spell of the machine
// falls on all of them.
package echo

import "fmt"

// Point is one place of the grid.
type Point struct {
	Conns    int `json:"conns"`
	Size     int `json:"size"`     // bytes per message
	Pipeline int `json:"pipeline"` // messages outstanding per connection
}

// String returns the point as a table's heading has it.
func (p Point) String() string {
	return fmt.Sprintf("%s, %s, %d outstanding", count(p.Conns, "connection"), count(p.Size, "byte"), p.Pipeline)
}

func count(n int, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return fmt.Sprintf("%d %ss", n, of)
}
