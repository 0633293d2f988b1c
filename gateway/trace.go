package gateway

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// Bounds of W3C Trace Context, level 1.
const (
	traceparentLen   = 55  // section 3.2.2: 2 + 32 + 16 + 2 hex digits and three dashes
	tracestateBytes  = 512 // section 3.3.1.5: what everybody must carry; longer ones are dropped whole
	tracestateMember = 32  // section 3.3.1.1
)

// startTrace returns the trace context of an exchange whose request has header h.
//
// With trust the caller's traceparent is continued and its sampled flag obeyed.
// Without it, or where there is none, or more than one, or a malformed one, a new
// trace begins, of which the share sample (0 to 1) is sampled: a stranger chooses
// neither our trace ids nor what we pay for.
func startTrace(h gatehouse.Header, sample float64, trust bool) gatehouse.Trace {
	if !trust {
		return newTrace(gatehouse.Trace{}, sample)
	}
	var parent gatehouse.Trace
	value, found := "", 0
	for i := range h {
		if len(h[i].Name) == len("traceparent") && gatehouse.EqualFold(h[i].Name, "traceparent") {
			value = h[i].Value
			found++
		}
	}
	if found == 1 {
		if p, ok := parseTraceparent(value); ok {
			parent = p
			parent.State = tracestate(h)
		}
	}
	return newTrace(parent, sample)
}

// newTrace returns a trace context with a new span id: a child of parent where
// parent has a trace id, else the root of a new trace that is sampled with
// probability sample. The choice depends on the trace id alone, by the rule of
// OpenTelemetry's TraceIdRatioBased, so that gateways in a row agree.
func newTrace(parent gatehouse.Trace, sample float64) gatehouse.Trace {
	t := parent
	t.SpanID = newSpanID()
	if parent.TraceID != ([16]byte{}) {
		return t
	}
	// Trace ids need to be unique, not secret: math/rand/v2 is seeded by the
	// system and costs nanoseconds.
	binary.BigEndian.PutUint64(t.TraceID[:8], rand.Uint64())
	low := rand.Uint64() | 1 // never zero
	binary.BigEndian.PutUint64(t.TraceID[8:], low)
	t.Parent, t.State = [8]byte{}, ""
	t.Sampled = sample >= 1 || (sample > 0 && low>>1 < uint64(sample*(1<<63)))
	return t
}

func newSpanID() (id [8]byte) {
	for id == ([8]byte{}) { // an all-zero id is invalid
		binary.BigEndian.PutUint64(id[:], rand.Uint64())
	}
	return id
}

// parseTraceparent reads a traceparent value strictly (W3C Trace Context,
// section 3.2): lower-case hex, no zero ids, version ff refused; version 00 has
// nothing after the flags, a later one may, behind a dash. The span id read is
// the result's Parent.
func parseTraceparent(s string) (t gatehouse.Trace, ok bool) {
	if len(s) < traceparentLen || len(s) > 256 || s[2] != '-' || s[35] != '-' || s[52] != '-' {
		return t, false
	}
	var version, flags [1]byte
	if !hexInto(version[:], s[:2]) || !hexInto(t.TraceID[:], s[3:35]) ||
		!hexInto(t.Parent[:], s[36:52]) || !hexInto(flags[:], s[53:55]) {
		return gatehouse.Trace{}, false
	}
	switch {
	case version[0] == 0xff,
		version[0] == 0 && len(s) != traceparentLen,
		len(s) > traceparentLen && s[traceparentLen] != '-',
		t.TraceID == [16]byte{}, t.Parent == [8]byte{}:
		return gatehouse.Trace{}, false
	}
	t.Sampled = flags[0]&1 != 0
	return t, true
}

// hexInto decodes lower-case hex of exactly twice dst's length.
func hexInto(dst []byte, s string) bool {
	for i := range dst {
		hi, lo := nibble(s[2*i]), nibble(s[2*i+1])
		if hi|lo > 15 {
			return false
		}
		dst[i] = hi<<4 | lo
	}
	return true
}

func nibble(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	}
	return 255
}

// appendTraceparent writes the traceparent for the message to the upstream, with
// t's own span as the parent (version 00).
func appendTraceparent(to []byte, t *gatehouse.Trace) []byte {
	var b [traceparentLen]byte
	copy(b[:], "00-")
	hex.Encode(b[3:35], t.TraceID[:])
	b[35] = '-'
	hex.Encode(b[36:52], t.SpanID[:])
	copy(b[52:], "-00")
	if t.Sampled {
		b[54] = '1'
	}
	return append(to, b[:]...)
}

// tracestate joins the tracestate fields of h (W3C Trace Context, section 3.3)
// and returns "" where there is none, or where they are malformed or over the
// bounds: the trace goes on without it.
func tracestate(h gatehouse.Header) string {
	s := ""
	for i := range h {
		if len(h[i].Name) != len("tracestate") || !gatehouse.EqualFold(h[i].Name, "tracestate") {
			continue
		}
		if s != "" {
			s += ","
		}
		if len(s)+len(h[i].Value) > tracestateBytes {
			return ""
		}
		s += h[i].Value
	}
	if !validTracestate(s) {
		return ""
	}
	return s
}

// validTracestate checks a joined tracestate: at most 32 members key=value with
// distinct keys; empty members are allowed.
func validTracestate(s string) bool {
	if len(s) > tracestateBytes {
		return false
	}
	var keys [tracestateMember]string
	n := 0
	for member := range strings.SplitSeq(s, ",") {
		member = strings.Trim(member, " \t")
		if member == "" {
			continue
		}
		key, value, ok := strings.Cut(member, "=")
		if !ok || n == len(keys) || !validStateKey(key) || !validStateValue(value) {
			return false
		}
		for _, k := range keys[:n] {
			if k == key {
				return false
			}
		}
		keys[n] = key
		n++
	}
	return true
}

// validStateKey checks simple-key and multi-tenant-key (section 3.3.1.3.1).
func validStateKey(k string) bool {
	tenant, system, multi := strings.Cut(k, "@")
	if !multi {
		return len(k) <= 256 && k != "" && lcalpha(k[0]) && stateKeyChars(k)
	}
	return len(tenant) >= 1 && len(tenant) <= 241 && (lcalpha(tenant[0]) || numeral(tenant[0])) && stateKeyChars(tenant) &&
		len(system) >= 1 && len(system) <= 14 && lcalpha(system[0]) && stateKeyChars(system)
}

func stateKeyChars(s string) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case lcalpha(c), numeral(c), c == '_', c == '-', c == '*', c == '/':
		default:
			return false
		}
	}
	return true
}

func lcalpha(c byte) bool { return 'a' <= c && c <= 'z' }
func numeral(c byte) bool { return '0' <= c && c <= '9' }

// validStateValue checks a value: 1 to 256 printable ASCII characters without
// comma and equals sign (section 3.3.1.3.2). It has no trailing space: the
// member is trimmed.
func validStateValue(v string) bool {
	if v == "" || len(v) > 256 {
		return false
	}
	for i := 0; i < len(v); i++ {
		if c := v[i]; c < 0x20 || c > 0x7e || c == ',' || c == '=' {
			return false
		}
	}
	return true
}
