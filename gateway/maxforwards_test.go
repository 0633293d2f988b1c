package gateway

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gatehouse/gatehouse"
)

// OPTIONS goes as many hops as it says, is judged before it is answered, and other
// methods do not count.
func TestMaxForwards(t *testing.T) {
	for _, c := range []struct {
		method    string
		values    []string
		status    int
		forwarded string // Max-Forwards at the service; "-" where nothing arrives
	}{
		{"OPTIONS", nil, 200, ""},
		{"OPTIONS", []string{"0"}, 204, "-"},
		{"OPTIONS", []string{"000"}, 204, "-"},
		{"OPTIONS", []string{"1"}, 200, "0"},
		{"OPTIONS", []string{"10"}, 200, "9"},
		{"OPTIONS", []string{"99999999999999999999999"}, 200, "1048575"},
		{"OPTIONS", []string{""}, 400, "-"},
		{"OPTIONS", []string{"-1"}, 400, "-"},
		{"OPTIONS", []string{"+1"}, 400, "-"},
		{"OPTIONS", []string{"0x1"}, 400, "-"},
		{"OPTIONS", []string{"1, 2"}, 400, "-"},
		{"OPTIONS", []string{"1", "0"}, 400, "-"},
		{"OPTIONS", []string{"1", "1"}, 400, "-"},
		{"GET", []string{"0"}, 200, "0"},
		{"GET", []string{"x"}, 200, "x"},
		{"TRACE", []string{"0"}, 405, "-"},
		{"TRACE", []string{"7"}, 405, "-"},
	} {
		got := "-"
		fx := newFixture(t, forwarder(func(x *gatehouse.Exchange, w gatehouse.ResponseWriter) error {
			got = x.Outbound.Header.Get("Max-Forwards")
			return w.WriteHead(200, nil)
		}), head(says(permit, nil), gatehouse.Enforce))
		r := httptest.NewRequest(c.method, "/orders/1", nil)
		if c.values != nil {
			r.Header["Max-Forwards"] = c.values
		}
		if res := fx.do(r); res.StatusCode != c.status || got != c.forwarded {
			t.Errorf("%s %q: %d, the service got %q", c.method, c.values, res.StatusCode, got)
		}
		if c.status == 400 && fx.last().Reason.Code != "header.max_forwards" {
			t.Errorf("%s %q: %+v", c.method, c.values, fx.last().Reason)
		}
		if c.status == 204 && fx.last().Result != gatehouse.Local {
			t.Errorf("%s %q: %+v", c.method, c.values, fx.last())
		}
	}

	// Who is refused learns nothing of the methods.
	fx := newFixture(t, answers(200, ""), head(says(deny, nil), gatehouse.Enforce))
	r := httptest.NewRequest("OPTIONS", "/orders/1", nil)
	r.Header.Set("Max-Forwards", "0")
	if res := fx.do(r); res.StatusCode != 403 || res.Header.Get("Allow") != "" {
		t.Errorf("a refused one: %d, Allow %q", res.StatusCode, res.Header.Get("Allow"))
	}
}

func TestMaxForwardsAllow(t *testing.T) {
	api := &gatehouse.API{Name: "api", Hosts: []string{"*"}, BasePath: "/v1"}
	var routes []*Route
	for _, method := range []string{"GET", "PUT", "OPTIONS"} {
		routes = append(routes, &Route{DefaultDeny: gatehouse.Off, Forwarder: answers(200, ""),
			Operation: &gatehouse.Operation{API: api, ID: method, Method: method, Path: "/orders/{id}", Endpoint: method + " /orders/{id}"}})
	}
	site, err := NewSite(api, routes)
	if err != nil {
		t.Fatal(err)
	}
	router, err := NewRouter([]*Site{site})
	if err != nil {
		t.Fatal(err)
	}
	door := NewDoor(New(&Snapshot{Router: router, Limits: DefaultLimits()}, Equipment{}))
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodOptions, "/v1/orders/1", nil)
	r.Header.Set("Max-Forwards", "0")
	door.ServeHTTP(w, r)
	if got := w.Header().Get("Allow"); w.Code != 204 || got != "GET, OPTIONS, PUT" {
		t.Errorf("%d, Allow %q", w.Code, got)
	}
}

func FuzzForwardsLeft(f *testing.F) {
	for _, s := range []string{"", "0", "12", "+1", "1048577", "99999999999999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if n, ok := forwardsLeft(s); n < 0 || n > 1<<20 || ok && s == "" {
			t.Errorf("%q: %d %v", s, n, ok)
		}
	})
}
