package client

import "testing"

func TestBadSpecs(t *testing.T) {
	good := Spec{Addr: "127.0.0.1:80", Mode: Closed, Conns: 1, Size: 64}
	if err := good.check(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Spec){
		"no address":             func(s *Spec) { s.Addr = "nowhere" },
		"unknown mode":           func(s *Spec) { s.Mode = "ajar" },
		"no mode":                func(s *Spec) { s.Mode = "" },
		"no connections":         func(s *Spec) { s.Conns = 0 },
		"negative connections":   func(s *Spec) { s.IdleConns = -1 },
		"no size":                func(s *Spec) { s.Size = 0 },
		"negative size":          func(s *Spec) { s.Size = -1; s.Request = Ping() },
		"negative pipeline":      func(s *Spec) { s.Pipeline = -1 },
		"rate in a closed loop":  func(s *Spec) { s.Rate = 1 },
		"open without rate":      func(s *Spec) { s.Mode = Open },
		"negative rate":          func(s *Spec) { s.Mode, s.Rate = Open, -1 },
		"slow ones among others": func(s *Spec) { s.SlowConns = 1 },
		"short datagrams":        func(s *Spec) { s.Mode, s.Size = Datagrams, stamp-1 },
		"long datagrams":         func(s *Spec) { s.Mode, s.Size = Datagrams, maxDatagram+1 },
		"idle datagrams":         func(s *Spec) { s.Mode, s.IdleConns = Datagrams, 1 },
		"no slow ones":           func(s *Spec) { s.Mode = Slow },
		"idle ones in bulk":      func(s *Spec) { s.Mode, s.IdleConns = Bulk, 1 },
		"fan-out of pings":       func(s *Spec) { s.Mode, s.Request = Fanout, Ping() },
		"a request, no reply":    func(s *Spec) { s.Request.Send = []byte("x") },
		"half an opening":        func(s *Spec) { s.Request = Ping(); s.Request.Opening = &Exchange{Send: []byte("x")} },
		"opening of an echo":     func(s *Spec) { s.Request = Request{Opening: &Exchange{[]byte("x"), []byte("y")}} },
		"opening in churn":       func(s *Spec) { s.Mode, s.Request = Churn, Get("k", "v") },
	} {
		s := good
		spoil(&s)
		if err := s.check(); err == nil {
			t.Errorf("%s: %+v was accepted", name, s)
		}
	}
}

func TestIdleConnectionsNeedNoOthers(t *testing.T) {
	if err := (Spec{Addr: "127.0.0.1:80", Mode: Closed, IdleConns: 1, Size: 1}).check(); err != nil {
		t.Error(err)
	}
}

func TestRequests(t *testing.T) {
	r := Get("key", "värde")
	for _, tt := range []struct{ got, want string }{
		{string(Ping().Send), "*1\r\n$4\r\nPING\r\n"},
		{string(r.Send), "*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n"},
		{string(r.Want), "$6\r\nvärde\r\n"},
		{string(r.Opening.Send), "*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$6\r\nvärde\r\n"},
		{string(HTTPGet("/a", nil).Send), "GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n"},
	} {
		if tt.got != tt.want {
			t.Errorf("%q, want %q", tt.got, tt.want)
		}
	}
}

func TestDate(t *testing.T) {
	for _, tt := range []struct{ reply, want string }{
		{"HTTP/1.1 200 OK\r\nDate: x\r\nA: b\r\n\r\n", " x"},
		{"HTTP/1.1 200 OK\r\nA: b\r\ndate: y\r\n\r\nDate: z\r\n", " y"},
		{"HTTP/1.1 200 OK\r\nA: b\r\n\r\n\r\nDate: z\r\n", ""},
		{"HTTP/1.1 200 OK\r\nX-Date: z\r\n\r\n", ""},
		{"+OK\r\nDate: z\r\n\r\n", ""},
	} {
		if from, to := date([]byte(tt.reply)); tt.reply[from:to] != tt.want {
			t.Errorf("%q: date %q, want %q", tt.reply, tt.reply[from:to], tt.want)
		}
	}
}
