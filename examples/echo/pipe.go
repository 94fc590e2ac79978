package main

// How the two processes of -demo talk: lines of JSON, orders on the client's
// standard input and news on its standard output. The client ends when its
// input does, so it never outlives the server's process.

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// clientArgument is the one argument that makes the program the client.
const clientArgument = "demo-client"

// job is the first line that the client gets: whom to connect to, how often.
type job struct {
	Network, Address string
	Conns            int
	Spread           bool // over source addresses
}

// stage is what the client is at. All but the first begin with an order of that
// name.
type stage string

const (
	connecting stage = "connect" // opening connections
	loading    stage = "load"    // sending on all of them
	stopping   stage = "stop"    // sending nothing new, waiting for what is under way
	finishing  stage = "finish"  // output ended, waiting for the server to end its own
	reporting  stage = "report"  // saying how it went
)

// order is every further line that the client gets.
type order struct{ Begin stage }

// news is a line from the client: where it is, ten times a second and whenever
// it has reached the end of a stage.
type news struct {
	Up, Failed      int64
	Messages, Bytes int64   // that came back whole, and checked
	Reached         stage   `json:",omitempty"`
	Report          *report `json:",omitempty"`
}

// report is the last news.
type report struct {
	Failed              int64
	Causes              []cause
	P50, P99, P999, Max time.Duration
}

// clientProcess is the client as the server's process sees it.
type clientProcess struct {
	cmd    *exec.Cmd
	orders io.WriteCloser
	news   chan news // closed when the client ends
	send   *json.Encoder
}

func startClient(j job) (*clientProcess, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("cannot find this program to start it a second time: %w", err)
	}
	p := &clientProcess{cmd: exec.Command(exe, clientArgument), news: make(chan news)}
	p.cmd.Stderr = os.Stderr
	if p.orders, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	lines, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot start the second process: %w", err)
	}
	go p.listen(lines)
	p.send = json.NewEncoder(p.orders)
	_ = p.send.Encode(j) // a client that cannot be told has ended, which news tells
	return p, nil
}

func (p *clientProcess) listen(lines io.Reader) {
	defer close(p.news)
	dec := json.NewDecoder(lines)
	for {
		var n news
		if dec.Decode(&n) != nil {
			return
		}
		p.news <- n
	}
}

// begin orders the client to enter a stage.
func (p *clientProcess) begin(s stage) {
	_ = p.send.Encode(order{s}) // as above
}

// end lets the client end and waits for it.
func (p *clientProcess) end() error {
	_ = p.orders.Close()
	for range p.news {
	}
	return p.cmd.Wait()
}
