package upstream

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/http1"
)

const (
	maxAddrs      = 64 // of one name; what is beyond is left out
	lookupTimeout = 5 * time.Second
	failureKept   = time.Second
)

// A resolver knows the addresses of one endpoint.
//
// What a name resolves to at first was configured with it, be it private or this
// host itself. From then on the name may move within what it began with and to
// public addresses; an answer that would lead anywhere else is refused whole, and
// the last good addresses stay (DNS rebinding). Where the service is a third
// party's no address counts as configured: the guard judges each.
type resolver struct {
	host    string
	port    uint16
	guard   *Guard
	foreign bool
	lookup  func(ctx context.Context, network, host string) ([]netip.Addr, error)
	// changed is called when an address that was known is gone.
	changed func()
	// failed is told of lookups that failed or were refused.
	failed func(error)

	set  atomic.Pointer[[]netip.Addr]
	next atomic.Uint32

	mu       sync.Mutex // one lookup at a time
	allowed  [reachCount]bool
	failure  error // of the last lookup
	failedAt time.Duration
}

func newResolver(t target, port uint16, g *Guard, r *net.Resolver) *resolver {
	d := &resolver{host: t.host, port: port, guard: g, lookup: r.LookupNetIP,
		changed: func() {}, failed: func(error) {}}
	if t.ip.IsValid() {
		d.set.Store(&[]netip.Addr{t.ip})
	}
	return d
}

// addrs returns the current addresses, the next in turn first, and looks the name
// up if that has not been done.
func (d *resolver) addrs(ctx context.Context) ([]netip.Addr, int, error) {
	set := d.set.Load()
	if set == nil {
		if err := d.refresh(ctx, false); err != nil {
			return nil, 0, err
		}
		set = d.set.Load()
	}
	return *set, int(d.next.Add(1) % uint32(len(*set))), nil
}

// refresh looks the name up. Unless again is set, a set that somebody else found
// in the meantime will do.
func (d *resolver) refresh(ctx context.Context, again bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	old := d.set.Load()
	if old != nil && !again {
		return nil
	}
	if !again && d.failure != nil && monotonic()-d.failedAt < failureKept {
		return d.failure // those who waited do not ask one after the other
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	found, err := d.lookup(ctx, "ip", d.host)
	if err == nil {
		found, err = d.accept(found, old == nil)
	}
	d.failure, d.failedAt = err, monotonic()
	if err != nil {
		d.failed(err)
		return err
	}
	d.set.Store(&found)
	if old != nil && slices.ContainsFunc(*old, func(a netip.Addr) bool { return !slices.Contains(found, a) }) {
		d.changed()
	}
	return nil
}

// accept judges an answer as a whole: one bad address spoils it.
func (d *resolver) accept(found []netip.Addr, first bool) ([]netip.Addr, error) {
	set := make([]netip.Addr, 0, len(found))
	for _, a := range found {
		a = a.Unmap() // net.Resolver may return IPv4 addresses mapped
		if !slices.Contains(set, a) && len(set) < maxAddrs {
			set = append(set, a)
		}
	}
	if len(set) == 0 {
		return nil, fmt.Errorf("no address for %q", d.host)
	}
	slices.SortFunc(set, netip.Addr.Compare)
	seen := [reachCount]bool{reachPublic: true}
	for _, a := range set {
		if d.foreign {
			if err := d.guard.Check(netip.AddrPortFrom(a, d.port)); err != nil {
				return nil, err
			}
			continue
		}
		r := reachOf(a)
		if err := d.guard.checkAdmin(netip.AddrPortFrom(a, d.port)); err != nil {
			return nil, err
		}
		if r == reachNever || !first && !d.allowed[r] {
			return nil, &gatehouse.Error{Code: "upstream.refused", Status: 502,
				Message: fmt.Sprintf("%q now resolves to %s address", d.host, reachNames[r]),
				Hint:    "the last good addresses stay; restart if the name has moved for good"}
		}
		seen[r] = true
	}
	if first {
		d.allowed = seen
	}
	return set, nil
}

// run looks the name up at once and then at each interval, until ctx ends.
func (d *resolver) run(ctx context.Context, interval time.Duration) {
	again := false
	for {
		err := d.refresh(ctx, again)
		wait := interval
		if err != nil && d.set.Load() == nil {
			wait = min(interval, time.Second)
		}
		again = true
		if !sleep(ctx, jitter(wait)) {
			return
		}
	}
}

// jitter returns d give or take a tenth, so that many do not act at once.
func jitter(d time.Duration) time.Duration {
	return d - d/10 + rand.N(d/5+1)
}

// sleep waits for d and reports false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// dial connects to one of the endpoint's addresses within the deadline of ctx,
// trying up to three of them.
func (d *resolver) dial(ctx context.Context) (net.Conn, error) {
	addrs, first, err := d.addrs(ctx)
	if err != nil {
		return nil, err
	}
	tries := min(len(addrs), 3)
	var errs []error
	for i := range tries {
		a := netip.AddrPortFrom(addrs[(first+i)%len(addrs)], d.port)
		check := d.guard.checkAdmin
		if d.foreign {
			check = d.guard.Check
		}
		if err := check(a); err != nil {
			return nil, err
		}
		dialer := net.Dialer{KeepAlive: 30 * time.Second}
		if end, ok := ctx.Deadline(); ok {
			dialer.Timeout = time.Until(end) / time.Duration(tries-i)
		}
		// The address is literal: what was checked is what is dialled.
		c, err := dialer.DialContext(ctx, "tcp", a.String())
		if err == nil {
			return http1.NewSocket(c), nil
		}
		errs = append(errs, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, errors.Join(errs...)
}
