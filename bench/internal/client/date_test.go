package client

import (
	"strings"
	"testing"
)

// The date is the value of the first such field in a response's header.
func FuzzDate(f *testing.F) {
	for _, reply := range []string{
		"HTTP/1.1 200 OK\r\nDate: x\r\nA: b\r\n\r\n", "HTTP/1.1 200 OK\r\nA: b\r\ndate: y\r\n\r\nDate: z\r\n", "HTTP/1.1 200 OK\r\n\r\n\r\nDate: z\r\n",
		"HTTP/1.1 200 OK\r\nX-Date: z\r\n\r\n", "+OK\r\nDate: z\r\n\r\n", "HTTP/1.1\r\nDATE:\r\nDate:a\r\n\r\n", "HTTP/\r\n\u212a\u0130\r\nDate:b\nc\r\n\r\n",
		"HTTP/\xff\r\ndate:\xff\r\n\r\n", "HTTP/1.1 200 OK\r\nDate: x\r\n", "Date: x\r\n\r\n",
	} {
		f.Add(reply)
	}
	f.Fuzz(func(t *testing.T, reply string) {
		from, to := date([]byte(reply))
		want, at := "", 0
		if head, _, whole := strings.Cut(reply, "\r\n\r\n"); whole && strings.HasPrefix(reply, "HTTP/") {
			status, fields, _ := strings.Cut(head, "\r\n")
			place := len(status) + len("\r\n")
			for field := range strings.SplitSeq(fields, "\r\n") {
				name, value, _ := strings.Cut(field, ":")
				if strings.EqualFold(name, "date") && len(name) < len(field) {
					want, at = value, place+len("date:")
					break
				}
				place += len(field) + len("\r\n")
			}
		}
		if from != at || to != at+len(want) || reply[from:to] != want {
			t.Errorf("%q: from %d to %d, want %q at %d", reply, from, to, want, at)
		}
	})
}
