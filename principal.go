package gatehouse

import (
	"sync/atomic"
	"time"
)

// Method is how a caller proved who it is.
type Method string

const (
	MethodNone          Method = "none"
	MethodJWT           Method = "jwt"           // RFC 9068
	MethodIntrospection Method = "introspection" // RFC 7662
	MethodAPIKey        Method = "api_key"
	MethodMTLS          Method = "mtls" // RFC 8705, SPIFFE
)

// A Credential is what the caller showed: its kind and where it stood, never its
// secret.
type Credential struct {
	Method Method
	// Scheme is "Bearer" or "DPoP" for tokens, else "".
	Scheme string
	// Cookie says that a browser sends it by itself, so that a state-changing
	// request needs proof of its origin (CSRF).
	Cookie bool
	// Token is the secret itself, for the step that forwards or replaces it. It
	// reaches no log: Decision has no place for it.
	Token string
}

// A Principal is who calls, proven by a credential. It is immutable and may be
// shared by many exchanges at once; it never comes from an unverified token.
type Principal struct {
	Subject  string // "sub": unique within Issuer
	Issuer   string
	ClientID string // the OAuth client, the API key's owner or the workload
	Method   Method

	Scopes []string
	Roles  []string
	// Tier names the set of limits that applies, "" for the default.
	Tier string
	// Claims are the verified claims, numbers as json.Number. Read-only.
	Claims map[string]any

	TokenID   string // "jti"
	SessionID string // "sid"
	GrantID   string // the authorization grant the token descends from
	IssuedAt  time.Time
	// Expires ends the proof, and any stream opened with it. Zero: no end.
	Expires time.Time

	ACR      string    // authentication context class (RFC 9470)
	AuthTime time.Time // when the user last proved herself; zero: unknown
	// SenderBound says that the token is bound to a key (DPoP, mTLS) and that the
	// caller proved possession of it.
	SenderBound bool

	// memo has an entry for each room, two or three: a list is quicker than a map.
	memo atomic.Pointer[[]memo]
}

// A memo is what one room keeps with a Principal or an Exchange.
type memo struct{ key, value any }

// Anonymous is the Principal of a caller who showed no credential.
var Anonymous = &Principal{Method: MethodNone}

// IsAnonymous reports whether nobody was identified.
func (p *Principal) IsAnonymous() bool { return p == nil || p.Method == MethodNone }

// HasScope reports whether the credential grants scope.
func (p *Principal) HasScope(scope string) bool {
	for _, s := range p.Scopes {
		if s == scope {
			return true
		}
	}
	return false
}

// Memo returns what a room derived from this Principal before (its Cedar entity,
// say), or nil. The key is the room's own unexported type, as for context values.
func (p *Principal) Memo(key any) any {
	if list := p.memo.Load(); list != nil {
		for i := range *list {
			if m := &(*list)[i]; m.key == key {
				return m.value
			}
		}
	}
	return nil
}

// SetMemo keeps a value derived from this Principal for as long as it lives. A
// room keeps one value and replaces it.
func (p *Principal) SetMemo(key, value any) {
	for {
		before := p.memo.Load()
		list := []memo{{key, value}}
		if before != nil {
			for _, m := range *before {
				if m.key != key {
					list = append(list, m)
				}
			}
		}
		if p.memo.CompareAndSwap(before, &list) {
			return
		}
	}
}
