package gateway

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse"
)

// Egress is what a route to a third party's API has beyond the others: the
// credential that is added to its calls, and the bounds of what is taken from it
// (OWASP API10:2023, unsafe consumption of APIs).
type Egress struct {
	// Mode is that of the bounds. Credentials and fields are seen to in every mode.
	Mode gatehouse.Mode
	// Credential is set on every call, instead of whatever the service sent in that
	// field; none where its Name is empty.
	Credential gatehouse.Field
	// Cookies lets cookies pass, in both directions.
	Cookies bool

	// Redirects says where a redirect (3xx) may lead. Hosts are the names of the third
	// party itself, lower case, and Port is where it is reached, besides its scheme's
	// own ("8443", or "").
	Redirects Redirects
	Hosts     []string
	Port      string
	// RedirectHosts are other hosts it may lead to, by RedirectListed.
	RedirectHosts []string

	// AnswerBytes bounds the body of an answer, as it is sent; 0: no bound.
	AnswerBytes gatehouse.Bytes
	// AnswerTypes are the media types an answer's body may have, lower case:
	// "application/json", "text/*". Empty: any.
	AnswerTypes []string
}

// Redirects says which redirects of a third party are handed to the service. None
// is ever followed here.
type Redirects uint8

// What may be handed on.
const (
	RedirectRefuse   Redirects = iota // none
	RedirectSameHost                  // those that stay with the third party
	RedirectListed                    // those, and to RedirectHosts
)

// egressName is the name of the bounds in decisions and modes.
const egressName = "egress"

// router returns who knows the APIs of a listener, and whether it is an egress
// listener.
func (s *Snapshot) router(listener string) (*Router, bool) {
	if len(s.EgressListeners) == 0 || !s.EgressListeners[listener] {
		return s.Router, false
	}
	return s.Egress, true
}

// knows reports whether some API has this host.
func (r *Router) knows(host string) bool {
	if len(r.exact[host]) > 0 || len(r.any) > 0 {
		return true
	}
	i := strings.IndexByte(host, '.')
	return i > 0 && len(r.wildcard[host[i:]]) > 0
}

// destinationRefused answers who asks an egress listener for a host that no API
// lists.
func destinationRefused() *denial {
	return &denial{status: 403, by: egressName, result: gatehouse.Blocked, reason: gatehouse.Reason{
		Code: "egress.destination", Message: "no egress API lists this host", Hint: "add the host to an API with egress, if services may call it"}}
}

// withheld are the fields of a service that no third party gets: credentials of
// the house, and what its traces carry along. Via and X-Request-Id are the
// gateway's own.
var withheld = map[string]bool{
	"authorization": true, "dpop": true, "x-api-key": true, "baggage": true, "b3": true, "x-b3-traceid": true, "x-b3-spanid": true,
	"x-b3-parentspanid": true, "x-b3-sampled": true, "x-b3-flags": true, "x-amzn-trace-id": true, "x-cloud-trace-context": true,
	"uber-trace-id": true,
}

// withholds reports whether a field of the service is kept from the third party.
func (e *Egress) withholds(name string) bool {
	same := foldField(name)
	return withheld[same] || same == "cookie" && !e.Cookies || e.Credential.Name != "" && same == foldField(e.Credential.Name)
}

// sign adds the credential, whatever rules and controls put in its place.
func (e *Egress) sign(h *gatehouse.Header) {
	if e.Credential.Name == "" {
		return
	}
	delSame(h, foldField(e.Credential.Name))
	*h = append(*h, e.Credential)
}

// unwanted are fields by which an answer speaks to browsers, caches and proxies in
// the name of whoever passes it on. A third party has no say there, and a service
// that copies fields must not pass its word on.
var unwanted = map[string]bool{
	"strict-transport-security": true, "public-key-pins": true, "public-key-pins-report-only": true, "expect-ct": true,
	"alt-svc": true, "alt-used": true, "clear-site-data": true, "refresh": true, "service-worker-allowed": true,
	"nel": true, "report-to": true, "reporting-endpoints": true, "surrogate-control": true,
	"x-sendfile": true, "x-litespeed-location": true, "x-lighttpd-send-file": true, "x-lighttpd-send-file2": true, "x-reproxy-url": true, "x-reproxy-file": true,
}

var unwantedPrefixes = []string{"access-control-", "x-accel-", "x-gatehouse-"}

// strip drops what a third party's answer has no say in.
func (e *Egress) strip(h *gatehouse.Header) {
	h.DelFunc(func(f gatehouse.Field) bool {
		same := foldField(f.Name)
		return unwanted[same] || strings.HasSuffix(same, "cdn-cache-control") || !e.Cookies && (same == "set-cookie" || same == "set-cookie2") ||
			slices.ContainsFunc(unwantedPrefixes, func(p string) bool { return strings.HasPrefix(same, p) })
	})
}

// A foreignAnswer stands between a Forwarder and the answer to the client: what a
// third party says goes through it first.
type foreignAnswer struct {
	*answer
	received int64 // bytes of the body
}

// WriteHead drops what a third party has no say in, and holds the rest to the
// bounds. Interim answers (1xx) end here.
func (a *foreignAnswer) WriteHead(status int, h gatehouse.Header) error {
	if status < 200 && status != 101 {
		return nil
	}
	t, e := a.t, a.t.route.Egress
	e.strip(&h)
	if e.Mode != gatehouse.Off {
		v := gatehouse.Passed()
		replaced := status >= 500 && !t.route.PassErrors // then the body is not passed on
		if err := e.judge(t.x.Request.Method, status, h, replaced); err != nil {
			v = gatehouse.Denied(502, err.Reason())
		}
		if err := a.obey(v); err != nil {
			return err
		}
	}
	return a.answer.WriteHead(status, h)
}

// Write counts the body: an answer need not say how long it is.
func (a *foreignAnswer) Write(p []byte) (int, error) {
	e, before := a.t.route.Egress, a.received
	a.received += int64(len(p))
	if most := int64(e.AnswerBytes); most > 0 && before <= most && a.received > most && e.Mode != gatehouse.Off {
		if err := a.obey(gatehouse.Denied(502, e.tooLong().Reason())); err != nil {
			return 0, err
		}
	}
	return a.answer.Write(p)
}

// WriteTrailer implements gatehouse.ResponseWriter.
func (a *foreignAnswer) WriteTrailer(h gatehouse.Header) error {
	a.t.route.Egress.strip(&h)
	return a.answer.WriteTrailer(h)
}

// obey enters a verdict on the answer into the decision, and returns an error where
// it ends the exchange.
func (a *foreignAnswer) obey(v gatehouse.Verdict) error {
	a.t.mark = time.Since(a.t.x.Start)
	if d := a.t.rule(egressName, gatehouse.StepJudgeBack, a.t.route.Egress.Mode, v, nil); d != nil {
		a.refused = d
		return errRefused
	}
	return nil
}

// judge returns what is wrong with the head of an answer, or nil. Where its body
// is replaced only the redirect matters.
func (e *Egress) judge(method string, status int, h gatehouse.Header, replaced bool) *gatehouse.Error {
	if status >= 300 && status <= 399 {
		if err := e.redirect(h); err != nil {
			return err
		}
	}
	length, announced := h.Lookup("Content-Length")
	if replaced || method == "HEAD" || status < 200 || status == 204 || status == 304 || announced && length == "0" {
		return nil // no body passes
	}
	if n, err := strconv.ParseInt(length, 10, 64); announced && e.AnswerBytes > 0 && (err != nil || n > int64(e.AnswerBytes)) {
		return e.tooLong()
	}
	if len(e.AnswerTypes) > 0 && !e.takes(h) {
		return &gatehouse.Error{Code: "egress.type", Status: 502, Message: "the third party's answer has a media type that is not listed"}
	}
	return nil
}

func (e *Egress) tooLong() *gatehouse.Error {
	return &gatehouse.Error{Code: "egress.length", Status: 502, Message: "the third party's answer exceeds the limit of " + strconv.FormatInt(int64(e.AnswerBytes), 10) + " bytes"}
}

// takes reports whether the answer has one Content-Type, and it is listed.
func (e *Egress) takes(h gatehouse.Header) bool {
	if h.Count("Content-Type") != 1 {
		return false
	}
	media, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	media = asciiLower(strings.Trim(media, " \t"))
	kind, _, _ := strings.Cut(media, "/")
	return slices.ContainsFunc(e.AnswerTypes, func(t string) bool { return t == media || t == kind+"/*" })
}

// redirect judges the Location of a 3xx answer.
func (e *Egress) redirect(h gatehouse.Header) *gatehouse.Error {
	location, has := h.Lookup("Location")
	switch {
	case !has:
		return nil
	case h.Count("Location") > 1:
		return redirectRefused("the third party redirects to several places")
	case e.Redirects == RedirectRefuse:
		return redirectRefused("the third party redirects")
	}
	scheme, authority, ok := splitLocation(location)
	if !ok {
		return redirectRefused("the third party redirects to what is no plain http or https URL")
	}
	if !e.leads(scheme, authority) {
		return redirectRefused("the third party redirects to another host")
	}
	return nil
}

func redirectRefused(message string) *gatehouse.Error {
	return &gatehouse.Error{Code: "egress.redirect", Status: 502, Message: message,
		Hint: "redirects of the API's egress says where one may lead"}
}

// leads reports whether a redirect may lead to an authority. Both schemes will do:
// a service that calls through the gateway speaks plain HTTP with it.
func (e *Egress) leads(scheme, authority string) bool {
	if authority == "" {
		return true
	}
	host, ok := splitAuthority(authority)
	if !ok {
		return false
	}
	port := strings.TrimPrefix(authority[len(host):], ":")
	usual := port == "" || port == "80" && scheme == "http" || port == "443" && scheme == "https"
	host = asciiLower(host)
	if slices.Contains(e.Hosts, host) {
		return usual || port == e.Port
	}
	return usual && e.Redirects == RedirectListed && slices.Contains(e.RedirectHosts, host)
}

// locationByte holds what may stand in a URI reference: RFC 3986, section 2,
// without what readers disagree on.
var locationByte = func() (t [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:/?#[]@!$&'()*+,;=%") {
		t[c] = true
	}
	return t
}()

const maxLocation = 8 << 10

// splitLocation takes a Location apart (RFC 9110, section 10.2.2). authority is
// empty where the reference is relative, scheme where it is relative to it. It is
// not ok where two readers could take the host for different ones: backslashes,
// spaces, raw bytes, a scheme that is not http or https or lacks its slashes, user
// information, an empty authority or path segment.
func splitLocation(s string) (scheme, authority string, ok bool) {
	if s == "" || len(s) > maxLocation {
		return "", "", false
	}
	for i := 0; i < len(s); i++ {
		if !locationByte[s[i]] || s[i] == '%' && (i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2])) {
			return "", "", false
		}
	}
	if i := strings.IndexAny(s, ":/?#"); i >= 0 && s[i] == ':' {
		if scheme = asciiLower(s[:i]); scheme != "http" && scheme != "https" {
			return "", "", false
		}
		if s = s[i+1:]; !strings.HasPrefix(s, "//") {
			return "", "", false
		}
	}
	if rest, has := strings.CutPrefix(s, "//"); has {
		end := strings.IndexAny(rest, "/?#")
		if end < 0 {
			end = len(rest)
		}
		if authority, s = rest[:end], rest[end:]; authority == "" {
			return "", "", false
		}
		if _, valid := splitAuthority(authority); !valid {
			return "", "", false
		}
	}
	if end := strings.IndexAny(s, "?#"); end >= 0 {
		s = s[:end]
	}
	// Resolved, "/.//host" could begin with two slashes.
	return scheme, authority, !strings.Contains(s, "//")
}
