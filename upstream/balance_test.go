package upstream

import (
	"fmt"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// idleMembers makes members that answer in these times.
func idleMembers(robin bool, weights []int, latencies []time.Duration) *balancer {
	b := &balancer{robin: robin}
	for i, w := range weights {
		m := &member{endpoint: &endpoint{}, weight: w, url: fmt.Sprint(i)}
		if latencies != nil {
			m.latency.Store(math.Float64bits(float64(latencies[i])))
		}
		b.members = append(b.members, m)
		b.total += w
	}
	return b
}

func shares(b *balancer, n int) []float64 {
	got := make([]float64, len(b.members))
	for range n {
		m := b.pick(0, &attempts{})
		for i := range b.members {
			if b.members[i] == m {
				got[i] += 1 / float64(n)
			}
		}
	}
	return got
}

func TestDistribution(t *testing.T) {
	const n = 40000
	ms := time.Millisecond
	for _, c := range []struct {
		name      string
		robin     bool
		weights   []int
		latencies []time.Duration
		want      []float64
		slack     float64
	}{
		{"robin even", true, []int{1, 1, 1, 1}, nil, []float64{.25, .25, .25, .25}, 1e-3},
		{"robin weighted", true, []int{5, 1, 2}, nil, []float64{5. / 8, 1. / 8, 2. / 8}, 1e-3},
		// One of two is quicker: it wins whenever both are drawn, and the slower one
		// keeps the square of its share.
		{"p2c slower", false, []int{1, 1}, []time.Duration{ms, 2 * ms}, []float64{.75, .25}, .02},
		{"p2c slower, weighted", false, []int{1, 3}, []time.Duration{ms, 2 * ms}, []float64{7. / 16, 9. / 16}, .02},
		{"p2c one is hopeless", false, []int{1, 1, 1}, []time.Duration{ms, ms, 1000 * ms}, []float64{4. / 9, 4. / 9, 1. / 9}, .02},
		{"p2c even", false, []int{1, 1, 1, 1}, nil, []float64{.25, .25, .25, .25}, .02},
	} {
		got := shares(idleMembers(c.robin, c.weights, c.latencies), n)
		for i := range got {
			if math.Abs(got[i]-c.want[i]) > c.slack {
				t.Errorf("%s: shares %.3f, want %.3f", c.name, got, c.want)
				break
			}
		}
	}
}

// Under load the busier endpoint is avoided, in proportion to the weights.
func TestP2CFollowsLoad(t *testing.T) {
	b := idleMembers(false, []int{1, 2, 1}, nil)
	for range 400 {
		b.pick(0, &attempts{}).begin()
	}
	for i, want := range []float64{100, 200, 100} {
		if got := float64(b.members[i].inflight.Load()); math.Abs(got-want) > 25 {
			t.Errorf("member %d has %v in flight, want about %v", i, got, want)
		}
	}
}

func TestRoundRobinInterleaves(t *testing.T) {
	b := idleMembers(true, []int{5, 1, 1}, nil)
	s := ""
	for range 7 {
		s += b.pick(0, &attempts{}).url
	}
	if s != "0010200" {
		t.Errorf("order %s", s)
	}
}

// Whatever the state of the members, pick returns a usable one, an untried one if
// there is any, and nil only if there is none.
func TestPickProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := rapid.SliceOfN(rapid.IntRange(1, 10), 1, 6).Draw(t, "weights")
		b := idleMembers(rapid.Bool().Draw(t, "robin"), weights, nil)
		var tried attempts
		usable, fresh := 0, 0
		for _, m := range b.members {
			m.sickly.Store(rapid.Bool().Draw(t, "sick"))
			if rapid.Bool().Draw(t, "ejected") {
				m.ejectedUntil.Store(10)
			}
			was := tried.n < maxAttempts && rapid.Bool().Draw(t, "tried")
			if was {
				tried.add(m)
			}
			if m.usable(5) {
				usable++
				if !was {
					fresh++
				}
			}
		}
		for range 20 {
			m := b.pick(5, &tried)
			switch {
			case m == nil && usable > 0:
				t.Fatal("nobody, although somebody is usable")
			case m != nil && !m.usable(5):
				t.Fatal("an unusable one")
			case m != nil && tried.has(m) && fresh > 0:
				t.Fatal("one that was tried, although there is another")
			}
		}
	})
}

// The breaker against a model that keeps every event.
func TestBreakerProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := &Breaker{Failures: rapid.IntRange(1, 5).Draw(t, "failures"), Window: 1000, Open: 300}
		b := &breaker{}
		type event struct {
			bucket time.Duration
			ok     bool
		}
		var (
			events []event
			now    time.Duration
			state  = breakerClosed
			until  time.Duration
		)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now += time.Duration(rapid.IntRange(0, 250).Draw(t, "wait"))
			ready := b.ready(now)
			ok, probe := b.acquire(now)
			want := state == breakerClosed || now >= until
			if ok != want || ready != want || probe != (want && state != breakerClosed) {
				t.Fatalf("acquire %v %v ready %v, want %v in state %d", ok, probe, ready, want, state)
			}
			if !ok {
				continue
			}
			if probe {
				if again, _ := b.acquire(now); again {
					t.Fatal("two at once through a half-open breaker")
				}
			}
			o := outcome(rapid.IntRange(0, 2).Draw(t, "outcome"))
			b.settle(now, o, probe, cfg)
			switch {
			case probe && o == succeeded:
				state, events = breakerClosed, nil
			case probe && o == failed:
				until = now + cfg.Open
			case probe:
				until = now
			case o != unknown:
				events = append(events, event{now / 100, o == succeeded})
				good, bad := 0, 0
				for _, e := range events {
					if e.bucket > now/100-breakerBuckets {
						if e.ok {
							good++
						} else {
							bad++
						}
					}
				}
				if o == failed && bad >= cfg.Failures && bad >= good {
					state, until, events = breakerOpen, now+cfg.Open, nil
				}
			}
			if open := b.state.Load() != breakerClosed; open != (state != breakerClosed) {
				t.Fatalf("open %v, want %v", open, state != breakerClosed)
			}
		}
	})
}
