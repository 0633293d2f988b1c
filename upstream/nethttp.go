package upstream

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/gatehouse/gatehouse"
)

const (
	maxHeadBytes   = 64 << 10 // of an answer
	maxInterim     = 16       // 1xx answers to one request
	maxIdleConns   = 1024     // to one endpoint
	connBufferSize = 8 << 10
	inlineValues   = 24
)

// netHTTP is a carrier on net/http's Transport, called without a Client: no
// redirects, no cookies, no compression of its own. It carries HTTP/2; what it
// does for HTTP/1.1 is the yardstick of the tests.
type netHTTP struct {
	transport *http.Transport
	scheme    string
	authority string // of the endpoint
}

// newNetHTTP returns a carrier for one endpoint. dial connects; for https the
// handshake follows within the same time limit.
func newNetHTTP(t target, protocol string, id *identity, to Timeouts,
	dial func(context.Context) (net.Conn, error)) *netHTTP {
	tr := &http.Transport{
		DisableCompression:     true,
		MaxIdleConnsPerHost:    maxIdleConns,
		MaxIdleConns:           maxIdleConns,
		IdleConnTimeout:        to.Idle,
		ResponseHeaderTimeout:  to.Head,
		MaxResponseHeaderBytes: maxHeadBytes,
		ReadBufferSize:         connBufferSize,
		WriteBufferSize:        connBufferSize,
		Protocols:              new(http.Protocols),
		HTTP2: &http.HTTP2Config{
			SendPingTimeout: to.Head, // a dead connection is noticed although nothing is sent on it
			PingTimeout:     to.Connect * 5,
		},
	}
	tr.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) { return plainDial(to, dial)(ctx) }
	var protos []string
	demand := ""
	switch {
	case protocol == protocolH2C:
		tr.Protocols.SetUnencryptedHTTP2(true)
	case protocol == protocolH2:
		tr.Protocols.SetHTTP2(true)
		protos, demand = []string{"h2"}, "h2"
	case protocol == protocolAuto && t.scheme == "https":
		tr.Protocols.SetHTTP1(true)
		tr.Protocols.SetHTTP2(true)
		protos = []string{"h2", "http/1.1"}
	default:
		tr.Protocols.SetHTTP1(true)
		protos = []string{"http/1.1"}
	}
	if t.scheme == "https" {
		// net/http looks at this one too, to set HTTP/2 up.
		tr.TLSClientConfig = id.client(t.host, protos...)
		secure := tlsDial(tr.TLSClientConfig.Clone(), to, dial, demand)
		tr.DialTLSContext = func(ctx context.Context, _, _ string) (net.Conn, error) { return secure(ctx) }
	}
	return &netHTTP{transport: tr, scheme: t.scheme, authority: t.authority()}
}

var _ net.Conn = (*tls.Conn)(nil) // net/http finds what ALPN said by this type

func (n *netHTTP) closeIdle() { n.transport.CloseIdleConnections() }

// A call is everything one request needs beyond the http.Request, in one
// allocation. It is not reused: net/http may hold on to it.
type call struct {
	url    url.URL
	values [inlineValues]string
	tracer *tracer
	resp   *http.Response
	answer answer
	fields *[]gatehouse.Field
	traced bool // the context had a trace of its own
}

// A tracer is what net/http tells about a request on its way, with the request's
// header map. It is reused where it is certain that net/http has let go of it.
type tracer struct {
	trace  httptrace.ClientTrace
	header http.Header
	got    atomic.Int32 // connections had
	wrote  atomic.Int32 // requests written to the end

	mu      sync.Mutex // interim answers come from another goroutine
	interim gatehouse.ResponseWriter
	count   int
}

var tracers = sync.Pool{New: func() any {
	t := &tracer{header: make(http.Header, 16)}
	t.trace.GotConn = func(httptrace.GotConnInfo) { t.got.Add(1) }
	t.trace.WroteRequest = func(httptrace.WroteRequestInfo) { t.wrote.Add(1) }
	t.trace.Got1xxResponse = t.got1xx
	return t
}}

func (t *tracer) got1xx(status int, h textproto.MIMEHeader) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.count++; t.count > maxInterim {
		return errInterim
	}
	if t.interim == nil || status == 100 {
		return nil
	}
	fields, ok := fieldsOf(make(gatehouse.Header, 0, len(h)), http.Header(h))
	if !ok {
		return errInterim
	}
	return t.interim.WriteHead(status, fields)
}

// hush ends the passing of interim answers: when it returns, none is under way.
func (t *tracer) hush() {
	t.mu.Lock()
	t.interim = nil
	t.mu.Unlock()
}

// free gives the tracer back if net/http has written the one request on the one
// connection it got, and so will not look at the header map or the trace again.
func (t *tracer) free(traced bool) {
	if traced || t.got.Load() != 1 || t.wrote.Load() != 1 {
		return
	}
	clear(t.header)
	t.got.Store(0)
	t.wrote.Store(0)
	t.count = 0
	tracers.Put(t)
}

func (n *netHTTP) send(ctx context.Context, m *message) (*answer, error) {
	c := &call{tracer: tracers.Get().(*tracer)}
	c.traced = httptrace.ContextClientTrace(ctx) != nil
	req, err := n.request(ctx, c, m)
	if err != nil {
		return nil, err
	}
	c.tracer.interim = m.interim
	c.resp, err = n.transport.RoundTrip(req)
	c.tracer.hush()
	m.reached = c.tracer.got.Load() > 0
	if err != nil {
		return nil, err
	}
	if !c.convert(m.out.Method) {
		c.Release(false)
		return nil, malformed("a field name that is no token")
	}
	return &c.answer, nil
}

// request builds the http.Request by hand.
func (n *netHTTP) request(ctx context.Context, c *call, m *message) (*http.Request, error) {
	o := m.out
	c.url = url.URL{Scheme: n.scheme, Host: n.authority, RawQuery: o.Query}
	if strings.HasPrefix(o.Path, "//") {
		// An Opaque of this shape would be taken for an authority.
		p, err := url.PathUnescape(o.Path)
		if err != nil {
			return nil, unwritable("the path")
		}
		c.url.Path, c.url.RawPath = p, o.Path
		if c.url.EscapedPath() != o.Path {
			return nil, unwritable("the path")
		}
	} else {
		c.url.Opaque = o.Path
	}
	n.header(c, m)
	req := &http.Request{
		Method: o.Method, URL: &c.url, Host: o.Authority, Header: c.tracer.header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	if m.body != nil {
		req.ContentLength = m.body.length
		body := m.body
		req.Body = body.open()
		if body.held {
			// For a connection that was found closed before anything was written.
			req.GetBody = func() (io.ReadCloser, error) { return body.open(), nil }
		}
	}
	return req.WithContext(httptrace.WithClientTrace(ctx, &c.tracer.trace)), nil
}

// header fills the header map; all values stand in one array.
func (n *netHTTP) header(c *call, m *message) {
	h, in := c.tracer.header, m.out.Header
	values := c.values[:0]
	if len(in) > inlineValues {
		values = make([]string, 0, len(in))
	}
	var named []string // by Connection fields that should have been gone by now
	for i := range in {
		f := &in[i]
		known := lookupName(f.Name)
		if known.dropOut {
			if known.canonical == "Connection" {
				named = append(named, f.Value)
			}
			continue
		}
		if have, ok := h[known.canonical]; ok {
			h[known.canonical] = append(have, f.Value)
			continue
		}
		values = append(values, f.Value)
		h[known.canonical] = values[len(values)-1 : len(values) : len(values)]
	}
	for _, list := range named {
		for name := range strings.SplitSeq(list, ",") {
			if name = strings.Trim(name, " \t"); validToken(name) {
				delete(h, lookupName(name).canonical)
			}
		}
	}
	if _, ok := h["User-Agent"]; !ok {
		h["User-Agent"] = nil // else net/http would send its own
	}
	if m.out.Trailers {
		h["Te"] = trailersValue
	}
	if m.out.Upgrade != "" {
		h["Connection"] = upgradeValue
		h["Upgrade"] = []string{m.out.Upgrade}
	}
}

// Shared values: net/http does not write to them.
var (
	trailersValue = []string{"trailers"}
	upgradeValue  = []string{"Upgrade"}
)

var fieldPool = sync.Pool{New: func() any {
	s := make([]gatehouse.Field, 0, 32)
	return &s
}}

// convert fills in the answer from what net/http returned.
func (c *call) convert(method string) (ok bool) {
	r, a := c.resp, &c.answer
	c.fields = fieldPool.Get().(*[]gatehouse.Field)
	if a.header, ok = fieldsOf((*c.fields)[:0], r.Header); !ok {
		return false
	}
	a.status, a.length, a.body, a.source = r.StatusCode, r.ContentLength, r.Body, c
	if a.body == http.NoBody {
		a.body = nil
	}
	if len(r.Trailer) > 0 {
		names := make([]string, 0, len(r.Trailer))
		for name := range r.Trailer {
			names = append(names, name)
		}
		a.announced = strings.Join(names, ", ")
	}
	if method == "HEAD" || r.StatusCode == http.StatusNotModified {
		a.length = announcedLength(r.Header)
	}
	if v := r.Header["Content-Length"]; a.length >= 0 && len(v) == 1 && digits(v[0], a.length) {
		a.lengthText = v[0]
	}
	if r.StatusCode == http.StatusSwitchingProtocols {
		a.conn, _ = r.Body.(io.ReadWriteCloser)
		a.upgrade = r.Header.Get("Upgrade")
	}
	return true
}

// digits reports whether s is n in decimal.
func digits(s string, n int64) bool {
	v, err := strconv.ParseUint(s, 10, 63)
	return err == nil && int64(v) == n
}

// announcedLength is the Content-Length of an answer that has no body.
func announcedLength(h http.Header) int64 {
	v := h["Content-Length"]
	if len(v) != 1 {
		return -1
	}
	n, err := strconv.ParseUint(v[0], 10, 63)
	if err != nil {
		return -1
	}
	return int64(n)
}

// fieldsOf appends what may pass of h, without hop-by-hop and framing fields and
// those that Connection names. It is not ok where a name is no token: net/http
// lets a space by, of which the next reader may make something else.
func fieldsOf(to gatehouse.Header, h http.Header) (_ gatehouse.Header, ok bool) {
	for name, values := range h {
		if name == "" {
			return to, false
		}
		known := lookupName(name)
		if known.dropBack {
			continue
		}
		if !known.listed && !validToken(name) {
			return to, false
		}
		for _, v := range values {
			to = append(to, gatehouse.Field{Name: name, Value: v})
		}
	}
	for _, list := range h["Connection"] {
		for name := range strings.SplitSeq(list, ",") {
			if name = strings.Trim(name, " \t"); name != "" {
				to.Del(name)
			}
		}
	}
	return to, true
}

// Trailer returns the trailer fields that may pass: none that frames, routes or
// describes the message (RFC 9110, section 6.5.1).
func (c *call) Trailer() gatehouse.Header {
	if len(c.resp.Trailer) == 0 {
		return nil
	}
	to, ok := fieldsOf(make(gatehouse.Header, 0, len(c.resp.Trailer)), c.resp.Trailer)
	if !ok {
		return nil // trailers are optional
	}
	to.DelFunc(func(f gatehouse.Field) bool { return !trailerAllowed(f.Name) || !gatehouse.ValidValue(f.Value) })
	return to
}

func trailerAllowed(name string) bool {
	switch lookupName(name).canonical {
	case "Host", "Authorization", "Www-Authenticate", "Set-Cookie", "Cookie", "Location", "Age",
		"Cache-Control", "Expires", "Date", "Vary", "Retry-After", "Content-Encoding", "Content-Type",
		"Content-Range", "Range", "Expect", "Content-Disposition", "Content-Security-Policy",
		"Strict-Transport-Security":
		return false
	}
	return true
}

func (c *call) Release(complete bool) {
	c.resp.Body.Close()
	clear(c.answer.header)
	*c.fields = c.answer.header[:0]
	fieldPool.Put(c.fields)
	if complete {
		c.tracer.free(c.traced)
	}
}
