package main

import (
	"io"
	"testing"
)

// quietSession is a session whose bytes have all come back.
func quietSession(s stage) *session {
	w := &worker{client: &client{pad: newPad(), reached: make(chan stage, 8)}, stage: s, open: 1}
	w.up.Store(1)
	return newSession(w, 7)
}

func TestASessionMayOnlyEndAfterItsFinish(t *testing.T) {
	tests := []struct {
		name   string
		stage  stage
		err    error
		ended  bool // the server's end was received
		failed int64
	}{
		{"both sides ended", finishing, nil, true, 0},
		{"server ended under load, between messages", loading, nil, true, 1},
		{"server ended before the client's end", stopping, nil, true, 1},
		{"server never ended", finishing, nil, false, 1},
		{"connection broke", finishing, io.ErrUnexpectedEOF, true, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := quietSession(test.stage)
			s.ended = test.ended
			s.OnClose(nil, test.err)
			if got := s.worker.failed.Load(); got != test.failed || s.worker.failures.total != got {
				t.Errorf("%d failures, causes %v, want %d", got, s.worker.failures.causes, test.failed)
			}
			if s.worker.up.Load() != 0 || s.worker.open != 0 {
				t.Errorf("%d connections up, %d open, want none", s.worker.up.Load(), s.worker.open)
			}
		})
	}
}

func TestASessionThatOwesBytesHasFailed(t *testing.T) {
	s := quietSession(finishing)
	s.ended = true
	s.account.next(100)
	s.OnClose(nil, nil)
	if got := s.worker.failures.causes; len(got) != 1 || got[0].Text != "the server ended it at offset 0 with 100 bytes still owed" {
		t.Errorf("causes are %v", got)
	}
}

func TestConnectionsComeFromManyAddresses(t *testing.T) {
	seen := map[string]int{}
	for i := range 10_000 {
		a := source(i).AddrPort()
		if !a.Addr().IsLoopback() || a.Port() != 0 {
			t.Fatalf("connection %d would come from %v", i, a)
		}
		seen[a.Addr().String()]++
	}
	if len(seen) != sources || seen["127.0.0.1"] != 10_000/sources {
		t.Errorf("%d addresses, 127.0.0.1 %d times", len(seen), seen["127.0.0.1"])
	}
}
