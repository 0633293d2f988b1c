package authn

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/jose"
)

// docs/token-checks.md says where each line of the checklist is kept and tested:
// every test and every reason code that it names exists.
func TestChecklist(t *testing.T) {
	page, err := os.ReadFile("../docs/token-checks.md")
	if err != nil {
		t.Fatal(err)
	}
	source, tests := map[string]string{}, map[string]string{}
	for _, dir := range []string{"../jose", ".", "../gateway", "../internal/server", "../internal/config"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(name, "_test.go") {
				tests[dir] += string(text)
			} else {
				source[dir] += string(text)
			}
		}
	}
	all, allTests := strings.Join(mapValues(source), ""), strings.Join(mapValues(tests), "")
	row := regexp.MustCompile(`(?m)^\| (\d+) \|(.*)$`)
	testName, code := regexp.MustCompile("`(Test\\w+)`"), regexp.MustCompile("`([a-z_]+\\.[a-z_0-9]+)`")
	lines := row.FindAllStringSubmatch(string(page), -1)
	if len(lines) != 28 {
		t.Fatalf("%d lines, the checklist has 28", len(lines))
	}
	for i, line := range lines {
		if line[1] != strconv.Itoa(i+1) {
			t.Errorf("line %s stands in place of %d", line[1], i+1)
		}
		named := testName.FindAllStringSubmatch(line[2], -1)
		if len(named) == 0 {
			t.Errorf("line %s names no test", line[1])
		}
		for _, m := range named {
			if !strings.Contains(allTests, "func "+m[1]+"(") {
				t.Errorf("line %s: there is no %s", line[1], m[1])
			}
		}
		for _, m := range code.FindAllStringSubmatch(line[2], -1) {
			if strings.HasSuffix(m[1], ".go") {
				continue
			}
			if !strings.Contains(all, `"`+m[1]+`"`) || !strings.Contains(allTests, m[1]) && !strings.Contains(allTests, codeConstant(all, m[1])) {
				t.Errorf("line %s: the code %s is not in use, or not tested", line[1], m[1])
			}
		}
	}
}

// codeConstant is the name of the constant that has a code.
func codeConstant(source, code string) string {
	if m := regexp.MustCompile(`(code\w+) += "` + regexp.QuoteMeta(code) + `"`).FindStringSubmatch(source); m != nil {
		return m[1]
	}
	return "no such constant"
}

func mapValues(m map[string]string) (out []string) {
	for v := range maps.Values(m) {
		out = append(out, v)
	}
	return out
}

// The issuer's public key is no secret: a token that is signed with it as one
// fails, though its kid names the key (RFC 8725, section 2.1).
func TestJWTPublicKeyIsNoSecret(t *testing.T) {
	for _, alg := range []jose.Algorithm{jose.RS256, jose.ES256, jose.EdDSA} {
		key := jwtKey(t, "k1", alg)
		file := filepath.Join(t.TempDir(), "keys.json")
		writeKeys(t, file, jwtNow, key)
		document, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		jwk, err := json.Marshal(key.Public())
		if err != nil {
			t.Fatal(err)
		}
		v := jwtVerifier(t, jwtConfig(file))
		_, err = v.verify(context.Background(), jwtSign(t, key, nil, jwtClaims()), nil, jwtNow)
		wantCode(t, err, "")
		for _, secret := range [][]byte{document, jwk} {
			for _, hs := range []jose.Algorithm{jose.HS256, jose.HS384, jose.HS512} {
				forger, err := jose.NewSigningKey("k1", hs, secret)
				if err != nil {
					t.Fatal(err)
				}
				_, err = v.verify(context.Background(), jwtSign(t, forger, nil, jwtClaims()), nil, jwtNow)
				wantCode(t, err, "token.algorithm")
			}
		}
	}
}

// What one API accepted is not remembered for another that would not.
func TestCacheAcrossAPIs(t *testing.T) {
	h := newHouse(t, func(c *Config) { c.Issuers[1].Audience = []string{"https://partner.example.com"} })
	ctx := context.Background()
	ours := exchange("Authorization", "Bearer "+h.token(nil))
	theirs := exchange("Authorization", "Bearer "+h.token(map[string]any{"iss": "https://partner.example.com", "aud": "https://partner.example.com"}))
	main, partner := h.chain(APIOptions{Methods: []string{"main"}}), h.chain(APIOptions{Methods: []string{"partner"}})
	cookie := h.chain(APIOptions{Methods: []string{"main", "cookie"}})
	audience := h.chain(APIOptions{Methods: []string{"main", "partner"}, Audience: []string{jwtAudience}})
	bound := h.chain(APIOptions{Methods: []string{"main"}, RequireDPoP: true})
	opaque := h.chain(APIOptions{Methods: []string{"legacy"}})
	for range 2 { // the second time everything is remembered
		for _, tc := range []struct {
			c    *chain
			x    *gatehouse.Exchange
			code string
		}{
			{main, ours, ""}, {partner, theirs, ""}, {cookie, ours, ""}, {audience, ours, ""},
			{main, theirs, "token.issuer"}, {partner, ours, "token.issuer"},
			{audience, theirs, "token.audience"},
			{bound, ours, "dpop.required"},
			{opaque, ours, "token.issuer"},
			{main, exchange("Cookie", "access_token="+h.token(nil)), "credential.missing"},
		} {
			_, err := tc.c.Authenticate(ctx, tc.x)
			wantCode(t, err, tc.code)
		}
	}
	if h.issuer.asked.Load() != 0 {
		t.Error("an issuer was asked about another one's token")
	}
}

// What an introspected token is bound to is checked like a JWT's, the answer
// being remembered, too.
func TestIntrospectedBindings(t *testing.T) {
	h := newHouse(t, nil)
	ctx := context.Background()
	state := h.ca.connect(t, h.ca.issue(t, []string{"spiffe://shop.example.com/orders"}, nil), 3)
	other := h.ca.connect(t, h.ca.issue(t, []string{"spiffe://shop.example.com/users"}, nil), 3)
	h.issuer.answer = func(w http.ResponseWriter, token string) {
		cnf := map[string]any{"jkt": h.proof.Public().Thumbprint()}
		if token == "certified" {
			cnf = map[string]any{"x5t#S256": thumbprintOf(state.PeerCertificates[0])}
		}
		json.NewEncoder(w).Encode(activeClaims(map[string]any{"cnf": cnf}))
	}
	c := h.chain(APIOptions{Methods: []string{"legacy"}})
	certified := func() *gatehouse.Exchange { return exchange("Authorization", "Bearer certified") }
	for n := range 2 {
		jti := strconv.Itoa(n)
		_, err := c.Authenticate(ctx, exchange("Authorization", "Bearer keyed"))
		wantCode(t, err, "dpop.downgrade")
		p, err := c.Authenticate(ctx, h.dpop("keyed", map[string]any{"jti": jti}))
		wantCode(t, err, "")
		if !p.SenderBound {
			t.Error("a proven binding is not told")
		}
		_, err = c.Authenticate(ctx, h.dpop("keyed", map[string]any{"jti": jti}))
		wantCode(t, err, "dpop.replayed")
		_, err = c.Authenticate(ctx, certified())
		wantCode(t, err, "binding.certificate_missing")
		x := certified()
		x.Peer.TLS = other
		_, err = c.Authenticate(ctx, x)
		wantCode(t, err, "binding.certificate_mismatch")
		x = certified()
		x.Peer.TLS = state
		_, err = c.Authenticate(ctx, x)
		wantCode(t, err, "")
		x = h.dpop("certified", map[string]any{"jti": "c" + jti})
		x.Peer.TLS = state
		_, err = c.Authenticate(ctx, x)
		wantCode(t, err, "dpop.unbound_token")
	}
	if n := h.issuer.asked.Load(); n != 2 {
		t.Errorf("the issuer was asked %d times about 2 tokens", n)
	}
}

// Each name by which a credential may be revoked ends a token that is remembered,
// and no other.
func TestRevokedByEveryName(t *testing.T) {
	ctx := context.Background()
	for kind, id := range map[string]string{RevokeToken: "t1", RevokeSubject: "alice", RevokeSession: "s1", RevokeGrant: "g1"} {
		h := newHouse(t, func(c *Config) { c.Issuers[0].Claims.Grant = "grant_id" })
		c := h.chain(APIOptions{Methods: []string{"main"}})
		x := exchange("Authorization", "Bearer "+h.token(map[string]any{"sid": "s1", "grant_id": "g1"}))
		spared := exchange("Authorization", "Bearer "+h.token(map[string]any{"sub": "bob", "jti": "t2", "sid": "s2", "grant_id": "g2"}))
		for _, revoked := range []Revocation{{Kind: kind, ID: "x"}, {Kind: kind, ID: id, Issuer: "https://partner.example.com"}} {
			if err := h.state.Revoke(revoked); err != nil {
				t.Fatal(err)
			}
			_, err := c.Authenticate(ctx, x)
			wantCode(t, err, "")
		}
		if err := h.state.Revoke(Revocation{Kind: kind, ID: id, Issuer: jwtIssuer}); err != nil {
			t.Fatal(err)
		}
		_, err := c.Authenticate(ctx, x)
		wantCode(t, err, "token.revoked")
		_, err = c.Authenticate(ctx, spared)
		wantCode(t, err, "")
	}
}
