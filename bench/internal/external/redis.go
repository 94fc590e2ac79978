package external

// redis-benchmark: what it is told and what it says.

import (
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"

	"github.com/eddyline/eddyline/bench/internal/results"
)

// redisArgs are the arguments of one run of so many requests of one command.
func redisArgs(addr, command string, conns, size, pipeline, requests int) ([]string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	return []string{
		"-h", host, "-p", port,
		"-c", strconv.Itoa(conns), "-n", strconv.Itoa(requests),
		"-d", strconv.Itoa(size), "-P", strconv.Itoa(pipeline),
		"-t", redisTest(command),
	}, nil
}

// redisTest is redis-benchmark's own name of the test of a command.
func redisTest(command string) string {
	if command == "PING" {
		return "ping_mbulk"
	}
	return strings.ToLower(command)
}

var (
	redisCompleted  = regexp.MustCompile(`(\d+) requests completed in`)
	redisThroughput = regexp.MustCompile(`throughput summary: ([\d.]+) requests per second`)
	redisQuantile   = regexp.MustCompile(`(?m)^([\d.]+)% <= ([\d.]+) milliseconds`)
)

// parseRedis reads the report of one test.
func parseRedis(out []byte) (Result, error) {
	text := string(out)
	completed := redisCompleted.FindStringSubmatch(text)
	rate := redisThroughput.FindStringSubmatch(text)
	if completed == nil || rate == nil {
		return Result{}, fmt.Errorf("redis-benchmark reported nothing:\n%s", tail(text))
	}
	requests, err := strconv.ParseUint(completed[1], 10, 64)
	if err != nil || requests == 0 {
		return Result{}, fmt.Errorf("redis-benchmark: %s requests", completed[1])
	}
	perSecond, err := strconv.ParseFloat(rate[1], 64)
	if err != nil || perSecond <= 0 {
		return Result{}, fmt.Errorf("redis-benchmark: %s requests per second", rate[1])
	}
	// The report has two lists of the same form: this one is by quantile, the other
	// by latency.
	_, text, _ = strings.Cut(text, "by percentile distribution")
	text, _, _ = strings.Cut(text, "Cumulative distribution")
	var curve []results.Quantile
	for _, m := range redisQuantile.FindAllStringSubmatch(text, -1) {
		q, err1 := strconv.ParseFloat(m[1], 64)
		ms, err2 := strconv.ParseFloat(m[2], 64)
		p, ok := quantile(q/100, ms, 1e6)
		if err1 != nil || err2 != nil || !ok {
			return Result{}, fmt.Errorf("redis-benchmark: unknown line %q", m[0])
		}
		curve = append(curve, p)
	}
	latency, err := describe(curve)
	if err != nil {
		return Result{}, fmt.Errorf("redis-benchmark: %w", err)
	}
	return Result{
		Seconds:  float64(requests) / perSecond,
		Requests: requests,
		Latency:  latency,
	}, nil
}

// tail shortens what a program said for a message.
func tail(text string) string {
	const most = 2000
	text = strings.TrimSpace(text)
	if len(text) > most {
		text = text[len(text)-most:]
	}
	return text
}
