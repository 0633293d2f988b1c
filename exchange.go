package gatehouse

import (
	"crypto/tls"
	"net/netip"
	"time"
)

// An Exchange is one request and its answer on their way through the gateway.
//
// It is filled step by step (see package gateway); each step's fields are
// read-only for the steps after it. It is reused after Finish: copy what must
// outlive it.
type Exchange struct {
	// ID is the request id: 26 characters, unique, sortable by time. It is sent
	// to the client, to the upstream and to every log.
	ID string
	// Start is when the request's head had been read. Controls use it as "now",
	// so that one request is judged at one instant.
	Start time.Time

	Peer     Peer
	Request  Request
	Response Response

	// API and Operation are set by match, and nil before it.
	API       *API
	Operation *Operation
	// Params are the path parameters, in the template's order.
	Params []Param

	// Credential is what the caller showed, Principal who that proves it to be:
	// [Anonymous] where nothing was shown, never nil after identify.
	Credential Credential
	Principal  *Principal
	// Risk is the caller's current risk, 0 (none known) to 100.
	Risk uint8

	// Outbound is the message as the upstream will see it: the request without
	// what a client could forge, plus what the gateway vouches for.
	Outbound Outbound

	// Trace is the W3C trace context of this exchange.
	Trace Trace

	// Decision collects the verdicts as they fall.
	Decision Decision

	kept []memo // two at the most: a list is quicker than a map
}

// Keep holds value until the end of the exchange, for a Control that goes on where
// it stopped: at the answer, or in Finish. The key is the Control's own pointer, or a
// type of its own, as for context values. A nil value lets go of the one before.
func (x *Exchange) Keep(key, value any) {
	for i := range x.kept {
		if x.kept[i].key == key {
			x.kept[i].value = value
			return
		}
	}
	x.kept = append(x.kept, memo{key, value})
}

// Kept returns what Keep was given under key, or nil.
func (x *Exchange) Kept(key any) any {
	for i := range x.kept {
		if x.kept[i].key == key {
			return x.kept[i].value
		}
	}
	return nil
}

// Peer is whoever sent the request, as far as the transport tells.
type Peer struct {
	// Addr is the client's address: the socket's, or what a trusted proxy said.
	// It is unmapped (never an IPv4-in-IPv6 address).
	Addr netip.Addr
	// Socket is the other end of the connection.
	Socket netip.AddrPort
	// Via says whether Addr came from a trusted proxy.
	Via bool
	// TLS is nil on a plain connection. Its PeerCertificates are verified.
	TLS *tls.ConnectionState
	// Fingerprint is a JA4-style fingerprint of the ClientHello and the order of
	// the header fields, or "".
	Fingerprint string
	// Listener names the door the request came through.
	Listener string
}

// Request is what the client asked, after normalising.
type Request struct {
	Proto  string // "HTTP/1.1", "HTTP/2.0"
	Method string // a token (RFC 9110, section 5.6.2)
	Scheme string // "http" or "https", as the client meant it
	// Authority is host and, where given, port, in lower case; equal to Host.
	Authority string
	// Host is Authority without its port.
	Host string
	// Target is the request-target exactly as received. For logs and errors;
	// nothing decides on it.
	Target string
	// Path is the canonical path, in its one escaped spelling: what may stand
	// literally does, everything else is an upper-case %XX. The router, the
	// policies and the upstream all use this one.
	Path string
	// Query is the raw query without "?"; its percent-encoding is valid.
	Query   string
	Header  Header
	Trailer Header
	Body    Body
}

// Response is the answer, as the client gets it.
type Response struct {
	Status  int
	Header  Header
	Trailer Header
	// Body is the whole answer where a control asked for it, else nil.
	Body []byte
	// Bytes counts the body bytes written to the client.
	Bytes int64
	// Streaming says that the answer has no end in sight: an upgrade, server-sent
	// events, gRPC.
	Streaming bool
}

// Outbound is what goes to the upstream.
type Outbound struct {
	Method, Scheme, Authority string
	Path, Query               string
	Header                    Header
	// Upgrade is the protocol the client wants to switch to ("websocket"), where
	// the operation allows one.
	Upgrade string
	// Trailers says the client announced that it understands trailers.
	Trailers bool
}

// A Param is one path parameter.
type Param struct {
	Name string
	// Value is decoded; Raw is its escaped spelling, as it stands in Request.Path.
	Value, Raw string
}

// Param returns the path parameter called name, or "".
func (x *Exchange) Param(name string) string {
	for i := range x.Params {
		if x.Params[i].Name == name {
			return x.Params[i].Value
		}
	}
	return ""
}

// Trace is a W3C trace context (traceparent and tracestate).
type Trace struct {
	TraceID [16]byte
	SpanID  [8]byte // of the gateway's own span
	Parent  [8]byte // the caller's span, zero where there is none
	Sampled bool
	State   string
}

// Endpoint returns the bounded name of what was called, for metrics and limits:
// "GET /orders/{id}", or "unmatched".
func (x *Exchange) Endpoint() string {
	if x.Operation == nil {
		return "unmatched"
	}
	return x.Operation.Endpoint
}

// Reset empties the Exchange for its next use and keeps its slices' memory.
func (x *Exchange) Reset() {
	params, header, out, resp := x.Params, x.Request.Header, x.Outbound.Header, x.Response.Header
	judged := x.Decision.Judgments
	clear(params)
	clear(header)
	clear(out)
	clear(resp)
	clear(judged)
	kept := x.kept
	clear(kept)
	*x = Exchange{}
	x.Params, x.Request.Header, x.Outbound.Header, x.Response.Header = params[:0], header[:0], out[:0], resp[:0]
	x.Decision.Judgments, x.kept = judged[:0], kept[:0]
}
