package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/authn"
	"github.com/gatehouse/gatehouse/jose"
)

const (
	issuer   = "https://id.example.com"
	audience = "https://shop.example.com"
)

// sign makes an access token of a usual size: some 600 bytes with ES256, 850 with
// RS256.
func sign(key *jose.SigningKey, subject string, now time.Time) (string, error) {
	return jose.Sign(key, map[string]any{"typ": "at+jwt"}, map[string]any{
		"iss": issuer, "aud": []string{audience}, "sub": subject, "client_id": "web",
		"iat": now.Unix(), "exp": now.Add(14 * time.Minute).Unix(), "jti": "0b1e9f4c-5a0e-4f0e-8a39-" + subject,
		"scope": "orders:read orders:write", "realm_access": map[string]any{"roles": []string{"clerk", "auditor"}},
		"sid": "b8a1a1c6-6c1c", "preferred_username": subject, "email_verified": true, "acr": "1", "plan": "gold",
	})
}

// writeKeys writes the public half of key as a key set (RFC 7517).
func writeKeys(path string, key *jose.SigningKey) error {
	text, err := json.Marshal(map[string]any{"keys": []any{key.Public()}})
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}

// An identifier is one API's authenticator on state of its own.
type identifier struct {
	gatehouse.Authenticator
	requirements gatehouse.Control
	state        *authn.State
}

func newIdentifier(b *bench, key *jose.SigningKey) (*identifier, error) {
	file := filepath.Join(b.dir, "keys-"+string(key.Algorithm())+".json")
	if err := writeKeys(file, key); err != nil {
		return nil, err
	}
	cfg := authn.Config{Issuers: []authn.IssuerConfig{{Name: "main", Issuer: issuer, Audience: []string{audience},
		Keys: authn.KeysConfig{File: file}, Claims: authn.ClaimsConfig{Roles: "realm_access.roles", Tier: "plan"}}}}.WithDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	id := &identifier{state: authn.NewState()}
	service, err := authn.New(cfg, id.state, authn.Options{})
	if err == nil {
		id.requirements = service.Requirements()
		id.Authenticator, err = service.For(authn.APIOptions{Methods: []string{"main"}})
	}
	if err != nil {
		id.state.Close()
		return nil, err
	}
	return id, nil
}

func (id *identifier) close() { id.state.Close() }

// request is a GET as a client's app sends it.
func request(token string) *gatehouse.Exchange {
	x := &gatehouse.Exchange{Start: time.Now(), Principal: gatehouse.Anonymous}
	x.Peer.Socket = netip.MustParseAddrPort("192.0.2.7:41000")
	x.Peer.Addr = x.Peer.Socket.Addr()
	x.Request = gatehouse.Request{Proto: "HTTP/1.1", Method: "GET", Scheme: "http", Authority: "shop.example.com",
		Host: "shop.example.com", Target: "/orders/17?expand=items", Path: "/orders/17", Query: "expand=items"}
	for _, f := range clientFields {
		x.Request.Header.Add(f.Name, f.Value)
	}
	x.Request.Header.Add("Authorization", "Bearer "+token)
	return x
}

// clientFields are what a real client sends besides Host and Authorization.
var clientFields = []gatehouse.Field{
	{Name: "User-Agent", Value: "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"},
	{Name: "Accept", Value: "application/json"},
	{Name: "Accept-Language", Value: "en-GB,en;q=0.9"},
	{Name: "Accept-Encoding", Value: "gzip, deflate, br"},
	{Name: "Sec-Fetch-Mode", Value: "cors"},
	{Name: "Sec-Fetch-Site", Value: "same-origin"},
}

// tokenCached authenticates whole requests, with 64 tokens in turns.
func tokenCached(ctx context.Context, b *bench) (result, error) {
	key, err := jose.GenerateKey("2026-11", jose.ES256)
	if err != nil {
		return result{}, err
	}
	id, err := newIdentifier(b, key)
	if err != nil {
		return result{}, err
	}
	defer id.close()
	requests := make([]*gatehouse.Exchange, 64)
	for i := range requests {
		token, err := sign(key, fmt.Sprintf("user-%06d", i), time.Now())
		if err != nil {
			return result{}, err
		}
		requests[i] = request(token)
	}
	return scaled(ctx, func(n int) error {
		for i := range n {
			if _, err := id.Authenticate(ctx, requests[i%len(requests)]); err != nil {
				return err
			}
		}
		return nil
	})
}

// tokenRS256 authenticates requests whose tokens were never seen before, in turns
// with the bare signature checks of the same tokens.
func tokenRS256(ctx context.Context, b *bench) (result, error) {
	key, err := jose.GenerateKey("2026-11", jose.RS256)
	if err != nil {
		return result{}, err
	}
	id, err := newIdentifier(b, key)
	if err != nil {
		return result{}, err
	}
	defer id.close()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	r := result{oursUnit: "us", theirsUnit: "us"}
	var all, bare []float64
	for i := range microRounds + 1 { // the first warms up
		ours, theirs, err := neverSeen(ctx, id, key, i)
		if err != nil {
			return result{}, err
		}
		if i > 0 {
			all, bare, r.runs = append(all, ours), append(bare, theirs), append(r.runs, ours/theirs)
		}
	}
	r.value, r.ours, r.theirs = median(r.runs), median(all), median(bare)
	return r, nil
}

// neverSeen returns the µs per token of one round.
func neverSeen(ctx context.Context, id *identifier, key *jose.SigningKey, round int) (ours, theirs float64, err error) {
	const tokens, turn = 400, 20
	raw, requests := make([]string, tokens), make([]*gatehouse.Exchange, tokens)
	for i := range raw {
		if raw[i], err = sign(key, fmt.Sprintf("user-%06d", round*tokens+i), time.Now()); err != nil {
			return 0, 0, err
		}
		requests[i] = request(raw[i])
	}
	std, err := rawVerify(key, raw)
	if err != nil {
		return 0, 0, err
	}
	runtime.GC() // what making the tokens left behind is not theirs
	for at := 0; at < tokens; at += turn {
		a, err := micros(func(n int) error {
			for i := range n {
				if _, err := id.Authenticate(ctx, requests[at+i]); err != nil {
					return err
				}
			}
			return nil
		}, turn)
		if err != nil {
			return 0, 0, err
		}
		z, err := micros(std, turn)
		if err != nil {
			return 0, 0, err
		}
		ours, theirs = ours+a*turn/tokens, theirs+z*turn/tokens
	}
	return ours, theirs, ctx.Err()
}

// tokenMalformed refuses tokens that are wrong in different places; the dearest
// counts.
func tokenMalformed(ctx context.Context, b *bench) (result, error) {
	key, err := jose.GenerateKey("2026-11", jose.RS256)
	if err != nil {
		return result{}, err
	}
	id, err := newIdentifier(b, key)
	if err != nil {
		return result{}, err
	}
	defer id.close()
	good, err := sign(key, "alice", time.Now())
	if err != nil {
		return result{}, err
	}
	var tasks []task
	for _, bad := range malformed(good) {
		x := request(bad)
		tasks = append(tasks, func(n int) error {
			for range n {
				if _, err := id.Authenticate(ctx, x); err == nil {
					return errors.New("a malformed token was accepted")
				}
			}
			return nil
		})
	}
	return scaled(ctx, tasks...)
}

// malformed returns variations of a good token that no signature check should see.
func malformed(good string) []string {
	head, rest, _ := strings.Cut(good, ".")
	body, sig, _ := strings.Cut(rest, ".")
	claims, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil {
		panic(err) // it was just made
	}
	with := func(claims string) string {
		return head + "." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + "." + sig
	}
	text := string(claims)
	return []string{
		good[:len(good)/2],                         // cut off
		head + "." + body + ".",                    // no signature
		good + "=",                                 // padding
		good + ".x",                                // a segment too many
		head + "." + body + "!" + "." + sig,        // not base64url
		"e30." + body + "." + sig,                  // no algorithm
		with(text + "{}"),                          // something behind the claims
		with(text[:len(text)-1]),                   // claims that do not end
		with(text[:len(text)-1] + `,"sub":"eve"}`), // a claim twice
	}
}
