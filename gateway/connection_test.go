package gateway

import (
	"context"
	"net/http/httptest"
	"testing"

	"github.com/gatehouse/gatehouse"
)

// What Connection names is gone before a control sees the message: it cannot be
// judged and then not be sent.
func TestConnectionOptionsAreNotJudged(t *testing.T) {
	seen := -1
	c := &control{name: "test", check: func(x *gatehouse.Exchange) (gatehouse.Verdict, error) {
		seen = x.Request.Header.Count("X-Hop") + x.Request.Header.Count("X-Hop-2")
		return permit, nil
	}}
	f := newFixture(t, forwarder(func(x *gatehouse.Exchange, w gatehouse.ResponseWriter) error {
		if x.Outbound.Header.Get("X-Stays") != "1" || x.Outbound.Header.Get("X-Hop") != "" {
			t.Errorf("the upstream sees %v", x.Outbound.Header)
		}
		return w.WriteHead(204, nil)
	}), head(c, gatehouse.Enforce))
	r := httptest.NewRequestWithContext(context.Background(), "GET", "/", nil)
	r.Header["X-Hop"] = []string{"1", "2"}
	r.Header["X-Hop-2"] = []string{"1"}
	r.Header["Connection"] = []string{"x-hop, , keep-alive", "X-HOP-2,TE,upgrade, close"}
	r.Header["X-Stays"] = []string{"1"}
	if res := f.do(r); res.StatusCode != 204 || seen != 0 {
		t.Errorf("%d, %d fields judged", res.StatusCode, seen)
	}
}
