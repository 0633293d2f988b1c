package authn

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/jose"
)

// A house has every method of authentication, on real parts.
type house struct {
	t      testing.TB
	dir    string
	cfg    Config
	state  *State
	svc    *Service
	key    *jose.SigningKey // of the issuer "main"
	proof  *jose.SigningKey // of the client
	apiKey string
	ca     *testCA
	issuer *issuerServer
	logs   *bytes.Buffer
}

var allMethods = []string{"main", "legacy", "api_keys", "mtls", "cookie"}

func newHouse(t testing.TB, change func(c *Config)) *house {
	t.Helper()
	h := &house{t: t, dir: t.TempDir(), state: NewState(), key: jwtKey(t, "k1", jose.ES256), proof: jwtKey(t, "", jose.ES256),
		ca: newTestCA(t), issuer: newIssuerServer(t), logs: &bytes.Buffer{}}
	t.Cleanup(h.state.Close)
	writeKeys(t, filepath.Join(h.dir, "jwks.json"), jwtNow, h.key)
	h.issuer.answer = func(w http.ResponseWriter, token string) {
		if strings.Contains(token, "known") {
			json.NewEncoder(w).Encode(activeClaims(nil))
			return
		}
		w.Write([]byte(`{"active":false}`))
	}
	key, entry := GenerateAPIKey()
	h.apiKey, entry.Subject = key, "reports"
	if err := AppendAPIKey(filepath.Join(h.dir, "keys.jsonl"), entry); err != nil {
		t.Fatal(err)
	}
	h.cfg = wholeConfig()
	h.cfg.Issuers = []IssuerConfig{
		{Name: "main", Issuer: jwtIssuer, Audience: []string{jwtAudience}, Keys: KeysConfig{File: "jwks.json"}},
		{Name: "partner", Issuer: "https://partner.example.com", Audience: []string{jwtAudience}, Keys: KeysConfig{File: "jwks.json"}},
		h.issuer.config(),
	}
	if change != nil {
		change(&h.cfg)
	}
	h.cfg = h.cfg.WithDefaults()
	if err := h.cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	h.svc = h.service()
	return h
}

// service makes another Service on the same State, as a reload does.
func (h *house) service() *Service {
	h.t.Helper()
	s, err := New(h.cfg, h.state, Options{Dir: h.dir, Now: jwtClock, Log: slog.New(slog.NewTextHandler(h.logs, nil))})
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

func (h *house) chain(o APIOptions) *chain {
	h.t.Helper()
	if o.Methods == nil {
		o.Methods = allMethods
	}
	a, err := h.svc.For(o)
	if err != nil {
		h.t.Fatal(err)
	}
	return a.(*chain)
}

func (h *house) token(change map[string]any) string { return jwtSign(h.t, h.key, nil, with(change)) }

func exchange(pairs ...string) *gatehouse.Exchange {
	x := &gatehouse.Exchange{Start: jwtNow, Principal: gatehouse.Anonymous}
	x.Request = *proofRequest()
	x.Request.Header = fields(pairs...)
	return x
}

func (h *house) dpop(token string, claims map[string]any) *gatehouse.Exchange {
	c := map[string]any{"ath": ath(token)}
	for name, v := range claims {
		c[name] = v
	}
	return exchange("Authorization", "DPoP "+token, "DPoP", proof(h.t, h.proof, nil, c))
}

func TestChain(t *testing.T) {
	h := newHouse(t, nil)
	c := h.chain(APIOptions{})
	jkt := map[string]any{"jkt": h.proof.Public().Thumbprint()}
	cert := h.ca.issue(t, []string{"spiffe://shop.example.com/orders"}, nil).Leaf
	state := h.ca.connect(t, h.ca.issue(t, []string{"spiffe://shop.example.com/orders"}, nil), 3)
	x5t := map[string]any{"x5t#S256": thumbprintOf(state.PeerCertificates[0])}
	tls := func(x *gatehouse.Exchange) *gatehouse.Exchange { x.Peer.TLS = state; return x }
	now := func(x *gatehouse.Exchange) *gatehouse.Exchange { x.Start = time.Now(); return x }
	bound, certBound := h.token(map[string]any{"cnf": jkt}), h.token(map[string]any{"cnf": x5t})

	for _, tc := range []struct {
		name    string
		x       *gatehouse.Exchange
		code    string
		subject string
		method  gatehouse.Method
		bound   bool
	}{
		{name: "jwt", x: exchange("Authorization", "Bearer "+h.token(nil)), subject: "alice", method: gatehouse.MethodJWT},
		{name: "cookie", x: exchange("Cookie", "access_token="+h.token(nil)), subject: "alice", method: gatehouse.MethodJWT},
		{name: "opaque", x: exchange("Authorization", "Bearer known"), subject: "alice", method: gatehouse.MethodIntrospection},
		{name: "opaque with points", x: exchange("Authorization", "Bearer Kz~known.4Ljp~zsPE_NeO.gxU"), subject: "alice", method: gatehouse.MethodIntrospection},
		{name: "api key", x: exchange("X-API-Key", h.apiKey), subject: "reports", method: gatehouse.MethodAPIKey},
		{name: "certificate", x: now(tls(exchange())), subject: "spiffe://shop.example.com/orders", method: gatehouse.MethodMTLS, bound: true},
		{name: "token before certificate", x: tls(exchange("Authorization", "Bearer "+h.token(nil))), subject: "alice", method: gatehouse.MethodJWT},
		{name: "key before certificate", x: tls(exchange("X-API-Key", h.apiKey)), subject: "reports", method: gatehouse.MethodAPIKey},
		{name: "dpop", x: h.dpop(bound, map[string]any{"jti": "1"}), subject: "alice", method: gatehouse.MethodJWT, bound: true},
		{name: "certificate-bound", x: tls(exchange("Authorization", "Bearer "+certBound)), subject: "alice", method: gatehouse.MethodJWT, bound: true},

		{name: "nothing", x: exchange(), code: "credential.missing"},
		{name: "basic", x: exchange("Authorization", "Basic YTpi"), code: "credential.unsupported"},
		{name: "two", x: exchange("Authorization", "Bearer a", "X-API-Key", h.apiKey), code: "credential.multiple"},
		{name: "jwt of an issuer for others", x: exchange("Authorization", "Bearer "+h.token(map[string]any{"iss": "https://partner.example.com"})), code: "token.issuer"},
		{name: "jwt of a stranger", x: exchange("Authorization", "Bearer "+h.token(map[string]any{"iss": "https://evil.example.com"})), code: "token.issuer"},
		{name: "unknown opaque", x: exchange("Authorization", "Bearer other"), code: "introspection.inactive"},
		{name: "opaque in a cookie", x: exchange("Cookie", "access_token=known"), code: "token.issuer"},
		{name: "wrong key", x: exchange("X-API-Key", h.apiKey+"x"), code: "api_key.unknown"},
		{name: "a token as key", x: exchange("X-API-Key", h.token(nil)), code: "api_key.unknown"},
		{name: "a key as token", x: exchange("Authorization", "Bearer "+h.apiKey), code: "introspection.inactive"},
		{name: "two in one field", x: exchange("Authorization", "Bearer "+h.token(nil)+", Bearer known"), code: "credential.malformed"},
		{name: "tab", x: exchange("Authorization", "Bearer \tknown"), code: "credential.malformed"},
		{name: "tab for space", x: exchange("Authorization", "Bearer\tknown"), code: "credential.malformed"},
		{name: "colon for space", x: exchange("Authorization", "Bearer:known"), code: "credential.malformed"},
		{name: "comma for space", x: exchange("Authorization", "dpop,known"), code: "credential.malformed"},
		{name: "another space", x: exchange("Authorization", "Bearer\u00a0known"), code: "credential.malformed"},
		{name: "quoted", x: exchange("Authorization", `Bearer "known"`), code: "credential.malformed"},
		{name: "padding only", x: exchange("Authorization", "Bearer =="), code: "credential.malformed"},
		{name: "padding inside", x: exchange("Authorization", "Bearer kn=own"), code: "credential.malformed"},
		{name: "spaced jwt", x: exchange("Authorization", "Bearer "+strings.Replace(h.token(nil), ".", ". ", 1)), code: "credential.malformed"},
		{name: "downgrade", x: exchange("Authorization", "Bearer "+bound, "DPoP", "x"), code: "dpop.downgrade"},
		{name: "downgrade by cookie", x: exchange("Cookie", "access_token="+bound), code: "dpop.downgrade"},
		{name: "no proof", x: exchange("Authorization", "DPoP "+bound), code: "dpop.missing"},
		{name: "replayed", x: h.dpop(bound, map[string]any{"jti": "1"}), code: "dpop.replayed"},
		{name: "unbound", x: h.dpop(h.token(nil), nil), code: "dpop.unbound_token"},
		{name: "no certificate", x: exchange("Authorization", "Bearer "+certBound), code: "binding.certificate_missing"},
		{name: "expired certificate", x: func() *gatehouse.Exchange { x := tls(exchange()); x.Start = cert.NotAfter.Add(time.Hour); return x }(), code: "mtls.expired"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, err := c.Authenticate(context.Background(), tc.x)
			wantCode(t, err, tc.code)
			if err != nil {
				if p != nil {
					t.Error("a Principal beside an error")
				}
				return
			}
			if p.Subject != tc.subject || p.Method != tc.method || p.SenderBound != tc.bound {
				t.Errorf("%+v", p)
			}
			if got := tc.x.Credential; got.Method != tc.method || got.Cookie != (tc.name == "cookie") {
				t.Errorf("%+v", got)
			}
		})
	}
	if n := h.issuer.asked.Load(); n != 4 {
		t.Errorf("the issuer was asked %d times about 4 tokens", n)
	}
	if _, err := c.Authenticate(context.Background(), exchange()); !errors.Is(err, gatehouse.ErrNoCredential) {
		t.Error("nothing shown is ErrNoCredential:", err)
	}
	if _, err := c.Authenticate(context.Background(), exchange("Authorization", "Basic YTpi")); !errors.Is(err, gatehouse.ErrNoCredential) {
		t.Error("another kind is ErrNoCredential:", err)
	}
}

// A Principal that rooms derive from is one and the same for one token.
func TestChainSharesPrincipals(t *testing.T) {
	h := newHouse(t, nil)
	c := h.chain(APIOptions{})
	bound := h.token(map[string]any{"cnf": map[string]any{"jkt": h.proof.Public().Thumbprint()}})
	for _, make := range []func(n string) *gatehouse.Exchange{
		func(string) *gatehouse.Exchange { return exchange("Authorization", "Bearer known") },
		func(string) *gatehouse.Exchange { return exchange("X-API-Key", h.apiKey) },
		func(n string) *gatehouse.Exchange { return h.dpop(bound, map[string]any{"jti": n}) },
	} {
		first, err := c.Authenticate(context.Background(), make("1"))
		if err != nil {
			t.Fatal(err)
		}
		if second, _ := c.Authenticate(context.Background(), make("2")); first != second {
			t.Errorf("two Principals of one credential: %+v", first)
		}
	}
}

func TestChainPerAPI(t *testing.T) {
	h := newHouse(t, nil)
	ctx := context.Background()
	jwt := exchange("Authorization", "Bearer "+h.token(nil))
	_, err := h.chain(APIOptions{Methods: []string{"legacy"}}).Authenticate(ctx, jwt)
	wantCode(t, err, "token.issuer")
	if h.issuer.asked.Load() != 0 {
		t.Error("the issuer was asked about another one's JWT")
	}
	_, err = h.chain(APIOptions{Methods: []string{"api_keys"}}).Authenticate(ctx, jwt)
	wantCode(t, err, "credential.unsupported")
	_, err = h.chain(APIOptions{Methods: []string{"main"}}).Authenticate(ctx, exchange("Authorization", "Bearer known"))
	wantCode(t, err, "token.segments")
	_, err = h.chain(APIOptions{Methods: []string{"main"}}).Authenticate(ctx, exchange("X-API-Key", h.apiKey))
	wantCode(t, err, "credential.missing")
	_, err = h.chain(APIOptions{Audience: []string{"urn:payments"}}).Authenticate(ctx, jwt)
	wantCode(t, err, "token.audience")
	_, err = h.chain(APIOptions{Audience: []string{jwtAudience}}).Authenticate(ctx, jwt)
	wantCode(t, err, "")
	_, err = h.chain(APIOptions{RequireDPoP: true}).Authenticate(ctx, jwt)
	wantCode(t, err, "dpop.required")
	_, err = h.chain(APIOptions{RequireDPoP: true}).Authenticate(ctx, exchange("X-API-Key", h.apiKey))
	wantCode(t, err, "")

	_, err = h.svc.For(APIOptions{Methods: []string{"main", "mian", "x"}})
	if n := len(err.(interface{ Unwrap() []error }).Unwrap()); n != 2 {
		t.Error("two unknown methods:", err)
	}
	if _, err = h.svc.For(APIOptions{Methods: []string{"cookie", "legacy"}}); err == nil {
		t.Error("a cookie without an issuer of JWTs")
	}
	none, err := h.svc.For(APIOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = none.Authenticate(ctx, exchange())
	wantCode(t, err, "credential.missing")
}

// An issuer may be verified for one API and asked for another.
func TestChainIssuerAskedHereVerifiedThere(t *testing.T) {
	h := newHouse(t, func(c *Config) { c.Issuers[2].Issuer = jwtIssuer })
	h.issuer.answer = func(w http.ResponseWriter, _ string) {
		json.NewEncoder(w).Encode(activeClaims(map[string]any{"iss": jwtIssuer}))
	}
	old := exchange("Authorization", "Bearer "+h.token(map[string]any{"iat": jwtNow.Unix() - 3600}))
	_, err := h.chain(APIOptions{Methods: []string{"main"}}).Authenticate(context.Background(), old)
	wantCode(t, err, "token.too_old")
	_, err = h.chain(APIOptions{Methods: []string{"partner", "legacy"}}).Authenticate(context.Background(), old)
	wantCode(t, err, "")
	_, err = h.chain(APIOptions{Methods: []string{"main", "legacy"}}).Authenticate(context.Background(), old)
	wantCode(t, err, "token.too_old")
}

func TestChainRevocation(t *testing.T) {
	h := newHouse(t, nil)
	c, ctx := h.chain(APIOptions{}), context.Background()
	x := exchange("Authorization", "Bearer "+h.token(nil))
	p, err := c.Authenticate(ctx, x)
	if err != nil {
		t.Fatal(err)
	}
	wantCode(t, c.StillGood(p, jwtNow), "")
	wantCode(t, c.StillGood(p, p.Expires), "token.expired")
	wantCode(t, c.StillGood(gatehouse.Anonymous, jwtNow), "")

	// By call: at once, for a token that is remembered, too, and over a reload.
	if err := h.state.Revoke(Revocation{Kind: RevokeToken, ID: "t1"}); err != nil {
		t.Fatal(err)
	}
	_, err = c.Authenticate(ctx, x)
	wantCode(t, err, "token.revoked")
	wantCode(t, c.StillGood(p, jwtNow), "token.revoked")
	h.svc = h.service()
	_, err = h.chain(APIOptions{}).Authenticate(ctx, x)
	wantCode(t, err, "token.revoked")

	// By file, for every kind of credential; the chain of before the reload obeys, too.
	file := filepath.Join(h.dir, "revoked.jsonl")
	for _, subject := range []string{"reports", "alice"} {
		if err := AppendRevocation(file, Revocation{Kind: RevokeSubject, ID: subject}); err != nil {
			t.Fatal(err)
		}
	}
	h.state.poll(jwtNow)
	for _, x := range []*gatehouse.Exchange{exchange("X-API-Key", h.apiKey), exchange("Authorization", "Bearer known")} {
		_, err = c.Authenticate(ctx, x)
		wantCode(t, err, "token.revoked")
	}
}

func TestChainRevocationUnreachable(t *testing.T) {
	for _, policy := range []string{Closed, Open} {
		h := newHouse(t, func(c *Config) { c.Revocation.OnUnreachable = policy })
		c, ctx := h.chain(APIOptions{}), context.Background()
		file := filepath.Join(h.dir, "revoked.jsonl")
		if err := os.WriteFile(file, []byte(line("gone")+"nonsense\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		h.state.poll(jwtNow)
		_, err := c.Authenticate(ctx, exchange("Authorization", "Bearer "+h.token(nil)))
		if policy == Closed {
			wantCode(t, err, "revocation.unreachable")
			if e := err.(*gatehouse.Error); e.Status != http.StatusServiceUnavailable {
				t.Error("cannot judge is 503:", e.Status)
			}
		} else {
			wantCode(t, err, "")
			if h.state.Stats().RevocationSkipped != 1 {
				t.Error("judging without the list is not counted")
			}
		}
		// What could be read holds in both.
		_, err = c.Authenticate(ctx, exchange("Authorization", "Bearer "+h.token(map[string]any{"jti": "gone"})))
		wantCode(t, err, "token.revoked")
		if _, err := New(h.cfg, h.state, Options{Dir: h.dir, Now: jwtClock}); err == nil {
			t.Error("a configuration whose revocations cannot be read was accepted")
		}
	}
}

// A sharedList stands for a store that many gateways share.
type sharedList struct {
	subject string
	err     error
}

func (l *sharedList) Revoked(p *gatehouse.Principal, _ time.Time) (bool, error) {
	return p.Subject == l.subject, l.err
}

func TestChainSharedRevocations(t *testing.T) {
	h := newHouse(t, nil)
	shared := &sharedList{}
	s, err := New(h.cfg, h.state, Options{Dir: h.dir, Now: jwtClock, Revocations: shared})
	if err != nil {
		t.Fatal(err)
	}
	a, err := s.For(APIOptions{Methods: []string{"main"}})
	if err != nil {
		t.Fatal(err)
	}
	ask := func() error {
		_, err := a.Authenticate(context.Background(), exchange("Authorization", "Bearer "+h.token(nil)))
		return err
	}
	wantCode(t, ask(), "")
	shared.subject = "alice"
	wantCode(t, ask(), "token.revoked")
	shared.subject, shared.err = "", errors.New("no connection")
	wantCode(t, ask(), "revocation.unreachable")
}

func TestChainAPIKeyRemoved(t *testing.T) {
	h := newHouse(t, nil)
	c := h.chain(APIOptions{})
	p, err := c.Authenticate(context.Background(), exchange("X-API-Key", h.apiKey))
	if err != nil {
		t.Fatal(err)
	}
	wantCode(t, c.StillGood(p, jwtNow), "")
	file := filepath.Join(h.dir, "keys.jsonl")
	if err := os.WriteFile(file, []byte("broken\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.state.poll(jwtNow)
	h.state.poll(jwtNow)
	wantCode(t, c.StillGood(p, jwtNow), "")
	if text := h.logs.String(); strings.Count(text, "cannot be used") != 1 {
		t.Error("a broken file is told once:", text)
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	h.state.poll(jwtNow)
	wantCode(t, c.StillGood(p, jwtNow), "api_key.unknown")
}

// What was said and used before a reload counts after it.
func TestStateSurvivesReload(t *testing.T) {
	h := newHouse(t, nil)
	ctx := context.Background()
	bound := h.token(map[string]any{"cnf": map[string]any{"jkt": h.proof.Public().Thumbprint()}})
	x, opaque := h.dpop(bound, nil), exchange("Authorization", "Bearer known")
	for _, x := range []*gatehouse.Exchange{x, opaque} {
		if _, err := h.chain(APIOptions{}).Authenticate(ctx, x); err != nil {
			t.Fatal(err)
		}
	}
	h.svc = h.service()
	_, err := h.chain(APIOptions{}).Authenticate(ctx, x)
	wantCode(t, err, "dpop.replayed")
	_, err = h.chain(APIOptions{}).Authenticate(ctx, opaque)
	wantCode(t, err, "")
	want := Stats{Introspections: 1, IntrospectionHits: 1, Proofs: 1}
	if got := h.state.Stats(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	// Other rules for the issuer are another profile: it is asked again.
	h.cfg.Issuers[2].Claims.Roles = "groups"
	h.svc = h.service()
	_, err = h.chain(APIOptions{}).Authenticate(ctx, opaque)
	wantCode(t, err, "")
	if n := h.issuer.asked.Load(); n != 2 {
		t.Error(n, "questions")
	}
}

func BenchmarkChain(b *testing.B) {
	h := newHouse(b, nil)
	c, ctx := h.chain(APIOptions{}), context.Background()
	for n := range 1000 {
		if err := h.state.Revoke(Revocation{Kind: RevokeSubject, ID: string(rune('a'+n%26)) + "x"}); err != nil {
			b.Fatal(err)
		}
	}
	headers := []string{"Host", "shop.example.com", "User-Agent", "bench", "Accept", "*/*", "Accept-Encoding", "gzip", "X-Request-Id", "1"}
	for _, bb := range []struct {
		name string
		x    *gatehouse.Exchange
	}{
		{"jwt", exchange(append(headers, "Authorization", "Bearer "+h.token(nil))...)},
		{"introspection", exchange(append(headers, "Authorization", "Bearer known")...)},
		{"api_key", exchange(append(headers, "X-API-Key", h.apiKey)...)},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Authenticate(ctx, bb.x); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
