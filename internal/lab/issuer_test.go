package lab

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// TestIssuerByStandardClient lets a library that knows nothing of the lab find
// the issuer's keys and verify its tokens, before and after a rotation.
func TestIssuerByStandardClient(t *testing.T) {
	is := open(t, Flaws{}).Issuer
	check := func(token string) {
		t.Helper()
		provider, err := oidc.NewProvider(t.Context(), is.URL)
		if err != nil {
			t.Fatal(err)
		}
		v := provider.Verifier(&oidc.Config{ClientID: Audience, SupportedSigningAlgs: []string{"ES256", "EdDSA", "RS256"}})
		got, err := v.Verify(t.Context(), token)
		if err != nil || got.Subject != "alice" {
			t.Errorf("%v, %v", got, err)
		}
	}
	var old []string
	for _, alg := range []string{"", "ES256", "EdDSA", "RS256"} {
		token := is.Token(Claims{Subject: "alice", Alg: alg})
		check(token)
		old = append(old, token)
	}
	if err := is.Rotate(); err != nil {
		t.Fatal(err)
	}
	check(is.Token(Claims{Subject: "alice"}))
	for _, token := range old {
		check(token)
		if _, ok := is.verify(token); !ok {
			t.Error("a strict service refuses what was signed before the rotation")
		}
	}
}

func TestIntrospection(t *testing.T) {
	is := open(t, Flaws{}).Issuer
	ask := func(secret, token string) (int, map[string]any) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), "POST", is.URL+"/introspect", strings.NewReader(url.Values{"token": {token}}.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetBasicAuth(is.Gate, secret)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var m map[string]any
		_ = json.NewDecoder(resp.Body).Decode(&m)
		return resp.StatusCode, m
	}
	token := is.Opaque(Claims{Subject: "bob", Life: time.Minute})
	if status, m := ask(is.GateSecret, token); status != 200 || m["active"] != true || m["sub"] != "bob" || m["iss"] != is.OpaqueURL {
		t.Errorf("live: %d %v", status, m)
	}
	if status, _ := ask("wrong", token); status != http.StatusUnauthorized {
		t.Errorf("a stranger may introspect: %d", status)
	}
	if status, m := ask(is.GateSecret, "op_unknown"); status != 200 || m["active"] != false || len(m) != 1 {
		t.Errorf("unknown: %d %v", status, m)
	}
	is.Deactivate(token)
	if status, m := ask(is.GateSecret, token); status != 200 || m["active"] != false || len(m) != 1 {
		t.Errorf("ended: %d %v", status, m)
	}
}

func TestClientCredentials(t *testing.T) {
	is := open(t, Flaws{}).Issuer
	prover, err := NewProver()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, secret, proof string
		status              int
		kind                string
	}{
		{"bearer", is.Secret("reporter"), "", 200, "Bearer"},
		{"bound", is.Secret("reporter"), prover.Proof("POST", is.URL+"/token", "", nil), 200, "DPoP"},
		{"bad proof", is.Secret("reporter"), withSignature(prover.Proof("POST", is.URL+"/token", "", nil), "AAAA"), 400, ""},
		{"wrong secret", "wrong", "", 401, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), "POST", is.URL+"/token", strings.NewReader("grant_type=client_credentials"))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.SetBasicAuth("reporter", c.secret)
			if c.proof != "" {
				r.Header.Set("DPoP", c.proof)
			}
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			var m map[string]any
			_ = json.NewDecoder(resp.Body).Decode(&m)
			if kind, _ := m["token_type"].(string); resp.StatusCode != c.status || kind != c.kind {
				t.Errorf("%d %v", resp.StatusCode, m)
			}
			if c.kind != "DPoP" {
				return
			}
			claims, ok := is.verify(m["access_token"].(string))
			cnf, _ := claims["cnf"].(map[string]any)
			if !ok || cnf["jkt"] != prover.Thumbprint() {
				t.Errorf("bound to %v, want %s", cnf, prover.Thumbprint())
			}
		})
	}
}
