package lab

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// A client is one caller with an address, and perhaps a certificate, of its own.
type client struct {
	target *Target
	from   netip.Addr
	cert   *tls.Certificate
	run    string // marks its requests; "" for good clients
	http   *http.Client

	sent     atomic.Int64 // requests
	answered atomic.Int64 // answers, or connections the other side ended
}

func newClient(t *Target, from netip.Addr, cert *tls.Certificate, http2 bool) *client {
	c := &client{target: t, from: from, cert: cert}
	tr := &http.Transport{MaxIdleConnsPerHost: 16, IdleConnTimeout: 10 * time.Second, DisableCompression: true,
		TLSClientConfig: t.tlsConfig(cert), Protocols: new(http.Protocols)}
	tr.Protocols.SetHTTP1(!http2 || t.direct())
	tr.Protocols.SetHTTP2(http2)
	tr.DialContext = func(ctx context.Context, _, addr string) (net.Conn, error) {
		if !t.direct() && addr != t.HTTP {
			addr = t.HTTPS
		}
		return dialFrom(ctx, from, addr)
	}
	c.http = &http.Client{Transport: tr, Timeout: 30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return c
}

func (c *client) close() { c.http.CloseIdleConnections() }

// A reply is an answer, read whole up to a bound.
type reply struct {
	Status int
	Header http.Header
	Body   []byte
}

const maxReply = 4 << 20

func (r *reply) String() string {
	return fmt.Sprintf("%d %.120s", r.Status, bytes.TrimSpace(r.Body))
}

// An option changes a request before it is sent.
type option func(*http.Request)

func bearer(token string) option { return with("Authorization", "Bearer "+token) }

func with(name, value string) option {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func also(name, value string) option {
	return func(r *http.Request) { r.Header.Add(name, value) }
}

func query(raw string) option {
	return func(r *http.Request) { r.URL.RawQuery = raw }
}

func body(b io.Reader, length int64) option {
	return func(r *http.Request) { r.Body, r.ContentLength = io.NopCloser(b), length }
}

func jsonBody(v any) option {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return func(r *http.Request) {
		r.Header.Set("Content-Type", "application/json")
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(raw)), int64(len(raw))
		r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(raw)), nil }
	}
}

// to sends the request to a service that its path alone does not name.
func to(svc *Service) option {
	return func(r *http.Request) { *r = *r.WithContext(context.WithValue(r.Context(), serviceKey{}, svc)) }
}

type serviceKey struct{}

// request makes a request for an escaped path.
func (c *client) request(ctx context.Context, method, p string, opts ...option) (*http.Request, error) {
	unescaped, err := url.PathUnescape(p)
	if err != nil {
		return nil, err
	}
	r := (&http.Request{Method: method, URL: &url.URL{Path: unescaped, RawPath: p}, Header: http.Header{},
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}).WithContext(ctx)
	for _, o := range opts {
		o(r)
	}
	svc, _ := r.Context().Value(serviceKey{}).(*Service)
	if svc == nil {
		svc = c.target.Shop.serving(p)
	}
	if svc == nil {
		return nil, fmt.Errorf("lab: no service has the path %q", p)
	}
	origin, err := url.Parse(c.target.origin(svc))
	if err != nil {
		return nil, err
	}
	r.URL.Scheme, r.URL.Host = origin.Scheme, origin.Host
	if r.Host == "" {
		r.Host = origin.Host
		if c.target.direct() {
			r.Host = PublicHost
		}
	}
	if c.run != "" {
		r.Header.Set(RunHeader, c.run)
	}
	return r, nil
}

func (c *client) do(ctx context.Context, method, p string, opts ...option) (*reply, error) {
	r, err := c.request(ctx, method, p, opts...)
	if err != nil {
		return nil, err
	}
	return c.send(r)
}

func (c *client) send(r *http.Request) (*reply, error) {
	c.sent.Add(1)
	resp, err := c.http.Do(r)
	if err != nil {
		// A connection that was made and then cut is an answer of a kind.
		if !errors.Is(err, errNoConnection) && r.Context().Err() == nil {
			c.answered.Add(1)
		}
		return nil, err
	}
	defer resp.Body.Close()
	c.answered.Add(1)
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxReply))
	return &reply{resp.StatusCode, resp.Header, raw}, err
}

// htu is the URI a DPoP proof for a path must name.
func (c *client) htu(p string) string { return c.target.origin(c.target.Shop.serving(p)) + p }

// dpop shows a token bound to the prover's key, with a fresh proof.
func (c *client) dpop(p *Prover, method, path, token string) option {
	proof := p.Proof(method, c.htu(path), token, nil)
	return func(r *http.Request) {
		r.Header.Set("Authorization", "DPoP "+token)
		r.Header.Set("DPoP", proof)
	}
}

// lines joins the lines of a raw message head with CRLF.
func lines(ls ...string) string { return strings.Join(ls, "\r\n") + "\r\n" }
