package waf

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/waf/payload"
)

// native are the rules of package payload under a policy.
type native struct {
	inspector *payload.Inspector
	excluded  []nativeExclusion
}

// nativeExclusion is an Exclusion as far as it concerns rules of package payload.
type nativeExclusion struct {
	fields []*regexp.Regexp // of "bio", "header:name"; empty: everywhere
	rules  []string         // ids, or their beginnings with a star behind
}

// nativeKinds maps what a field may hold to the rules of package payload against it.
var nativeKinds = map[string][]string{
	"url": {"payload.ssrf.*"}, "path": {"payload.traversal.*"}, "code": {"payload.nosql.code", "payload.prototype.*"}, "any": {"payload.*"},
}

func newNative(i *payload.Inspector, exclusions []Exclusion) *native {
	if i == nil {
		return nil
	}
	n := &native{inspector: i}
	for _, x := range exclusions {
		var out nativeExclusion
		for _, k := range x.Allow {
			out.rules = append(out.rules, nativeKinds[k]...)
		}
		for _, r := range x.Rules {
			if isNative(r) {
				out.rules = append(out.rules, r)
			}
		}
		if len(out.rules) == 0 {
			continue
		}
		for _, f := range x.Fields {
			out.fields = append(out.fields, fieldPattern(f))
		}
		n.excluded = append(n.excluded, out)
	}
	return n
}

// isNative reports whether a rule of an Exclusion is one of package payload.
func isNative(rule string) bool { return strings.HasPrefix(rule, "payload.") }

// fieldPattern matches the fields, as spelled by [nativeField], that an Exclusion
// names.
func fieldPattern(field string) *regexp.Regexp {
	p := strings.ReplaceAll(regexp.QuoteMeta(strings.ToLower(field)), `\*`, `[^.]+`)
	return regexp.MustCompile("^" + p + "$")
}

// nativeField is the field of a finding as an Exclusion spells it: "query:url" is url,
// "body:/orders/0/url" orders.0.url, "header:x-next" header:x-next.
func nativeField(place string) string {
	where, name, _ := strings.Cut(strings.ToLower(place), ":")
	switch where {
	case "header", "cookie":
		return where + ":" + name
	case "body":
		return strings.ReplaceAll(strings.TrimPrefix(name, "/"), "/", ".")
	}
	return name
}

// excludes reports whether the policy takes a finding out.
func (n *native) excludes(f *payload.Finding) bool {
	field := ""
	for i := range n.excluded {
		x := &n.excluded[i]
		if !x.names(f.Rule.ID) {
			continue
		}
		if len(x.fields) == 0 {
			return true
		}
		if field == "" {
			field = nativeField(f.Place)
		}
		for _, p := range x.fields {
			if p.MatchString(field) {
				return true
			}
		}
	}
	return false
}

func (x *nativeExclusion) names(id string) bool {
	for _, r := range x.rules {
		if prefix, family := strings.CutSuffix(r, "*"); r == id || family && strings.HasPrefix(id, prefix) {
			return true
		}
	}
	return false
}

// findings are what the rules of package payload say of one request.
type findings struct {
	blocks  bool
	reason  gatehouse.Reason
	details []gatehouse.Detail
}

// denial refuses; the reason is the first rule that does.
func (s *findings) denial() gatehouse.Verdict {
	v := gatehouse.Denied(403, s.reason)
	v.Details = s.details
	return v
}

// inspect adds what the rules find.
func (n *native) inspect(x *gatehouse.Exchange, m *Message, s *findings) {
	in := payload.Input{Method: m.Method, Path: x.Request.Path, Query: x.Request.Query, Header: x.Request.Header, Body: m.Body}
	if strings.IndexByte(in.Path, '%') >= 0 {
		if plain, err := url.PathUnescape(in.Path); err == nil {
			in.Path = plain
		}
	}
	in.ContentType = x.Request.Header.Get("Content-Type")
	if len(n.excluded) > 0 {
		in.Excludes = n.excludes
	}
	n.inspector.Inspect(&in, func(f payload.Finding) bool {
		s.add(&f)
		return !s.blocks || len(s.details) < maxDetails
	})
}

func (s *findings) add(f *payload.Finding) {
	blocks := f.Mode == gatehouse.Enforce
	if len(s.details) == maxDetails { // what blocks is told all the same
		if !blocks || s.blocks {
			return
		}
		s.details = s.details[:maxDetails-1]
	}
	if blocks && !s.blocks || len(s.details) == 0 {
		s.blocks = s.blocks || blocks
		s.reason = gatehouse.Reason{Code: f.Rule.ID, Message: f.Rule.Title + " in " + inert(f.Place), Hint: f.Hint}
		if !blocks {
			s.reason.Code = CodeMatched
		}
	}
	if len(s.details) >= maxDetails && !blocks {
		return
	}
	d := gatehouse.Detail{Code: f.Rule.ID, Parameter: inert(f.Place), Message: f.Rule.Title}
	if f.Hint != "" {
		d.Message += ": " + f.Hint
	}
	s.details = append(s.details, d)
}
