package main

import (
	"context"
	"fmt"
)

// A contender is a server in a comparison.
type contender struct {
	name    string
	process *process
	address string
	load    load
}

const (
	// least is the share of its processor that must be busy while a server is
	// measured; otherwise the load was the bottleneck.
	least = 0.95
	// calm is the share of it that the server itself must have had. With less,
	// others on the machine have emptied its caches.
	calm = 0.9
	// enough undisturbed rounds make the others superfluous.
	enough = 5
)

// A pairing is what ours and theirs needed in two rounds, one right after the
// other.
type pairing struct{ ours, theirs round }

func (p pairing) disturbed() bool {
	return min(p.ours.own, p.theirs.own) < calm || min(p.ours.requests, p.theirs.requests) == 0
}

// versus measures both in turns, in many short rounds, so that what disturbs the
// machine meets both alike; who goes first alternates, too. Rounds that were
// disturbed all the same are repeated, half as many at the most, and left out if
// enough others remain.
func (b *bench) versus(ctx context.Context, ours, theirs contender) (kept []pairing, notes []string, err error) {
	for _, c := range []contender{ours, theirs} {
		if _, err := b.drive(ctx, c.address, c.load, b.warm); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", c.name, err)
		}
	}
	var all []pairing
	for i := 0; i < b.rounds || i < b.rounds*3/2 && len(kept) < b.rounds; i++ {
		var p pairing
		turns := []struct {
			contender
			into *round
		}{{ours, &p.ours}, {theirs, &p.theirs}}
		for j := range turns {
			t := turns[(i+j)%2]
			if *t.into, err = b.measure(ctx, t.process, t.address, t.load); err != nil {
				return nil, nil, fmt.Errorf("%s: %w", t.name, err)
			}
		}
		all = append(all, p)
		if ours.load.heavy || !p.disturbed() {
			kept = append(kept, p)
		}
	}
	if lost := len(all) - len(kept); lost > 0 {
		notes = append(notes, fmt.Sprintf("%d of %d rounds were disturbed by others on the machine", lost, len(all)))
	}
	if len(kept) < enough {
		kept = all
	}
	for _, c := range []struct {
		name string
		of   func(pairing) round
	}{{ours.name, func(p pairing) round { return p.ours }}, {theirs.name, func(p pairing) round { return p.theirs }}} {
		rounds := make([]round, len(kept))
		for i, p := range kept {
			rounds[i] = c.of(p)
		}
		notes = append(notes, described(c.name, rounds))
		if err := saturated(c.name, rounds); err != nil && !ours.load.heavy {
			return nil, notes, err
		}
	}
	return kept, notes, nil
}

// cost returns a result about processor time per request, value the median of
// the ratios.
func cost(pairs []pairing, notes []string, ratio func(ours, theirs float64) float64) result {
	r := result{oursUnit: "us", theirsUnit: "us", notes: notes}
	var ours, theirs []float64
	for _, p := range pairs {
		ours, theirs = append(ours, p.ours.cost), append(theirs, p.theirs.cost)
		r.runs = append(r.runs, ratio(p.ours.cost, p.theirs.cost))
	}
	r.value, r.ours, r.theirs = median(r.runs), median(ours), median(theirs)
	return r
}

func column(rounds []round, of func(round) float64) []float64 {
	out := make([]float64, len(rounds))
	for i, r := range rounds {
		out[i] = of(r)
	}
	return out
}

// described sums a contender's rounds up for the reader.
func described(name string, rounds []round) string {
	return fmt.Sprintf("%s: %.1f µs of processor time per request, %.0f requests/s, its processor %.0f %% busy (%.0f %% its own)",
		name, median(column(rounds, func(r round) float64 { return r.cost })),
		median(column(rounds, func(r round) float64 { return r.rate })),
		100*median(column(rounds, func(r round) float64 { return r.busy })),
		100*median(column(rounds, func(r round) float64 { return r.own })))
}

// saturated refuses a comparison in which a server had to wait for its load.
func saturated(name string, rounds []round) error {
	if busy := median(column(rounds, func(r round) float64 { return r.busy })); busy < least {
		return fmt.Errorf("%s's processor was only %.0f %% busy: the load is the bottleneck", name, 100*busy)
	}
	return nil
}
