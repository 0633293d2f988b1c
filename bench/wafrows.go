package main

import (
	"context"
	"fmt"
	"runtime"

	"github.com/gatehouse/gatehouse/waf"
)

// wafMeasures lists the WAF's rows.
func wafMeasures() []measure {
	// The messages of a row differ in their values: what is remembered from one to the
	// next is what clients really repeat.
	gets := func() []*waf.Message { return wafGets(5000) }
	posts := func(o wafOrder, n int) func() []*waf.Message {
		return func() []*waf.Message { return wafPosts(o, n) }
	}
	return []measure{
		atLeast(20, "waf-get/coraza", "benign GET, 3 arguments, PL1, Coraza's processor time over ours", withSizes(wafBenign(1, gets))),
		atLeast(12, "waf-json-870/coraza", "benign JSON of 870 B, 45 leaves, PL1", wafBenign(1, posts(wafSmall, 1000))),
		atLeast(20, "waf-json-7500/coraza", "benign JSON of 7.5 KB, PL1", wafBenign(1, posts(wafLarge, 200))),
		atLeast(8, "waf-get-pl4/coraza", "benign GET, 3 arguments, PL4", wafBenign(4, gets)),
		atLeast(8, "waf-json-870-pl4/coraza", "benign JSON of 870 B, PL4", wafBenign(4, posts(wafSmall.plainly(), 1000))),
		atLeast(12, "waf-json-7500-pl4/coraza", "benign JSON of 7.5 KB, PL4", wafBenign(4, posts(wafLarge.plainly(), 200))),
		atLeast(10, "waf-mix/coraza", "a benign mix, fallbacks included, PL1", wafMixed),
		atMost(2, "waf-mix-fallback-percent", "%", "share of the mix that the screen can't prove", wafFallback),
		atMost(1.15, "waf-attack/coraza-cost", "ratio", "attacks, our processor time over Coraza's", wafAttack),
		atLeast(10, "waf-get/modsecurity", "requests/s, ours over nginx's with ModSecurity 3 and CRS 3.3.4, GET", wafToModSecurity(func() []*waf.Message { return wafGets(256) })),
		atLeast(8, "waf-post/modsecurity", "the same, 1 KB JSON POST with 48 leaves", wafToModSecurity(posts(wafMedium, 256))),
		atMost(3, "waf-flood-p99/quiet", "ratio", "99th percentile of good traffic under a flood of bodies that nobody can prove, over the same without", wafFlood),
	}
}

// wafBenign compares messages that the screen proves harmless, every one.
func wafBenign(paranoia int, of func() []*waf.Message) func(context.Context, *bench) (result, error) {
	return func(ctx context.Context, _ *bench) (result, error) {
		_, ours, err := gatehouseAt(paranoia)
		if err != nil {
			return result{}, err
		}
		theirs, err := corazaAt(paranoia)
		if err != nil {
			return result{}, err
		}
		messages := of()
		t, err := wafVersus(ctx, ours, theirs, messages, false)
		if err != nil {
			return result{}, err
		}
		if t.blocked != [2]int{} {
			return result{}, fmt.Errorf("%d and %d of %d benign messages are blocked", t.blocked[0], t.blocked[1], len(messages))
		}
		return t.result(), nil
	}
}

// withSizes adds what the sets of rules take of memory.
func withSizes(run func(context.Context, *bench) (result, error)) func(context.Context, *bench) (result, error) {
	return func(ctx context.Context, b *bench) (result, error) {
		r, err := run(ctx, b)
		if err != nil {
			return result{}, err
		}
		sizes, err := wafSizes(ctx)
		r.notes = append(r.notes, sizes)
		return r, err
	}
}

// wafAttack compares what both sides block: ours asks the screen in vain first.
func wafAttack(ctx context.Context, _ *bench) (result, error) {
	ours, _, err := gatehouseAt(1)
	if err != nil {
		return result{}, err
	}
	theirs, err := corazaAt(1)
	if err != nil {
		return result{}, err
	}
	messages := wafAttacks()
	var blocked [2]int
	for k, side := range []wafSide{ours, theirs} {
		for _, m := range messages {
			by, err := side(ctx, m)
			if err != nil {
				return result{}, err
			}
			if by != 0 {
				blocked[k]++
			}
		}
	}
	if blocked != [2]int{len(messages), len(messages)} {
		return result{}, fmt.Errorf("%d and %d of %d attacks are blocked", blocked[0], blocked[1], len(messages))
	}
	return alternate(ctx, ours, theirs, messages)
}

const (
	attackRounds = 45
	attackPasses = 2
)

// alternate compares sides that are so close that turns have to be single messages.
func alternate(ctx context.Context, ours, theirs wafSide, messages []*waf.Message) (result, error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	r := result{oursUnit: "us", theirsUnit: "us"}
	sides, times := [2]wafSide{ours, theirs}, [2][]float64{}
	for i := range attackRounds {
		var sum [2]float64
		for n := range attackPasses * len(messages) {
			for j := range 2 {
				k := (i + n + j) % 2
				us, err := micros(func(int) error {
					_, err := sides[k](ctx, messages[n%len(messages)])
					return err
				}, 1)
				if err != nil {
					return result{}, err
				}
				sum[k] += us / float64(attackPasses*len(messages))
			}
		}
		times[0], times[1] = append(times[0], sum[0]), append(times[1], sum[1])
		r.runs = append(r.runs, sum[0]/sum[1])
	}
	r.value, r.ours, r.theirs = median(r.runs), median(times[0]), median(times[1])
	return r, ctx.Err()
}

const (
	// mixTimed messages of the mix are judged by both sides, mixAsked by the screen.
	mixTimed = 200
	mixAsked = 10_000
)

// wafMixed compares the mix: what the screen cannot prove costs us both.
func wafMixed(ctx context.Context, _ *bench) (result, error) {
	ours, _, err := gatehouseAt(1)
	if err != nil {
		return result{}, err
	}
	theirs, err := corazaAt(1)
	if err != nil {
		return result{}, err
	}
	messages := wafMix(mixTimed)
	t, err := wafVersus(ctx, ours, theirs, messages, true)
	if err != nil {
		return result{}, err
	}
	if t.blocked[0] != t.blocked[1] {
		return result{}, fmt.Errorf("%d and %d of %d messages are blocked", t.blocked[0], t.blocked[1], len(messages))
	}
	r := t.result()
	r.notes = append(r.notes, fmt.Sprintf("%d of %d messages are blocked by both", t.blocked[0], len(messages)))
	return r, nil
}

// wafFallback counts what the screen leaves to the reference, and what of that the
// reference finds nothing in.
func wafFallback(ctx context.Context, _ *bench) (result, error) {
	w, err := wafRoom()
	if err != nil {
		return result{}, err
	}
	guard, err := w.Guard(waf.Policy{}.WithDefaults())
	if err != nil {
		return result{}, err
	}
	fell, blocked, nothing, rules := 0, 0, 0, map[int]int{}
	for _, m := range wafMix(mixAsked) {
		in, res, err := guard.Inspect(ctx, m, waf.Caller{Addr: m.Client.Addr()})
		in.Close()
		if err != nil {
			return result{}, err
		}
		if in.Proven {
			continue
		}
		fell++
		rules[in.Failed]++
		switch {
		case res.Interruption != nil:
			blocked++
		case len(res.Rules) == 0:
			nothing++
		}
	}
	r := result{value: 100 * float64(fell) / mixAsked, ours: 100 * float64(fell) / mixAsked, oursUnit: "%"}
	r.runs = []float64{r.value}
	r.notes = []string{fmt.Sprintf("%d of %d messages: %d that the rules block, %d that match one without being blocked, %d that match none; not proven by rule: %v",
		fell, mixAsked, blocked, fell-blocked-nothing, nothing, rules)}
	return r, nil
}
