package ratelimit

import (
	"context"

	"github.com/gatehouse/gatehouse"
)

// callerControl judges what needs to know who calls, and the shared levels.
type callerControl struct{ l *Limiter }

// Caller returns the control "limits.caller", for the step judge head. It is a
// gatehouse.Finisher too: what another control refuses is given back to the
// shared levels.
func (l *Limiter) Caller() gatehouse.Control { return &callerControl{l} }

func (c *callerControl) Name() string { return CallerControl }

// Check judges all levels but those of Admit, at once.
func (c *callerControl) Check(ctx context.Context, x *gatehouse.Exchange) (gatehouse.Verdict, error) {
	l := c.l
	if len(l.late) == 0 {
		return gatehouse.Passed(), nil
	}
	s := l.borrow(x)
	defer l.giveBack(s)
	n := s.ask(0, l.late, tierOf(x))
	refused, err := l.judge(ctx, s, n, l.late)
	if err != nil {
		return gatehouse.Verdict{}, err
	}
	if refused >= 0 {
		lv := l.late[refused]
		return l.denial(s, refused, lv.code, lv.name, lv.at), nil
	}
	v := gatehouse.Passed()
	if l.headers {
		i := tightest(s.asks[:n])
		if left := leftAfter(x, AddressControl); left < 0 || s.asks[i].Left <= left {
			v.Edits.Response = s.applied(i).fieldsFor(&s.asks[i])
		}
	}
	return v, nil
}

// Finish gives back to the shared levels what a call took that was refused by
// another control and never reached an upstream. The caller's own levels keep
// it.
func (c *callerControl) Finish(x *gatehouse.Exchange) {
	if !refusedLater(x) {
		return
	}
	l := c.l
	s := l.borrow(x)
	defer l.giveBack(s)
	tier, n := tierOf(x), 0
	for _, lv := range l.late {
		if lv.set&owners == 0 {
			s.asks[n] = Ask{Key: s.key(lv.key, lv.set), Limit: &lv.variant(x, tier).Limit, Do: Return, Ago: x.Decision.Total}
			n++
		}
	}
	if n > 0 {
		// On an error the levels keep it: the safe side.
		_, _ = l.store.Decide(context.Background(), end(x), s.asks[:n])
	}
}

// refusedLater reports whether this control let the call pass, and consumed,
// and another one refused it before any upstream was asked.
func refusedLater(x *gatehouse.Exchange) bool {
	d := &x.Decision
	if d.Result != gatehouse.Blocked && d.Result != gatehouse.Refused || d.Upstream.Attempts > 0 {
		return false
	}
	for i := range d.Judgments {
		if j := &d.Judgments[i]; j.Control == CallerControl {
			return j.Verdict.Outcome == gatehouse.Pass
		}
	}
	return false
}

// tierOf is the caller's tier, "" for the default.
func tierOf(x *gatehouse.Exchange) string {
	if x.Principal.IsAnonymous() {
		return ""
	}
	return x.Principal.Tier
}
