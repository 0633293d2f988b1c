package ratelimit

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse/gatehouse"
)

func concurrency(t *testing.T, cfg ConcurrencyConfig) *Concurrency {
	t.Helper()
	c, err := NewConcurrency(nil, map[string]ConcurrencyConfig{"shop": cfg}, Deps{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func tiered(tier string) *gatehouse.Exchange {
	if tier == "anonymous" {
		return caller("192.0.2.1", "", "")
	}
	x := caller("192.0.2.1", "web", "anna")
	x.Principal.Tier = tier
	return x
}

func TestConcurrencyFixed(t *testing.T) {
	c, ctx := concurrency(t, ConcurrencyConfig{Max: 3}), context.Background()
	var xs []*gatehouse.Exchange
	for i := range 5 {
		x := tiered("")
		v, err := c.Check(ctx, x)
		if err != nil {
			t.Fatal(err)
		}
		if (v.Outcome == gatehouse.Pass) != (i < 3) {
			t.Errorf("call %d: %v", i, v.Outcome)
		}
		if v.Outcome == gatehouse.Deny && (v.Status != 503 || v.Reason.Code != "limit.concurrency" || fields(v) != "Retry-After: 1\n") {
			t.Errorf("%+v", v)
		}
		xs = append(xs, x)
	}
	// Finish without an answer, twice, and of those that were refused.
	for _, x := range append(xs, xs...) {
		c.Finish(x)
	}
	if _, n := c.Load("shop"); n != 0 {
		t.Errorf("%d in flight after all are over", n)
	}
	for i := range c.held {
		if len(c.held[i].of) != 0 {
			t.Error("an exchange is still held")
		}
	}
	x := tiered("")
	x.API = &gatehouse.API{Name: "unlimited"}
	if v, err := c.Check(ctx, x); err != nil || v.Outcome != gatehouse.Pass {
		t.Error("an upstream without a limit refuses")
	}
	c.CheckResponse(ctx, x)
	c.Finish(x)
}

// With the lowest tier shed first, the others find room until the limit.
func TestLowestTierFirst(t *testing.T) {
	for _, adaptive := range []bool{false, true} {
		cfg := ConcurrencyConfig{Max: 100, LowestTiersFirst: []string{"anonymous", "free"}}
		if adaptive {
			cfg.Adaptive, cfg.Initial = true, 100
		}
		c := concurrency(t, cfg)
		fill := func(tier string) (n int) {
			for {
				if _, err := c.Acquire(tiered(tier), "shop"); err != nil {
					return n
				}
				n++
			}
		}
		if a, f, g := fill("anonymous"), fill("free"), fill("gold"); a != 50 || f != 25 || g != 25 {
			t.Errorf("adaptive=%v: anonymous %d, free %d, gold %d of 100", adaptive, a, f, g)
		}
		if n := fill("") + fill("free") + fill("anonymous"); n != 0 {
			t.Errorf("%d calls beyond the limit", n)
		}
	}
	c := concurrency(t, ConcurrencyConfig{Max: 1, LowestTiersFirst: []string{"free"}})
	if _, err := c.Acquire(tiered("free"), "shop"); err != nil {
		t.Error("an idle upstream refuses the lowest tier")
	}
}

// load runs clients against an upstream that serves capacity calls at once in
// 10 ms each and slows down beyond, for some time of the bubble's clock.
func load(c *Concurrency, clients, capacity int, d time.Duration) (served, shed int64) {
	var inside, ok, no atomic.Int64
	var wg sync.WaitGroup
	end := time.Now().Add(d)
	for i := range clients {
		wg.Go(func() {
			time.Sleep(time.Duration(i) * 97 * time.Microsecond)
			for time.Now().Before(end) {
				x := tiered("")
				if v, _ := c.Check(context.Background(), x); v.Outcome == gatehouse.Deny {
					no.Add(1)
					time.Sleep(20 * time.Millisecond)
					continue
				}
				n := inside.Add(1)
				time.Sleep(10 * time.Millisecond * time.Duration(max(n, int64(capacity))) / time.Duration(capacity))
				inside.Add(-1)
				x.Response.Status = 200
				c.CheckResponse(context.Background(), x)
				c.Finish(x)
				ok.Add(1)
			}
		})
	}
	wg.Wait()
	return ok.Load(), no.Load()
}

// The limit falls when latency rises, and leaves a healthy upstream alone.
func TestConcurrencyFollowsLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := concurrency(t, ConcurrencyConfig{Adaptive: true, Max: 200, Min: 5, Initial: 50})
		_, shed := load(c, 20, 1000, 15*time.Second)
		healthy, _ := c.Load("shop")
		if shed != 0 || healthy < 50 {
			t.Errorf("a healthy upstream: limit %d, %d calls shed", healthy, shed)
		}
		_, shed = load(c, 100, 10, 45*time.Second)
		overloaded, inFlight := c.Load("shop")
		t.Logf("limit %d, then %d under overload", healthy, overloaded)
		if shed == 0 || overloaded >= healthy*9/10 {
			t.Errorf("an overloaded upstream: limit %d after %d, %d calls shed", overloaded, healthy, shed)
		}
		if inFlight != 0 {
			t.Errorf("%d in flight after all are over", inFlight)
		}
	})
}

// What failed fast, and how slowly clients read, says nothing about latency.
func TestConcurrencyLearnsFromHeadsOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := concurrency(t, ConcurrencyConfig{Adaptive: true, Max: 200, Min: 5, Initial: 50})
		for i := range 3000 {
			x := tiered("")
			if v, _ := c.Check(context.Background(), x); v.Outcome != gatehouse.Pass {
				t.Fatal("refused")
			}
			time.Sleep(10 * time.Millisecond)
			x.Response.Status = 200
			c.CheckResponse(context.Background(), x)
			if i > 1000 {
				time.Sleep(time.Second) // the body
			}
			c.Finish(x)
		}
		if limit, _ := c.Load("shop"); limit < 5 {
			t.Errorf("limit %d", limit)
		}
		p, err := c.Acquire(tiered(""), "shop")
		if err != nil {
			t.Fatal(err)
		}
		p.Head(true)
		p.Head(true)
		if _, n := c.Load("shop"); n != 1 {
			t.Errorf("%d in flight while the body runs", n)
		}
		p.Done()
		p.Done()
		if _, n := c.Load("shop"); n != 0 {
			t.Errorf("%d in flight", n)
		}
	})
}

// A reload keeps what was learned; a changed limit starts anew while calls that
// are under way give their places back to the old one.
func TestConcurrencyReload(t *testing.T) {
	a := concurrency(t, ConcurrencyConfig{Max: 2})
	x := tiered("")
	a.Check(context.Background(), x)
	same, _ := NewConcurrency(a, map[string]ConcurrencyConfig{"shop": {Max: 2}}, Deps{})
	if _, n := same.Load("shop"); n != 1 {
		t.Errorf("%d in flight after a reload", n)
	}
	changed, _ := NewConcurrency(same, map[string]ConcurrencyConfig{"shop": {Max: 3}}, Deps{})
	if limit, n := changed.Load("shop"); limit != 3 || n != 0 {
		t.Errorf("limit %d, %d in flight", limit, n)
	}
	a.Finish(x)
	if _, n := same.Load("shop"); n != 0 {
		t.Errorf("%d in flight", n)
	}
	if _, err := NewConcurrency(nil, map[string]ConcurrencyConfig{"shop": {Max: -1}}, Deps{}); err == nil {
		t.Error("a wrong configuration was taken")
	}
}

func TestConcurrencyRace(t *testing.T) {
	c := concurrency(t, ConcurrencyConfig{Adaptive: true, Max: 8, Min: 8, LowestTiersFirst: []string{"free"}})
	var most, inside atomic.Int64
	var wg sync.WaitGroup
	for g := range 16 {
		wg.Go(func() {
			x := tiered([]string{"free", "gold"}[g%2])
			for range 300 {
				if v, _ := c.Check(context.Background(), x); v.Outcome == gatehouse.Pass {
					n := inside.Add(1)
					for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
					}
					c.CheckResponse(context.Background(), x)
					inside.Add(-1)
				}
				c.Finish(x)
			}
		})
	}
	wg.Wait()
	if _, n := c.Load("shop"); n != 0 || most.Load() > 8 {
		t.Errorf("%d left in flight, %d at once of 8", n, most.Load())
	}
}
