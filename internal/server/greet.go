package server

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"time"

	"github.com/gatehouse/gatehouse/gateway"
	"github.com/gatehouse/gatehouse/http1"
)

// preface begins every HTTP/2 connection (RFC 9113, section 3.4).
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// greet finds out what a new connection speaks and serves it: HTTP/1.1 here,
// HTTP/2 by net/http.
func (l *listener) greet(c *conn) {
	defer func() { // as net/http does: a panic costs its connection, not the process
		if p := recover(); p != nil {
			l.log.Error("panic in a connection", "listener", l.cfg.Name, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			c.Close()
		}
	}()
	ctx := gateway.WithConn(context.Background(), &c.info)
	lim := l.http1.Limits()
	if l.cfg.TLS != nil {
		l.greetTLS(ctx, c, lim.ReadHead)
		return
	}
	if !l.h2() {
		l.http1.ServeConn(ctx, c, nil)
		return
	}
	_ = c.SetReadDeadline(time.Now().Add(lim.ReadHead))
	var first [len(preface)]byte
	n, err := c.Read(first[:])
	for err == nil && n < len(preface) && string(first[:n]) == preface[:n] {
		var m int
		_ = c.SetReadDeadline(time.Now().Add(lim.ReadHead))
		m, err = c.Read(first[n:])
		n += m
	}
	if n == 0 || c.SetReadDeadline(time.Time{}) != nil {
		c.Close()
		return
	}
	if string(first[:n]) == preface {
		l.give(&replayed{conn: c, read: first[:n]})
		return
	}
	l.http1.ServeConn(ctx, c, first[:n])
}

func (l *listener) greetTLS(ctx context.Context, c *conn, timeout time.Duration) {
	t := tls.Server(c, l.tlsBase)
	eager := func(on bool) {
		if s, ok := c.Conn.(*http1.Socket); ok {
			s.SetEager(on)
		}
	}
	eager(true)
	_ = c.SetDeadline(time.Now().Add(timeout))
	err := t.HandshakeContext(ctx)
	eager(false)
	if err != nil {
		l.log.Debug("a TLS handshake failed", "listener", l.cfg.Name, "error", err)
		t.Close()
		return
	}
	if c.SetDeadline(time.Time{}) != nil {
		t.Close()
		return
	}
	state := t.ConnectionState()
	if state.NegotiatedProtocol == "h2" {
		l.give(t)
		return
	}
	c.info.TLS = &state
	l.http1.ServeConn(ctx, t, nil)
}

func (l *listener) h2() bool {
	for _, p := range l.cfg.HTTP {
		if p == "h2" {
			return true
		}
	}
	return false
}

// replayed is a connection of which some bytes were read already.
type replayed struct {
	*conn
	read []byte
}

func (r *replayed) Read(p []byte) (int, error) {
	if len(r.read) > 0 {
		n := copy(p, r.read)
		r.read = r.read[n:]
		return n, nil
	}
	return r.conn.Read(p)
}

var (
	_ net.Conn  = (*replayed)(nil)
	_ io.Reader = (*replayed)(nil)
)
