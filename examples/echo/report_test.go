package main

import (
	"strings"
	"testing"
	"time"
)

func TestNumbersAreWrittenForPeople(t *testing.T) {
	for got, want := range map[string]string{
		grouped(0):                               "0",
		grouped(999):                             "999",
		grouped(1000):                            "1,000",
		grouped(1234567):                         "1,234,567",
		binary(0):                                "0 B",
		binary(255.6):                            "256 B",
		binary(1536):                             "1.5 KiB",
		binary(5 << 30):                          "5.0 GiB",
		short(0).String():                        "0s",
		short(123456 * time.Nanosecond).String(): "123µs",
		short(9876543210).String():               "9.88s",
		short(90 * time.Minute).String():         "1h30m0s",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// a good result, to be spoilt by tests
func good() *result {
	return &result{
		conns: 1000, up: 1000, elapsed: 2 * time.Second, cpu: time.Second,
		messages: 100_000, bytes: 1 << 30, before: 1 << 20, idle: 1<<20 + 250_000, peak: 3 << 20,
		report: report{P50: 10 * time.Millisecond, P99: 20 * time.Millisecond, P999: 30 * time.Millisecond, Max: 40 * time.Millisecond},
	}
}

const goodTable = `connections    1,000 of 1,000
messages       100,000 in 2.0 s
bytes          1.0 GiB each way
throughput     50,000 messages/s, 512.0 MiB/s each way
latency        p50 10ms, p99 20ms, p99.9 30ms, max 40ms
server CPU     10µs per message, 0.50 processors busy
server memory  250 B per idle connection, 2.0 KiB at the peak of the load
outcome        every byte of every connection came back in order
`

func table(r *result) string {
	var b strings.Builder
	r.print(&b)
	return b.String()
}

func TestTheTableOfAGoodRun(t *testing.T) {
	r := good()
	if err := r.verdict(); err != nil {
		t.Error(err)
	}
	if got := table(r); got != goodTable {
		t.Errorf("got\n%swant\n%s", got, goodTable)
	}
}

func TestWhatIsUnknownIsLeftOut(t *testing.T) {
	r := good()
	r.cpu, r.before, r.idle, r.peak = 0, 0, 0, 0
	if got := table(r); strings.Contains(got, "server") {
		t.Errorf("a table without server figures:\n%s", got)
	}
}

func TestABadRunIsCalledOne(t *testing.T) {
	for want, spoil := range map[string]func(*result){
		"3 of 1,000 connections failed": func(r *result) { r.report.Failed = 3 },
		"interrupted after 1.5s":        func(r *result) { r.interrupted = 1500 * time.Millisecond },
		"no message came back":          func(r *result) { r.messages = 0 },
	} {
		r := good()
		spoil(r)
		if err := r.verdict(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("verdict is %v, want %q", err, want)
		}
		if got := table(r); !strings.Contains(got, "\noutcome        "+want) {
			t.Errorf("want the outcome %q in\n%s", want, got)
		}
	}
}

func TestTheFirstCausesAreShown(t *testing.T) {
	r := good()
	r.report.Failed = 11
	r.report.Causes = []cause{{"refused", 7, 10}, {"reset", 9, 1}}
	want := `
               connection 7 and 9 more: refused
               connection 9: reset
`
	if got := table(r); !strings.HasSuffix(got, want) {
		t.Errorf("got\n%swant at its end%s", got, want)
	}
}

// scenes are three news, half a second apart.
func scenes(s *screen) string {
	var b strings.Builder
	s.out = &b
	at := time.Unix(1000, 0)
	s.show(connecting, news{Up: 10}, at)
	s.show(loading, news{Up: 10, Messages: 100}, at.Add(500*time.Millisecond))
	s.show(loading, news{Up: 9, Messages: 300, Failed: 1}, at.Add(time.Second))
	s.end()
	s.end()
	return b.String()
}

func TestProgressIsALineASecondWhereNobodyWatches(t *testing.T) {
	want := "connecting     10 connections up        0 messages/s    0 errors\n" +
		"sending         9 connections up      300 messages/s    1 errors\n"
	if got := scenes(newScreen(&strings.Builder{})); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestProgressIsOneLineOnATerminal(t *testing.T) {
	want := "\rconnecting     10 connections up        0 messages/s    0 errors" +
		"\rsending        10 connections up      200 messages/s    0 errors" +
		"\rsending         9 connections up      400 messages/s    1 errors\n"
	if got := scenes(&screen{terminal: true, interval: newsInterval}); got != want {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}
