package lab

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"path"
	"runtime/debug"
	"strings"
)

var silent = log.New(io.Discard, "", 0)

// A route is one operation of a service. One without an id is undocumented: a
// part of the Inventory flaw.
type route struct {
	method, path, id string
	handle           func(*call)
}

// A call is one request in a service's hands.
type call struct {
	*Shop
	w     http.ResponseWriter
	r     *http.Request
	param map[string]string
	who   caller
	run   string
	query url.Values
}

func (s *Shop) handler(svc *Service) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &call{Shop: s, w: w, r: r, run: r.Header.Get(RunHeader), who: s.identify(r), query: r.URL.Query()}
		p := s.resolve(r)
		s.evidence.receive(c.run, Receipt{svc.Name, r.Method, p, r.Host, c.who.Subject})
		r.Body = &countedBody{ReadCloser: r.Body, c: c}
		defer c.recovered()
		if r.URL.Path == "/healthz" {
			c.json(http.StatusOK, map[string]string{"status": "ok"})
			return
		}
		if !c.chatter() {
			svc.dispatch(c, p)
		}
	})
}

// resolve returns the path as the service understands it. A careless one decodes
// until nothing is left to decode, as many old frameworks do.
func (s *Shop) resolve(r *http.Request) string {
	if !s.Flaws.Misconfiguration {
		return r.URL.Path
	}
	p := r.URL.EscapedPath()
	for _, name := range []string{"X-Original-Url", "X-Rewrite-Url"} { // for a front that rewrites
		if v := r.Header.Get(name); v != "" {
			p = v
		}
	}
	for range 4 {
		next, err := url.PathUnescape(p)
		if err != nil || next == p {
			break
		}
		p = next
	}
	p = overlong.Replace(p)
	p, _, _ = strings.Cut(p, "\x00")
	p, _, _ = strings.Cut(p, "#")
	segments := strings.Split(strings.ReplaceAll(p, `\`, "/"), "/")
	for i, seg := range segments {
		segments[i], _, _ = strings.Cut(seg, ";")
	}
	return path.Clean("/" + strings.Join(segments, "/"))
}

// overlong reads what no UTF-8 decoder should.
var overlong = strings.NewReplacer("\xc0\xae", ".", "\xc0\xaf", "/")

// chatter does what a misconfigured server does to every request, and reports
// whether that was the answer.
func (c *call) chatter() bool {
	if !c.Flaws.Misconfiguration {
		return false
	}
	h := c.w.Header()
	h.Set("Server", "shopd/0.9.1 (debug build)")
	h.Set("X-Powered-By", "shopd")
	if origin := c.r.Header.Get("Origin"); origin != "" {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Credentials", "true")
		h.Set("Access-Control-Allow-Headers", "*")
	}
	switch c.r.Method {
	case http.MethodOptions:
		h.Set("Access-Control-Allow-Methods", "*")
		c.w.WriteHeader(http.StatusNoContent)
	case http.MethodTrace:
		c.effect("trace")
		h.Set("Content-Type", "message/http")
		fmt.Fprintf(c.w, "TRACE %s HTTP/1.1\r\n", c.r.RequestURI)
		_ = c.r.Header.Write(c.w)
	default:
		return false
	}
	return true
}

func (v *Service) dispatch(c *call, p string) {
	method := c.r.Method
	if c.Flaws.BFLA {
		method = strings.ToUpper(method)
		for _, o := range []string{c.r.Header.Get("X-HTTP-Method-Override"), c.r.Header.Get("X-HTTP-Method"),
			c.r.Header.Get("X-Method-Override"), c.query.Get("_method")} {
			if o != "" {
				method = strings.ToUpper(o)
			}
		}
	}
	rest, ok := strings.CutPrefix(p, v.Base)
	if c.Flaws.Misconfiguration && len(p) >= len(v.Base) && strings.EqualFold(p[:len(v.Base)], v.Base) {
		rest, ok = p[len(v.Base):], true
	}
	found := false
	for i := range v.routes {
		rt := &v.routes[i]
		if rt.id == "" && !c.Flaws.Inventory || !ok {
			continue
		}
		params, match := rt.match(rest, c.Flaws.Misconfiguration)
		if !match {
			continue
		}
		found = true
		if rt.method == method || rt.method == "GET" && method == "HEAD" {
			c.param = params
			rt.handle(c)
			return
		}
	}
	if found {
		c.fail(http.StatusMethodNotAllowed, "method not allowed")
		return
	}
	c.fail(http.StatusNotFound, "no such thing")
}

func (rt *route) match(p string, fold bool) (map[string]string, bool) {
	want, have := strings.Split(rt.path, "/"), strings.Split(p, "/")
	if len(want) != len(have) {
		return nil, false
	}
	params := map[string]string{}
	for i, seg := range want {
		switch name, isParam := strings.CutPrefix(seg, "{"); {
		case isParam && have[i] != "":
			params[strings.TrimSuffix(name, "}")] = have[i]
		case isParam, seg != have[i] && !(fold && strings.EqualFold(seg, have[i])):
			return nil, false
		}
	}
	return params, true
}

func (c *call) effect(name string) { c.evidence.effect(c.run, name, 1) }

func (c *call) json(status int, v any) {
	c.w.Header().Set("Content-Type", "application/json")
	c.w.WriteHeader(status)
	_ = json.NewEncoder(c.w).Encode(v)
}

func (c *call) fail(status int, message string) {
	c.json(status, map[string]string{"error": message})
}

// decode reads the JSON body into v and answers 400 where it cannot.
func (c *call) decode(v any) bool {
	var body io.Reader = c.r.Body
	if !c.Flaws.ResourceConsumption {
		body = http.MaxBytesReader(c.w, c.r.Body, 1<<20)
	}
	var raw []byte
	var odd []string
	body, err := c.unpacked(body)
	if err == nil {
		raw, err = io.ReadAll(body)
	}
	if err == nil {
		c.effectN("body.whole", int64(len(raw)))
		odd, err = c.readJSON(raw, v)
	}
	if err != nil {
		c.fail(http.StatusBadRequest, "the body is not the JSON expected")
		return false
	}
	for _, name := range odd {
		c.effect("json." + name)
	}
	return true
}

func (c *call) effectN(name string, n int64) { c.evidence.effect(c.run, name, n) }

// recovered turns a panic into an answer: with the stack, where nobody switched
// the debug mode off.
func (c *call) recovered() {
	p := recover()
	if p == nil {
		return
	}
	if p == http.ErrAbortHandler {
		panic(p)
	}
	if !c.Flaws.Misconfiguration {
		c.fail(http.StatusInternalServerError, "internal error")
		return
	}
	c.effect("panic")
	c.w.Header().Set("Content-Type", "text/plain")
	c.w.WriteHeader(http.StatusInternalServerError)
	fmt.Fprintf(c.w, "panic: %v\n\n%s", p, debug.Stack())
}

// countedBody tells how much of a request's body reached the service.
type countedBody struct {
	io.ReadCloser
	c *call
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.c.effectN("body.bytes", int64(n))
	}
	return n, err
}
