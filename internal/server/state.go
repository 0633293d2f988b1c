package server

import (
	"net/netip"

	"github.com/gatehouse/gatehouse/authn"
	"github.com/gatehouse/gatehouse/ratelimit"
	"github.com/gatehouse/gatehouse/upstream"
	"github.com/gatehouse/gatehouse/waf"
)

// state is what survives a reload.
type state struct {
	authn     *authn.State
	limits    *ratelimit.Memory
	upstreams *upstream.State
	budgets   *waf.Budgets
	rules     ruleCounts
	admin     netip.AddrPort // what the process listens on
	cpus      processors
}

func newState(maxKeys int) *state {
	return &state{authn: authn.NewState(), limits: ratelimit.NewMemory(ratelimit.MemoryOptions{MaxKeys: maxKeys}),
		upstreams: upstream.NewState(), budgets: waf.NewBudgets()}
}

func (s *state) close() { s.authn.Close() }
