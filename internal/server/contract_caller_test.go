package server

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/config"
)

// noContent is what the operations answer that only say whether one may.
var noContent = answering(204, "", "")

// Requirements are alternatives; meeting one lets in only where the contract's
// access says so. Nothing is open that neither document nor policy opens.
func TestContractSecurity(t *testing.T) {
	t.Parallel()
	for _, access := range []string{"policy", "secured", "document"} {
		h := newPromising(t, "      access: "+access, "")
		h.says(noContent)
		client := h.client("h1")
		// A policy that forbids beats the document.
		h.write("shop.cedar", readFile(t, filepath.Join(h.dir, "shop.cedar"))+`forbid(principal is User, action, resource) when { principal.subject == "eve" };`)
		if err := h.Reload(context.Background()); err != nil {
			t.Fatal(err)
		}
		opened := map[string]map[string]int{ // by access, by who
			"policy": {}, "secured": {"scoped": 204}, "document": {"scoped": 204, "open": 204}}[access]
		in := func(kind string, otherwise int) int {
			if status, ok := opened[kind]; ok {
				return status
			}
			return otherwise
		}
		key, reader, root := []string{"X-API-Key", h.key}, []string{"Authorization", h.as("alice", "orders:read")}, []string{"Authorization", h.as("root", "orders:read")}
		cookie := []string{"Cookie", "session=" + strings.TrimPrefix(h.as("alice", "orders:read"), "Bearer ")}
		for _, c := range []struct {
			name, path string
			fields     []string
			status     int
			code       string
		}{
			{"a token with the scope", "/v1/scoped", reader, in("scoped", 403), "policy.no_permit"},
			{"a token with the scope, in a cookie", "/v1/scoped", cookie, in("scoped", 403), "policy.no_permit"},
			{"a token without the scope", "/v1/unscoped", reader, 403, "token.insufficient_scope"},
			{"a token without the scope, whom a policy permits", "/v1/unscoped", root, 403, "token.insufficient_scope"},
			{"a token with the scope, whom a policy permits", "/v1/scoped", root, 204, ""},
			{"an API key", "/v1/scoped", key, in("scoped", 403), "policy.no_permit"},
			{"an API key where scopes stand beside", "/v1/unscoped", key, in("scoped", 403), "policy.no_permit"},
			{"an API key where only a token will do", "/v1/staff", key, 403, "token.insufficient_scope"},
			{"somebody whom a policy forbids", "/v1/scoped", []string{"Authorization", h.as("eve", "orders:read")}, 403, "policy.forbidden"},
			{"nobody", "/v1/scoped", nil, 401, "contract.credential"},
			{"a forged token", "/v1/scoped", []string{"Authorization", reader[1][:len(reader[1])-4] + "AAAA"}, 401, "token.signature"},
			{"nobody, where the document wants nobody", "/v1/orders", nil, in("open", 401), "policy.no_permit"},
			{"somebody, where the document wants nobody", "/v1/orders", reader, in("open", 403), "policy.no_permit"},
		} {
			res, body, err := h.ask(client, "h1", "GET", c.path, "", c.fields...)
			if err != nil || res.StatusCode != c.status || c.status != 204 && code(body) != c.code {
				t.Errorf("access %s: %s: %v %v %s, want %d %s", access, c.name, err, res, body, c.status, c.code)
			}
			if c.status == 401 && res.Header.Get("WWW-Authenticate") == "" {
				t.Errorf("access %s: %s: no challenge", access, c.name)
			}
		}
	}
}

const twoViews = `      access: document
      answers: filter
      fields: fields
      serve: /openapi.json
      views:
        - {name: staff, for: {scopes: [staff]}}
        - {name: partners, for: {roles: [partner]}, operations: [getOrder, scoped, going], hide: [internal]}`

// A view hides operations as if they were not there, and properties; callers choose
// among the rest; each gets the document of what she sees.
func TestContractViews(t *testing.T) {
	t.Parallel()
	h := newPromising(t, twoViews, "    operations: [{id: openapi-document, access: public}]")
	staff, partner := []string{"Authorization", h.as("sue", "staff")}, []string{"X-API-Key", h.key}
	for _, proto := range contractProtos {
		client := h.client(proto)
		for _, c := range []struct {
			name, path, want string
			fields           []string
			status           int
		}{
			{"staff", "/v1/orders/1", `{"id":1,"sku":"tea","cost":1.5,"email":"a@b.example"}`, staff, 200},
			{"a partner", "/v1/orders/1", `{"id":1,"sku":"tea","email":"a@b.example"}`, partner, 200},
			{"a stranger", "/v1/orders/1", "", nil, 404},
			{"another's operation", "/v1/orders", "", partner, 404},
			{"chosen", "/v1/orders/1?fields=sku,cost", `{"sku":"tea","cost":1.5}`, staff, 200},
			{"chosen, and hidden", "/v1/orders/1?fields=sku,cost", `{"sku":"tea"}`, partner, 200},
			{"chosen what is not there", "/v1/orders/1?fields=password", `{}`, staff, 200},
			{"chosen badly", "/v1/orders/1?fields=a(", "", staff, 400},
		} {
			var asked string
			h.says(func(w http.ResponseWriter, r *http.Request) {
				asked = r.RequestURI
				answering(200, "application/json", `{"id":1,"sku":"tea","cost":1.5,"email":"a@b.example","password":"x"}`)(w, r)
			})
			res, body, err := h.ask(client, proto, "GET", c.path, "", c.fields...)
			if err != nil || res.StatusCode != c.status || c.status == 200 && body != c.want || strings.Contains(asked, "fields") {
				t.Errorf("%s: %s: %v %v %s; asked %s", proto, c.name, err, res, body, asked)
			}
			if c.status == 404 && (asked != "" || code(body) != "match.undocumented" && code(body) != "contract.view") {
				t.Errorf("%s: %s: %s, asked %s", proto, c.name, body, asked)
			}
		}
		h.says(func(http.ResponseWriter, *http.Request) { t.Error("the service is asked for the document") })
		for _, c := range []struct {
			name       string
			fields     []string
			has, hides []string
		}{
			{"staff", staff, []string{`"/staff"`, `"cost"`, `"/orders/{id}"`, `"secret"`}, []string{"x-gatehouse", "/openapi.json\""}},
			{"a partner", partner, []string{`"/orders/{id}"`, `"email"`}, []string{`"/staff"`, `"cost"`, `"/uploads"`, "listOrders", "x-gatehouse"}},
		} {
			res, body, err := h.ask(client, proto, "GET", "/v1/openapi.json", "", c.fields...)
			if err != nil || res.StatusCode != 200 || !json.Valid([]byte(body)) || !strings.Contains(res.Header.Get("Cache-Control"), "private") {
				t.Errorf("%s: %s: %v %v %s", proto, c.name, err, res, body)
				continue
			}
			for _, text := range c.has {
				if !strings.Contains(body, text) {
					t.Errorf("%s: %s: no %s in %s", proto, c.name, text, body)
				}
			}
			for _, text := range c.hides {
				if strings.Contains(body, text) {
					t.Errorf("%s: %s: %s in %s", proto, c.name, text, body)
				}
			}
			head, _, err := h.ask(client, proto, "HEAD", "/v1/openapi.json", "", c.fields...)
			if err != nil || head.StatusCode != 200 || head.ContentLength != int64(len(body)) {
				t.Errorf("%s: %s: HEAD: %v %v", proto, c.name, err, head)
			}
		}
		if res, body, err := h.ask(client, proto, "GET", "/v1/openapi.json", ""); err != nil || res.StatusCode != 404 || strings.Contains(body, "sku") {
			t.Errorf("%s: a stranger: %v %v %s", proto, err, res, body)
		}
	}
}

// The end of operations is told, and comes. Without access: public the document is
// nobody's.
func TestContractLifecycle(t *testing.T) {
	t.Parallel()
	h := newPromising(t, "      access: document\n      serve: /openapi.json\n      operations: {listOrders: {deprecated: 2020-01-01, sunset: 2090-01-01, link: \"https://shop.example/end\"}}", "")
	for _, proto := range contractProtos {
		client := h.client(proto)
		for _, c := range []struct {
			path                      string
			status                    int
			deprecation, sunset, link string
		}{
			{"/v1/gone", 410, "@1577836800", "Fri, 01 Jan 2021 00:00:00 GMT", `<https://shop.example/changes>; rel="deprecation", <https://shop.example/changes>; rel="sunset"`},
			{"/v1/going", 204, "@1577836800", "", `</v2/going>; rel="successor-version"`},
			{"/v1/orders", 200, "@1577836800", "Sun, 01 Jan 2090 00:00:00 GMT", `<https://shop.example/end>; rel="deprecation", <https://shop.example/end>; rel="sunset"`},
			{"/v1/orders?limit=x", 400, "@1577836800", "Sun, 01 Jan 2090 00:00:00 GMT", `<https://shop.example/end>; rel="deprecation", <https://shop.example/end>; rel="sunset"`},
			{"/v1/uploads", 405, "", "", ""},
			{"/v1/openapi.json", 401, "", "", ""},
		} {
			asked := false
			h.says(func(w http.ResponseWriter, r *http.Request) {
				asked = true
				if c.status == 200 {
					answering(200, "application/json", "[]")(w, r)
					return
				}
				noContent(w, r)
			})
			res, body, err := h.ask(client, proto, "GET", c.path, "")
			if err != nil || res.StatusCode != c.status || asked != (c.status < 300) {
				t.Errorf("%s: %s: %v %v %s", proto, c.path, err, res, body)
				continue
			}
			if got := res.Header; got.Get("Deprecation") != c.deprecation || got.Get("Sunset") != c.sunset || got.Get("Link") != c.link {
				t.Errorf("%s: %s: %v", proto, c.path, got)
			}
		}
	}
	// Whoever reports first sees what a sunset would do.
	h.change(t, "operations: {listOrders", "operations: {gone: {sunset: 2021-01-01}, listOrders")
	h.write("gatehouse.yaml", readFile(t, filepath.Join(h.dir, "gatehouse.yaml"))+"    modes: {openapi.lifecycle: monitor}\n")
	if err := h.Reload(context.Background()); err != nil {
		t.Fatal(err)
	}
	h.says(noContent)
	res, body, err := h.ask(h.client("h1"), "h1", "GET", "/v1/gone", "")
	if err != nil || res.StatusCode != 204 {
		t.Fatalf("monitor: %v %v %s", err, res, body)
	}
	if rec := h.recorded(res); !rec.WouldBlock || judgment(rec, "openapi.lifecycle").Code != "contract.sunset" {
		t.Errorf("%+v", rec)
	}
}

// A contract is exchanged under load; every request is judged by one of the two.
func TestContractReloadUnderLoad(t *testing.T) {
	t.Parallel()
	h := newPromising(t, "      access: document\n      answers: filter", "")
	h.says(answering(200, "application/json", `[{"sku":"tea","extra":1}]`))
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var served [2]atomic.Int64
	for _, proto := range contractProtos {
		for range 2 {
			client := h.client(proto)
			wg.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					res, body, err := h.ask(client, proto, "GET", "/v1/orders?limit=5", "")
					switch {
					case err == nil && res.StatusCode == 200 && body == `[{"sku":"tea"}]`:
						served[0].Add(1)
					case err == nil && res.StatusCode == 200 && body == `[{"sku":"tea","extra":1}]`:
						served[1].Add(1)
					default:
						t.Errorf("%s: %v %v %s", proto, err, res, body)
						return
					}
				}
			})
		}
	}
	for i := range 12 {
		text := shopDocument
		if i%2 == 0 {
			text = strings.Replace(text, "secret:", "extra: {type: integer}\n        secret:", 1)
		}
		h.write("shop.yaml", text)
		if err := h.Reload(context.Background()); err != nil {
			t.Error(err)
		}
		if i == 5 {
			h.write("shop.yaml", strings.Replace(text, "sku: {type", "sku: {tpe: 1, type: 7, x", 1))
			if err := h.Reload(context.Background()); err == nil {
				t.Error("a broken document was taken")
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	close(stop)
	wg.Wait()
	if served[0].Load() == 0 || served[1].Load() == 0 {
		t.Errorf("served %d by one and %d by the other", served[0].Load(), served[1].Load())
	}
}

const ratesDocument = `openapi: 3.1.0
info: {title: Rates, version: "1"}
paths:
  /rates:
    get:
      operationId: rates
      parameters: [{name: base, in: query, schema: {type: string, pattern: "^[A-Z]{3}$"}}]
      responses:
        "200":
          description: rates
          content: {application/json: {schema: {type: object, required: [eur], properties: {eur: {type: number, exclusiveMinimum: 0}}, additionalProperties: false}}}
`

// A third party's answers are held to what is on file, and so are the calls.
func TestContractOfThirdParty(t *testing.T) {
	t.Parallel()
	h, p := newEgress(t, "redirects: refuse, answer_bytes: 64KiB", "auto")
	h.write("rates.yaml", ratesDocument)
	text := readFile(t, filepath.Join(h.dir, "gatehouse.yaml"))
	text = text[:strings.LastIndex(text, "    operations:")] + "    contract: rates.yaml\n"
	h.write("gatehouse.yaml", text)
	if err := h.Reload(context.Background()); err != nil {
		t.Fatalf("%v\n%s", err, config.Explain(err, h.dir))
	}
	token := h.token("alice", "t1")
	for _, listener := range []string{"egress", "egress-compat"} {
		for _, c := range []struct {
			name, query string
			answer      http.HandlerFunc
			status      int
			code        string
		}{
			{"good", "?base=USD", answering(200, "application/json", `{"eur":0.9}`), 200, ""},
			{"a call off contract", "?base=usd", nil, 400, "contract.parameter_pattern"},
			{"a parameter that the service made up", "?debug=1", nil, 400, "contract.parameter_unknown"},
			{"a rate below zero", "", answering(200, "application/json", `{"eur":-1}`), 502, "contract.answer_body"},
			{"more than was agreed on", "", answering(200, "application/json", `{"eur":0.9,"discount":5}`), 502, "contract.answer_body"},
			{"a page", "", answering(200, "text/html", `{"eur":0.9}`), 502, "contract.answer_content_type"},
			{"another status", "", answering(201, "application/json", `{"eur":0.9}`), 502, "contract.answer_status"},
			{"too much", "", answering(200, "application/json", `{"eur":0.9`+strings.Repeat(" ", 1<<17)+`}`), 502, "egress.length"},
			{"too much, and no length", "", func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				for range 64 {
					_, _ = io.WriteString(w, strings.Repeat(" ", 1<<12))
					w.(http.Flusher).Flush()
				}
				_, _ = io.WriteString(w, `{"eur":0.9}`)
			}, 502, "egress.length"},
			{"a name twice", "", answering(200, "application/json", `{"eur":0.9,"eur":900}`), 502, "contract.answer_body"},
			{"cut off", "", answering(200, "application/json", `{"eur":0.9`), 502, "contract.answer_body"},
			{"a redirect", "", answering(302, "", "", "Location", "http://169.254.169.254/"), 502, "egress.redirect"},
		} {
			p.says(func(w http.ResponseWriter, r *http.Request) {
				if c.answer == nil {
					t.Errorf("%s: it went out", c.name)
					return
				}
				c.answer(w, r)
			})
			res, body, err := h.call(h.proxied(listener), "GET", partnerURL+"/rates"+c.query, "Authorization", "Bearer "+token)
			if err != nil || res.StatusCode != c.status || c.status == 502 && strings.Contains(body, "eur") {
				t.Errorf("%s: %s: %v %d %s", listener, c.name, err, res.StatusCode, body)
				continue
			}
			if c.code != "" && code(body) != c.code {
				t.Errorf("%s: %s: %s, want %s", listener, c.name, body, c.code)
			}
		}
	}
	if got := p.asked(); len(got) == 0 || got[0].Header.Get("X-Partner-Key") != "key "+partnerSecret {
		t.Errorf("the credential is not what the third party got: %v", got)
	}
	if res, body, _ := h.call(h.proxied("egress"), "GET", partnerURL+"/open/x", "Authorization", "Bearer "+token); res.StatusCode != 404 {
		t.Errorf("what is not on file: %d %s", res.StatusCode, body)
	}
	if res, body, _ := h.call(h.proxied("egress"), "GET", partnerURL+"/rates"); res.StatusCode != 401 {
		t.Errorf("a stranger: %d %s", res.StatusCode, fmt.Sprint(body))
	}
}

// Where nobody has written a policy the contract decides alone, and the control of
// policies is asked only where the contract lets nobody in.
func TestContractWithoutPolicies(t *testing.T) {
	t.Parallel()
	h := newPromising(t, "      access: secured", "")
	h.says(noContent)
	client := h.client("h1")
	h.write("shop.cedar", "")
	if err := h.Reload(context.Background()); err != nil {
		t.Fatal(err)
	}
	reader := []string{"Authorization", h.as("alice", "orders:read")}
	for _, c := range []struct {
		name, path string
		fields     []string
		status     int
		code       string
	}{
		{"a token with the scope", "/v1/scoped", reader, 204, ""},
		{"a token without the scope", "/v1/unscoped", reader, 403, "token.insufficient_scope"},
		{"nobody", "/v1/scoped", nil, 401, "contract.credential"},
		{"somebody, where the document wants nobody", "/v1/orders", reader, 403, "policy.no_permit"},
	} {
		res, body, err := h.ask(client, "h1", "GET", c.path, "", c.fields...)
		if err != nil || res.StatusCode != c.status || c.status != 204 && code(body) != c.code {
			t.Errorf("%s: %v %v %s, want %d %s", c.name, err, res, body, c.status, c.code)
		}
	}
	// A policy that comes with a reload counts again.
	h.write("shop.cedar", `forbid(principal, action, resource);`)
	if err := h.Reload(context.Background()); err != nil {
		t.Fatal(err)
	}
	if res, body, err := h.ask(client, "h1", "GET", "/v1/scoped", "", reader...); err != nil || res.StatusCode != 403 || code(body) != "policy.forbidden" {
		t.Errorf("a policy that forbids everything: %v %v %s", err, res, body)
	}
}
