package gateway

import (
	"encoding/hex"
	"fmt"
	"maps"
	"net/textproto"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// HeaderRules are an operator's changes to a message: remove, then set, then add.
type HeaderRules struct {
	remove   []string
	set, add []headerTemplate
}

type headerTemplate struct {
	name  string
	same  string // as sameField compares it
	parts []templatePart
}

type templatePart struct {
	literal  string
	variable func(x *gatehouse.Exchange) string
}

var variables = map[string]func(x *gatehouse.Exchange) string{
	"request.id":         func(x *gatehouse.Exchange) string { return x.ID },
	"trace.id":           func(x *gatehouse.Exchange) string { return hex.EncodeToString(x.Trace.TraceID[:]) },
	"client.address":     func(x *gatehouse.Exchange) string { return x.Peer.Addr.String() },
	"client.fingerprint": func(x *gatehouse.Exchange) string { return x.Peer.Fingerprint },
	"principal.subject":  func(x *gatehouse.Exchange) string { return x.Principal.Subject },
	"principal.client":   func(x *gatehouse.Exchange) string { return x.Principal.ClientID },
	"principal.issuer":   func(x *gatehouse.Exchange) string { return x.Principal.Issuer },
	"api.name":           func(x *gatehouse.Exchange) string { return x.API.Name },
	"operation.id":       func(x *gatehouse.Exchange) string { return x.Operation.ID },
}

// Variables lists the names that may stand in a header value as {name}.
func Variables() []string {
	return slices.Sorted(maps.Keys(variables))
}

// NewHeaderRules compiles the rules. Values may hold {variables}; names must be
// tokens, and framing fields are not for rules.
func NewHeaderRules(set, add map[string]string, remove []string) (HeaderRules, error) {
	var r HeaderRules
	for _, side := range []struct {
		from map[string]string
		to   *[]headerTemplate
	}{{set, &r.set}, {add, &r.add}} {
		for _, name := range slices.Sorted(maps.Keys(side.from)) {
			t, err := newHeaderTemplate(name, side.from[name])
			if err != nil {
				return HeaderRules{}, err
			}
			*side.to = append(*side.to, t)
		}
	}
	for _, name := range remove {
		if err := checkRuleName(name); err != nil {
			return HeaderRules{}, err
		}
		r.remove = append(r.remove, foldField(name))
	}
	return r, nil
}

func checkRuleName(name string) error {
	if !isToken(name) || isHopByHop(name) || gatehouse.EqualFold(name, "Content-Length") || gatehouse.EqualFold(name, "Host") {
		return &gatehouse.Error{Code: "config.header", Message: fmt.Sprintf("a header rule cannot touch %q", name)}
	}
	return nil
}

func newHeaderTemplate(name, value string) (headerTemplate, error) {
	t := headerTemplate{name: textproto.CanonicalMIMEHeaderKey(name), same: foldField(name)}
	if err := checkRuleName(name); err != nil {
		return t, err
	}
	if !gatehouse.ValidValue(value) {
		return t, &gatehouse.Error{Code: "config.header", Message: fmt.Sprintf("the value of %q holds a control character", name)}
	}
	for value != "" {
		lit, rest, found := strings.Cut(value, "{")
		if lit != "" {
			t.parts = append(t.parts, templatePart{literal: lit})
		}
		if !found {
			break
		}
		variable, after, closed := strings.Cut(rest, "}")
		f := variables[variable]
		if !closed || f == nil {
			return t, &gatehouse.Error{Code: "config.header_variable",
				Message: fmt.Sprintf("the value of %q names the unknown variable {%s}", name, variable),
				Hint:    "one of " + strings.Join(Variables(), ", ")}
		}
		t.parts = append(t.parts, templatePart{variable: f})
		value = after
	}
	return t, nil
}

func (t *headerTemplate) value(x *gatehouse.Exchange) string {
	if len(t.parts) == 1 && t.parts[0].variable == nil {
		return t.parts[0].literal
	}
	var b strings.Builder
	for _, p := range t.parts {
		if p.variable == nil {
			b.WriteString(p.literal)
		} else {
			b.WriteString(p.variable(x))
		}
	}
	return inert(b.String())
}

// inert drops what a header value cannot hold: a subject may come from an issuer
// that lets anything be a name.
func inert(s string) string {
	if gatehouse.ValidValue(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f {
			return -1
		}
		return r
	}, s)
}

// apply removes and replaces every spelling that sameField takes for the name: a
// client's X_Account must not stand beside our X-Account.
func (r *HeaderRules) apply(h *gatehouse.Header, x *gatehouse.Exchange) {
	for _, same := range r.remove {
		delSame(h, same)
	}
	for i := range r.set {
		delSame(h, r.set[i].same)
		h.Add(r.set[i].name, r.set[i].value(x))
	}
	for i := range r.add {
		h.Add(r.add[i].name, r.add[i].value(x))
	}
}

func delSame(h *gatehouse.Header, same string) {
	for i := range *h {
		if sameField((*h)[i].Name, same) {
			h.DelFunc(func(f gatehouse.Field) bool { return sameField(f.Name, same) })
			return
		}
	}
}

// SecurityHeaders are the answer's protective fields by name.
type SecurityHeaders struct {
	CSP            string // Content-Security-Policy
	HSTS           string // Strict-Transport-Security, sent over HTTPS only (RFC 6797, 7.2)
	NoSniff        bool   // X-Content-Type-Options: nosniff
	FrameAncestors string // added to the CSP as frame-ancestors
	ReferrerPolicy string
}

// Fields returns the header fields.
func (s SecurityHeaders) Fields() []gatehouse.Field {
	csp := s.CSP
	if s.FrameAncestors != "" {
		if csp != "" {
			csp += "; "
		}
		csp += "frame-ancestors " + s.FrameAncestors
	}
	var out []gatehouse.Field
	add := func(name, value string) {
		if value != "" {
			out = append(out, gatehouse.Field{Name: name, Value: value})
		}
	}
	add("Content-Security-Policy", csp)
	add("Strict-Transport-Security", s.HSTS)
	if s.NoSniff {
		add("X-Content-Type-Options", "nosniff")
	}
	add("Referrer-Policy", s.ReferrerPolicy)
	return out
}
