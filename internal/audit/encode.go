package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"
	"unsafe"

	"github.com/gatehouse/gatehouse"
)

// Limits of a record, in bytes of JSON per string and elements per list. They
// bound a line to about 200 KiB, whatever came in; common ones have 1 KiB.
const (
	idLimit      = 64
	nameLimit    = 128
	pathLimit    = 1024
	textLimit    = 512
	hostLimit    = 255
	subjectLimit = 256
	maxJudgments = 64
	maxQuery     = 32
)

// An encoder writes the record of one Exchange. It is reused.
type encoder struct {
	buf     []byte
	scratch []byte
	masker  *Masker
	// secrets are the values of the sensitive path parameters, which a message
	// might repeat.
	secrets []string
}

var encoders = sync.Pool{New: func() any { return &encoder{buf: make([]byte, 0, 4096)} }}

// encode writes the record of x with its final line break into e.buf. The field
// names are those of Record.
func (e *encoder) encode(x *gatehouse.Exchange, p *plan) {
	d := &x.Decision
	b := e.buf[:0]
	e.secrets = e.secrets[:0]
	if p != nil {
		for _, name := range p.hidden {
			if v := x.Param(name); len(v) >= 4 {
				e.secrets = append(e.secrets, v)
			}
		}
	}
	b = appendString(append(b, `{"id":`...), x.ID, idLimit)
	b = append(b, `,"time":"`...)
	b = x.Start.UTC().AppendFormat(b, time.RFC3339Nano)
	b = append(b, '"')
	b = appendText(b, `,"config":`, d.ConfigHash, nameLimit)
	b = appendPeer(b, &x.Peer)
	b = appendText(b, `,"proto":`, x.Request.Proto, 16)
	b = appendText(b, `,"host":`, x.Request.Host, hostLimit)
	b = appendText(b, `,"method":`, x.Request.Method, 32)
	if p != nil {
		b = append(b, p.head...)
	} else if x.API != nil {
		b = appendText(b, `,"api":`, x.API.Name, nameLimit)
	}
	b = e.appendTarget(b, &x.Request, p)
	b = appendNumber(b, `,"status":`, int64(d.Status))
	b = append(b, `,"result":"`...)
	b = append(b, d.Result.String()...)
	b = append(b, '"')
	b = appendText(b, `,"by":`, d.By, nameLimit)
	b = e.appendReason(b, `,"reason":`, &d.Reason)
	b = appendPrincipal(b, x.Principal)
	b = appendNumber(b, `,"risk":`, int64(x.Risk))
	if len(d.Judgments) > 0 {
		b = append(b, `,"judgments":[`...)
		for i := range d.Judgments[:min(len(d.Judgments), maxJudgments)] {
			if i > 0 {
				b = append(b, ',')
			}
			b = e.appendKnown(b, &d.Judgments[i], p, i)
		}
		b = append(b, ']')
	}
	if n := len(d.Judgments) - maxJudgments; n > 0 {
		b = appendNumber(b, `,"judgments_omitted":`, int64(n))
	}
	if d.WouldBlock {
		b = append(b, `,"would_block":true`...)
	}
	b = e.appendUpstream(b, &d.Upstream)
	b = appendNumber(b, `,"bytes_in":`, x.Request.Body.Taken())
	b = appendNumber(b, `,"bytes_out":`, x.Response.Bytes)
	b = appendNumber(b, `,"total_ns":`, int64(d.Total))
	b = appendNumber(b, `,"gateway_ns":`, int64(d.Gateway))
	if d.Aborted {
		b = append(b, `,"aborted":true`...)
	}
	b = e.appendReason(b, `,"late":`, &d.Late)
	b = appendTrace(b, &x.Trace)
	e.buf = append(b, '}', '\n')
	clear(e.secrets)
}

// appendText appends key and s, or nothing where s is empty.
func appendText(b []byte, key, s string, limit int) []byte {
	if s == "" {
		return b
	}
	return appendString(append(b, key...), s, limit)
}

// appendNumber appends key and n, or nothing where n is zero.
func appendNumber(b []byte, key string, n int64) []byte {
	if n == 0 {
		return b
	}
	return strconv.AppendInt(append(b, key...), n, 10)
}

func appendPeer(b []byte, p *gatehouse.Peer) []byte {
	b = appendText(b, `,"listener":`, p.Listener, nameLimit)
	if p.Addr.IsValid() {
		b = appendAddr(append(b, `,"peer":"`...), p.Addr)
		b = append(b, '"')
	}
	if p.Via && p.Socket.IsValid() {
		b = appendAddr(append(b, `,"proxy":"`...), p.Socket.Addr())
		b = append(b, '"')
	}
	return appendText(b, `,"fingerprint":`, p.Fingerprint, nameLimit)
}

// appendAddr leaves out the zone of an address: it is the only part that could
// hold more than hex, dots and colons.
func appendAddr(b []byte, a netip.Addr) []byte { return a.WithZone("").AppendTo(b) }

// appendTarget appends the masked path and the names of the query parameters.
func (e *encoder) appendTarget(b []byte, r *gatehouse.Request, p *plan) []byte {
	path, query := r.Path, r.Query
	if path == "" { // refused before there was a canonical one
		path, query = rawTarget(r.Target)
	}
	if path != "" {
		b = append(b, `,"path":`...)
		if (p == nil || len(p.hidden) == 0) && !suspicious(path) {
			b = appendString(b, path, pathLimit)
		} else {
			e.scratch = p.appendPath(e.scratch[:0], e.masker, path)
			b = appendString(b, view(e.scratch), pathLimit)
		}
	}
	if query == "" {
		return b
	}
	b = append(b, `,"query":[`...)
	for i, empty := 0, true; i < maxQuery && query != ""; i++ {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		name, _, _ := strings.Cut(pair, "=")
		if name == "" {
			continue
		}
		if !empty {
			b = append(b, ',')
		}
		b, empty = e.appendFree(b, name, idLimit), false
	}
	return append(b, ']')
}

// rawTarget splits a request-target nobody could make sense of into what may be
// recorded of it. An authority may hold a password, so it goes.
func rawTarget(target string) (path, query string) {
	target, _, _ = strings.Cut(target, "#")
	target, query, _ = strings.Cut(target, "?")
	if strings.HasPrefix(target, "/") || target == "*" {
		return target, query
	}
	_, rest, ok := strings.Cut(target, "://")
	if i := strings.IndexByte(rest, '/'); ok && i >= 0 {
		return rest[i:], query
	}
	return "", query
}

// appendReason appends key and the reason, or nothing for the zero Reason.
func (e *encoder) appendReason(b []byte, key string, r *gatehouse.Reason) []byte {
	if *r == (gatehouse.Reason{}) {
		return b
	}
	b = appendString(append(append(b, key...), `{"code":`...), r.Code, nameLimit)
	return append(e.appendWhy(b, r), '}')
}

// appendWhy appends message, hint and position of a reason.
func (e *encoder) appendWhy(b []byte, r *gatehouse.Reason) []byte {
	if r.Message != "" {
		b = e.appendFree(append(b, `,"message":`...), r.Message, textLimit)
	}
	if r.Hint != "" {
		b = e.appendFree(append(b, `,"hint":`...), r.Hint, textLimit)
	}
	if r.At.File == "" {
		return b
	}
	return appendAt(b, &r.At)
}

// appendAt appends a position as "file:line:column".
func appendAt(b []byte, at *gatehouse.Position) []byte {
	b = append(b, `,"at":`...)
	if len(at.File) > pathLimit || at.Line <= 0 {
		return appendString(b, at.File, pathLimit)
	}
	b = appendString(b, at.File, pathLimit)
	b = b[:len(b)-1] // the position goes inside the quotes
	b = strconv.AppendInt(append(b, ':'), int64(at.Line), 10)
	if at.Column > 0 {
		b = strconv.AppendInt(append(b, ':'), int64(at.Column), 10)
	}
	return append(b, '"')
}

// appendFree appends free text, masked.
func (e *encoder) appendFree(b []byte, s string, limit int) []byte {
	for _, secret := range e.secrets {
		if strings.Contains(s, secret) {
			s = strings.ReplaceAll(s, secret, maskedValue)
		}
	}
	if !suspicious(s) {
		return appendString(b, s, limit)
	}
	e.scratch = e.masker.appendText(e.scratch[:0], s)
	return appendString(b, view(e.scratch), limit)
}

// view returns b as a string that is good until b changes.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

func (e *encoder) appendJudgment(b []byte, j *gatehouse.Judgment) []byte {
	b = appendString(append(b, `{"control":`...), j.Control, nameLimit)
	b = append(append(b, `,"step":"`...), j.Step.String()...)
	b = append(append(b, `","mode":"`...), j.Mode.String()...)
	b = append(append(b, `","outcome":"`...), j.Verdict.Outcome.String()...)
	b = append(b, '"')
	b = appendNumber(b, `,"status":`, int64(j.Verdict.Status))
	b = appendText(b, `,"code":`, j.Verdict.Reason.Code, nameLimit)
	b = e.appendWhy(b, &j.Verdict.Reason)
	if len(j.Verdict.Details) > 0 {
		b = e.appendDetails(b, j.Verdict.Details)
	}
	if edited(&j.Verdict.Edits) {
		b = e.appendEdits(b, &j.Verdict.Edits)
	}
	b = appendNumber(b, `,"took_ns":`, int64(j.Took))
	if j.WouldBlock {
		b = append(b, `,"would_block":true`...)
	}
	return append(b, '}')
}

func (e *encoder) appendUpstream(b []byte, u *gatehouse.UpstreamReport) []byte {
	if *u == (gatehouse.UpstreamReport{}) {
		return b
	}
	b = appendString(append(b, `,"upstream":{"name":`...), u.Name, nameLimit)
	b = appendText(b, `,"addr":`, u.Addr, hostLimit)
	b = appendNumber(b, `,"attempts":`, int64(u.Attempts))
	b = appendNumber(b, `,"took_ns":`, int64(u.Took))
	b = appendNumber(b, `,"status":`, int64(u.Status))
	if u.Err != "" {
		b = e.appendFree(append(b, `,"error":`...), u.Err, textLimit)
	}
	return append(b, '}')
}

func appendTrace(b []byte, t *gatehouse.Trace) []byte {
	if t.TraceID == ([16]byte{}) {
		return b
	}
	b = hex.AppendEncode(append(b, `,"trace":"`...), t.TraceID[:])
	b = hex.AppendEncode(append(b, `","span":"`...), t.SpanID[:])
	return append(b, '"')
}

// principalKey is the memo under which a Principal keeps its part of the record.
type principalKey struct{}

// appendPrincipal appends who called. The part is the same in every record of a
// Principal, so it is encoded once.
func appendPrincipal(b []byte, p *gatehouse.Principal) []byte {
	if p == nil {
		return b
	}
	if part, ok := p.Memo(principalKey{}).([]byte); ok {
		return append(b, part...)
	}
	part := encodePrincipal(p)
	p.SetMemo(principalKey{}, part)
	return append(b, part...)
}

func encodePrincipal(p *gatehouse.Principal) []byte {
	b := make([]byte, 0, 256)
	b = appendString(append(b, `,"principal":{"method":`...), string(p.Method), idLimit)
	b = appendText(b, `,"subject":`, p.Subject, subjectLimit)
	b = appendText(b, `,"client":`, p.ClientID, subjectLimit)
	b = appendText(b, `,"issuer":`, p.Issuer, subjectLimit)
	b = appendText(b, `,"tier":`, p.Tier, nameLimit)
	if p.TokenID != "" {
		// A hash finds the token's other uses, and is not the id a revocation or an
		// introspection might take.
		sum := sha256.Sum256([]byte(p.TokenID))
		b = hex.AppendEncode(append(b, `,"token":"`...), sum[:8])
		b = append(b, '"')
	}
	if p.SenderBound {
		b = append(b, `,"bound":true`...)
	}
	return append(b, '}')
}
