package waf

import (
	"context"
	"os"
	"testing"

	"github.com/gatehouse/gatehouse"
)

// What a contract promises of a value counts by the value, never by its type:
// 942220 refuses some integers, and a schema that allows them does not change that.
func TestBounds(t *testing.T) {
	cfg := Config{Shadow: -1}.WithDefaults()
	w, err := New(cfg, Options{Files: os.DirFS(t.TempDir()), Bounds: Bounds{Values: []string{"blue", "green", "2147483648", "' or 1=1--"}}})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	g, err := w.Guard(Policy{Paranoia: 1, Inbound: 5, Outbound: 4})
	if err != nil {
		t.Fatal(err)
	}
	if n := g.screen.Bounds(); n != 2 {
		t.Errorf("%d values are proven, want blue and green", n)
	}
	for _, c := range []struct {
		target string
		proven bool
	}{
		{"/v1/items?colour=blue", true}, {"/v1/items?colour=green&n=17", true}, {"/v1/items?n=2147483648", false},
		{"/v1/items?colour=blue&q=%27%20or%201=1--", false}, {"/v1/items?colour=blue%27%20or%201=1--", false},
	} {
		for _, bounded := range []bool{false, true} {
			m := benignGET()
			m.Target, m.Bounded = c.target, bounded
			in, res, err := g.Inspect(context.Background(), m, Caller{})
			if err != nil || in.Proven != c.proven || c.proven != (res.Interruption == nil) {
				t.Errorf("%s, bounded %v: proven %v by %d, %v %v", c.target, bounded, in.Proven, in.Failed, res.Interruption, err)
			}
			in.Close()
		}
	}
}

// The bounds are used where the exchange says so, of each exchange anew.
func TestBoundsAreAskedFor(t *testing.T) {
	w, err := coreWAF()
	if err != nil {
		t.Fatal(err)
	}
	held, asked := false, 0
	c, _, err := w.Controls(Policy{Paranoia: 1, Inbound: 5, Outbound: 4}, ControlOptions{BodyBytes: 1 << 20, Bounded: func(*gatehouse.Exchange) bool { asked++; return held }})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{true, false, true} {
		held = want
		x, p := exchange(t, "GET", "/v1/items?colour=blue", ""), new(passage)
		if err := c.(*keptRequest).requestControl.fill(x, p); err != nil || asked != i+1 || p.m.Bounded != want {
			t.Errorf("asked %d times, bounded %v, want %v: %v", asked, p.m.Bounded, want, err)
		}
	}
}
