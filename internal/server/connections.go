package server

import (
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/gatehouse/gatehouse/internal/config"
)

// connections counts what is open, in all and per address; IPv6 by /64, which one
// host commonly has to itself.
type connections struct {
	mu        sync.Mutex
	most, per int
	all       int
	of        map[netip.Addr]int
	refused   atomic.Int64
}

func newConnections(l config.HTTPLimits) *connections {
	return &connections{most: l.Connections, per: l.ConnectionsPerAddress, of: map[netip.Addr]int{}}
}

func (c *connections) limit(l config.HTTPLimits) {
	c.mu.Lock()
	c.most, c.per = l.Connections, l.ConnectionsPerAddress
	c.mu.Unlock()
}

// enter counts a connection; of an invalid address in all only.
func (c *connections) enter(a netip.Addr) bool {
	a = group(a)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all >= c.most || a.IsValid() && c.of[a] >= c.per {
		c.refused.Add(1)
		return false
	}
	c.all++
	if a.IsValid() {
		c.of[a]++
	}
	return true
}

func (c *connections) leave(a netip.Addr) {
	a = group(a)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all--
	if !a.IsValid() {
		return
	}
	if c.of[a]--; c.of[a] <= 0 {
		delete(c.of, a)
	}
}

func (c *connections) open() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all
}

func group(a netip.Addr) netip.Addr {
	if a.Is6() && !a.Is4In6() {
		if p, err := a.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a.Unmap()
}
