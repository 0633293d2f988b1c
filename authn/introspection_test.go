package authn

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
)

const opaqueIssuer = "https://old.example.com"

// An issuerServer answers questions about tokens.
type issuerServer struct {
	*httptest.Server
	asked  atomic.Int64
	answer func(w http.ResponseWriter, token string)
}

func newIssuerServer(t testing.TB) *issuerServer {
	s := &issuerServer{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		id, secret, _ := r.BasicAuth()
		// As an authorization server reads them: form-decoded (RFC 6749, section 2.3.1).
		if id != "gate%3Aone" || secret != "s%26cret" || r.Method != "POST" || r.PostFormValue("token_type_hint") != "access_token" || r.URL.RawQuery != "" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json;charset=utf-8")
		s.answer(w, r.PostFormValue("token"))
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *issuerServer) config() IssuerConfig {
	return IssuerConfig{Name: "legacy", Issuer: opaqueIssuer, Audience: []string{jwtAudience},
		Introspection: &IntrospectionConfig{URL: s.URL + "/introspect", ClientID: "gate:one", ClientSecret: "s&cret", CacheSize: 16},
	}.WithDefaults()
}

func (s *issuerServer) introspector(change func(c *IssuerConfig)) *introspector {
	c := s.config()
	if change != nil {
		change(&c)
	}
	return newIntrospector(c, newAnswerCache(c.Introspection.CacheSize, 100), &introspectionStats{})
}

func activeClaims(change map[string]any) map[string]any {
	c := map[string]any{"active": true, "iss": opaqueIssuer, "aud": jwtAudience, "sub": "alice", "client_id": "web",
		"exp": jwtNow.Unix() + 300, "iat": jwtNow.Unix() - 60, "scope": "orders:read", "token_type": "Bearer"}
	maps.Copy(c, change)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

func TestIntrospectionAnswers(t *testing.T) {
	type m = map[string]any
	s := newIssuerServer(t)
	for _, tc := range []struct {
		name   string
		change m
		body   string
		code   string
		config func(c *IssuerConfig)
	}{
		{name: "good"},
		{name: "without iss", change: m{"iss": nil}},
		{name: "audiences", change: m{"aud": []string{"x", jwtAudience}}},
		{name: "no iat", change: m{"iat": nil}},
		{name: "nobody but the client", change: m{"sub": nil}, config: func(c *IssuerConfig) { c.Exceptions.Missing = []string{"sub"} }},
		{name: "no audience, by exception", change: m{"aud": nil}, config: func(c *IssuerConfig) { c.Exceptions.Missing = []string{"aud"} }},
		{name: "no audience, listed client", change: m{"aud": nil, "token_use": "access"}, config: func(c *IssuerConfig) { c.Exceptions.CognitoClients = []string{"web"} }},
		{name: "no audience and no use, listed client", change: m{"aud": nil}, config: func(c *IssuerConfig) { c.Exceptions.CognitoClients = []string{"web"} }, code: "introspection.audience"},

		{name: "inactive", body: `{"active":false}`, code: "introspection.inactive"},
		{name: "no active", body: `{}`, code: "introspection.answer"},
		{name: "active text", change: m{"active": "true"}, code: "introspection.answer"},
		{name: "active number", change: m{"active": 1}, code: "introspection.answer"},
		{name: "active null", body: `{"active":null}`, code: "introspection.answer"},
		{name: "active twice", body: `{"active":false,"active":true}`, code: "introspection.answer"},
		{name: "active folded", body: `{"active":false,"Active":true}`, code: "introspection.answer"},
		{name: "not JSON", body: `<html>`, code: "introspection.answer"},
		{name: "array", body: `[{"active":true}]`, code: "introspection.answer"},
		{name: "trailing", body: `{"active":true} {}`, code: "introspection.answer"},
		{name: "too long", body: `{"active":true,"x":"` + strings.Repeat("x", maxIntrospection) + `"}`, code: "introspection.answer"},
		{name: "issuer", change: m{"iss": "https://evil.example.com"}, code: "introspection.issuer"},
		{name: "audience", change: m{"aud": "https://other.example.com"}, code: "introspection.audience"},
		{name: "no audience", change: m{"aud": nil}, code: "introspection.audience"},
		{name: "wrong audience in spite of the exception", change: m{"aud": "x"}, code: "introspection.audience", config: func(c *IssuerConfig) { c.Exceptions.Missing = []string{"aud"} }},
		{name: "client not listed", change: m{"aud": nil}, code: "introspection.audience", config: func(c *IssuerConfig) { c.Exceptions.CognitoClients = []string{"x"} }},
		{name: "no exp", change: m{"exp": nil}, code: "introspection.expired"},
		{name: "expired", change: m{"exp": jwtNow.Unix() - 30}, code: "introspection.expired"},
		{name: "nbf", change: m{"nbf": jwtNow.Unix() + 31}, code: "introspection.not_yet_valid"},
		{name: "iat ahead", change: m{"iat": jwtNow.Unix() + 31}, code: "introspection.not_yet_valid"},
		{name: "exp text", change: m{"exp": "never"}, code: "token.claim_type"},
		{name: "refresh token", change: m{"token_use": "refresh_token"}, code: "introspection.token_type"},
		{name: "keycloak refresh token", change: m{"typ": "Refresh"}, code: "introspection.token_type"},
		{name: "id token", change: m{"token_type": "id_token"}, code: "introspection.token_type"},
		{name: "no sub", change: m{"sub": nil}, code: "token.no_subject"},
		{name: "unknown binding", change: m{"cnf": m{"kid": "x"}}, code: "token.confirmation"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s.answer = func(w http.ResponseWriter, token string) {
				if tc.body != "" {
					fmt.Fprint(w, tc.body)
					return
				}
				json.NewEncoder(w).Encode(activeClaims(tc.change))
			}
			in := s.introspector(tc.config)
			v, err := in.verify(context.Background(), "opaque", nil, jwtNow)
			wantCode(t, err, tc.code)
			if err != nil {
				return
			}
			if p := v.principal; p.Method != gatehouse.MethodIntrospection || p.ClientID != "web" || p.Subject == "" || p.Issuer != opaqueIssuer || !p.HasScope("orders:read") {
				t.Errorf("%+v", p)
			}
		})
	}
}

func TestIntrospectionUnreachable(t *testing.T) {
	s := newIssuerServer(t)
	ask := func(in *introspector) error {
		_, err := in.verify(context.Background(), "opaque", nil, jwtNow)
		var e *gatehouse.Error
		if err != nil && (!asError(err, &e) || e.Status != http.StatusServiceUnavailable) {
			t.Errorf("cannot judge is 503: %v", err)
		}
		if err != nil && (strings.Contains(err.Error(), "opaque") || strings.Contains(err.Error(), "cret")) {
			t.Errorf("the error tells a secret: %v", err)
		}
		return err
	}
	s.answer = func(w http.ResponseWriter, _ string) { w.WriteHeader(http.StatusInternalServerError) }
	wantCode(t, ask(s.introspector(nil)), codeIntrospectUnreachable)
	s.answer = func(w http.ResponseWriter, _ string) {
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(http.StatusTemporaryRedirect)
	}
	wantCode(t, ask(s.introspector(nil)), codeIntrospectUnreachable)
	if n := s.asked.Load(); n != 2 {
		t.Errorf("a redirect was followed: %d questions", n)
	}
	s.answer = func(w http.ResponseWriter, _ string) { w.Header().Set("Content-Type", "text/html") }
	wantCode(t, ask(s.introspector(nil)), codeIntrospectAnswer)
	wantCode(t, ask(s.introspector(func(c *IssuerConfig) { c.Introspection.ClientSecret = "wrong" })), codeIntrospectUnreachable)

	slow := make(chan struct{})
	s.answer = func(http.ResponseWriter, string) { <-slow }
	wantCode(t, ask(s.introspector(func(c *IssuerConfig) { c.Introspection.Timeout = 20 * time.Millisecond })), codeIntrospectUnreachable)
	close(slow)
	s.Close()
	wantCode(t, ask(s.introspector(nil)), codeIntrospectUnreachable)
}

func asError(err error, e **gatehouse.Error) (ok bool) {
	*e, ok = err.(*gatehouse.Error)
	return ok
}

func TestIntrospectionRemembered(t *testing.T) {
	s := newIssuerServer(t)
	s.answer = func(w http.ResponseWriter, token string) {
		if token == "bad" {
			fmt.Fprint(w, `{"active":false}`)
			return
		}
		json.NewEncoder(w).Encode(activeClaims(map[string]any{"exp": jwtNow.Unix() + 10, "aud": []string{jwtAudience, "urn:orders"}}))
	}
	in := s.introspector(func(c *IssuerConfig) { c.ClockSkew = 0 })
	ask := func(token string, after time.Duration, audience ...string) error {
		_, err := in.verify(context.Background(), token, audience, jwtNow.Add(after))
		return err
	}
	asked := func(want int64) {
		t.Helper()
		if got := s.asked.Load(); got != want {
			t.Fatalf("asked %d times, want %d", got, want)
		}
	}
	wantCode(t, ask("good", 0), "")
	wantCode(t, ask("good", 9*time.Second), "")
	wantCode(t, ask("good", 0, "urn:orders"), "")
	wantCode(t, ask("good", 0, "urn:payments"), "introspection.audience")
	wantCode(t, ask("good", 10*time.Second), "introspection.expired") // a remembered token expires, too
	asked(1)
	wantCode(t, ask("good", 30*time.Second), "introspection.expired") // forgotten, and asked again
	asked(2)
	wantCode(t, ask("bad", 0), "introspection.inactive")
	wantCode(t, ask("bad", 9*time.Second), "introspection.inactive")
	asked(3)
	wantCode(t, ask("bad", 10*time.Second), "introspection.inactive")
	asked(4)
	// Bad tokens do not push good ones out, and neither grows beyond its size.
	wantCode(t, ask("other", 0), "")
	for n := range 50 {
		in.answers.put(tokenHash{byte(n), 1}, &answer{err: errInactive, until: jwtNow.Add(time.Second)}, jwtNow)
	}
	if in.answers.get([32]byte{}, jwtNow) != nil || len(in.answers.bad) > 2 {
		t.Error(len(in.answers.bad), "bad answers")
	}
	wantCode(t, ask("other", 1), "")
	asked(5)
	for n := range 50 {
		in.answers.put(tokenHash{byte(n), 2}, &answer{until: jwtNow.Add(time.Minute)}, jwtNow)
	}
	if n := len(in.answers.good); n > 16 {
		t.Error(n, "good answers in a cache for 16")
	}
}

func TestIntrospectionOneQuestionPerToken(t *testing.T) {
	s := newIssuerServer(t)
	release := make(chan struct{})
	s.answer = func(w http.ResponseWriter, _ string) {
		<-release
		json.NewEncoder(w).Encode(activeClaims(nil))
	}
	in := s.introspector(func(c *IssuerConfig) { c.Introspection.Timeout = time.Minute })
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := in.verify(context.Background(), "opaque", nil, jwtNow); err != nil {
				t.Error(err)
			}
		})
	}
	// Who gives up leaves the others their answer.
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := in.verify(gone, "opaque", nil, jwtNow); err == nil {
		t.Error("an answer before there is one")
	}
	close(release)
	wg.Wait()
	if n := s.asked.Load(); n != 1 {
		t.Errorf("%d questions about one token", n)
	}
	if len(in.answers.asking) != 0 {
		t.Error("a question is left over")
	}
}

func BenchmarkIntrospectionRemembered(b *testing.B) {
	s := newIssuerServer(b)
	s.answer = func(w http.ResponseWriter, _ string) { json.NewEncoder(w).Encode(activeClaims(nil)) }
	in, ctx := s.introspector(nil), context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := in.verify(ctx, "0b7f6f2c-7a4e-4b64-9d05-3f6a3c1c2b11", nil, jwtNow); err != nil {
			b.Fatal(err)
		}
	}
}
