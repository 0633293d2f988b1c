package gateway

import (
	"context"
	"sync"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/http1"
)

// HTTP1Door is the door for our own HTTP/1.1: an http1.Handler. Connections are
// described by [WithConn].
type HTTP1Door struct {
	g    *Gateway
	pool sync.Pool
}

// NewHTTP1Door returns the HTTP/1.1 door of g.
func NewHTTP1Door(g *Gateway) *HTTP1Door {
	d := &HTTP1Door{g: g}
	d.pool.New = func() any { return new(gatehouse.Exchange) }
	return d
}

// ServeHTTP1 walks one request.
func (d *HTTP1Door) ServeHTTP1(ctx context.Context, r *http1.Request, body *http1.Body, w *http1.ResponseWriter) {
	x := d.pool.Get().(*gatehouse.Exchange)
	info := d.fill(ctx, x, r, w)
	if info != nil && info.stale(info.TLS) {
		d.g.Refuse(ctx, x, w, errStale)
	} else {
		if r.Length != 0 {
			x.Request.Body.Source, x.Request.Body.Length = body, r.Length
		}
		d.g.serve(ctx, x, w, true) // http1 has validated the fields
	}
	x.Reset()
	d.pool.Put(x)
}

// RefuseHTTP1 records and answers a message that http1 refused to read.
func (d *HTTP1Door) RefuseHTTP1(ctx context.Context, r *http1.Request, err *gatehouse.Error, w *http1.ResponseWriter) {
	x := d.pool.Get().(*gatehouse.Exchange)
	d.fill(ctx, x, r, w)
	d.g.Refuse(ctx, x, w, err)
	x.Reset()
	d.pool.Put(x)
}

func (d *HTTP1Door) fill(ctx context.Context, x *gatehouse.Exchange, r *http1.Request, w *http1.ResponseWriter) *ConnInfo {
	x.Start = time.Now()
	q := &x.Request
	q.Scheme = "http"
	kept := w.Kept()
	info, known := (*kept).(*ConnInfo)
	if !known {
		info, _ = ctx.Value(connKey{}).(*ConnInfo)
		*kept = info
	}
	if info != nil {
		x.Peer.Socket, x.Peer.Listener, x.Peer.TLS = info.Remote, info.Listener, info.TLS
		if info.TLS != nil {
			q.Scheme = "https"
		}
	}
	q.Proto, q.Method, q.Target, q.Authority = r.Proto(), r.Method, r.Target, r.Host
	// Host and Transfer-Encoding have had their say: http1 framed the message.
	for i := range r.Header {
		f := r.Header[i]
		switch len(f.Name) {
		case 4:
			if gatehouse.EqualFold(f.Name, "Host") {
				continue
			}
		case 17:
			if gatehouse.EqualFold(f.Name, "Transfer-Encoding") {
				continue
			}
		}
		q.Header = append(q.Header, f)
	}
	if info != nil {
		x.Peer.Fingerprint = info.withOrder(q)
	}
	return info
}
