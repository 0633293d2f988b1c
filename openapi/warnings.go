package openapi

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/openapi/document"
)

// Warnings returns what of the document is not enforced, or not as its author may
// expect, and why, each with its place: for gatehouse contract check.
func (c *Contract) Warnings() []*gatehouse.Error { return c.warnings }

// Excerpt returns the line of the document that e is about, with a caret below.
func (c *Contract) Excerpt(e *gatehouse.Error) string { return c.doc.Excerpt(e) }

func (c *Contract) warnAt(at gatehouse.Position, code, message, hint string) {
	c.warnings = append(c.warnings, &gatehouse.Error{Code: code, Message: message, Hint: hint, At: at})
}

// Codes of warnings.
const (
	WarnSecurity   = "contract.warn_security"
	WarnMedia      = "contract.warn_media_type"
	WarnOpen       = "contract.warn_open"
	WarnAnything   = "contract.warn_anything"
	WarnAnswers    = "contract.warn_answers"
	WarnPath       = "contract.warn_path"
	WarnMethod     = "contract.warn_method"
	WarnServers    = "contract.warn_servers"
	WarnDeprecated = "contract.warn_deprecated"
	WarnStream     = "contract.warn_stream"
	WarnWebhooks   = "contract.warn_webhooks"
	WarnUnmasked   = "contract.warn_unmasked"
)

// warn collects the warnings.
func (c *Contract) warn() {
	c.warnings = append(c.warnings, c.doc.Warnings...)
	c.warnings = append(c.warnings, c.set.Warnings()...)
	c.warnServers()
	c.warnSchemes()
	for _, op := range c.operations {
		op.warn()
	}
	if len(c.doc.Webhooks) > 0 {
		c.warnAt(c.doc.Root.KeyAt("webhooks"), WarnWebhooks, fmt.Sprintf("%d webhooks are ignored: they are calls that the API makes", len(c.doc.Webhooks)), "")
	}
}

func (c *Contract) warnServers() {
	if c.opts.Prefix != nil || len(c.doc.Servers) == 0 {
		return
	}
	server, base := strings.TrimSuffix(c.doc.Servers[0].BasePath, "/"), strings.TrimSuffix(c.opts.API.BasePath, "/")
	at := c.doc.Root.KeyAt("servers")
	if rest, ok := strings.CutPrefix(server, base); !ok || rest != "" && rest[0] != '/' {
		c.warnAt(at, WarnServers, fmt.Sprintf("the server's path %q is not below the API's base path %q, which stands in its place", server, base), "say prefix, or base_path: "+server)
	}
	for _, s := range c.doc.Servers[1:] {
		if strings.TrimSuffix(s.BasePath, "/") != server {
			c.warnAt(at, WarnServers, fmt.Sprintf("the servers have several paths; the first one counts: %q", server), "say prefix")
			return
		}
	}
}

// warnSchemes names the schemes that nobody can satisfy here.
func (c *Contract) warnSchemes() {
	for _, name := range sortedKeys(c.doc.Schemes) {
		s := c.doc.Schemes[name]
		if s.Type == "http" && s.Scheme != "bearer" && s.Scheme != "dpop" {
			c.warnAt(position(s.Node), WarnSecurity, fmt.Sprintf("callers cannot be identified by HTTP %s, so nobody meets %q", s.Scheme, name), "bearer tokens, API keys and client certificates can be")
		}
	}
}

func (op *operation) warn() {
	c, d := op.c, op.doc
	at := position(d.Node)
	if d.Method == "TRACE" || d.Method == "CONNECT" {
		c.warnAt(at, WarnMethod, d.Method+" is never served", "")
	}
	if op.security != nil {
		op.warnSecurity(at)
	}
	for _, p := range d.Parameters {
		if p.In == "path" && p.Style == "matrix" {
			c.warnAt(position(p.Node), WarnPath, fmt.Sprintf("the path parameter %q is written with semicolons, which are refused unless the API allows them", p.Name), "allow: [semicolon]")
		}
		if p.Schema == nil && p.Content == nil {
			c.warnAt(position(p.Node), WarnAnything, fmt.Sprintf("the parameter %q has no schema: any value is accepted", p.Name), "")
		}
	}
	if b := d.RequestBody; b != nil {
		op.warnContent(b.Content, true)
	}
	if len(d.Responses) == 0 {
		c.warnAt(at, WarnAnswers, "the operation has no responses: every answer below 500 is refused", "")
	}
	for _, a := range d.Responses {
		op.warnContent(a.Content, false)
	}
	if c.hidesSomething() {
		op.warnUnmasked(at)
	}
	if d.Deprecated && op.lifecycle == nil {
		c.warnAt(at, WarnDeprecated, "the operation is deprecated without a date, so callers are not told", "x-deprecated-at, x-sunset")
	}
}

// hidesSomething reports whether masks or views keep values from callers.
func (c *Contract) hidesSomething() bool {
	return len(c.opts.Masks.Rules) > 0 || slices.ContainsFunc(c.opts.Views, func(v ViewConfig) bool { return len(v.Hide) > 0 })
}

// warnUnmasked tells of answers that no mask touches.
func (op *operation) warnUnmasked(at gatehouse.Position) {
	for _, a := range op.doc.Responses {
		for _, m := range a.Content {
			if op.rules.Answers != Filter {
				op.c.warnAt(at, WarnUnmasked, "the operation's answers are not filtered, so neither masks nor what a view hides are looked at", "answers: filter")
				return
			}
			t := strings.ToLower(bare(m.Type))
			if _, sub, _ := strings.Cut(t, "/"); sub == "json" || strings.HasSuffix(sub, "+json") {
				continue
			}
			what := "answers of " + t + " are not masked"
			if structured(t) {
				what = "answers of " + t + " are refused to callers from whom a mask or a view hides something"
			}
			op.c.warnAt(position(m.Node), WarnUnmasked, what, "")
		}
	}
}

func (op *operation) warnSecurity(at gatehouse.Position) {
	for _, a := range op.security.alternatives {
		credentials := 0
		for _, u := range a.uses {
			if !u.mtls {
				credentials++
			}
		}
		if credentials > 1 {
			op.c.warnAt(at, WarnSecurity, "a security requirement asks for several credentials at once; the gateway takes one, so nobody meets it", "")
		}
	}
	if s := op.doc.Security; len(s) > 1 && slices.ContainsFunc(s, func(r document.Requirement) bool { return len(r) == 0 }) {
		op.c.warnAt(at, WarnSecurity, "the security requirement may be met by nobody in particular, so the others are a choice", "")
	}
}

// warnContent looks at the media types of a body.
func (op *operation) warnContent(content []*document.Media, request bool) {
	c := op.c
	for _, m := range content {
		at, t := position(m.Node), bare(m.Type)
		switch {
		case t == "text/event-stream":
			c.warnAt(at, WarnStream, "a stream of events is judged by its head alone", "")
			continue
		case !readable(t):
			if m.Schema != nil && !formless(m.Schema) {
				hint := ""
				if request {
					hint = "who sends it is held to no schema: leave it out of the document where callers can do without"
				}
				c.warnAt(at, WarnMedia, fmt.Sprintf("bodies of %s are not looked into, so their schema is not judged", t), hint)
			}
			continue
		case m.Schema == nil && m.ItemSchema == nil:
			c.warnAt(at, WarnAnything, fmt.Sprintf("%s has no schema: any body is accepted", t), "")
			continue
		}
		if request && op.rules.Unknown.Properties == Declared && m.Schema != nil && c.open(m.Schema, 0) {
			c.warnAt(position(m.Schema), WarnOpen, "the schema is open: undeclared properties of a request are accepted", "additionalProperties: false, or unknown: {properties: refuse}")
		}
	}
}

// readable reports whether package body looks into a media type, or a range may
// stand for one that it looks into.
func readable(t string) bool {
	_, sub, _ := strings.Cut(t, "/")
	switch {
	case strings.HasPrefix(t, "text/"), t == "*/*", t == "application/*", t == "application/x-www-form-urlencoded", t == "multipart/form-data":
		return true
	case sub == "json", sub == "xml", strings.HasSuffix(sub, "+json"), strings.HasSuffix(sub, "+xml"):
		return true
	}
	return strings.HasSuffix(sub, "+json-seq") || slices.Contains([]string{"jsonl", "ndjson", "x-ndjson", "x-jsonlines", "json-seq"}, sub)
}

// open reports whether a schema lists properties and says nothing of others.
func (c *Contract) open(n *document.Node, depth int) bool {
	if n = c.follow(n); n.Kind != document.Map || depth > 8 {
		return false
	}
	if n.Get("additionalProperties") != nil || n.Get("unevaluatedProperties") != nil {
		return false
	}
	for _, item := range items(n.Get("allOf")) {
		if c.open(item, depth+1) {
			return true
		}
	}
	return n.Get("properties") != nil
}
