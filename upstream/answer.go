package upstream

import (
	"context"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse"
)

func malformed(what string) error {
	return &gatehouse.Error{Code: "upstream.malformed", Status: 502, Message: "the upstream sent " + what}
}

// answer writes what the upstream said to the client.
func (p *Pool) answer(ctx context.Context, e *member, t *attempt, a *answer, x *gatehouse.Exchange, w gatehouse.ResponseWriter) error {
	complete := false
	defer func() { a.source.Release(complete) }()
	x.Decision.Upstream.Status = a.status
	switch {
	case a.status == 101:
		return p.upgrade(ctx, e, t, a, x, w)
	case a.status < 200 || a.status > 599:
		p.settle(e, t, failed)
		return malformed("a status out of range")
	}
	o := succeeded
	if a.status >= 502 && a.status <= 504 {
		o = failed
	}
	p.settleAt(t.start+x.Decision.Upstream.Took, e, t, o)

	a.frame(x.Outbound.Method)
	stream := a.streams()
	x.Response.Streaming = stream
	if err := w.WriteHead(a.status, a.header); err != nil {
		return writeFailed(ctx, err)
	}
	if stream {
		if err := w.Flush(); err != nil { // the first event may be long in coming
			return writeFailed(ctx, err)
		}
	}
	err := p.copyBody(ctx, e, t, a, w, stream || a.length < 0)
	complete = err == nil
	return err
}

// frame adds the Content-Length, where there is one that is true of this answer,
// and the announcement of trailers. The door frames.
func (a *answer) frame(method string) {
	if a.length >= 0 && a.status != 204 && (a.length > 0 || a.status != 304 && method != "HEAD") {
		if a.lengthText == "" {
			a.lengthText = strconv.FormatInt(a.length, 10)
		}
		a.header.Add("Content-Length", a.lengthText)
	}
	if a.announced != "" {
		a.header.Add("Trailer", a.announced)
	}
}

// streams reports whether the answer is one that lives long: server-sent events
// or gRPC.
func (a *answer) streams() bool {
	ct := a.header.Get("Content-Type")
	if len(ct) < len("application/grpc") {
		return false
	}
	media, _, _ := strings.Cut(ct, ";")
	media = strings.TrimRight(media, " \t")
	const grpc = "application/grpc"
	return gatehouse.EqualFold(media, "text/event-stream") ||
		len(media) >= len(grpc) && gatehouse.EqualFold(media[:len(grpc)], grpc)
}

// copyBody carries the body and the trailers.
func (p *Pool) copyBody(ctx context.Context, e *member, t *attempt, a *answer, w gatehouse.ResponseWriter, flush bool) error {
	if a.body == nil {
		return nil
	}
	var dog *watchdog
	if !a.timed {
		dog = newWatchdog(a.body, p.cfg.Timeouts.Stream)
	}
	err := copyAnswer(ctx, w, a.body, dog, flush)
	bitten := err != nil && a.timed && ctx.Err() == nil && errors.Is(err, os.ErrDeadlineExceeded)
	if dog != nil {
		bitten = dog.stop()
	}
	if err != nil {
		return p.brokeOff(ctx, err, bitten, e, t)
	}
	if h := a.source.Trailer(); len(h) > 0 {
		if err := w.WriteTrailer(h); err != nil {
			return writeFailed(ctx, err)
		}
	}
	return nil
}

// brokeOff says why a body did not come to its end.
func (p *Pool) brokeOff(ctx context.Context, err error, bitten bool, e *member, t *attempt) error {
	var own *gatehouse.Error
	var bad *errAnswer
	switch {
	case errors.As(err, &own):
		return err
	case bitten:
		p.settle(e, t, failed)
		return &gatehouse.Error{Code: "upstream.timeout", Status: 504, Message: "the upstream fell silent amid its answer"}
	case ctx.Err() != nil:
		return ctxError(ctx)
	case errors.As(err, &bad):
		p.settle(e, t, failed)
		return &gatehouse.Error{Code: "upstream.malformed", Status: 502, Message: "the upstream's answer is not HTTP", Err: err}
	}
	p.settle(e, t, failed)
	return &gatehouse.Error{Code: "upstream.aborted", Status: 502, Message: "the upstream's answer broke off", Err: err}
}

// copyAnswer returns a *gatehouse.Error for the client's side and the plain error
// for the upstream's. Nobody is blamed for the time the other takes.
func copyAnswer(ctx context.Context, w gatehouse.ResponseWriter, body io.Reader, dog *watchdog, flush bool) error {
	buf := copyBuffers.Get().(*[copySize]byte)
	defer copyBuffers.Put(buf)
	for {
		n, err := body.Read(buf[:])
		if n > 0 {
			if dog != nil {
				dog.rest()
			}
			if _, werr := w.Write(buf[:n]); werr != nil {
				return writeFailed(ctx, werr)
			}
			if flush && err == nil {
				if werr := w.Flush(); werr != nil {
					return writeFailed(ctx, werr)
				}
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if dog != nil {
			dog.pat()
		}
	}
}

// writeFailed says why w did not take the answer: a control's own reason, the end
// of ctx, or the client who left.
func writeFailed(ctx context.Context, err error) error {
	var own *gatehouse.Error
	if errors.As(err, &own) {
		return own
	}
	if ctx.Err() != nil {
		return ctxError(ctx)
	}
	return clientGone(err)
}

// upgrade hands the connection through after a 101, if that is what was asked.
func (p *Pool) upgrade(ctx context.Context, e *member, t *attempt, a *answer, x *gatehouse.Exchange, w gatehouse.ResponseWriter) error {
	asked := x.Outbound.Upgrade
	if asked == "" || a.conn == nil || !gatehouse.EqualFold(asked, a.upgrade) {
		p.settle(e, t, failed)
		return &gatehouse.Error{Code: "upstream.upgrade", Status: 502,
			Message: "the upstream switched to a protocol that was not asked for"}
	}
	p.settle(e, t, succeeded)
	x.Response.Streaming = true
	a.header.Add("Connection", "Upgrade")
	a.header.Add("Upgrade", a.upgrade)
	if err := w.WriteHead(a.status, a.header); err != nil {
		return writeFailed(ctx, err)
	}
	client, err := w.Upgrade()
	if err != nil {
		return &gatehouse.Error{Code: "upstream.upgrade", Status: 502, Err: err,
			Message: "the client's connection cannot be upgraded"}
	}
	return splice(ctx, client, a.conn, p.cfg.Timeouts.Stream)
}
