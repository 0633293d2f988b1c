package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A round is what one run of load found out about a server.
type round struct {
	requests float64
	rate     float64 // requests per second
	cost     float64 // µs of the server's processor time per request
	busy     float64 // share of the server's processor
	own      float64 // share of it that the server itself had
}

// load is what wrk does: a script, which speaks for the clients, on an address.
type load struct {
	// drive does something else instead, if it is there.
	drive       func(ctx context.Context, b *bench, address string, length time.Duration) (round, error)
	script      string
	connections int
	tls         bool
	// heavy says that the load itself is the dearer part: the server under test
	// then has time to spare, and its cost per request counts all the same.
	heavy bool
}

// measure runs a round of load against p and takes its processor time.
func (b *bench) measure(ctx context.Context, p *process, address string, l load) (round, error) {
	usedBefore, err := p.processorTime()
	if err != nil {
		return round{}, err
	}
	busyBefore, err := processorUse(b.cpus.server)
	if err != nil {
		return round{}, err
	}
	began := time.Now()
	r, err := b.drive(ctx, address, l, b.length)
	if err != nil {
		return round{}, err
	}
	took := time.Since(began)
	used, err := p.processorTime()
	if err != nil {
		return round{}, err
	}
	busy, err := processorUse(b.cpus.server)
	if err != nil {
		return round{}, err
	}
	r.cost = float64((used - usedBefore).Microseconds()) / r.requests
	r.own = float64(used-usedBefore) / float64(took)
	r.busy = busy.since(busyBefore)
	return r, nil
}

// drive runs a load for a while.
func (b *bench) drive(ctx context.Context, address string, l load, length time.Duration) (round, error) {
	if l.drive != nil {
		return l.drive(ctx, b, address, length)
	}
	return b.wrk(ctx, address, l, length)
}

func (l load) scheme() string {
	if l.tls {
		return "https://"
	}
	return "http://"
}

var (
	wrkTotal   = regexp.MustCompile(`(?m)^\s*(\d+) requests in `)
	wrkRate    = regexp.MustCompile(`(?m)^Requests/sec:\s*([\d.]+)`)
	wrkFailure = regexp.MustCompile(`(?m)^\s*(Non-2xx.*|Socket errors:.*)$`)
)

// wrk runs a load. A request that was not answered with 2xx makes it fail: a
// server that refuses is quick.
func (b *bench) wrk(ctx context.Context, address string, l load, length time.Duration) (round, error) {
	seconds := max(1, int(length.Round(time.Second)/time.Second))
	ctx, cancel := context.WithTimeout(ctx, length+15*time.Second)
	defer cancel()
	text, err := exec.CommandContext(ctx, "taskset", "-c", b.cpus.load, "wrk", "-t1", "-c"+strconv.Itoa(l.connections),
		fmt.Sprintf("-d%ds", seconds), "--timeout", "20s", "-s", l.script, l.scheme()+address).CombinedOutput()
	if err != nil {
		return round{}, fmt.Errorf("wrk: %w: %s", err, strings.TrimSpace(string(text)))
	}
	if m := wrkFailure.Find(text); m != nil {
		return round{}, fmt.Errorf("wrk: %s", strings.TrimSpace(string(m)))
	}
	var r round
	total, rate := wrkTotal.FindSubmatch(text), wrkRate.FindSubmatch(text)
	if total == nil || rate == nil {
		return round{}, fmt.Errorf("wrk said %q", text)
	}
	var err2 error
	r.requests, err = strconv.ParseFloat(string(total[1]), 64)
	r.rate, err2 = strconv.ParseFloat(string(rate[1]), 64)
	return r, errors.Join(err, err2)
}
