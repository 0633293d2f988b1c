package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const (
	// floodRate good requests per second, by GET and POST in turns.
	floodRate = 200
	// floodAddresses send as many bad ones as they can, each over floodConnections.
	floodAddresses, floodConnections = 8, 2
	floodLength                      = 3 * time.Second
)

// wafFlood compares the 99th percentiles of good traffic with and without a flood, in
// turns. The flood's bodies are attacks, so that the screen can prove none of them;
// one that is answered with 200 fails the row.
func wafFlood(ctx context.Context, b *bench) (result, error) {
	loader, err := build(ctx, b.dir, "./wafloader")
	if err != nil {
		return result{}, err
	}
	origin, address, err := startOrigin(ctx, b)
	if err != nil {
		return result{}, err
	}
	defer origin.stop()
	s, err := newWAFSite(ctx, b, address)
	if err != nil {
		return result{}, err
	}
	defer s.stop()
	file := filepath.Join(b.dir, "flood.json")
	if err := writeFlood(file); err != nil {
		return result{}, err
	}
	round := func(addresses int) (r floodReport, err error) {
		ctx, cancel := context.WithTimeout(ctx, floodLength+60*time.Second)
		defer cancel()
		out, err := exec.CommandContext(ctx, "taskset", "-c", b.cpus.load, loader, "-to", s.address, "-for", floodLength.String(),
			"-rate", fmt.Sprint(floodRate), "-addresses", fmt.Sprint(addresses), "-connections", fmt.Sprint(floodConnections), "-messages", file).Output()
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			return r, fmt.Errorf("wafloader: %s", strings.TrimSpace(string(failed.Stderr)))
		}
		if err == nil {
			err = json.Unmarshal(out, &r)
		}
		if r.Bad["200"] > 0 {
			err = fmt.Errorf("%d attacks of the flood were let through", r.Bad["200"])
		}
		return r, err
	}
	r := result{oursUnit: "us", theirsUnit: "us"}
	var flooded, quiet, medians []float64
	answers := map[string]int{}
	rounds := max(1, b.rounds/2) // they are long
	for i := range rounds + 1 {  // in the first the flood uses up what it has saved
		q, err := round(0)
		if err != nil {
			return result{}, err
		}
		f, err := round(floodAddresses)
		if err != nil {
			return result{}, err
		}
		if i == 0 {
			continue
		}
		quiet, flooded, medians = append(quiet, q.P99), append(flooded, f.P99), append(medians, f.Median/q.Median)
		r.runs = append(r.runs, f.P99/q.P99)
		for status, n := range f.Bad {
			answers[status] += n
		}
	}
	r.value, r.ours, r.theirs = median(r.runs), median(flooded), median(quiet)
	total := 0
	for _, n := range answers {
		total += n
	}
	r.notes = append(r.notes, fmt.Sprintf("%.0f bad requests per second from %d addresses, answered %v; the median of good ones times %.2f",
		float64(total)/floodLength.Seconds()/float64(rounds), floodAddresses, answers, median(medians)))
	counts, err := wafCounts(s.admin)
	r.notes = append(r.notes, counts.String())
	return r, err
}

// floodReport is what the load prints.
type floodReport struct {
	Good   int            `json:"good"`
	Median float64        `json:"median_us"`
	P99    float64        `json:"p99_us"`
	Bad    map[string]int `json:"bad"`
}

// writeFlood writes what the load sends: GETs and small orders, and large orders in
// one of whose notes there is an attack.
func writeFlood(file string) error {
	var text struct{ Good, Bad []string }
	gets, small := wafGets(64), wafPosts(wafSmall, 64)
	for i := range gets {
		text.Good = append(text.Good, raw(gets[i]), raw(small[i]))
	}
	attacked := wafLarge
	attacked.note = "x' UNION ALL SELECT NULL,version(),%d-- -"
	for i := range 32 {
		text.Bad = append(text.Bad, raw(withBody(wafMessage("POST", "/v1/orders"), "application/json", attacked.text(i))))
	}
	out, err := json.Marshal(text)
	if err != nil {
		return err
	}
	return os.WriteFile(file, out, 0o600)
}
