package openapi_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/gatehouse/gatehouse/openapi"
)

// A request made from the document is accepted; the same request with one thing
// wrong is refused, and the place named.
func TestOneThingWrong(t *testing.T) {
	cfg := open
	cfg.Unknown.Properties = openapi.Refuse
	h := newHouse(t, openapi.Options{Config: cfg}, false)
	h.principal = writer
	type item struct {
		SKU   string `json:"sku"`
		Count any    `json:"count,omitempty"`
	}
	text := rapid.StringMatching(`[a-zäöü "\\/~]{0,20}`)
	rapid.Check(t, func(r *rapid.T) {
		items := rapid.SliceOfN(rapid.Custom(func(r *rapid.T) item {
			return item{text.Draw(r, "sku"), rapid.IntRange(1, 1<<40).Draw(r, "count")}
		}), 1, 5).Draw(r, "items")
		body := map[string]any{"items": items}
		if rapid.Bool().Draw(r, "with a note") {
			body["note"] = text.Draw(r, "note")
		}
		query, tenant, contentType := url.Values{}, "X-Tenant: t", "Content-Type: application/json; charset=utf-8"
		if rapid.Bool().Draw(r, "dry") {
			query.Set("dry", rapid.SampledFrom([]string{"true", "false"}).Draw(r, "value"))
		}
		send := func() int {
			b, err := json.Marshal(body)
			if err != nil {
				r.Fatal(err)
			}
			status, _, _ := h.do("POST /v1/orders?"+query.Encode(), string(b), contentType, tenant)
			return status
		}
		if status := send(); status != 204 {
			r.Fatalf("%d %+v", status, h.decision.Reason)
		}
		i := rapid.IntRange(0, len(items)-1).Draw(r, "which")
		name := strings.NewReplacer(" ", "_", "ä", "", "ö", "", "ü", "").Replace(text.Draw(r, "name"))
		want := ""
		switch rapid.IntRange(0, 8).Draw(r, "what") {
		case 0:
			items[i].Count, want = 0, fmt.Sprintf("/items/%d/count", i)
		case 1:
			items[i].Count, want = "1", fmt.Sprintf("/items/%d/count", i)
		case 2:
			items[i].Count, want = nil, fmt.Sprintf("/items/%d/count", i)
		case 3:
			items[i].Count, want = 1.5, fmt.Sprintf("/items/%d/count", i)
		case 4:
			body["note"], want = strings.Repeat("ä", 21), "/note"
		case 5:
			body["x"+name], want = 1, "/x"+strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
		case 6:
			body["items"], want = []item{}, "/items"
		case 7:
			query.Set("dry", "1"+name)
			want = "query:dry"
		case 8:
			query.Set("x"+name, "1")
			want = "query:x" + name
		}
		if status := send(); status != 400 {
			r.Fatalf("%s: %d %+v", want, status, h.decision)
		}
		v := h.judged(openapi.RequestName)
		if got := v.Details[0].Parameter + v.Details[0].Pointer; got != want {
			r.Fatalf("%q is blamed, and %q is wrong", got, want)
		}
	})
}

// Whatever is sent, nothing panics; what reaches the service is what was sent, and
// its body is JSON for everybody.
func FuzzContract(f *testing.F) {
	cfg := open
	cfg.Answers, cfg.Fields = openapi.Filter, "fields"
	h := newHouse(f, openapi.Options{Config: cfg}, false)
	h.principal = writer
	h.service = func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", r.Header.Get("X-Answer-Type"))
		w.Header().Set("X-Total", "1")
		status := 200
		if r.Method == "POST" {
			status = 201
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, r.Header.Get("X-Answer"))
	}
	f.Add("/v1/orders?limit=1", "", "application/json", `[{"id":1,"items":[{"sku":"a","count":1,"x":1}]}]`)
	f.Add("/v1/orders?dry=true", order, "application/json", `{"id":1,"items":[{"sku":"a","count":1}],"secret":"s"}`)
	f.Add("/v1/orders/1?fields=id,items(sku)", "", "application/json", `{"id":1,"items":[{"sku":"a","count":1}]}`)
	f.Add("/v1/orders/1:cancel", "", "application/json", `{}`)
	f.Add("/v1/status", "", "text/plain", `fine`)
	f.Fuzz(func(t *testing.T, target, body, contentType, answer string) {
		method := "GET"
		var reader io.Reader
		if body != "" {
			method, reader = "POST", strings.NewReader(body)
		}
		u, err := url.ParseRequestURI(target)
		if err != nil || u.Host != "" || u.Scheme != "" {
			return
		}
		r := httptest.NewRequest(method, "http://shop.example/", reader)
		r.URL, r.RequestURI = u, target
		r.Header["Content-Type"] = []string{contentType}
		r.Header["X-Tenant"] = []string{"t"}
		r.Header["X-Answer-Type"], r.Header["X-Answer"] = []string{contentType}, []string{answer}
		w := httptest.NewRecorder()
		h.arrived, h.body = nil, ""
		h.t = t
		func() {
			defer func() {
				if p := recover(); p != nil && p != http.ErrAbortHandler {
					panic(p)
				}
			}()
			h.handler.ServeHTTP(w, r)
		}()
		if h.decision.Reason.Code == "control.panic" || h.decision.Reason.Code == "gateway.panic" {
			t.Fatalf("%q %q: a panic", target, body)
		}
		if h.arrived == nil {
			return
		}
		if h.body != body || method == "POST" && strings.HasPrefix(u.Path, "/v1/orders") && !strings.HasSuffix(u.Path, ":cancel") && !json.Valid([]byte(body)) {
			t.Fatalf("the service got %q of %q", h.body, body)
		}
		if w.Code == 200 && w.Header().Get("Content-Type") == "application/json" && !json.Valid(w.Body.Bytes()) {
			t.Fatalf("the client got %q of %q", w.Body, answer)
		}
	})
}
