package scenario

import (
	"github.com/eddyline/eddyline/bench/internal/client"
	"github.com/eddyline/eddyline/bench/internal/external"
	"github.com/eddyline/eddyline/bench/internal/workload"
)

// Small responses over kept connections. Every server parses with the same code.
var http = Scenario{
	Name:     "http",
	About:    "GET of a plain text over kept connections, by wrk if it is installed",
	Protocol: always(workload.HTTP),
	Load: func(p Point) client.Spec {
		return client.Spec{Mode: client.Closed, Conns: p.Conns, Request: httpRequest()}
	},
	Program: external.WrkName,
	With:    func(p Point) external.Load { return external.Wrk("/", p.Conns) },
	Quick:   []Grid{{Conns: []int{100}}},
	Full:    []Grid{{Conns: []int{100, 1000}}},
}

// httpRequest asks for what the code in every server answers.
func httpRequest() client.Request {
	get := client.HTTPGet("/", nil)
	responder, err := workload.New(workload.HTTP)
	if err != nil {
		return get
	}
	if _, reply, err := responder()(get.Send, nil); err == nil {
		get.Want = reply
	}
	return get
}
