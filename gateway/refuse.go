package gateway

import (
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// aborter is a door's writer that can break an answer off, so that the client
// does not take it for complete.
type aborter interface{ Abort() }

// refuse is the one place where the gateway's refusals are written.
func (t *trip) refuse(d *denial) {
	x := t.x
	dec := &x.Decision
	dec.By, dec.Reason, dec.Result = d.by, d.reason, d.result
	if t.answer.sent || d.status == 499 {
		dec.Aborted, dec.Late, dec.Status = true, d.reason, x.Response.Status
		if a, ok := t.w.(aborter); ok {
			a.Abort()
		}
		return
	}
	dec.Status = d.status
	x.Response.Status = d.status
	h := x.Response.Header[:0]
	h.Add("Content-Type", "application/problem+json")
	h.Add("Cache-Control", "no-store")
	x.Response.Header = h
	t.answer.dress(&x.Response.Header)
	for _, f := range d.fields {
		x.Response.Header.Add(f.Name, inert(f.Value))
	}
	if d.result == gatehouse.Refused && d.by != "match" && strings.HasPrefix(x.Request.Proto, "HTTP/1.") {
		x.Response.Header.Set("Connection", "close") // after an ambiguous message nothing on it is safe
	}
	t.write(d.status, appendProblem(nil, d.status, publicCode(d), x.ID, d.details))
}

// publicCode is the code a client sees. A policy's name stays inside, and a 404 of a
// control looks like that of a path nobody knows.
func publicCode(d *denial) string {
	if d.status == 404 && d.by != "match" {
		return "match.undocumented"
	}
	if d.reason.Code == "" {
		return "gateway." + d.result.String()
	}
	return d.reason.Code
}

// write sends one of the gateway's own answers.
func (t *trip) write(status int, body []byte) {
	x := t.x
	if len(body) > 0 {
		x.Response.Header.Set("Content-Length", strconv.Itoa(len(body)))
	}
	t.answer.sent = true
	if t.w.WriteHead(status, x.Response.Header) == nil && len(body) > 0 && x.Request.Method != "HEAD" {
		n, _ := t.w.Write(body)
		x.Response.Bytes = int64(n)
	}
}

// survive turns a panic into a 500, or breaks off the answer it interrupted.
func (t *trip) survive(any) {
	defer func() {
		if recover() == nil {
			return
		}
		// The writer or a header rule may be what panicked. An answer that was not begun
		// must not end as the door's empty 200.
		if a, ok := t.w.(aborter); ok {
			a.Abort()
		}
	}()
	t.refuse(&denial{status: 500, by: "gateway", result: gatehouse.Failed,
		reason: gatehouse.Reason{Code: "gateway.panic", Message: "a panic; the stack is in the log"}})
}

// document serves the gateway's own documents.
func (t *trip) document() (done bool, d *denial) {
	x := t.x
	if len(t.s.Local) == 0 || !strings.HasPrefix(x.Request.Path, "/.well-known/") {
		return false, nil
	}
	a, ok := t.s.Local[x.Request.Host+x.Request.Path]
	if !ok || t.s.EgressListeners[x.Peer.Listener] { // there the path is a third party's
		return false, nil
	}
	if x.Request.Method != "GET" && x.Request.Method != "HEAD" {
		t.responseEdits = append(t.responseEdits, gatehouse.Field{Name: "Allow", Value: "GET, HEAD"})
		return false, refusal("match", &gatehouse.Error{Code: "match.method", Status: 405, Message: "the path does not have this method"})
	}
	t.local("metadata", 200, []gatehouse.Field{{Name: "Content-Type", Value: a.ContentType}, {Name: "Cache-Control", Value: "max-age=300"}}, a.Body)
	return true, nil
}

// localAnswer is step 3: what the gateway answers itself.
func (t *trip) localAnswer() (done bool, d *denial) {
	x := t.x
	if port := t.s.RedirectPort[x.Peer.Listener]; port != 0 {
		return true, t.redirect(port)
	}
	if t.route == nil { // a preflight
		fields, ok := t.site.CORS.preflight(&x.Request)
		if !ok {
			return false, &denial{status: 403, by: "cors", result: gatehouse.Blocked, fields: fields,
				reason: refusedOrigin}
		}
		t.local("cors", 204, fields, nil)
		return true, nil
	}
	return false, nil
}

func (t *trip) local(by string, status int, fields []gatehouse.Field, body []byte) {
	x := t.x
	x.Decision.Result, x.Decision.By, x.Decision.Status, x.Response.Status = gatehouse.Local, by, status, status
	h := append(x.Response.Header[:0], fields...)
	h.Set("X-Request-Id", x.ID)
	x.Response.Header = h
	t.write(status, body)
}

// redirect sends a plain request to HTTPS with 308, which keeps its method. The
// host is one of the API's own, so the redirect is not open.
func (t *trip) redirect(port int) *denial {
	host := t.x.Request.Host
	if port != 443 {
		host = net.JoinHostPort(strings.Trim(host, "[]"), strconv.Itoa(port))
	}
	location := "https://" + host + t.x.Request.Path
	if t.x.Request.Query != "" {
		location += "?" + t.x.Request.Query
	}
	t.local("redirect", 308, []gatehouse.Field{{Name: "Location", Value: location}}, nil)
	return nil
}

func joinMethods(ms []string) string {
	ms = slices.Clone(ms)
	if i := slices.Index(ms, "*"); i >= 0 {
		ms = slices.Delete(ms, i, i+1)
	}
	return strings.Join(ms, ", ")
}
