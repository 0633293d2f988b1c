package upstream

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/http1"
)

// ownHTTP is a carrier on this module's own HTTP/1.1 client.
type ownHTTP struct {
	client    *http1.Client
	authority string // of the endpoint
}

// newOwnHTTP returns a carrier for one endpoint; dial connects, TLS included.
func newOwnHTTP(t target, to Timeouts, dial func(context.Context) (net.Conn, error)) *ownHTTP {
	return &ownHTTP{authority: t.authority(), client: &http1.Client{Dial: dial, Limits: &answerLimits,
		Head: to.Head, Silence: to.Stream, Idle: to.Idle, MaxIdle: maxIdleConns}}
}

var answerLimits = func() http1.Limits {
	l := http1.DefaultLimits()
	l.HeadBytes, l.Fields = maxHeadBytes, maxFields
	return l
}()

// maxFields bounds the fields of an answer.
const maxFields = 256

func (o *ownHTTP) closeIdle() { o.client.Close() }

// An ownCall is one request's share of the carrier. It is reused.
type ownCall struct {
	out    http1.Outgoing
	answer answer
	got    *http1.Answer
	to     gatehouse.ResponseWriter // of interim answers
}

var ownCalls = sync.Pool{New: func() any { return new(ownCall) }}

func (o *ownHTTP) send(ctx context.Context, m *message) (*answer, error) {
	c := ownCalls.Get().(*ownCall)
	c.compose(m, o.authority)
	got, err := o.client.Do(ctx, &c.out)
	m.reached = c.out.Reached
	if err != nil {
		c.free()
		return nil, ownError(err)
	}
	c.got = got
	c.convert(m.out.Method)
	return &c.answer, nil
}

func (c *ownCall) compose(m *message, authority string) {
	o := m.out
	c.out.Method, c.out.Path, c.out.Query, c.out.Host = o.Method, o.Path, o.Query, o.Authority
	if c.out.Host == "" {
		c.out.Host = authority
	}
	c.out.Header, c.out.Upgrade, c.out.Trailers = o.Header, o.Upgrade, o.Trailers
	c.out.Repeatable = idempotent(o.Method)
	if m.body != nil {
		if c.out.Whole = m.body.whole; !m.body.held { // then it is read by another goroutine
			c.out.Body, c.out.Length = m.body.open(), m.body.length
		}
	}
	if c.to = m.interim; c.to != nil {
		c.out.Interim = c
	}
}

// WriteHead passes an interim answer on. Whether the client has got it does not
// matter: if it is gone, the final one will tell.
func (c *ownCall) WriteHead(status int, h gatehouse.Header) error {
	kept, _ := passing(h)
	_ = c.to.WriteHead(status, kept)
	return nil
}

func (c *ownCall) free() {
	*c = ownCall{}
	ownCalls.Put(c)
}

// convert fills in the answer.
func (c *ownCall) convert(method string) {
	a, got := &c.answer, c.got
	var own ownFields
	a.header, own = passing(got.Header)
	a.status, a.length, a.source = got.Status, got.Length, c
	a.announced, a.lengthText, a.upgrade = own.trailer, own.length, own.upgrade
	switch {
	case got.Status == 101:
		a.conn = got.Tunnel()
		return
	case method == "HEAD" || got.Status == 304:
		a.length = digitsOf(own.length)
	case a.length < 0:
		a.length = -1
	}
	if got.Length != 0 {
		a.body, a.timed = c, true
	}
}

// digitsOf returns the number that s is, -1 where it is none.
func digitsOf(s string) int64 {
	if s == "" || len(s) > 18 {
		return -1
	}
	n := int64(0)
	for i := 0; i < len(s); i++ {
		if s[i]-'0' > 9 {
			return -1
		}
		n = n*10 + int64(s[i]-'0')
	}
	return n
}

// ownFields are what one connection's fields say.
type ownFields struct{ trailer, length, upgrade string }

// passing filters h in place: what belongs to one connection or to framing goes,
// and what Connection names.
func passing(h gatehouse.Header) (kept gatehouse.Header, own ownFields) {
	kept = h[:0]
	connection := ""
	for _, f := range h {
		if staysBehind(f, &own, &connection) {
			continue
		}
		kept = append(kept, f)
	}
	if connection != "" {
		for name := range strings.SplitSeq(connection, ",") {
			if name = strings.Trim(name, " \t"); name != "" && !gatehouse.EqualFold(name, "close") && !gatehouse.EqualFold(name, "keep-alive") {
				kept.Del(name)
			}
		}
	}
	return kept, own
}

func staysBehind(f gatehouse.Field, own *ownFields, connection *string) bool {
	is := func(s string) bool { return gatehouse.EqualFold(f.Name, s) }
	join := func(to *string) bool {
		if *to != "" {
			*to += ", "
		}
		*to += f.Value
		return true
	}
	switch len(f.Name) {
	case 2:
		return is("TE")
	case 7:
		switch {
		case is("Trailer"):
			return join(&own.trailer)
		case is("Upgrade"):
			return join(&own.upgrade)
		}
	case 10:
		switch {
		case is("Connection"):
			return join(connection)
		case is("Keep-Alive"):
			return true
		}
	case 14:
		if is("Content-Length") {
			own.length = f.Value
			return true
		}
	case 16:
		return is("Proxy-Connection")
	case 17:
		return is("Transfer-Encoding")
	case 18:
		return is("Proxy-Authenticate")
	}
	return false
}

// Read and Close make the call the answer's body.
func (c *ownCall) Read(p []byte) (int, error) {
	n, err := c.got.Read(p)
	if err != nil && err != io.EOF {
		err = ownError(err)
	}
	return n, err
}

func (c *ownCall) Close() error { return nil }

// Trailer implements answer.source.
func (c *ownCall) Trailer() gatehouse.Header {
	to := c.got.Trailer()
	if len(to) == 0 {
		return nil
	}
	to, _ = passing(to)
	to.DelFunc(func(f gatehouse.Field) bool { return !trailerAllowed(f.Name) })
	return to
}

// Release implements answer.source.
func (c *ownCall) Release(bool) {
	if c.answer.conn != nil {
		c.answer.conn.Close()
	}
	c.got.Release()
	c.free()
}

// errAnswer is a message that is not HTTP as we read it.
type errAnswer struct{ reason *gatehouse.Error }

func (e *errAnswer) Error() string { return e.reason.Message + " (" + e.reason.Code + ")" }

// ownError keeps what the client package says about an answer from being taken
// for what is said about a request.
func ownError(err error) error {
	var own *gatehouse.Error
	if errors.As(err, &own) && strings.HasPrefix(own.Code, "http1.") {
		return &errAnswer{own}
	}
	return err
}
