package policy

import (
	"encoding/json"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cedar-policy/cedar-go"

	"github.com/gatehouse/gatehouse"
)

var anonymousUID = cedar.NewEntityUID(typeAnonymous, "anonymous")

// A caller is a Principal as the policies of one Set see it. It is made once and
// kept with the Principal.
type caller struct {
	set    *Set // whose view it is: a reload makes another
	kind   kind
	entity cedar.Entity
	// in tells which entities of the policies' scopes the caller is or is in, by
	// the number Set.names gives them.
	in bits
	// mistyped lists declared claims whose value has another type.
	mistyped []string
	acr      string
	authTime time.Time
	// lastParams are the path parameters of a recent request.
	lastParams atomic.Pointer[paramsEntry]
	// kept are recent verdicts, by the number of their plan.
	kept [keptVerdicts]atomic.Pointer[keptVerdict]
}

type memoKey struct{}

// caller returns the caller's view of p.
func (s *Set) caller(p *gatehouse.Principal) *caller {
	if p.IsAnonymous() {
		return s.anonymous
	}
	if c, ok := p.Memo(memoKey{}).(*caller); ok && c.set == s {
		return c
	}
	c := s.newCaller(p)
	p.SetMemo(memoKey{}, c)
	return c
}

func (s *Set) newCaller(p *gatehouse.Principal) *caller {
	k, uid := s.identify(p)
	claims, mistyped := s.claims(p.Claims)
	attrs := cedar.RecordMap{
		"method":       cedar.String(p.Method),
		"roles":        stringSet(p.Roles),
		"scopes":       stringSet(p.Scopes),
		"tier":         cedar.String(p.Tier),
		"sender_bound": cedar.Boolean(p.SenderBound),
		"claims":       claims,
	}
	if k != kindAnonymous {
		attrs["subject"] = cedar.String(p.Subject)
		attrs["issuer"] = cedar.String(p.Issuer)
		attrs["client_id"] = cedar.String(p.ClientID)
	}
	c := &caller{set: s, kind: k, mistyped: mistyped, acr: p.ACR, authTime: p.AuthTime}
	parents := s.parents(uid, p.Roles)
	if k == kindAnonymous {
		parents = nil
	}
	c.entity = cedar.Entity{UID: uid, Parents: cedar.NewEntityUIDSet(parents...), Attributes: cedar.NewRecord(attrs)}
	c.in = s.membership(uid, parents)
	return c
}

// parents are the roles a caller has by its credential and by the entities file.
func (s *Set) parents(uid cedar.EntityUID, roles []string) []cedar.EntityUID {
	var out []cedar.EntityUID
	for _, r := range roles {
		out = append(out, cedar.NewEntityUID(typeRole, cedar.String(r)))
	}
	for p := range s.directory.entities[uid].Parents.All() {
		out = append(out, p)
	}
	return out
}

func (s *Set) membership(uid cedar.EntityUID, parents []cedar.EntityUID) bits {
	in := make(bits, (len(s.names)+63)/64)
	for _, a := range s.directory.ancestors(uid, parents) {
		if n, ok := s.names[a]; ok {
			in.set(n)
		}
	}
	return in
}

// identify says what type of principal p is, and its name in policies.
func (s *Set) identify(p *gatehouse.Principal) (kind, cedar.EntityUID) {
	switch p.Method {
	case gatehouse.MethodMTLS:
		return kindWorkload, cedar.NewEntityUID(typeWorkload, cedar.String(firstOf(p.Subject, p.ClientID)))
	case gatehouse.MethodAPIKey:
		return kindClient, cedar.NewEntityUID(typeClient, cedar.String(firstOf(p.ClientID, p.Subject)))
	case gatehouse.MethodJWT, gatehouse.MethodIntrospection:
		if p.Subject == "" || p.Subject == p.ClientID {
			return kindClient, cedar.NewEntityUID(typeClient, cedar.String(s.qualified(p.Issuer, firstOf(p.ClientID, p.Subject))))
		}
		return kindUser, cedar.NewEntityUID(typeUser, cedar.String(s.qualified(p.Issuer, p.Subject)))
	}
	// A method this room has not heard of identifies nobody.
	return kindAnonymous, anonymousUID
}

// qualified is the name of an issuer's subject: bare only where no second issuer
// can vouch for another one of that name.
func (s *Set) qualified(issuer, name string) string {
	if len(s.issuers) == 1 && s.issuers[0] == issuer {
		return name
	}
	return issuer + "|" + name
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func stringSet(list []string) cedar.Set {
	values := make([]cedar.Value, len(list))
	for i, v := range list {
		values[i] = cedar.String(v)
	}
	return cedar.NewSet(values...)
}

// claims converts the declared claims. One of another type is left out and
// named in mistyped.
func (s *Set) claims(claims map[string]any) (r cedar.Record, mistyped []string) {
	m := cedar.RecordMap{}
	for name, t := range s.words.cfg.Claims {
		v, ok := claims[name]
		if !ok || v == nil {
			continue
		}
		if cv := claimValue(v, t); cv != nil {
			m[cedar.String(name)] = cv
		} else {
			mistyped = append(mistyped, name)
		}
	}
	slices.Sort(mistyped)
	return cedar.NewRecord(m), mistyped
}

// claimValue returns v as a Cedar value, or nil where it is not of type t.
func claimValue(v any, t ClaimType) cedar.Value {
	switch t {
	case ClaimString:
		if s, ok := v.(string); ok {
			return cedar.String(s)
		}
	case ClaimBool:
		if b, ok := v.(bool); ok {
			return cedar.Boolean(b)
		}
	case ClaimLong:
		switch n := v.(type) {
		case json.Number:
			if i, err := n.Int64(); err == nil {
				return cedar.Long(i)
			}
		case int64:
			return cedar.Long(n)
		case int:
			return cedar.Long(n)
		}
	case ClaimSet:
		switch l := v.(type) {
		case string:
			return stringSet([]string{l})
		case []string:
			return stringSet(l)
		case []any:
			out := make([]string, len(l))
			for i, e := range l {
				s, ok := e.(string)
				if !ok {
					return nil
				}
				out[i] = s
			}
			return stringSet(out)
		}
	}
	return nil
}

// bits is a set of small numbers.
type bits []uint64

func (b bits) set(n int)      { b[n>>6] |= 1 << (n & 63) }
func (b bits) has(n int) bool { return b[n>>6]&(1<<(n&63)) != 0 }

// quoteList joins names for a message.
func quoteList(names []string) string { return `"` + strings.Join(names, `", "`) + `"` }
