package gateway

import (
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
)

// From W3C Trace Context, section 3.2.3, and its validation test suite.
const w3cParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

func TestParseTraceparent(t *testing.T) {
	for _, c := range []struct {
		in      string
		ok      bool
		sampled bool
	}{
		{w3cParent, true, true},
		{"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", true, false},
		{"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03", true, true},
		{"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true, true},
		{"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-the-future", true, true},
		{"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.what", false, false},
		{"ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false, false},
		{w3cParent + "-extra", false, false},
		{w3cParent + " ", false, false},
		{"00-00000000000000000000000000000000-00f067aa0ba902b7-01", false, false},
		{"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", false, false},
		{"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", false, false},
		{"00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01", false, false},
		{"00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false, false},
		{"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1", false, false},
		{"0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01x", false, false},
		{"", false, false},
	} {
		got, ok := parseTraceparent(c.in)
		if ok != c.ok || got.Sampled != c.sampled {
			t.Errorf("parseTraceparent(%q) = %v, %v", c.in, got, ok)
		}
		if !ok && got != (gatehouse.Trace{}) {
			t.Errorf("parseTraceparent(%q) failed and returned %v", c.in, got)
		}
	}
}

func TestStartTrace(t *testing.T) {
	parent := gatehouse.Field{Name: "Traceparent", Value: w3cParent}
	state := gatehouse.Field{Name: "tracestate", Value: "rojo=00f067aa0ba902b7"}

	got := startTrace(gatehouse.Header{parent, state, {Name: "Tracestate", Value: "congo=t61rcWkgMzE"}}, 0, true)
	if !got.Sampled || got.State != "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE" {
		t.Errorf("trusted parent: %+v", got)
	}
	out := string(appendTraceparent(nil, &got))
	if !strings.HasPrefix(out, w3cParent[:36]) || out == w3cParent || !strings.HasSuffix(out, "-01") {
		t.Errorf("the child is %q", out)
	}

	for name, h := range map[string]gatehouse.Header{
		"none":      {state},
		"two":       {parent, parent},
		"malformed": {{Name: "traceparent", Value: w3cParent + "x"}, state},
	} {
		got := startTrace(h, 1, true)
		if got.Parent != ([8]byte{}) || got.State != "" || got.TraceID == ([16]byte{}) || !got.Sampled {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got := startTrace(gatehouse.Header{parent, state}, 0, false); got.Sampled || got.Parent != ([8]byte{}) ||
		got.State != "" || strings.Contains(string(appendTraceparent(nil, &got)), w3cParent[3:35]) {
		t.Errorf("an untrusted parent was believed: %+v", got)
	}
}

func TestSampleRatio(t *testing.T) {
	n := 0
	for range 10000 {
		if newTrace(gatehouse.Trace{}, 0.1).Sampled {
			n++
		}
	}
	if n < 800 || n > 1200 { // ±6.7 standard deviations
		t.Errorf("%d of 10000 sampled at 0.1", n)
	}
}

func TestTracestate(t *testing.T) {
	many := strings.TrimSuffix(strings.Repeat("a=1,", 33), ",")
	distinct := make([]string, 33)
	for i := range distinct {
		distinct[i] = "k" + string(rune('a'+i%26)) + string(rune('a'+i/26)) + "=1"
	}
	for in, want := range map[string]bool{
		"":                                   true,
		"rojo=1":                             true,
		"rojo=1, congo=2 ,":                  true,
		"fw529a3039@dt=x":                    true,
		"0tenant@dt=x":                       true,
		"a=1,a=2":                            false,
		"Rojo=1":                             false,
		"0a=1":                               false,
		"a":                                  false,
		"a=":                                 false,
		"a=b=c":                              false,
		"a@=1":                               false,
		"a=\x1b":                             false,
		"a=é":                                false,
		many:                                 false,
		strings.Join(distinct[:32], ","):     true,
		strings.Join(distinct, ","):          false,
		"a=" + strings.Repeat("x", 257):      false,
		strings.Repeat("k", 257) + "=1":      false,
		"a=" + strings.Repeat("x", 256):      true,
		"a=1," + strings.Repeat(" ", 510):    false,
		strings.Repeat("t", 242) + "@dt=1":   false,
		"t@" + strings.Repeat("s", 15) + "=": false,
	} {
		if got := validTracestate(in); got != want {
			t.Errorf("validTracestate(%.60q) = %v", in, got)
		}
	}
	h := gatehouse.Header{{Name: "tracestate", Value: "a=" + strings.Repeat("x", 250)},
		{Name: "tracestate", Value: "b=" + strings.Repeat("x", 250)}, {Name: "tracestate", Value: "c=1234567890"}}
	if got := tracestate(h); got != "" {
		t.Errorf("over 512 bytes: %d kept", len(got))
	}
}

func FuzzParseTraceparent(f *testing.F) {
	f.Add(w3cParent)
	f.Add("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x")
	f.Fuzz(func(t *testing.T, s string) {
		p, ok := parseTraceparent(s)
		if !ok {
			return
		}
		// What is accepted is canonical: written again it is the same, up to the
		// version, the other flags and what a later version appends.
		p.SpanID = p.Parent
		if out := string(appendTraceparent(nil, &p)); out[3:53] != s[3:53] {
			t.Errorf("%q became %q", s, out)
		}
	})
}

func FuzzTracestate(f *testing.F) {
	f.Add("rojo=00f067aa0ba902b7, congo=t61rcWkgMzE")
	f.Fuzz(func(t *testing.T, s string) {
		got := tracestate(gatehouse.Header{{Name: "tracestate", Value: s}})
		if len(got) > tracestateBytes || strings.ContainsAny(got, "\r\n\x00\x1b") {
			t.Errorf("%q let through", got)
		}
	})
}

func BenchmarkStartTrace(b *testing.B) {
	h := gatehouse.Header{{Name: "host", Value: "a"}, {Name: "traceparent", Value: w3cParent}}
	b.ReportAllocs()
	for b.Loop() {
		t := startTrace(h, 0.1, true)
		_ = string(appendTraceparent(nil, &t))
	}
}
