package gateway

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse"
)

// CORS answers which other origins' pages may read an API's answers (the Fetch
// standard, section 3.2). It is a strict allow-list.
type CORS struct {
	// Mode: in monitor a preflight that would be refused goes on to the service, and
	// the fields that the service sets stand.
	Mode        gatehouse.Mode
	Origins     []string // "https://app.example.com", or the one entry "*"
	Methods     []string
	Headers     []string // lower case
	Expose      []string
	Credentials bool
	MaxAge      time.Duration
}

// Validate refuses what no browser or attacker should be offered.
func (c *CORS) Validate() error {
	if slices.Contains(c.Origins, "*") {
		if c.Credentials {
			return &gatehouse.Error{Code: "config.cors_wildcard", Message: "a wildcard origin cannot be combined with credentials",
				Hint: "list the origins"}
		}
		if len(c.Origins) > 1 {
			return &gatehouse.Error{Code: "config.cors_wildcard", Message: "a wildcard origin stands alone"}
		}
		return nil
	}
	for _, o := range c.Origins {
		if !validOrigin(o) {
			return &gatehouse.Error{Code: "config.cors_origin", Message: "the origin " + strconv.Quote(o) + " is not scheme://host[:port]",
				Hint: "no path, no trailing slash, lower case"}
		}
	}
	return nil
}

func validOrigin(o string) bool {
	u, err := url.Parse(o)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.Scheme+"://"+u.Host == o && strings.ToLower(o) == o
}

func (c *CORS) allows(origin string) bool {
	return slices.Contains(c.Origins, origin) || len(c.Origins) == 1 && c.Origins[0] == "*"
}

// isPreflight reports whether a request is a CORS preflight.
func isPreflight(r *gatehouse.Request) bool {
	if r.Method != "OPTIONS" {
		return false
	}
	_, origin := r.Header.Lookup("Origin")
	_, method := r.Header.Lookup("Access-Control-Request-Method")
	return origin && method
}

// preflight returns the fields of the answer, and whether the origin may.
func (c *CORS) preflight(r *gatehouse.Request) ([]gatehouse.Field, bool) {
	origin, method := r.Header.Get("Origin"), r.Header.Get("Access-Control-Request-Method")
	vary := gatehouse.Field{Name: "Vary", Value: "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"}
	if !c.allows(origin) || !slices.Contains(c.Methods, method) && method != "GET" && method != "HEAD" && method != "POST" {
		return []gatehouse.Field{vary}, false
	}
	for h := range strings.SplitSeq(r.Header.Get("Access-Control-Request-Headers"), ",") {
		if h = strings.ToLower(strings.TrimSpace(h)); h != "" && !slices.Contains(c.Headers, h) {
			return []gatehouse.Field{vary}, false
		}
	}
	fields := append(c.origin(origin),
		gatehouse.Field{Name: "Access-Control-Allow-Methods", Value: strings.Join(c.Methods, ", ")},
		gatehouse.Field{Name: "Access-Control-Allow-Headers", Value: strings.Join(c.Headers, ", ")})
	if c.MaxAge > 0 {
		fields = append(fields, gatehouse.Field{Name: "Access-Control-Max-Age", Value: strconv.Itoa(int(c.MaxAge / time.Second))})
	}
	fields[0] = vary
	return fields, true
}

// origin returns Vary and the fields that let origin read an answer.
func (c *CORS) origin(origin string) []gatehouse.Field {
	allow := origin
	if c.Origins[0] == "*" {
		allow = "*"
	}
	fields := []gatehouse.Field{{Name: "Vary", Value: "Origin"}, {Name: "Access-Control-Allow-Origin", Value: allow}}
	if c.Credentials {
		fields = append(fields, gatehouse.Field{Name: "Access-Control-Allow-Credentials", Value: "true"})
	}
	return fields
}

// answers reports whether a preflight is answered here. One that monitor lets pass
// is recorded.
func (c *CORS) answers(x *gatehouse.Exchange) bool {
	if c.Mode != gatehouse.Monitor {
		return c.Mode == gatehouse.Enforce
	}
	if _, ok := c.preflight(&x.Request); ok {
		return true
	}
	x.Decision.Judge(gatehouse.Judgment{Control: "cors", Step: gatehouse.StepLocal, Mode: c.Mode, Verdict: gatehouse.Denied(403, refusedOrigin), WouldBlock: true})
	return false
}

var refusedOrigin = gatehouse.Reason{Code: "cors.origin", Message: "the preflight asks for what the allow-list does not have"}

// answer replaces whatever CORS fields the upstream set by ours.
func (c *CORS) answer(x *gatehouse.Exchange, h *gatehouse.Header) {
	if c.Mode == gatehouse.Off || c.Mode == gatehouse.Monitor && h.Count("Access-Control-Allow-Origin") > 0 {
		return
	}
	h.DelFunc(func(f gatehouse.Field) bool {
		return len(f.Name) > 21 && gatehouse.EqualFold(f.Name[:21], "Access-Control-Allow-") ||
			gatehouse.EqualFold(f.Name, "Access-Control-Expose-Headers")
	})
	origin, ok := x.Request.Header.Lookup("Origin")
	if !ok || !c.allows(origin) {
		h.Add("Vary", "Origin")
		return
	}
	*h = append(*h, c.origin(origin)...)
	if len(c.Expose) > 0 {
		h.Add("Access-Control-Expose-Headers", strings.Join(c.Expose, ", "))
	}
}

// CSRF demands proof of origin from state-changing requests that a browser may
// have authenticated by itself, with a cookie.
type CSRF struct {
	Mode gatehouse.Mode
	// Cookies are the names that authenticate, besides the gateway's own token
	// cookie, to the service behind.
	Cookies []string
	// Origins may send such requests, besides the API's own origin.
	Origins []string
}

// check returns why the request must not go on, and true, or false where all is
// well. Browsers set Origin and Sec-Fetch-Site themselves; a page can forge
// neither.
func (c *CSRF) check(x *gatehouse.Exchange) (gatehouse.Reason, bool) {
	switch x.Request.Method {
	case "GET", "HEAD", "OPTIONS", "TRACE":
		if x.Outbound.Upgrade == "" { // a cross-site WebSocket sends cookies as well
			return gatehouse.Reason{}, false
		}
	}
	if !x.Credential.Cookie && !c.hasCookie(x.Request.Header) {
		return gatehouse.Reason{}, false
	}
	if origin, ok := x.Request.Header.Lookup("Origin"); ok {
		same := len(origin) == len(x.Request.Scheme)+3+len(x.Request.Authority) &&
			strings.HasPrefix(origin, x.Request.Scheme) && strings.HasSuffix(origin, "://"+x.Request.Authority)
		if same || slices.Contains(c.Origins, origin) {
			return gatehouse.Reason{}, false
		}
		return gatehouse.Reason{Code: "csrf.origin", Message: "the Origin of a cookie-authenticated request is not on the list"}, true
	}
	if site := x.Request.Header.Get("Sec-Fetch-Site"); site == "same-origin" || site == "none" {
		return gatehouse.Reason{}, false
	}
	return gatehouse.Reason{Code: "csrf.origin", Message: "a cookie-authenticated request shows neither a matching Origin nor Sec-Fetch-Site"}, true
}

func (c *CSRF) hasCookie(h gatehouse.Header) bool {
	for v := range h.Values("Cookie") {
		for pair := range strings.SplitSeq(v, ";") {
			name, _, _ := strings.Cut(strings.TrimSpace(pair), "=")
			if slices.Contains(c.Cookies, name) {
				return true
			}
		}
	}
	return false
}
