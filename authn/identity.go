package authn

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/jose"
)

// identityTyp is the typ of an identity token: no other reader takes it for an
// access token (RFC 8725, section 3.11).
const identityTyp = "gatehouse-identity+jwt"

// The plain fields that say the same as the signed one, for upstreams that trust
// the connection. They are never passed on from a client.
const (
	headerSubject = "X-Gatehouse-Subject"
	headerClient  = "X-Gatehouse-Client"
	headerRoles   = "X-Gatehouse-Roles"
	headerScopes  = "X-Gatehouse-Scopes"
)

const (
	maxIdentity    = 16 << 10 // bytes of all fields together
	maxIdentityFor = 8        // audiences remembered for one Principal
)

// An Identity signs who the caller is, for upstreams that get no credential
// (credentials: replace).
type Identity struct {
	cfg IdentityConfig
	key *jose.SigningKey
}

func newIdentity(cfg IdentityConfig) (*Identity, error) {
	private, err := loadIdentityKey(cfg.Key)
	if errors.Is(err, fs.ErrNotExist) {
		private, err = makeIdentityKey(cfg.Key)
	}
	if err == nil {
		var key *jose.SigningKey
		if key, err = jose.NewSigningKey("", jose.EdDSA, private); err == nil {
			return &Identity{cfg: cfg, key: key}, nil
		}
	}
	return nil, &gatehouse.Error{Code: "identity.key", Message: "the identity key cannot be used",
		At: gatehouse.Position{File: cfg.Key}, Err: err}
}

// loadIdentityKey reads an Ed25519 key in PKCS #8 (RFC 8410).
func loadIdentityKey(path string) (ed25519.PrivateKey, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o007 != 0 {
		return nil, errors.New("everybody on this machine may use the file: chmod 600")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, rest := pem.Decode(data)
	if block == nil || block.Type != "PRIVATE KEY" || strings.TrimSpace(string(rest)) != "" {
		return nil, errors.New("the file is not one PEM block PRIVATE KEY")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("the file is not a private key in PKCS #8")
	}
	private, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, errors.New("the key is not of Ed25519")
	}
	return private, nil
}

// makeIdentityKey writes a fresh key under another name first, so that nobody
// ever reads half a key; who comes second uses the first one's.
func makeIdentityKey(path string) (ed25519.PrivateKey, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".identity-*") // mode 0600
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, err
	}
	if err := os.Link(f.Name(), path); errors.Is(err, fs.ErrExist) {
		return loadIdentityKey(path)
	} else if err != nil {
		return nil, err
	}
	return private, nil
}

// JWKS returns the key set that verifies identity tokens (RFC 7517).
func (i *Identity) JWKS() ([]byte, error) { return jose.NewKeySet(i.key.Public()).MarshalJSON() }

// Names lists the header fields that an Identity sets. Clients cannot send them.
func (i *Identity) Names() []string {
	return []string{i.cfg.Header, headerSubject, headerClient, headerRoles, headerScopes}
}

// identityClaims is what an upstream learns of the caller.
type identityClaims struct {
	Issuer   string   `json:"iss"`
	Audience string   `json:"aud"`
	Subject  string   `json:"sub"`
	Provider string   `json:"idp,omitempty"` // within whose names sub is unique
	ClientID string   `json:"client_id,omitempty"`
	Roles    []string `json:"roles,omitempty"`
	Scope    string   `json:"scope,omitempty"`
	ACR      string   `json:"acr,omitempty"`
	Session  string   `json:"sid,omitempty"`
	IssuedAt int64    `json:"iat"`
	Expires  int64    `json:"exp"`
}

// identityKey is the memo of the fields made for a Principal.
type identityKey struct{}

type identityFields struct {
	signer   *Identity
	audience string
	renew    time.Time
	fields   []gatehouse.Field
}

// Headers returns the fields that tell the upstream named audience who x's caller
// is; none for an anonymous one. They are made once for each Principal and used
// for half the life of the token. Read-only.
func (i *Identity) Headers(x *gatehouse.Exchange, audience string) ([]gatehouse.Field, error) {
	p := x.Principal
	if p.IsAnonymous() {
		return nil, nil
	}
	known, _ := p.Memo(identityKey{}).([]identityFields)
	for _, k := range known {
		if k.signer == i && k.audience == audience && x.Start.Before(k.renew) {
			return k.fields, nil
		}
	}
	fields, renew, err := i.sign(p, audience, x.Start)
	if err != nil {
		return nil, &gatehouse.Error{Code: codeIdentity, Status: http.StatusServiceUnavailable,
			Message: "the caller's identity could not be signed", Err: err}
	}
	fresh := []identityFields{{i, audience, renew, fields}}
	for _, k := range known {
		if len(fresh) < maxIdentityFor && x.Start.Before(k.renew) && (k.signer != i || k.audience != audience) {
			fresh = append(fresh, k)
		}
	}
	p.SetMemo(identityKey{}, fresh)
	return fields, nil
}

func (i *Identity) sign(p *gatehouse.Principal, audience string, now time.Time) (fields []gatehouse.Field, renew time.Time, err error) {
	expires := now.Add(i.cfg.TTL)
	renew = now.Add(i.cfg.TTL / 2)
	if !p.Expires.IsZero() && p.Expires.Before(expires) {
		expires = p.Expires
	}
	if expires.Before(renew) {
		renew = expires
	}
	token, err := jose.Sign(i.key, map[string]any{"typ": identityTyp}, identityClaims{
		Issuer: i.cfg.Issuer, Audience: audience, Subject: p.Subject, Provider: p.Issuer, ClientID: p.ClientID,
		Roles: p.Roles, Scope: strings.Join(p.Scopes, " "), ACR: p.ACR, Session: p.SessionID,
		IssuedAt: now.Unix(), Expires: max(expires.Unix(), now.Unix()+1),
	})
	if err != nil {
		return nil, renew, err
	}
	fields = []gatehouse.Field{{Name: i.cfg.Header, Value: token}}
	for _, f := range []struct {
		name      string
		values    []string
		separator string
	}{
		{headerSubject, []string{p.Subject}, ""},
		{headerClient, []string{p.ClientID}, ""},
		{headerRoles, p.Roles, ","},
		{headerScopes, p.Scopes, " "},
	} {
		if v := inertList(f.values, f.separator); v != "" {
			fields = append(fields, gatehouse.Field{Name: f.name, Value: v})
		}
	}
	size := 0
	for _, f := range fields {
		size += len(f.Name) + len(f.Value) + 4
	}
	if size > maxIdentity {
		return nil, renew, errors.New("the caller's roles and scopes are too long for a header")
	}
	return fields, renew, nil
}

// inertList joins values for a header: what is not visible ASCII, a comma or a
// percent sign is percent-encoded, so that nothing breaks out of its place.
func inertList(values []string, separator string) string {
	const hexadecimal = "0123456789ABCDEF"
	var b strings.Builder
	for i, v := range values {
		if i > 0 {
			b.WriteString(separator)
		}
		for j := 0; j < len(v); j++ {
			if c := v[j]; c <= ' ' || c >= 0x7f || c == ',' || c == '%' {
				b.WriteByte('%')
				b.WriteByte(hexadecimal[c>>4])
				b.WriteByte(hexadecimal[c&15])
			} else {
				b.WriteByte(c)
			}
		}
	}
	return b.String()
}
