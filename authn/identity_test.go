package authn

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/jose"
)

func newTestIdentity(t testing.TB, path string) *Identity {
	t.Helper()
	c := Config{Identity: &IdentityConfig{Issuer: "https://gate.internal", Key: path}}.WithDefaults()
	id, err := newIdentity(*c.Identity)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestIdentityHeaders(t *testing.T) {
	id := newTestIdentity(t, filepath.Join(t.TempDir(), "identity.key"))
	x := exchange()
	x.Principal = &gatehouse.Principal{Subject: "alice, or\r\nX-Admin: é", Issuer: jwtIssuer, ClientID: "web", Method: gatehouse.MethodJWT,
		Roles: []string{"a,b", "c"}, Scopes: []string{"orders:read", "x y"}, SessionID: "s1", Expires: jwtNow.Add(time.Hour)}
	fields, err := id.Headers(x, "orders")
	if err != nil {
		t.Fatal(err)
	}
	want := []gatehouse.Field{
		{Name: "X-Gatehouse-Subject", Value: "alice%2C%20or%0D%0AX-Admin:%20%C3%A9"},
		{Name: "X-Gatehouse-Client", Value: "web"},
		{Name: "X-Gatehouse-Roles", Value: "a%2Cb,c"},
		{Name: "X-Gatehouse-Scopes", Value: "orders:read x%20y"},
	}
	if diff := cmp.Diff(want, fields[1:]); diff != "" {
		t.Error(diff)
	}
	for i, f := range fields {
		if f.Name != id.Names()[i] {
			t.Errorf("%s is not among the names that clients cannot send", f.Name)
		}
	}

	// An upstream verifies with the published key set.
	document, err := id.JWKS()
	if err != nil {
		t.Fatal(err)
	}
	keys, err := jose.ParseKeySet(string(document))
	if err != nil {
		t.Fatal(err)
	}
	token, err := jose.Parse(fields[0].Value, 0)
	if err != nil {
		t.Fatal(err)
	}
	key, err := keys.Find(&token.Header)
	if err != nil {
		t.Fatal(err)
	}
	if err := token.Verify(key); err != nil {
		t.Fatal(err)
	}
	if token.Header.Type != "gatehouse-identity+jwt" || fields[0].Name != "X-Gatehouse-Identity" {
		t.Error(token.Header.Type, fields[0].Name)
	}
	for name, want := range map[string]string{"iss": "https://gate.internal", "aud": "orders", "sub": x.Principal.Subject, "idp": jwtIssuer,
		"client_id": "web", "scope": "orders:read x y", "sid": "s1"} {
		if got, _, _ := token.Claims.String(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if exp, _, _ := token.Claims.Time("exp"); !exp.Equal(jwtNow.Add(time.Minute)) {
		t.Error("exp", exp)
	}
	// And no issuer's reader takes it for an access token.
	if checkTypErr := func() (p problems) { checkTyp(&p, "x", identityTyp); return p }(); len(checkTypErr) == 0 {
		t.Error("a configuration may accept identity tokens as access tokens")
	}
}

func TestIdentityRemembered(t *testing.T) {
	id := newTestIdentity(t, filepath.Join(t.TempDir(), "identity.key"))
	x := exchange()
	x.Principal = &gatehouse.Principal{Subject: "alice", Method: gatehouse.MethodJWT, Expires: jwtNow.Add(40 * time.Second)}
	at := func(after time.Duration, audience string) string {
		t.Helper()
		x.Start = jwtNow.Add(after)
		f, err := id.Headers(x, audience)
		if err != nil {
			t.Fatal(err)
		}
		return f[0].Value
	}
	first := at(0, "orders")
	if at(29*time.Second, "orders") != first {
		t.Error("not remembered for half its life")
	}
	if at(0, "users") == first || at(0, "orders") != first || at(0, "users") != at(1, "users") {
		t.Error("audiences are not kept apart")
	}
	if at(30*time.Second, "orders") == first {
		t.Error("used beyond half its life")
	}
	token, err := jose.Parse(first, 0)
	if err != nil {
		t.Fatal(err)
	}
	if exp, _, _ := token.Claims.Time("exp"); !exp.Equal(x.Principal.Expires) {
		t.Error("it lives longer than the credential:", exp)
	}
	for n := range 50 {
		at(0, strings.Repeat("a", n))
	}
	if n := len(x.Principal.Memo(identityKey{}).([]identityFields)); n > maxIdentityFor {
		t.Error(n, "audiences remembered")
	}
	x.Principal = gatehouse.Anonymous
	if f, err := id.Headers(x, "orders"); f != nil || err != nil {
		t.Error("an anonymous caller has no identity:", f, err)
	}
	x.Principal = &gatehouse.Principal{Subject: "a", Method: gatehouse.MethodJWT, Roles: []string{strings.Repeat("r", maxIdentity)}}
	_, err = id.Headers(x, "orders")
	wantCode(t, err, "identity.sign")
}

func TestIdentityKey(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "identity.key")
	first := newTestIdentity(t, path)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatal(info.Mode(), err)
	}
	if again := newTestIdentity(t, path); again.key.Public().Thumbprint() != first.key.Public().Thumbprint() {
		t.Error("another key after a restart")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".identity-*")); len(left) > 0 {
		t.Error("left behind:", left)
	}
	refuse := func(why string, data []byte, mode os.FileMode) {
		t.Helper()
		bad := filepath.Join(t.TempDir(), "bad.key")
		if err := os.WriteFile(bad, data, mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(bad, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := newIdentity(IdentityConfig{Key: bad}); err == nil {
			t.Error("accepted", why)
		}
	}
	good, _ := os.ReadFile(path)
	refuse("a key for everybody", good, 0o644)
	refuse("two keys", append(good, good...), 0o600)
	refuse("no key", []byte("x"), 0o600)
	refuse("an empty file", nil, 0o600)
	if _, err := newIdentity(IdentityConfig{Key: filepath.Join(dir, "none", "x.key")}); err == nil {
		t.Error("accepted a key that cannot be written")
	}
}

func BenchmarkIdentityHeaders(b *testing.B) {
	id := newTestIdentity(b, filepath.Join(b.TempDir(), "identity.key"))
	x := exchange()
	x.Principal = &gatehouse.Principal{Subject: "alice", Method: gatehouse.MethodJWT}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := id.Headers(x, "orders"); err != nil {
			b.Fatal(err)
		}
	}
}
