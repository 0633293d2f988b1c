package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// latencyClients send together latencyClients times latencyRate requests per
	// second: h2load's --rps is per client.
	latencyClients, latencyRate = 60, 50
	// settling is left out at the beginning of a round: connections are opened.
	settling = 200 * time.Millisecond
)

// latency compares the 99th percentiles of plain GETs at 3,000 requests per second.
func latency(ctx context.Context, b *bench) (result, error) {
	s, err := newSides(ctx, b, nginxProxy, false)
	if err != nil {
		return result{}, err
	}
	defer s.stop()
	return b.inTurns(ctx, s, "us", b.p99)
}

// p99 runs a round at a fixed rate and returns the 99th percentile in µs.
func (b *bench) p99(ctx context.Context, address string) (float64, error) {
	log := filepath.Join(b.dir, "h2load.log")
	if err := os.Remove(log); err != nil && !errors.Is(err, os.ErrNotExist) {
		return 0, err
	}
	length := max(b.length, time.Second) + settling
	ctx, cancel := context.WithTimeout(ctx, length+15*time.Second)
	defer cancel()
	argv := []string{"-c", b.cpus.load, "h2load", "--h1", "-t1", fmt.Sprintf("-c%d", latencyClients),
		fmt.Sprintf("-n%d", int(length.Seconds()*latencyClients*latencyRate)), fmt.Sprintf("--rps=%d", latencyRate),
		// Three clients begin in each millisecond, so that all are spread evenly over
		// the 20 ms between two requests of one of them.
		"-r3", "--rate-period=1ms", "--log-file=" + log}
	for _, f := range clientFields {
		argv = append(argv, "-H", f.Name+": "+f.Value)
	}
	if text, err := exec.CommandContext(ctx, "taskset", append(argv, "http://"+address+"/orders/1001")...).CombinedOutput(); err != nil {
		return 0, fmt.Errorf("h2load: %w: %s", err, text)
	}
	text, err := os.ReadFile(log)
	if err != nil {
		return 0, err
	}
	return percentile99(string(text))
}

// percentile99 reads h2load's log, whose lines are the µs since the epoch, the
// status, and the µs until the answer's end. It fails where the rate was not kept,
// by errSlow, or an answer was no 200.
func percentile99(log string) (float64, error) {
	var began, took []int64
	for line := range strings.Lines(log) {
		f := strings.Fields(line)
		if len(f) < 3 || f[1] != "200" {
			return 0, fmt.Errorf("h2load: %q", line)
		}
		start, err1 := strconv.ParseInt(f[0], 10, 64)
		us, err2 := strconv.ParseInt(f[2], 10, 64)
		if err := errors.Join(err1, err2); err != nil {
			return 0, fmt.Errorf("h2load: %w", err)
		}
		began, took = append(began, start), append(took, us)
	}
	if len(began) == 0 {
		return 0, errors.New("h2load: no request")
	}
	first, last := slices.Min(began), slices.Max(began)
	if rate := float64(len(began)) / (float64(last-first) / 1e6); rate < 0.95*latencyClients*latencyRate {
		return 0, fmt.Errorf("%w: only %.0f requests/s", errSlow, rate)
	}
	var counted []int64
	for i, us := range took {
		if began[i]-first >= settling.Microseconds() {
			counted = append(counted, us)
		}
	}
	if len(counted) < 100 {
		return 0, fmt.Errorf("h2load: only %d requests", len(counted))
	}
	slices.Sort(counted)
	return float64(counted[(len(counted)*99+99)/100-1]), nil
}
