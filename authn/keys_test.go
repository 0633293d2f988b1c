package authn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/jose"
)

// A keyServer is an issuer's web server on a loopback address.
type keyServer struct {
	*httptest.Server
	hits  atomic.Int64 // of the key set
	serve atomic.Pointer[http.HandlerFunc]
}

func newKeyServer(t *testing.T, keys ...*jose.SigningKey) *keyServer {
	t.Helper()
	s := &keyServer{}
	mux := http.NewServeMux()
	mux.HandleFunc("/keys", func(w http.ResponseWriter, r *http.Request) {
		s.hits.Add(1)
		(*s.serve.Load())(w, r)
	})
	s.publish(t, keys...)
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func (s *keyServer) answer(h http.HandlerFunc) { s.serve.Store(&h) }

func (s *keyServer) publish(t *testing.T, keys ...*jose.SigningKey) {
	t.Helper()
	var public []*jose.Key
	for _, k := range keys {
		public = append(public, k.Public())
	}
	document, err := json.Marshal(jose.NewKeySet(public...))
	if err != nil {
		t.Fatal(err)
	}
	s.answer(func(w http.ResponseWriter, _ *http.Request) { w.Write(document) })
}

func (s *keyServer) fail(status int) {
	s.answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
}

func urlConfig(url string) IssuerConfig {
	c := jwtConfig("")
	c.Keys = KeysConfig{URL: url, Refresh: 10 * time.Minute}
	c.MaxAge = 24 * time.Hour
	return c
}

func dayToken(t *testing.T, k *jose.SigningKey) string {
	return jwtSign(t, k, nil, with(map[string]any{"exp": jwtNow.Add(24 * time.Hour).Unix()}))
}

// settled waits until no fetch is under way.
func settled(t *testing.T, s *keySource) {
	t.Helper()
	s.mu.Lock()
	fetching := s.fetching
	s.mu.Unlock()
	if fetching != nil {
		<-fetching
	}
}

// The life of a source: rotation, an outage, and what is believed meanwhile.
func TestKeySourceLife(t *testing.T) {
	k1, k2 := jwtKey(t, "k1", jose.ES256), jwtKey(t, "k2", jose.EdDSA)
	server := newKeyServer(t, k1)
	store := newKeyStore()
	defer store.Close()
	var reported atomic.Int64
	store.report = func(issuer string, err error) {
		if issuer != jwtIssuer || err == nil {
			t.Errorf("reported %s: %v", issuer, err)
		}
		reported.Add(1)
	}
	v, err := newTokenVerifier([]IssuerConfig{urlConfig(server.URL + "/keys")}, store, jwtClock)
	if err != nil {
		t.Fatal(err)
	}
	source := v.profiles[jwtIssuer].keys
	ctx := context.Background()
	check := func(key *jose.SigningKey, now time.Time, code string, hits int64) {
		t.Helper()
		_, err := v.verify(ctx, dayToken(t, key), nil, now)
		wantCode(t, err, code)
		settled(t, source)
		if n := server.hits.Load(); n != hits {
			t.Fatalf("%d fetches, want %d", n, hits)
		}
	}
	now := jwtNow
	check(k1, now, "", 1) // waits for the first fetch
	check(k1, now, "", 1)

	// An unknown kid causes one fetch, and then none for a while.
	check(k2, now, "token.key_unknown", 2)
	for range 20 {
		check(k2, now.Add(time.Second), "token.key_unknown", 2)
	}
	// The issuer rotates: the new key is found as soon as it may be looked for.
	server.publish(t, k1, k2)
	now = now.Add(unknownInterval)
	check(k2, now, "", 3)
	check(k1, now, "", 3)

	// Refresh runs in the background: the old set serves until the new one is there.
	// The answer is held back until it has served.
	server.publish(t, k2)
	answer, served := *server.serve.Load(), make(chan struct{})
	server.answer(func(w http.ResponseWriter, r *http.Request) { <-served; answer(w, r) })
	now = now.Add(11 * time.Minute)
	if _, err := v.verify(ctx, dayToken(t, k1), nil, now); err != nil {
		t.Error(err)
	}
	close(served)
	settled(t, source)
	check(k1, now, "token.key_unknown", 5)

	// An outage: the last good set stays, fetches back off, and a kid that is not
	// in it cannot be judged.
	for _, bad := range []http.HandlerFunc{
		func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>maintenance</html>") },
		func(w http.ResponseWriter, _ *http.Request) {
			w.Write([]byte(`{"keys":[]` + strings.Repeat(" ", jose.MaxKeySet) + "}"))
		},
		func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/keys", http.StatusFound) },
		func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://keys.example.com/keys", http.StatusFound)
		},
		func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/keys", http.StatusFound)
		},
	} {
		server.answer(bad)
		before := reported.Load()
		now = now.Add(time.Hour)
		if _, err := v.verify(ctx, dayToken(t, k2), nil, now); err != nil {
			t.Fatal(err)
		}
		settled(t, source)
		if reported.Load() != before+1 {
			t.Fatal("the failure was not reported")
		}
		hits := server.hits.Load()
		check(k2, now, "", hits) // not asked again at once
		check(k1, now, "keys.unavailable", hits)
	}
	// The issuer is back.
	server.publish(t, k1, k2)
	now = now.Add(lastBackoff)
	check(k1, now, "", server.hits.Load()+1)

	// A set without keys is a set: the issuer withdrew them all.
	server.publish(t)
	now = now.Add(time.Hour)
	check(k2, now, "token.key_unknown", server.hits.Load()+2)
}

func TestKeySourceNeverFetched(t *testing.T) {
	k := jwtKey(t, "k1", jose.ES256)
	server := newKeyServer(t, k)
	server.fail(http.StatusNotFound)
	v := jwtVerifier(t, urlConfig(server.URL+"/keys"))
	source := v.profiles[jwtIssuer].keys
	settled(t, source)
	for range 5 {
		_, err := v.verify(context.Background(), dayToken(t, k), nil, jwtNow)
		wantCode(t, err, "keys.unavailable")
	}
	if n := server.hits.Load(); n != 1 {
		t.Errorf("asked %d times while backing off", n)
	}
	// What needs no key is judged all the same.
	_, err := v.verify(context.Background(), jwtSign(t, k, nil, with(map[string]any{"aud": "x"})), nil, jwtNow)
	wantCode(t, err, "token.audience")

	server.publish(t, k)
	if _, err = v.verify(context.Background(), dayToken(t, k), nil, jwtNow.Add(firstBackoff)); err != nil {
		t.Error(err)
	}
}

// A request does not wait for a slow issuer longer than it lives itself.
func TestKeySourceSlow(t *testing.T) {
	k := jwtKey(t, "k1", jose.ES256)
	server := newKeyServer(t, k)
	server.answer(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	store := newKeyStore()
	v, err := newTokenVerifier([]IssuerConfig{urlConfig(server.URL + "/keys")}, store, jwtClock)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	_, err = v.verify(ctx, dayToken(t, k), nil, jwtNow)
	wantCode(t, err, "keys.unavailable")
	store.Close() // ends the fetch
	_, err = v.verify(context.Background(), dayToken(t, k), nil, jwtNow.Add(time.Hour))
	wantCode(t, err, "keys.unavailable")
}

// A source that hangs holds requests up once; then the last good keys serve.
func TestKeySourceHangs(t *testing.T) {
	k := jwtKey(t, "k1", jose.ES256)
	server := newKeyServer(t, k)
	v := jwtVerifier(t, urlConfig(server.URL+"/keys"))
	source := v.profiles[jwtIssuer].keys
	settled(t, source)
	server.fail(http.StatusBadGateway)
	if _, err := v.verify(context.Background(), dayToken(t, k), nil, jwtNow.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	settled(t, source)
	hang := make(chan struct{})
	server.answer(func(http.ResponseWriter, *http.Request) { <-hang })
	defer close(hang)
	ctx, cancel := context.WithTimeout(context.Background(), fetchTimeout/2)
	defer cancel()
	if _, err := v.verify(ctx, dayToken(t, k), nil, jwtNow.Add(2*time.Hour)); err != nil || ctx.Err() != nil {
		t.Error("the request waited:", err, ctx.Err())
	}
}

// Many requests at once cause one fetch.
func TestKeySourceOneFetch(t *testing.T) {
	k := jwtKey(t, "k1", jose.ES256)
	server := newKeyServer(t, k)
	v := jwtVerifier(t, urlConfig(server.URL+"/keys"))
	token := dayToken(t, k)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if _, err := v.verify(context.Background(), token, nil, jwtNow); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := server.hits.Load(); n != 1 {
		t.Errorf("%d fetches", n)
	}
}

// A reload finds the keys that are there, and a source that no configuration names
// is forgotten.
func TestKeyStoreReload(t *testing.T) {
	k := jwtKey(t, "k1", jose.ES256)
	server := newKeyServer(t, k)
	store := newKeyStore()
	defer store.Close()
	cfg := urlConfig(server.URL + "/keys")
	var old *tokenVerifier
	for range 3 {
		v, err := newTokenVerifier([]IssuerConfig{cfg}, store, jwtClock)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.verify(context.Background(), dayToken(t, k), nil, jwtNow); err != nil {
			t.Fatal(err)
		}
		old = v
	}
	if n := server.hits.Load(); n != 1 {
		t.Errorf("%d fetches", n)
	}
	none, err := newTokenVerifier(nil, store, jwtClock)
	if err != nil || len(store.sources) != 1 {
		t.Errorf("%d sources while nothing is settled, %v", len(store.sources), err)
	}
	if store.retain(none.sources); len(store.sources) != 0 {
		t.Errorf("%d sources", len(store.sources))
	}
	if _, err := old.verify(context.Background(), dayToken(t, k), nil, jwtNow); err != nil {
		t.Error(err)
	}
}

func TestKeyDiscovery(t *testing.T) {
	k := jwtKey(t, "k1", jose.ES256)
	document, err := json.Marshal(jose.NewKeySet(k.Public()))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, tenant, place string
		metadata            func(origin, issuer string) map[string]any
		code                string
	}{
		{name: "OpenID Connect", place: "/.well-known/openid-configuration"},
		{name: "OpenID Connect below a path", tenant: "/t/1", place: "/t/1/.well-known/openid-configuration"},
		{name: "OpenID Connect, slash at the end", tenant: "/t/1/", place: "/t/1/.well-known/openid-configuration"},
		{name: "RFC 8414", place: "/.well-known/oauth-authorization-server"},
		{name: "RFC 8414 below a path", tenant: "/t/1", place: "/.well-known/oauth-authorization-server/t/1"},
		{name: "nowhere", place: "/elsewhere", code: "keys.status"},
		{name: "another issuer", place: "/.well-known/openid-configuration",
			metadata: func(origin, _ string) map[string]any {
				return map[string]any{"issuer": "https://id.example.com", "jwks_uri": origin + "/jwks"}
			}, code: "keys.metadata_issuer"},
		{name: "slash more", place: "/.well-known/openid-configuration",
			metadata: func(origin, issuer string) map[string]any {
				return map[string]any{"issuer": issuer + "/", "jwks_uri": origin + "/jwks"}
			}, code: "keys.metadata_issuer"},
		{name: "no key set", place: "/.well-known/openid-configuration",
			metadata: func(_, issuer string) map[string]any { return map[string]any{"issuer": issuer} }, code: "keys.url"},
		{name: "key set in the clear", place: "/.well-known/openid-configuration",
			metadata: func(_, issuer string) map[string]any {
				return map[string]any{"issuer": issuer, "jwks_uri": "http://keys.example.com/jwks"}
			}, code: "keys.url"},
		{name: "key set in a file", place: "/.well-known/openid-configuration",
			metadata: func(_, issuer string) map[string]any {
				return map[string]any{"issuer": issuer, "jwks_uri": "file:///etc/passwd"}
			}, code: "keys.url"},
		{name: "key set at a private address", place: "/.well-known/openid-configuration",
			metadata: func(_, issuer string) map[string]any {
				return map[string]any{"issuer": issuer, "jwks_uri": "https://169.254.169.254/latest"}
			}, code: "keys.address"},
		{name: "key set at another local port", place: "/.well-known/openid-configuration",
			metadata: func(_, issuer string) map[string]any {
				return map[string]any{"issuer": issuer, "jwks_uri": "http://127.0.0.1:1/jwks"}
			}, code: "keys.address"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			mux := http.NewServeMux()
			server := httptest.NewServer(mux)
			defer server.Close()
			issuer := server.URL + tt.tenant
			metadata := map[string]any{"issuer": issuer, "jwks_uri": server.URL + "/jwks"}
			if tt.metadata != nil {
				metadata = tt.metadata(server.URL, issuer)
			}
			mux.HandleFunc(tt.place, func(w http.ResponseWriter, _ *http.Request) { json.NewEncoder(w).Encode(metadata) })
			mux.HandleFunc("/jwks", func(w http.ResponseWriter, _ *http.Request) { w.Write(document) })

			store := newKeyStore()
			defer store.Close()
			source, err := store.source(sourceID{issuer: issuer, discovery: true}, time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			err = source.load(jwtNow)
			if tt.code == "" {
				if err != nil || source.last.Load().set.Len() != 1 {
					t.Fatal(err)
				}
				return
			}
			if err == nil || !strings.Contains(fmt.Sprint(codes(err)), tt.code) {
				t.Fatalf("want %s, got %v", tt.code, err)
			}
		})
	}
}

// codes lists the codes of an error and of its causes.
func codes(err error) []string {
	var list []string
	for err != nil {
		if c := reasonCode(err); c != "" {
			list = append(list, c)
		}
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			for _, e := range joined.Unwrap() {
				list = append(list, codes(e)...)
			}
			return list
		}
		err = errors.Unwrap(err)
	}
	return list
}

// Over TLS the certificate is verified, and nothing leads down to http.
func TestKeySourceTLS(t *testing.T) {
	k := jwtKey(t, "k1", jose.ES256)
	document, err := json.Marshal(jose.NewKeySet(k.Public()))
	if err != nil {
		t.Fatal(err)
	}
	plain := newKeyServer(t, k)
	mux := http.NewServeMux()
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) { w.Write(document) })
	mux.HandleFunc("/down", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, plain.URL+"/keys", http.StatusFound)
	})
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/keys", http.StatusFound) })
	server := httptest.NewTLSServer(mux)
	defer server.Close()
	server.Config.ErrorLog = nil
	for _, tt := range []struct {
		path    string
		trusted bool
		ok      bool
	}{{"/keys", true, true}, {"/moved", true, true}, {"/down", true, false}, {"/keys", false, false}} {
		store := newKeyStore()
		if tt.trusted {
			store.roots = server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
		}
		source, err := store.source(sourceID{issuer: jwtIssuer, url: server.URL + tt.path}, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if err := source.load(jwtNow); (err == nil) != tt.ok {
			t.Errorf("%s, trusted %v: %v", tt.path, tt.trusted, err)
		}
		store.Close()
	}
}

func TestKeySourceURL(t *testing.T) {
	for url, ok := range map[string]bool{
		"https://id.example.com/keys":   true,
		"https://10.0.0.7/keys":         true, // the operator wrote it
		"http://127.0.0.1:8080/keys":    true,
		"http://localhost:8080/keys":    true,
		"http://[::1]:8080/keys":        true,
		"http://id.example.com/keys":    false,
		"http://127.0.0.1.evil.example": false,
		"ftp://id.example.com/keys":     false,
		"https://user@id.example.com":   false,
		"https://id.example.com/#x":     false,
		"https:///keys":                 false,
		"keys.json":                     false,
	} {
		store := newKeyStore()
		_, err := store.source(sourceID{issuer: jwtIssuer, url: url}, time.Minute)
		if (err == nil) != ok {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestPublicAddr(t *testing.T) {
	for addr, want := range map[string]bool{
		"93.184.215.14": true, "2606:2800:21f::1": true,
		"127.0.0.1": false, "10.1.2.3": false, "172.16.0.1": false, "192.168.0.1": false,
		"169.254.169.254": false, "0.0.0.0": false, "0.1.2.3": false, "100.64.0.1": false,
		"224.0.0.1": false, "255.255.255.255": false, "240.0.0.1": false, "198.18.0.1": false,
		"::1": false, "::": false, "fe80::1": false, "fd00::1": false, "ff02::1": false,
		"64:ff9b::7f00:1": false, "2002:7f00:1::": false, "2001:0:1::": false,
	} {
		if got := publicAddr(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: %v", addr, got)
		}
	}
	if onlyAddresses(publicAddr)("tcp", "[::ffff:127.0.0.1]:443", nil) == nil {
		t.Error("an IPv4 address within an IPv6 one")
	}
}

func TestKeyFile(t *testing.T) {
	k1, k2 := jwtKey(t, "k1", jose.ES256), jwtKey(t, "k2", jose.ES256)
	file := filepath.Join(t.TempDir(), "keys.json")
	v := jwtVerifier(t, jwtConfig(file))
	ctx := context.Background()
	now := jwtNow
	step := func(key *jose.SigningKey, code string) {
		t.Helper()
		now = now.Add(fileInterval)
		_, err := v.verify(ctx, jwtSign(t, key, nil, jwtClaims()), nil, now)
		wantCode(t, err, code)
	}
	settled(t, v.profiles[jwtIssuer].keys)
	step(k1, "keys.unavailable") // no file yet
	writeKeys(t, file, now, k1)
	now = now.Add(lastBackoff)
	step(k1, "")
	writeKeys(t, file, now, k2)
	step(k1, "token.key_unknown")
	step(k2, "")
	if err := os.WriteFile(file, []byte("half a fi"), 0o600); err != nil {
		t.Fatal(err)
	}
	step(k2, "") // the last good one
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	step(k2, "")
	writeKeys(t, file, now.Add(time.Hour), k1, k2)
	now = now.Add(lastBackoff)
	step(k1, "")
}
