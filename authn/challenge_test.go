package authn

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse"
)

func TestChallenge(t *testing.T) {
	h := newHouse(t, func(c *Config) { c.DPoP.Nonce = true })
	nonce := h.state.nonces.issue(jwtNow).value
	const (
		algs   = `algs="ES256 ES384 EdDSA PS256 RS256"`
		meta   = `resource_metadata="https://shop.example.com/.well-known/oauth-protected-resource/v1"`
		denied = `error="invalid_token", error_description="the access token is not valid"`
		proof  = `error="invalid_dpop_proof", error_description="the DPoP proof is not valid"`
	)
	tokens := APIOptions{Methods: []string{"main"}, Resource: "https://shop.example.com/v1"}
	bound := APIOptions{Methods: []string{"main"}, RequireDPoP: true}
	plain := APIOptions{Methods: []string{"main"}}
	for _, tc := range []struct {
		name   string
		api    APIOptions
		scheme string
		status int
		code   string
		op     *gatehouse.Operation
		want   []string
	}{
		{name: "nothing shown", api: tokens, status: 401, code: "access.no_permit", want: []string{"DPoP " + algs + ", " + meta, "Bearer " + meta}},
		{name: "nothing shown, bare", api: plain, status: 401, code: "credential.missing", want: []string{"DPoP " + algs, "Bearer"}},
		{name: "bearer refused", api: tokens, scheme: "Bearer", status: 401, code: "token.expired", want: []string{"DPoP " + algs + ", " + meta, "Bearer " + denied + ", " + meta}},
		{name: "revoked", api: plain, scheme: "Bearer", status: 401, code: "token.revoked", want: []string{"DPoP " + algs, "Bearer " + denied}},
		{name: "downgrade", api: plain, scheme: "Bearer", status: 401, code: "dpop.downgrade", want: []string{"DPoP " + algs, "Bearer " + denied}},
		{name: "proof refused", api: plain, scheme: "DPoP", status: 401, code: "dpop.replayed", want: []string{"DPoP " + algs + ", " + proof, "Bearer", nonce}},
		{name: "another key", api: plain, scheme: "DPoP", status: 401, code: "dpop.key_mismatch", want: []string{"DPoP " + algs + ", " + denied, "Bearer", nonce}},
		{name: "nonce", api: bound, scheme: "DPoP", status: 401, code: "dpop.nonce", want: []string{"DPoP " + algs +
			`, error="use_dpop_nonce", error_description="the DPoP proof needs the nonce of this resource server"`, nonce}},
		{name: "bound only", api: bound, scheme: "Bearer", status: 401, code: "dpop.required", want: []string{"DPoP " + algs + ", " + denied}},
		{name: "scope", api: plain, scheme: "Bearer", status: 403, code: "token.insufficient_scope", op: &gatehouse.Operation{Scopes: []string{"orders:read", `a"b\` + "\r\n"}},
			want: []string{"DPoP " + algs + `, scope="orders:read a\"b\\??"`, `Bearer error="insufficient_scope", error_description="the access token grants too little", scope="orders:read a\"b\\??"`}},
		{name: "authentication", api: plain, scheme: "Bearer", status: 401, code: "token.insufficient_authentication", op: &gatehouse.Operation{ACR: []string{"phr", "mfa"}, MaxAge: 5 * time.Minute},
			want: []string{"DPoP " + algs + `, acr_values="phr mfa", max_age="300"`,
				`Bearer error="insufficient_user_authentication", error_description="a stronger or more recent authentication is required", acr_values="phr mfa", max_age="300"`}},
		{name: "policy", api: plain, scheme: "Bearer", status: 403, code: "policy.forbid"},
		{name: "keys", api: APIOptions{Methods: []string{"api_keys", "mtls"}}, status: 401, code: "api_key.unknown", want: []string{`APIKey header="X-API-Key"`, "ClientCertificate"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			x := exchange()
			x.Credential.Scheme, x.Operation = tc.scheme, tc.op
			var got []string
			for _, f := range h.chain(tc.api).Challenge(x, tc.status, gatehouse.Reason{Code: tc.code}) {
				if strings.ContainsAny(f.Value, "\r\n") {
					t.Errorf("a line break in %q", f.Value)
				}
				got = append(got, f.Value)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRequirements(t *testing.T) {
	h := newHouse(t, func(c *Config) { c.DPoP.Nonce = true })
	control := h.svc.Requirements()
	if control.Name() != "authn.requirements" {
		t.Error(control.Name())
	}
	who := &gatehouse.Principal{Subject: "alice", Method: gatehouse.MethodJWT, Scopes: []string{"a", "b"}, ACR: "mfa", AuthTime: jwtNow.Add(-time.Minute)}
	for _, tc := range []struct {
		name   string
		op     *gatehouse.Operation
		who    *gatehouse.Principal
		status int
		code   string
	}{
		{name: "no operation", who: who},
		{name: "no demand", op: &gatehouse.Operation{}, who: gatehouse.Anonymous},
		{name: "all met", op: &gatehouse.Operation{Scopes: []string{"b", "a"}, ACR: []string{"phr", "mfa"}, MaxAge: time.Minute}, who: who},
		{name: "scope", op: &gatehouse.Operation{Scopes: []string{"a", "c"}}, who: who, status: 403, code: "token.insufficient_scope"},
		{name: "scope is whole", op: &gatehouse.Operation{Scopes: []string{"a b"}}, who: who, status: 403, code: "token.insufficient_scope"},
		{name: "acr", op: &gatehouse.Operation{ACR: []string{"phr"}}, who: who, status: 401, code: "token.insufficient_authentication"},
		{name: "age", op: &gatehouse.Operation{MaxAge: 59 * time.Second}, who: who, status: 401, code: "token.insufficient_authentication"},
		{name: "age unknown", op: &gatehouse.Operation{MaxAge: time.Hour}, who: &gatehouse.Principal{Method: gatehouse.MethodAPIKey}, status: 401, code: "token.insufficient_authentication"},
		{name: "anonymous", op: &gatehouse.Operation{Scopes: []string{"a"}, Access: gatehouse.AccessPublic}, who: gatehouse.Anonymous, status: 401, code: "credential.missing"},
		{name: "nobody", op: &gatehouse.Operation{Scopes: []string{"a"}}, status: 401, code: "credential.missing"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			x := exchange()
			x.Operation, x.Principal = tc.op, tc.who
			v, err := control.Check(context.Background(), x)
			if err != nil {
				t.Fatal(err)
			}
			if tc.code == "" && v.Outcome != gatehouse.Pass || tc.code != "" && (v.Outcome != gatehouse.Deny || v.Status != tc.status || v.Reason.Code != tc.code) {
				t.Errorf("%+v", v)
			}
		})
	}
	x := exchange()
	x.Credential.Scheme = "DPoP"
	v, _ := control.Check(context.Background(), x)
	if len(v.Edits.Response) != 1 || !h.state.nonces.valid(v.Edits.Response[0].Value, jwtNow) {
		t.Errorf("no nonce for the next request: %+v", v.Edits)
	}
	x.Principal, x.Operation = who, &gatehouse.Operation{Scopes: []string{"a"}}
	if n := testing.AllocsPerRun(100, func() { control.Check(context.Background(), x) }); n > 0 {
		t.Errorf("%v allocations to pass", n)
	}
}

func TestMetadata(t *testing.T) {
	h := newHouse(t, nil)
	got, err := h.svc.Metadata(APIOptions{Methods: allMethods, Resource: "https://shop.example.com/v1", Scopes: []string{"orders:read"}})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"resource":"https://shop.example.com/v1","authorization_servers":["https://id.example.com","https://old.example.com"],` +
		`"scopes_supported":["orders:read"],"bearer_methods_supported":["header"],"tls_client_certificate_bound_access_tokens":true,` +
		`"dpop_signing_alg_values_supported":["ES256","ES384","EdDSA","PS256","RS256"]}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
	for resource, path := range map[string]string{
		"https://shop.example.com":        "/.well-known/oauth-protected-resource",
		"https://shop.example.com/":       "/.well-known/oauth-protected-resource",
		"https://shop.example.com:8443/v": "/.well-known/oauth-protected-resource/v",
		"https://shop.example.com/v?x":    "",
		"https://shop.example.com/v#":     "",
		"http://shop.example.com/":        "",
		"urn:shop":                        "",
		"":                                "",
	} {
		if got := MetadataPath(resource); got != path {
			t.Errorf("%s: %q, want %q", resource, got, path)
		}
		if _, err := h.svc.Metadata(APIOptions{Resource: resource}); (err == nil) != (path != "") {
			t.Errorf("%s: %v", resource, err)
		}
	}
}

// The doors are found by type assertion.
var (
	_ gatehouse.Authenticator = (*chain)(nil)
	_ gatehouse.Challenger    = (*chain)(nil)
	_ gatehouse.Standing      = (*chain)(nil)
)
