package upstream

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse"
)

// maxProbeBody is how much of a health answer is read, for the connection's sake.
const maxProbeBody = 64 << 10

// watch asks one member for its health until ctx ends.
func (p *Pool) watch(ctx context.Context, m *member) {
	h := &p.cfg.Health
	good, bad := 0, 0
	for {
		if p.probe(ctx, m) {
			good, bad = good+1, 0
		} else {
			good, bad = 0, bad+1
		}
		if ctx.Err() != nil {
			return
		}
		sick := m.sickly.Load()
		if sick && good >= h.Healthy || !sick && bad >= h.Unhealthy {
			m.sickly.Store(!sick)
			m.sick.Store(!sick)
			p.logHealth(m, sick)
		}
		if !sleep(ctx, jitter(h.Interval)) {
			return
		}
	}
}

// probe asks once; a status from 200 to 399 is good.
func (p *Pool) probe(ctx context.Context, m *member) bool {
	ctx, cancel := context.WithTimeout(ctx, p.cfg.Health.Timeout)
	defer cancel()
	path, query, _ := strings.Cut(p.cfg.Health.Path, "?")
	out := gatehouse.Outbound{Method: "GET", Scheme: m.target.scheme, Authority: m.addr, Path: path, Query: query,
		Header: gatehouse.Header{{Name: "User-Agent", Value: "gatehouse-health"}}}
	a, err := m.carrierFor(false).send(ctx, &message{out: &out})
	if err != nil {
		return false
	}
	if a.body != nil {
		_, err = io.Copy(io.Discard, io.LimitReader(a.body, maxProbeBody))
	}
	good := err == nil && a.status >= 200 && a.status < 400
	a.source.Release(false)
	return good
}

func (p *Pool) logHealth(m *member, healthy bool) {
	level, state := slog.LevelWarn, "unhealthy"
	if healthy {
		level, state = slog.LevelInfo, "healthy"
	}
	p.opts.Log.LogAttrs(context.Background(), level, "upstream endpoint is "+state,
		slog.String("upstream", p.cfg.Name), slog.String("endpoint", m.addr))
}

// settle tells breaker, balancer and ejection how an attempt ended.
func (p *Pool) settle(m *member, t *attempt, o outcome) {
	p.settleAt(monotonic(), m, t, o)
}

// settleAt is settle where the time is known.
func (p *Pool) settleAt(now time.Duration, m *member, t *attempt, o outcome) {
	if !t.settled {
		t.settled = true
		m.observe(t.start, now, o)
		m.breaker.settle(now, o, t.probe, &p.cfg.Breaker)
	} else if o == failed { // the head was good and the body broke off
		m.breaker.settle(now, o, false, &p.cfg.Breaker)
	}
	if m.passive(now, o, &p.cfg.Health.Passive) && p.mayEject(now) {
		d := m.eject(now, &p.cfg.Health.Passive)
		p.opts.Log.LogAttrs(context.Background(), slog.LevelWarn, "upstream endpoint ejected",
			slog.String("upstream", p.cfg.Name), slog.String("endpoint", m.addr), slog.Duration("for", d))
	}
}

// mayEject keeps at least half of the endpoints in, and the only one always.
func (p *Pool) mayEject(now time.Duration) bool {
	out := 0
	for _, m := range p.balancer.members {
		if m.ejected(now) {
			out++
		}
	}
	return out < len(p.balancer.members)/2
}
