package lab

import (
	"crypto"
	"crypto/rand"
	"encoding/json"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// What the lab's clients and tokens are called.
const (
	PublicHost = "shop.localhost"           // the host the shop is reached by
	Audience   = "https://shop.localhost"   // the identifier of this resource server
	WebClient  = "shop-web"                 // the OAuth client of the shop's own pages
	AppOrigin  = "https://app.shop.example" // where those pages come from

	userScope = "shop"
	tokenLife = 10 * time.Minute
)

// An Issuer is a small authorization server on loopback: metadata (RFC 8414 and
// OpenID Connect Discovery), keys, client_credentials, introspection (RFC 7662)
// and revocation (RFC 7009). Its users need no password: Token makes any token
// one asks for.
type Issuer struct {
	// URL is its issuer identifier. OpaqueURL is that of its second face, whose
	// tokens say nothing by themselves and are introspected.
	URL, OpaqueURL string
	// Gate and GateSecret are the credentials of whoever may introspect.
	Gate, GateSecret string

	mu           sync.Mutex
	current      []signingKey
	published    []signingKey
	opaque       map[string]map[string]any
	clients      map[string]oauthClient
	attacker     signingKey
	attackerKeys []byte           // the attacker's own key set
	asked        func(run string) // told of every introspection of a guessed token
	server       *http.Server
	done         chan struct{}
}

type oauthClient struct {
	secret string
	roles  []string
	scope  string
}

// guessMark begins the tokens that attackers guess: mark, run, ".", guess.
const guessMark = "guess-"

func newIssuer(asked func(run string)) (*Issuer, error) {
	is := &Issuer{asked: asked, Gate: "gatehouse", GateSecret: rand.Text(), opaque: map[string]map[string]any{},
		clients: map[string]oauthClient{"reporter": {rand.Text(), []string{"admin"}, "export"}}, done: make(chan struct{})}
	if err := is.Rotate(); err != nil {
		return nil, err
	}
	var err error
	if is.attacker, err = newECKey("evil"); err != nil {
		return nil, err
	}
	if is.attackerKeys, err = keySet([]signingKey{is.attacker}); err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	is.URL = "http://" + l.Addr().String()
	is.OpaqueURL = is.URL + "/opaque"
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", is.metadata)
	mux.HandleFunc("GET /.well-known/oauth-authorization-server", is.metadata)
	mux.HandleFunc("GET /jwks", is.jwks)
	mux.HandleFunc("POST /token", is.token)
	mux.HandleFunc("POST /introspect", is.introspect)
	mux.HandleFunc("POST /revoke", is.revoke)
	is.server = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, ErrorLog: silent}
	go func() {
		defer close(is.done)
		_ = is.server.Serve(l)
	}()
	return is, nil
}

// Close stops the issuer.
func (is *Issuer) Close() error {
	err := is.server.Close()
	<-is.done
	return err
}

// Rotate makes new keys the current ones; the ones before them stay published.
func (is *Issuer) Rotate() error {
	is.mu.Lock()
	defer is.mu.Unlock()
	fresh, err := newSigningKeys(rand.Text()[:8])
	if err != nil {
		return err
	}
	is.published = append(fresh[:len(fresh):len(fresh)], is.current...)
	is.current = fresh
	return nil
}

// Secret returns the secret of an OAuth client of the issuer's: "reporter".
func (is *Issuer) Secret(client string) string { return is.clients[client].secret }

// Opaque makes a token that says nothing by itself.
func (is *Issuer) Opaque(c Claims) string {
	token := "op_" + rand.Text()
	claims := is.claims(c)
	claims["iss"] = is.OpaqueURL
	is.mu.Lock()
	defer is.mu.Unlock()
	if len(is.opaque) > 10_000 {
		clear(is.opaque)
	}
	is.opaque[token] = claims
	return token
}

// Deactivate ends an opaque token: introspection says so from now on. A careless
// service still knows whose it was.
func (is *Issuer) Deactivate(token string) {
	is.mu.Lock()
	defer is.mu.Unlock()
	if claims := is.opaque[token]; claims != nil {
		claims["active"] = false
	}
}

// opaqueClaims tells what an opaque token was made for, active or not.
func (is *Issuer) opaqueClaims(token string) (map[string]any, bool) {
	is.mu.Lock()
	defer is.mu.Unlock()
	claims, ok := is.opaque[token]
	return maps.Clone(claims), ok
}

// verify is what a service with its eyes open does.
func (is *Issuer) verify(token string) (map[string]any, bool) {
	if claims, ok := is.opaqueClaims(token); ok {
		return claims, claims["active"] != false
	}
	is.mu.Lock()
	keys := is.published
	is.mu.Unlock()
	return verifyJWT(token, keys, is.URL)
}

func (is *Issuer) metadata(w http.ResponseWriter, _ *http.Request) {
	answer(w, map[string]any{"issuer": is.URL, "jwks_uri": is.URL + "/jwks", "token_endpoint": is.URL + "/token",
		"introspection_endpoint": is.URL + "/introspect", "revocation_endpoint": is.URL + "/revoke",
		"authorization_endpoint":                is.URL + "/authorize",
		"response_types_supported":              []string{"code"},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": []string{"ES256", "EdDSA", "RS256"},
		"dpop_signing_alg_values_supported":     []string{"ES256"},
		"grant_types_supported":                 []string{"client_credentials"}})
}

func (is *Issuer) jwks(w http.ResponseWriter, _ *http.Request) {
	is.mu.Lock()
	set, err := keySet(is.published)
	is.mu.Unlock()
	if err != nil {
		http.Error(w, "no keys", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/jwk-set+json")
	_, _ = w.Write(set)
}

// token serves client_credentials, bound to the key of a DPoP proof where one
// comes along.
func (is *Issuer) token(w http.ResponseWriter, r *http.Request) {
	id, secret, ok := r.BasicAuth()
	client, known := is.clients[id]
	if !ok || !known || secret != client.secret || r.FormValue("grant_type") != "client_credentials" {
		w.WriteHeader(http.StatusUnauthorized)
		answer(w, map[string]string{"error": "invalid_client"})
		return
	}
	c := Claims{Subject: id, ClientID: id, Roles: client.roles, Scope: client.scope}
	kind := "Bearer"
	if proof := r.Header.Get("DPoP"); proof != "" {
		if c.JKT, ok = proofThumbprint(proof); !ok {
			w.WriteHeader(http.StatusBadRequest)
			answer(w, map[string]string{"error": "invalid_dpop_proof"})
			return
		}
		kind = "DPoP"
	}
	answer(w, map[string]any{"access_token": is.Token(c), "token_type": kind, "expires_in": int(tokenLife / time.Second)})
}

func (is *Issuer) introspect(w http.ResponseWriter, r *http.Request) {
	id, secret, ok := r.BasicAuth()
	if !ok || id != is.Gate || secret != is.GateSecret {
		w.Header().Set("WWW-Authenticate", "Basic")
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	token := r.FormValue("token")
	if run, _, ok := strings.Cut(strings.TrimPrefix(token, guessMark), "."); ok && strings.HasPrefix(token, guessMark) {
		is.asked(run)
	}
	claims, ok := is.opaqueClaims(token)
	if !ok || claims["active"] == false {
		answer(w, map[string]bool{"active": false})
		return
	}
	claims["active"] = true
	claims["token_type"] = "Bearer"
	answer(w, claims)
}

func (is *Issuer) revoke(w http.ResponseWriter, r *http.Request) {
	is.Deactivate(r.FormValue("token"))
	w.WriteHeader(http.StatusOK)
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(v)
}

// A signingKey is one private key with its name and algorithm.
type signingKey struct {
	id, alg string
	private crypto.Signer
}
