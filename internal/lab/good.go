package lab

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"
)

// A persona is somebody who uses the shop as it is meant to be used, from an
// address of its own. It takes one step at a time.
type persona struct {
	*client
	direct *client // the same calls, past the gateway, to compare
	shop   *Shop
	rng    *rand.Rand
	kind   *role
	id     string // the user, or the caller's name

	token  string
	prover *Prover
	expiry time.Time
	orders []string
	last   map[string]time.Time
}

// A role is a kind of persona: how it shows who it is, and what it does.
type role struct {
	name string
	// users are the people who play it; empty for machines.
	http2, cert bool
	// sign puts the credential on a request.
	sign func(p *persona, method, path string) []option
	// enter makes or renews the credential.
	enter func(p *persona, ctx context.Context) error
	steps []step
}

// A step is one thing a persona does.
type step struct {
	name   string
	weight int
	// every is the least time between two of them.
	every time.Duration
	do    func(p *persona, ctx context.Context) error
}

// roles lists who comes to the shop. Customers come often, machines now and then.
func roles() []*role {
	customer := customerSteps()
	token := func(p *persona, _, _ string) []option { return []option{bearer(p.token)} }
	return []*role{
		{name: "customer", sign: token, enter: (*persona).login, steps: customer},
		{name: "customer-h2", http2: true, sign: token, enter: (*persona).login, steps: customer},
		{name: "customer-dpop", enter: (*persona).bind, steps: customer, sign: func(p *persona, method, path string) []option {
			return []option{p.dpop(p.prover, method, path, p.token)}
		}},
		{name: "customer-opaque", sign: token, enter: (*persona).opaque, steps: profileSteps()},
		{name: "browser", enter: (*persona).login, steps: append(browserSteps(), customer...), sign: func(p *persona, _, _ string) []option {
			return []option{with("Cookie", SessionCookie+"="+p.token), with("Origin", AppOrigin), with("Sec-Fetch-Site", "cross-site")}
		}},
		{name: "customer", sign: token, enter: (*persona).login, steps: customer},
		{name: "visitor", http2: true, sign: nobody, enter: nothing, steps: visitorSteps()},
		{name: "admin", sign: token, enter: (*persona).office, steps: adminSteps()},
		{name: "reporter", sign: token, enter: (*persona).credentials, steps: reporterSteps()},
		{name: "partner", enter: nothing, steps: partnerSteps(), sign: func(p *persona, _, _ string) []option {
			return []option{with("X-API-Key", p.shop.PartnerKey())}
		}},
		{name: "settlement", cert: true, sign: nobody, enter: nothing, steps: settlementSteps()},
		{name: "till", cert: true, sign: token, enter: (*persona).till, steps: profileSteps()},
		{name: "warehouse", http2: true, sign: token, enter: (*persona).office, steps: stockSteps()},
	}
}

func nobody(*persona, string, string) []option    { return nil }
func nothing(p *persona, _ context.Context) error { p.expiry = time.Now().Add(time.Hour); return nil }

// customers is how many of the roles come first and are people; of every machine
// there is one.
const customers = 6

func newPersona(t *Target, seed uint64, i int) *persona {
	all := roles()
	kind := all[i%customers]
	if i < len(all) {
		kind = all[i]
	}
	p := &persona{shop: t.Shop, rng: rand.New(rand.NewPCG(seed, 1<<32+uint64(i))), kind: kind, last: map[string]time.Time{}}
	var cert *tls.Certificate
	if kind.cert {
		cert = &t.Shop.PKI.Settlement
		if kind.name == "till" {
			cert = &t.Shop.PKI.Device
		}
	}
	p.client = newClient(t, sources(goodBlock, i+1), cert, kind.http2)
	p.direct = newClient(&Target{Shop: t.Shop}, sources(goodBlock, i+1), nil, false)
	p.id = fmt.Sprintf("%s-%d", people[i%4].id, i)
	if i < 4 {
		p.id = people[i].id
	} else {
		t.Shop.NewCustomer(p.id, p.id+"-pass", "own-"+p.id)
	}
	return p
}

func (p *persona) close() {
	p.client.close()
	p.direct.close()
}

// act takes the next step, entering first where it must, and returns its name.
func (p *persona) act(ctx context.Context) (string, error) {
	if time.Now().After(p.expiry) {
		if err := p.kind.enter(p, ctx); err != nil {
			return p.kind.name + "/enter", err
		}
	}
	s := p.choose()
	p.last[s.name] = time.Now()
	return p.kind.name + "/" + s.name, s.do(p, ctx)
}

func (p *persona) choose() *step {
	sum := 0
	var free []*step
	for i := range p.kind.steps {
		s := &p.kind.steps[i]
		if time.Since(p.last[s.name]) >= s.every {
			free = append(free, s)
			sum += s.weight
		}
	}
	n := p.rng.IntN(sum) // every role has a step that is always free
	for _, s := range free {
		if n -= s.weight; n < 0 {
			return s
		}
	}
	return free[0]
}

// call makes a request as the persona and checks its status.
func (p *persona) call(ctx context.Context, want int, method, path string, opts ...option) (*reply, error) {
	r, err := p.client.do(ctx, method, path, append(p.kind.sign(p, method, path), opts...)...)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	if r.Status != want {
		return nil, fmt.Errorf("%s %s: want %d, got %v", method, path, want, r)
	}
	return r, nil
}

// errWrong says that an answer came, but not the right one.
var errWrong = errors.New("wrong answer")

func holds(r *reply, err error, text string) error {
	if err != nil {
		return err
	}
	if !strings.Contains(string(r.Body), text) {
		return fmt.Errorf("%w: no %q in %v", errWrong, text, r)
	}
	return nil
}

// login signs in with user name and password.
func (p *persona) login(ctx context.Context) error {
	r, err := p.client.do(ctx, http.MethodPost, "/auth/login", jsonBody(map[string]string{"username": p.id, "password": p.id + "-pass"}))
	if err != nil {
		return err
	}
	if p.token, err = field(r, "access_token"); err != nil {
		return err
	}
	p.expiry = time.Now().Add(tokenLife - time.Minute)
	return nil
}

// bind gets a token bound to a key.
func (p *persona) bind(context.Context) (err error) {
	if p.prover, err = NewProver(); err != nil {
		return err
	}
	return p.grant(Claims{JKT: p.prover.Thumbprint(), Alg: "EdDSA", Roles: []string{"customer"}})
}

// till gets a token bound to the till's certificate.
func (p *persona) till(context.Context) error {
	return p.grant(Claims{X5T: thumbprint(p.shop.PKI.Device), Roles: []string{"customer"}})
}

// office gets an administrator's token.
func (p *persona) office(context.Context) error {
	return p.grant(Claims{Alg: "RS256", Roles: []string{"admin"}, Plan: "gold"})
}

func (p *persona) grant(c Claims) error {
	c.Subject, c.Scope = p.id, userScope
	p.token, p.expiry = p.shop.Issuer.Token(c), time.Now().Add(tokenLife-time.Minute)
	return nil
}

// opaque gets a token that says nothing by itself.
func (p *persona) opaque(context.Context) error {
	p.token = p.shop.Issuer.Opaque(Claims{Subject: p.id, Roles: []string{"customer"}, Scope: userScope})
	p.expiry = time.Now().Add(tokenLife - time.Minute)
	return nil
}

// credentials gets a client's own token from the issuer (RFC 6749, section 4.4).
func (p *persona) credentials(ctx context.Context) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.shop.Issuer.URL+"/token", strings.NewReader("grant_type=client_credentials"))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth("reporter", p.shop.Issuer.Secret("reporter"))
	resp, err := p.direct.send(r)
	if err != nil {
		return err
	}
	p.id = "reporter"
	p.expiry = time.Now().Add(tokenLife - time.Minute)
	p.token, err = field(resp, "access_token")
	return err
}
