package config

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse"
)

func (k *checker) cors(path string, c *CORS) {
	if c == nil {
		return
	}
	if len(c.Origins) == 0 {
		k.errorAt(path+".origins", "config.missing", "origins is missing", `origins: ["https://app.example.com"]`)
	}
	for i, o := range c.Origins {
		p := item(path+".origins", i)
		switch {
		case o == "*" && c.Credentials:
			k.errorAt(p, "config.cors_wildcard", "any origin could call with the user's credentials", "list the origins, or credentials: false")
		case o == "*" && len(c.Origins) > 1:
			k.errorAt(p, "config.cors_wildcard", "* stands for every origin, the others have no effect", "")
		case o == "*":
		case o == "null":
			k.errorAt(p, "config.origin", "null is the origin of every sandboxed page", "list the origins")
		default:
			k.origin(p, o)
		}
	}
	k.tokens(path+".methods", c.Methods, "a method")
	k.tokens(path+".headers", c.Headers, "a header field name")
	k.tokens(path+".expose", c.Expose, "a header field name")
}

// origin checks that s is the serialisation of an origin (RFC 6454, section 6.2).
func (k *checker) origin(path, s string) {
	u, err := url.Parse(s)
	switch {
	case strings.Contains(s, "*"):
		k.errorAt(path, "config.origin", "an origin has no wildcard in it", "list each origin")
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		k.errorAt(path, "config.origin", fmt.Sprintf("%q is not an origin", s), "https://app.example.com")
	case u.Scheme+"://"+u.Host != s || strings.ToLower(s) != s:
		k.errorAt(path, "config.origin", fmt.Sprintf("%q is more than an origin, or not in lower case", s), strings.ToLower(u.Scheme+"://"+u.Host))
	case u.Scheme == "http" && u.Port() == "80" || u.Scheme == "https" && u.Port() == "443":
		k.errorAt(path, "config.origin", "browsers leave out the default port", u.Scheme+"://"+u.Hostname())
	}
}

func (k *checker) tokens(path string, list []string, what string) {
	for i, s := range list {
		if !isToken(s) {
			k.errorAt(item(path, i), "config.token", fmt.Sprintf("%q is not %s", s, what), "")
		}
	}
}

// isToken reports whether s is a token (RFC 9110, section 5.6.2).
func isToken(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte("\"(),/:;<=>?@[\\]{}", c) >= 0 {
			return false
		}
	}
	return s != ""
}

func (k *checker) csrf(path string, a *API) {
	if c := a.CSRF; c != nil {
		if len(c.Cookies) == 0 {
			k.errorAt(path+".cookies", "config.missing", "cookies is missing", "the cookies that authenticate: [session]")
		}
		k.tokens(path+".cookies", c.Cookies, "a cookie name")
		for i, o := range c.Origins {
			k.origin(item(path+".origins", i), o)
		}
	}
}

func (k *checker) headers(path string, a *API) {
	if s := a.SecurityHeaders; s != nil {
		for _, f := range []struct{ key, value string }{{"csp", s.CSP}, {"hsts", s.HSTS}, {"frame_ancestors", s.FrameAncestors}} {
			if !isFieldValue(f.value) {
				k.errorAt(path+".security_headers."+f.key, "config.header", "the value holds a control character", "")
			}
		}
		if s.HSTS != "" && !strings.Contains(strings.ToLower(s.HSTS), "max-age=") {
			k.errorAt(path+".security_headers.hsts", "config.header", "Strict-Transport-Security needs max-age (RFC 6797)", "max-age=31536000; includeSubDomains")
		}
	}
	if h := a.Headers; h != nil {
		k.edits(path+".headers.request", h.Request)
		k.edits(path+".headers.response", h.Response)
	}
}

func (k *checker) edits(path string, e HeaderEdits) {
	for _, side := range []struct {
		key    string
		fields map[string]string
	}{{"set", e.Set}, {"add", e.Add}} {
		for _, name := range keysOf(side.fields) {
			if problem := fieldNameProblem(name); problem != "" {
				k.keyAt(path+"."+side.key, name, Error, "config.header", problem, "")
			}
			k.template(join(path+"."+side.key, name), side.fields[name])
		}
	}
	for i, name := range e.Remove {
		if problem := fieldNameProblem(name); problem != "" {
			k.errorAt(item(path+".remove", i), "config.header", problem, "")
		}
	}
}

// framing are the fields that say where a message ends or where it goes. A rule
// that touched them would let two readers disagree.
var framing = []string{"connection", "content-length", "host", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}

func fieldNameProblem(name string) string {
	switch {
	case !isToken(name):
		return fmt.Sprintf("%q is not a header field name", name)
	case slices.ContainsFunc(framing, func(f string) bool { return gatehouse.EqualFold(f, name) }):
		return fmt.Sprintf("%q belongs to the connection and cannot be changed", name)
	}
	return ""
}

// template checks the value of a header edit.
func (k *checker) template(path, value string) {
	if !isFieldValue(value) {
		k.errorAt(path, "config.header", "the value holds a control character", "")
		return
	}
	for rest := value; ; {
		_, after, found := strings.Cut(rest, "{")
		if !found {
			return
		}
		name, tail, closed := strings.Cut(after, "}")
		if !closed {
			k.errorAt(path, "config.header_variable", "a variable without its }", "")
			return
		}
		if !slices.Contains(KnownVariables, name) {
			k.errorAt(path, "config.header_variable", fmt.Sprintf("unknown variable {%s}", name), DidYouMean(name, KnownVariables))
			return
		}
		rest = tail
	}
}

// isFieldValue reports whether s may stand as a field value (RFC 9110, section
// 5.5).
func isFieldValue(s string) bool {
	for _, c := range []byte(s) {
		if c < 0x20 && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
