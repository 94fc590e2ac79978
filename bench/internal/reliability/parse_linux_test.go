package reliability

// What is read of the output of others.

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

// logLine is a line that the engine's logger writes.
func logLine(t testing.TB, at time.Time, msg, why string) string {
	t.Helper()
	r := slog.NewRecord(at, slog.LevelWarn, msg, 0)
	r.Add("error", errors.New(why), "retry", time.Second)
	var b strings.Builder
	if err := slog.NewJSONHandler(&b, nil).Handle(context.Background(), r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// What the logger writes is read back; what is read tells when and why.
func FuzzLogLine(f *testing.F) {
	f.Add("accepting pauses", "no \"files\" left", int64(1e18), "panic: \n")
	f.Add("a error=b", " error=c", int64(-1), `{"time":"2026-01-02T03:04:05.000Z","msg":"m"}`)
	f.Add("", "", int64(0), `{"time":"2026-01-02T03:04:05Z","msg":"m"} {}`)
	f.Add("", "", int64(0), `{"time":"yesterday","msg":"m"}`)
	f.Add("", "", int64(0), `{"msg":"m"}`)
	f.Fuzz(func(t *testing.T, msg, why string, ns int64, line string) {
		if utf8.ValidString(msg) && utf8.ValidString(why) {
			at := time.Unix(0, ns)
			got, cause, ok := parseLine(logLine(t, at, msg, why))
			if !ok || !got.Equal(at) || cause != msg+": "+why {
				t.Errorf("%q, %q at %v is %q at %v, %v", msg, why, at, cause, got, ok)
			}
		}
		if at, cause, ok := parseLine(line); ok && (at.IsZero() || !strings.HasPrefix(strings.TrimSpace(line), "{")) {
			t.Errorf("%q is %q at %v", line, cause, at)
		}
	})
}

// counted is a counter, as nft lists it.
var counted = regexp.MustCompile(`(?:^|\s)counter\s+packets(?:\s+|$)(\S*)`)

// The counts come in the order of the listing, each whole.
func FuzzCounters(f *testing.F) {
	const listing = "table ip faults {\n chain in {\n  tcp dport 1 counter packets %s bytes 2 reject\n  counter packets %s bytes 0\n }\n}\n"
	for _, figure := range []string{"0", "12", "007", "-1", "+1", "0x10", "1_0", "12abc", "9223372036854775807", "9223372036854775808", "", "\n3"} {
		f.Add(fmt.Sprintf(listing, "7", figure))
		f.Add("counter packets " + figure)
	}
	f.Add("counter packets counter packets 5")
	f.Add("counter packets 0counter packets 0")
	f.Add("counters counter packet 5 counter\tpackets\n5")
	f.Fuzz(func(t *testing.T, said string) {
		if strings.ContainsFunc(said, func(r rune) bool { return unicode.IsSpace(r) && !strings.ContainsRune(" \t\n", r) }) {
			return // nft writes no other
		}
		var want []int
		ok := true
		for _, m := range counted.FindAllStringSubmatch(said, -1) {
			n, err := strconv.Atoi(m[1])
			ok = ok && err == nil && strings.Trim(m[1], "0123456789") == ""
			want = append(want, n)
		}
		got, err := counters(said)
		if (err == nil) != ok || ok && !slices.Equal(got, want) {
			t.Errorf("%q: %v, %v, want %v, %v", said, got, err, want, ok)
		}
		if err != nil && !strings.Contains(err.Error(), fmt.Sprintf("%q", said)) {
			t.Errorf("%q does not quote %q", err, said)
		}
	})
}
