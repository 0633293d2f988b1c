package upstream

import (
	"context"
	"errors"
	"net"
	"net/textproto"
	"strings"
	"unicode"

	"github.com/gatehouse/gatehouse"
)

var (
	errInterim = errors.New("too many interim answers")

	errUnavailable = &gatehouse.Error{Code: "upstream.unavailable", Status: 503,
		Message: "no endpoint of the upstream takes requests now"}
)

// ctxError says why the exchange ended from outside: the reason the context was
// given, the time limit, or the client who left.
func ctxError(ctx context.Context) error {
	var e *gatehouse.Error
	cause := context.Cause(ctx)
	switch {
	case errors.As(cause, &e):
		return e
	case errors.Is(cause, context.DeadlineExceeded):
		return &gatehouse.Error{Code: "upstream.timeout", Status: 504, Err: cause,
			Message: "the exchange took too long"}
	}
	return clientGone(cause)
}

func clientGone(err error) error {
	return &gatehouse.Error{Code: "client.gone", Status: 499, Message: "the client has gone", Err: err}
}

// saysWhy reports whether the source of a body had a reason of its own, and did
// not just break or get interrupted.
func saysWhy(err error) bool {
	var e *gatehouse.Error
	return errors.As(err, &e) || errors.Is(err, gatehouse.ErrBodyTooLarge)
}

// clientBroke says what was wrong with the request's body.
func clientBroke(err error) error {
	var e *gatehouse.Error
	var timeout net.Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, gatehouse.ErrBodyTooLarge):
		return &gatehouse.Error{Code: "body.too_large", Status: 413, Message: "the body is too large", Err: err}
	case errors.As(err, &timeout) && timeout.Timeout():
		return &gatehouse.Error{Code: "client.timeout", Status: 408, Message: "the client sent its body too slowly", Err: err}
	}
	return clientGone(err)
}

// classify turns a carrier's error before the head into one of ours.
func classify(err error) error {
	var own *gatehouse.Error
	var handshake *errTLS
	var dial *errDial
	var timeout net.Error
	var protocol textproto.ProtocolError
	var answer *errAnswer
	fail := func(code string, status int, message string) error {
		return &gatehouse.Error{Code: code, Status: status, Message: message, Err: err}
	}
	switch {
	case errors.As(err, &own):
		return own
	case errors.Is(err, errPin):
		return fail("upstream.pin", 502, "the upstream showed a key that is not pinned")
	case errors.As(err, &handshake):
		return fail("upstream.tls", 502, "no TLS session with the upstream")
	case errors.As(err, &dial):
		return fail("upstream.unreachable", 502, "the upstream cannot be reached")
	case errors.As(err, &timeout) && timeout.Timeout():
		return fail("upstream.timeout", 504, "the upstream did not answer in time")
	case errors.As(err, &answer), errors.As(err, &protocol), errors.Is(err, errInterim), saysMalformed(err):
		return fail("upstream.malformed", 502, "the upstream's answer is not HTTP")
	}
	return fail("upstream.unreachable", 502, "the connection to the upstream broke")
}

// errDial marks a connection that was not had.
type errDial struct{ err error }

func (e *errDial) Error() string { return e.err.Error() }
func (e *errDial) Unwrap() error { return e.err }

// saysMalformed knows the errors of net/http that have no type.
func saysMalformed(err error) bool {
	s := err.Error()
	return strings.Contains(s, "malformed") || strings.Contains(s, "response headers exceeded") ||
		strings.Contains(s, "Content-Length") || strings.Contains(s, "transfer encoding") ||
		strings.Contains(s, "header list")
}

// inert returns an error's text without anything that a log or a terminal might
// obey, and of bounded length.
func inert(err error) string {
	const most = 512
	s := err.Error()
	if len(s) > most {
		s = s[:most]
	}
	clean := true
	for i := 0; i < len(s); i++ {
		if s[i] < 0x20 || s[i] >= 0x7f {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return '.'
		}
		return r
	}, s)
}
