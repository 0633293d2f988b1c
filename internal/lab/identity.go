package lab

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// A caller is whom a service takes the sender of a request for.
type caller struct {
	Subject  string
	Roles    []string
	Internal bool // no identity at all: "must be one of our own services"
}

func (c caller) admin() bool {
	return c.Internal || slices.Contains(c.Roles, "admin")
}

// SessionCookie is the cookie a browser keeps its access token in.
const SessionCookie = "shop_session"

// identify finds out who calls. With BrokenAuth the service believes whatever
// stands in the request: somebody in front will have checked. Without it only a
// token that the issuer signed counts.
func (s *Shop) identify(r *http.Request) caller {
	if !s.Flaws.BrokenAuth {
		return s.verified(r)
	}
	h := r.Header
	dropped := func(name string) bool { // hop-by-hop fields end here (RFC 9110, 7.6.1)
		for _, v := range h.Values("Connection") {
			for part := range strings.SplitSeq(v, ",") {
				if strings.EqualFold(strings.TrimSpace(part), name) {
					return true
				}
			}
		}
		return false
	}
	get := func(name string) string {
		if dropped(name) {
			return ""
		}
		return h.Get(name)
	}
	if sub := get("X-Gatehouse-Subject"); sub != "" {
		return caller{Subject: sub, Roles: strings.Split(get("X-Gatehouse-Roles"), ",")}
	}
	if dn := get("X-Client-Cert-Subject"); dn != "" {
		return caller{Subject: dn, Roles: []string{"service"}}
	}
	if token := get("X-Gatehouse-Identity"); token != "" {
		return unverified(token)
	}
	if _, token, ok := strings.Cut(get("Authorization"), " "); ok {
		return s.believed(token)
	}
	if c, err := r.Cookie(SessionCookie); err == nil {
		return s.believed(c.Value)
	}
	if token := r.URL.Query().Get("access_token"); token != "" {
		return s.believed(token)
	}
	if key := get("X-API-Key"); key != "" {
		return s.keyOwner(key)
	}
	return caller{Internal: true, Roles: []string{"admin"}}
}

// believed reads a token without verifying it.
func (s *Shop) believed(token string) caller {
	if claims, ok := s.Issuer.opaqueClaims(token); ok {
		return callerOf(claims)
	}
	return unverified(token)
}

func unverified(token string) caller {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return caller{}
	}
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return caller{}
	}
	var claims map[string]any
	if json.Unmarshal(raw, &claims) != nil {
		return caller{}
	}
	return callerOf(claims)
}

func callerOf(claims map[string]any) caller {
	c := caller{}
	c.Subject, _ = claims["sub"].(string)
	list, _ := claims["roles"].([]any)
	for _, v := range list {
		if role, ok := v.(string); ok {
			c.Roles = append(c.Roles, role)
		}
	}
	return c
}

// verified accepts a bearer token of the issuer's, an opaque one that is active,
// or an API key, and nothing else.
func (s *Shop) verified(r *http.Request) caller {
	if len(r.Header.Values("Authorization")) > 1 {
		return caller{}
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if key := r.Header.Get("X-API-Key"); key != "" {
		if token != "" {
			return caller{}
		}
		return s.keyOwner(key)
	}
	if !strings.EqualFold(scheme, "Bearer") && !strings.EqualFold(scheme, "DPoP") {
		return caller{}
	}
	claims, ok := s.Issuer.verify(token)
	if !ok {
		return caller{}
	}
	return callerOf(claims)
}
