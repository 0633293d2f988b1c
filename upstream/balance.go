package upstream

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// A member is an endpoint as one pool sees it.
type member struct {
	*endpoint
	key    string // in State
	url    string
	weight int
	sickly atomic.Bool // active checks of this pool failed

	current int // smooth weighted round robin, under balancer.mu
}

// usable reports whether the member may get a request now.
func (m *member) usable(now time.Duration) bool {
	return !m.sickly.Load() && !m.ejected(now) && m.breaker.ready(now)
}

// A balancer chooses among the members of a pool.
type balancer struct {
	members []*member
	total   int // of the weights
	robin   bool
	mu      sync.Mutex
}

// attempts is the list of members that have been asked already.
type attempts struct {
	list [maxAttempts]*member
	n    int
}

func (a *attempts) add(m *member) {
	a.list[a.n] = m
	a.n++
}

func (a *attempts) has(m *member) bool {
	for i := range a.n {
		if a.list[i] == m {
			return true
		}
	}
	return false
}

// pick returns a usable member that is not among those tried, else a usable one,
// else nil.
func (b *balancer) pick(now time.Duration, tried *attempts) *member {
	if len(b.members) == 1 {
		if m := b.members[0]; m.usable(now) {
			return m
		}
		return nil
	}
	if m := b.choose(now, tried); m != nil || tried.n == 0 {
		return m
	}
	return b.choose(now, &attempts{})
}

func (b *balancer) choose(now time.Duration, tried *attempts) *member {
	if b.robin {
		return b.roundRobin(now, tried)
	}
	return b.p2c(now, tried)
}

// p2c takes two members at random, by weight and independently, and of these the
// one of lower cost. As both draws may hit the same one, a slow member still gets
// the square of its share, and so a chance to show that it has recovered.
func (b *balancer) p2c(now time.Duration, tried *attempts) *member {
	first := b.draw(now, tried)
	if first == nil {
		return nil
	}
	second := b.draw(now, tried)
	if second == nil || second == first || first.cost(first.weight) <= second.cost(second.weight) {
		return first
	}
	return second
}

// draw takes one usable member at random by weight. Mostly the first hit is one.
func (b *balancer) draw(now time.Duration, tried *attempts) *member {
	if m := b.at(rand.IntN(b.total)); m.usable(now) && !tried.has(m) {
		return m
	}
	total := 0
	for _, m := range b.members {
		if m.usable(now) && !tried.has(m) {
			total += m.weight
		}
	}
	if total == 0 {
		return nil
	}
	n := rand.IntN(total)
	var last *member
	for _, m := range b.members {
		if !m.usable(now) || tried.has(m) {
			continue
		}
		last = m
		if n -= m.weight; n < 0 {
			break
		}
	}
	return last // usability may have changed between the two walks
}

func (b *balancer) at(n int) *member {
	for _, m := range b.members {
		if n -= m.weight; n < 0 {
			return m
		}
	}
	return b.members[len(b.members)-1]
}

// roundRobin takes turns by weight, evenly interleaved: each turn everybody gains
// its weight, and the richest goes and pays the total.
func (b *balancer) roundRobin(now time.Duration, tried *attempts) *member {
	b.mu.Lock()
	defer b.mu.Unlock()
	var best *member
	total := 0
	for _, m := range b.members {
		if !m.usable(now) || tried.has(m) {
			continue
		}
		m.current += m.weight
		total += m.weight
		if best == nil || m.current > best.current {
			best = m
		}
	}
	if best != nil {
		best.current -= total
	}
	return best
}
