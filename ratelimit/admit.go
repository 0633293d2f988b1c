package ratelimit

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/gatehouse/gatehouse"
)

// failuresName is the level of failed sign-ins.
const failuresName = "failures"

// debtFactor is how many times its limit an address may fall into debt by calls
// that were on their way when the limit was reached.
const debtFactor = 10

type failures struct {
	key     Key
	variant *variant
}

func newFailures(r Rate, secret [2]uint64) *failures {
	l := newLimit(r, 0, false)
	l.Debt = debtFactor * l.Burst
	return &failures{key: digest(secret[0], secret[1], []byte("failures")), variant: plainVariant(failuresName, l)}
}

// addressControl judges what needs only the address.
type addressControl struct{ l *Limiter }

// Admit returns the control "limits.address", for the step admit. It is a
// gatehouse.Finisher too: failed sign-ins are charged when they are known.
func (l *Limiter) Admit() gatehouse.Control { return &addressControl{l} }

func (c *addressControl) Name() string { return AddressControl }

// Check refuses an address that failed too often, then judges the levels that
// count by address and by no other owner.
func (c *addressControl) Check(ctx context.Context, x *gatehouse.Exchange) (gatehouse.Verdict, error) {
	l := c.l
	s := l.borrow(x)
	defer l.giveBack(s)
	n := 0
	if x.Peer.Addr.IsValid() { // behind a local socket all callers would share one address
		s.asks[0] = Ask{Key: s.key(l.failures.key, partAddress), Limit: &l.failures.variant.Limit, Do: Peek}
		s.variants[0] = l.failures.variant
		n = 1
	}
	first := n
	if n = s.ask(n, l.early, ""); n == 0 {
		return gatehouse.Passed(), nil
	}
	refused, err := l.judge(ctx, s, n, l.early)
	switch {
	case err != nil:
		return gatehouse.Verdict{}, err
	case refused >= 0 && refused < first:
		return l.denial(s, refused, "limit."+failuresName, failuresName, gatehouse.Position{}), nil
	case refused >= 0:
		lv := l.early[refused-first]
		return l.denial(s, refused, lv.code, lv.name, lv.at), nil
	}
	v := gatehouse.Passed()
	if l.headers && n > first {
		i := first + tightest(s.asks[first:n])
		v.Edits.Response = s.applied(i).fieldsFor(&s.asks[i])
	}
	return v, nil
}

// Finish charges the address with a failed sign-in.
func (c *addressControl) Finish(x *gatehouse.Exchange) {
	if !x.Peer.Addr.IsValid() || !failedSignIn(x) {
		return
	}
	l := c.l
	s := l.borrow(x)
	defer l.giveBack(s)
	s.asks[0] = Ask{Key: s.key(l.failures.key, partAddress), Limit: &l.failures.variant.Limit, Do: Charge}
	// The exchange is over: an error has nobody left to go to, and the next Check
	// of this store meets the same one and denies.
	_, _ = l.store.Decide(context.Background(), end(x), s.asks[:1])
}

// end is when the exchange was over, as far as it tells.
func end(x *gatehouse.Exchange) time.Time { return x.Start.Add(x.Decision.Total) }

// authnControl is the name that identify's judgment stands under.
const authnControl = "authn"

// loginTag marks the operations whose refusal by the upstream is a failed
// sign-in.
const loginTag = "login"

// innocent are the reasons of a 401 by which nobody tries secrets: no
// credential, a genuine one that is too old or too weak, and steps of a protocol.
var innocent = []string{
	"credential.missing", "credential.unsupported", "mtls.unknown",
	"token.expired", "token.too_old", "introspection.expired", "api_key.expired", "mtls.expired",
	"dpop.nonce", "token.insufficient_authentication",
}

// failedSignIn reports whether the exchange was one: identify refused what the
// caller showed (by signature, key or introspection; in monitor too), or the
// upstream refused a login.
func failedSignIn(x *gatehouse.Exchange) bool {
	d := &x.Decision
	if d.By == authnControl {
		return d.Status == http.StatusUnauthorized && !slices.Contains(innocent, d.Reason.Code)
	}
	for i := range d.Judgments {
		j := &d.Judgments[i]
		if j.Control == authnControl && (j.WouldBlock || j.Verdict.Outcome == gatehouse.Deny) &&
			j.Verdict.Status == http.StatusUnauthorized && !slices.Contains(innocent, j.Verdict.Reason.Code) {
			return true
		}
	}
	if x.Operation == nil || !slices.Contains(x.Operation.Tags, loginTag) {
		return false
	}
	status := d.Upstream.Status
	if status == 0 && d.Result == gatehouse.Answered {
		status = x.Response.Status
	}
	return status == http.StatusUnauthorized || status == http.StatusForbidden
}
