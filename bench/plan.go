package main

// Which servers are measured where.

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/eddyline/eddyline/bench/internal/scenario"
	"github.com/eddyline/eddyline/bench/internal/servers"
)

// plans brings together scenarios, points and servers. all are the servers for
// every scenario; a process may have so many descriptors.
func (o *options) plans(all []servers.Server, files int) ([]scenario.Plan, error) {
	chosen, err := o.chooseServers(all)
	if err != nil {
		return nil, err
	}
	var plans []scenario.Plan
	for _, s := range o.scenarios {
		points, err := scenario.Points(o.grids(s), o.instead, files)
		if err != nil {
			return nil, err
		}
		found := false
		for _, p := range byProtocol(s, points) {
			p.Servers, p.Lacking = divide(chosen(s), func(c servers.Server) bool { return s.Lack(c, p.Points[0]) == "" })
			if len(p.Servers) > 0 {
				found = true
				plans = append(plans, p)
			}
		}
		if !found && o.named {
			return nil, fmt.Errorf("scenario %s: none of the servers speaks its protocol: %s", s.Name, strings.Join(servers.Names(chosen(s)), ", "))
		}
	}
	if len(plans) == 0 {
		return nil, errors.New("none of the scenarios suits the servers")
	}
	return plans, nil
}

// divide returns the servers that fit and those that do not.
func divide(list []servers.Server, fits func(servers.Server) bool) (fitting, others []servers.Server) {
	for _, s := range list {
		if fits(s) {
			fitting = append(fitting, s)
		} else {
			others = append(others, s)
		}
	}
	return fitting, others
}

// chooseServers returns which servers take part in a scenario.
func (o *options) chooseServers(all []servers.Server) (func(scenario.Scenario) []servers.Server, error) {
	if o.servers == nil {
		usual := servers.Compared(all)
		return func(s scenario.Scenario) []servers.Server { return append(slices.Clip(usual), also(s)...) }, nil
	}
	known := all
	for _, s := range o.scenarios {
		known = append(slices.Clip(known), also(s)...)
	}
	named, err := servers.Find(known, o.servers)
	if err != nil {
		return nil, err
	}
	return func(scenario.Scenario) []servers.Server { return named }, nil
}

func also(s scenario.Scenario) []servers.Server {
	if s.Also == nil {
		return nil
	}
	return s.Also()
}

// byProtocol divides a scenario's points where the protocol changes.
func byProtocol(s scenario.Scenario, points []scenario.Point) []scenario.Plan {
	var plans []scenario.Plan
	for i, p := range points {
		if i == 0 || s.Protocol(p) != s.Protocol(points[i-1]) {
			plans = append(plans, scenario.Plan{Scenario: s})
		}
		last := &plans[len(plans)-1]
		last.Points = append(last.Points, p)
	}
	return plans
}
