package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// foreign is the share of the processors' time that others on the machine may take
// from a round of inTurns.
const foreign = 0.1

// errSlow is a load that could not be kept up, by whosever fault.
var errSlow = errors.New("the load was not kept up")

// inTurns compares what of finds out about ours and theirs, once a round, and
// alternates who goes first. The first round warms up. Rounds that were disturbed
// are repeated, twice as many as wanted at the most, and left out if enough others
// remain; those whose load was not kept up are left out in any case. The value of the result is the median of ours over theirs.
func (b *bench) inTurns(ctx context.Context, s *sides, unit string, of func(ctx context.Context, address string) (float64, error)) (result, error) {
	type turn struct {
		values    [2]float64
		disturbed bool
	}
	one := func(i int) (t turn, err error) {
		for j := range 2 {
			k := (i + j) % 2
			var others float64
			others, err = s.others(b, func() (err error) {
				t.values[k], err = of(ctx, [2]string{s.site.address, s.listen}[k])
				return err
			})
			if err != nil {
				return t, err
			}
			t.disturbed = t.disturbed || others > foreign
		}
		return t, nil
	}
	var all, kept []turn
	slow := 0
	for i := 0; i <= b.rounds || i <= 2*b.rounds && len(kept) < b.rounds; i++ {
		t, err := one(i)
		if errors.Is(err, errSlow) && slow < b.rounds {
			slow++
			continue
		}
		if err != nil {
			return result{}, err
		}
		if i == 0 {
			continue
		}
		if all = append(all, t); !t.disturbed {
			kept = append(kept, t)
		}
	}
	r := result{oursUnit: unit, theirsUnit: unit}
	if lost := len(all) - len(kept); lost > 0 {
		r.notes = append(r.notes, fmt.Sprintf("%d of %d rounds were disturbed by others on the machine", lost, len(all)))
	}
	if slow > 0 {
		r.notes = append(r.notes, fmt.Sprintf("%d rounds more were too slow for their load", slow))
	}
	if len(kept) < enough {
		kept = all
	}
	if len(kept) == 0 {
		return result{}, errSlow
	}
	var ours, theirs []float64
	for _, t := range kept {
		ours, theirs = append(ours, t.values[0]), append(theirs, t.values[1])
		r.runs = append(r.runs, t.values[0]/t.values[1])
	}
	r.value, r.ours, r.theirs = median(r.runs), median(ours), median(theirs)
	return r, nil
}

// others returns the share of the two processors' time that went, while do ran, to
// somebody who is neither of the sides, nor the origin, nor a load that do ran and
// waited for.
func (s *sides) others(b *bench, do func() error) (float64, error) {
	began := time.Now()
	before, err := s.use(b)
	if err != nil {
		return 0, err
	}
	if err := do(); err != nil {
		return 0, err
	}
	after, err := s.use(b)
	return float64(after-before) / float64(2*time.Since(began)), err
}

// use is how long the processors were busy so far, less what is known.
func (s *sides) use(b *bench) (time.Duration, error) {
	var total time.Duration
	var failed error
	for _, cpu := range []string{b.cpus.server, b.cpus.load} {
		u, err := processorUse(cpu)
		total += time.Duration(u.busy) * (time.Second / 100) // USER_HZ
		failed = errors.Join(failed, err)
	}
	for _, p := range []*process{s.origin, s.peer, s.site.process} {
		own, err := p.processorTime()
		total -= own
		failed = errors.Join(failed, err)
	}
	var load unix.Rusage
	failed = errors.Join(failed, unix.Getrusage(unix.RUSAGE_CHILDREN, &load))
	return total - time.Duration(load.Utime.Nano()+load.Stime.Nano()), failed
}
