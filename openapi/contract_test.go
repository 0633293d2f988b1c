package openapi_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/gateway"
	"github.com/gatehouse/gatehouse/openapi"
	"github.com/gatehouse/gatehouse/openapi/document"
)

// house is a contract behind the gateway, with a service that the test plays.
type house struct {
	t         testing.TB
	contract  *openapi.Contract
	handler   http.Handler
	principal *gatehouse.Principal // nil: nobody
	service   http.HandlerFunc
	// what the last exchange came to:
	decision gatehouse.Decision
	arrived  *http.Request // at the service; nil if it was not asked
	body     string
}

func compile(t testing.TB, file string, o openapi.Options) *openapi.Contract {
	t.Helper()
	doc, err := openapi.Load(context.Background(), document.Source{Path: file})
	if err != nil {
		t.Fatal(err)
	}
	c, err := openapi.Compile(doc, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newHouse(t testing.TB, o openapi.Options, monitor bool) *house {
	t.Helper()
	return newHouseOf(t, "testdata/shop.yaml", o, monitor)
}

func newHouseOf(t testing.TB, file string, o openapi.Options, monitor bool) *house {
	t.Helper()
	h := &house{t: t, contract: compile(t, file, o)}
	var err error
	h.handler, err = gateway.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.arrived = r
		b, _ := io.ReadAll(r.Body)
		h.body = string(b)
		if h.service != nil {
			h.service(w, r)
			return
		}
		w.WriteHeader(204)
	}), gateway.Options{Operations: h.contract.Operations(), ControlsOf: h.contract.Controls, Authenticator: h, Monitor: monitor,
		Observers: []gatehouse.Observer{h}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *house) Authenticate(context.Context, *gatehouse.Exchange) (*gatehouse.Principal, error) {
	if h.principal == nil {
		return nil, gatehouse.ErrNoCredential
	}
	return h.principal, nil
}

func (h *house) Observe(x *gatehouse.Exchange) {
	h.decision = x.Decision
	h.decision.Judgments = slices.Clone(x.Decision.Judgments)
}

// do sends a request: "METHOD /path", fields as "Name: value", and a body.
func (h *house) do(line, body string, fields ...string) (status int, answer string, header http.Header) {
	h.t.Helper()
	method, target, _ := strings.Cut(line, " ")
	r := httptest.NewRequest(method, "http://shop.example"+target, strings.NewReader(body))
	if body == "" {
		r = httptest.NewRequest(method, "http://shop.example"+target, nil)
	}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	h.arrived, h.body = nil, ""
	func() {
		defer func() {
			if p := recover(); p != nil && p != http.ErrAbortHandler {
				panic(p)
			}
		}()
		h.handler.ServeHTTP(w, r)
	}()
	return w.Code, w.Body.String(), w.Header()
}

// judged returns what a control said: its denial, or else what it said last.
func (h *house) judged(control string) (v gatehouse.Verdict) {
	for _, j := range h.decision.Judgments {
		if j.Control == control && v.Outcome != gatehouse.Deny {
			v = j.Verdict
		}
	}
	return v
}

// answers makes the service answer so.
func (h *house) answers(status int, body string, fields ...string) {
	h.service = func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = nil
		for _, f := range fields {
			name, value, _ := strings.Cut(f, ": ")
			w.Header().Add(name, value)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

var (
	reader  = &gatehouse.Principal{Subject: "r", Method: gatehouse.MethodJWT, Scopes: []string{"orders:read"}}
	writer  = &gatehouse.Principal{Subject: "w", Method: gatehouse.MethodJWT, Scopes: []string{"orders:read", "orders:write"}, Roles: []string{"staff"}}
	machine = &gatehouse.Principal{ClientID: "m", Method: gatehouse.MethodAPIKey}
	open    = openapi.Config{Access: openapi.AccessDocument}
)

func TestOperations(t *testing.T) {
	c := compile(t, "testdata/shop.yaml", openapi.Options{Config: open})
	var got []string
	for _, op := range c.Operations() {
		got = append(got, strings.Join([]string{op.ID, op.Method, op.Path, op.Access.String(), strings.Join(op.Scopes, "+")}, " "))
		if op.At.Line == 0 {
			t.Errorf("%s stands nowhere", op.ID)
		}
	}
	want := []string{"listOrders GET /v1/orders contract orders:read", "createOrder POST /v1/orders contract ", "getOrder GET /v1/orders/{id} contract orders:read",
		"deleteOrder DELETE /v1/orders/{id} contract orders:read", "cancelOrder POST /v1/orders/{id}:cancel contract orders:read",
		"status GET /v1/status public ", "putFile PUT /v1/files/{name} public "}
	slices.Sort(got)
	slices.Sort(want)
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

const order = `{"items":[{"sku":"a","count":2}],"note":"hi"}`

// TestRequests: what is refused in enforce is recorded in monitor, and goes on
// unchanged.
func TestRequests(t *testing.T) {
	j, tenant := "Content-Type: application/json", "X-Tenant: acme"
	for _, c := range []struct {
		name, line, body string
		fields           []string
		status           int
		code, where      string // of the first detail, "" for none
	}{
		{"good", "POST /v1/orders?dry=true", order, []string{j, tenant}, 204, "", ""},
		{"a parameter of another type", "POST /v1/orders?dry=maybe", order, []string{j, tenant}, 400, "contract.parameter_type", "query:dry"},
		{"a parameter is missing", "POST /v1/orders", order, []string{j}, 400, "contract.parameter_missing", "header:X-Tenant"},
		{"an unknown parameter", "POST /v1/orders?debug=1", order, []string{j, tenant}, 400, "contract.parameter_unknown", "query:debug"},
		{"a parameter twice", "POST /v1/orders?dry=true&dry=false", order, []string{j, tenant}, 400, "contract.parameter_repeated", "query:dry"},
		{"an API key in the query is known", "POST /v1/orders?api_key=x", order, []string{j, tenant}, 204, "", ""},
		{"no body", "POST /v1/orders", "", []string{tenant}, 400, "contract.body_missing", ""},
		{"another media type", "POST /v1/orders", order, []string{"Content-Type: text/plain", tenant}, 415, "contract.media_type", ""},
		{"no media type", "POST /v1/orders", order, []string{tenant}, 415, "contract.content_type", ""},
		{"two media types", "POST /v1/orders", order, []string{j, j, tenant}, 415, "contract.content_type_repeated", ""},
		{"an unknown coding", "POST /v1/orders", order, []string{j, tenant, "Content-Encoding: rot13"}, 415, "contract.content_coding", ""},
		{"a member twice", "POST /v1/orders", `{"items":[],"items":[]}`, []string{j, tenant}, 400, "json.duplicate_name", ""},
		{"no JSON", "POST /v1/orders", "{", []string{j, tenant}, 400, "json.truncated", ""},
		{"a required member is missing", "POST /v1/orders", `{"note":"x"}`, []string{j, tenant}, 400, "contract.required", "/items"},
		{"a readOnly member", "POST /v1/orders", `{"id":1,"items":[{"sku":"a","count":2}]}`, []string{j, tenant}, 400, "contract.read_only", "/id"},
		{"deep within", "POST /v1/orders", `{"items":[{"sku":"a","count":0}]}`, []string{j, tenant}, 400, "contract.range", "/items/0/count"},
		{"a path parameter", "GET /v1/orders/x", "", nil, 400, "contract.parameter_type", "path:id"},
		{"a body where there is none", "GET /v1/orders/1", "x", nil, 400, "contract.body_unexpected", ""},
		{"undocumented", "GET /v1/nothing", "", nil, 404, "match.undocumented", ""},
		{"another method", "PATCH /v1/orders", "", nil, 405, "match.method", ""},
		{"without the server's path", "GET /orders", "", nil, 404, "match.undocumented", ""},
		{"a custom method", "POST /v1/orders/7:cancel", "", nil, 204, "", ""},
		{"an opaque body", "PUT /v1/files/a", "\x89PNG", []string{"Content-Type: image/png"}, 204, "", ""},
		{"an opaque body of another type", "PUT /v1/files/a", "x", []string{"Content-Type: image/gif"}, 415, "contract.media_type", ""},
		{"an opaque body is missing", "PUT /v1/files/a", "", nil, 400, "contract.body_missing", ""},
	} {
		for _, monitor := range []bool{false, true} {
			name := c.name
			if monitor {
				name += ", in monitor"
			}
			t.Run(name, func(t *testing.T) {
				cfg := open
				cfg.Errors.Full.Everybody = true
				h := newHouse(t, openapi.Options{Config: cfg}, monitor)
				h.principal = writer
				status, answer, _ := h.do(c.line, c.body, c.fields...)
				if strings.HasPrefix(c.code, "match.") || !monitor {
					if status != c.status || h.decision.Reason.Code != c.code {
						t.Fatalf("%d %+v %s", status, h.decision.Reason, answer)
					}
				} else if status != 204 && status != 502 || h.decision.WouldBlock != (c.code != "") {
					t.Fatalf("%d %+v", status, h.decision)
				}
				if h.arrived != nil && h.body != c.body {
					t.Errorf("the service got %q", h.body)
				}
				if c.code == "" || strings.HasPrefix(c.code, "match.") {
					return
				}
				v := h.judged(openapi.RequestName)
				if v.Reason.Code != c.code {
					t.Errorf("judged %+v", v)
				}
				if c.where == "" {
					return
				}
				if len(v.Details) == 0 || v.Details[0].Parameter+v.Details[0].Pointer != c.where || v.Details[0].At.Line == 0 && c.code != "contract.parameter_unknown" {
					t.Errorf("details %+v", v.Details)
				}
				if !monitor && !strings.Contains(answer, `"errors":[{"code":"`+c.code+`"`) {
					t.Errorf("the client reads %s", answer)
				}
			})
		}
	}
}

// Who is told where: those the API trusts.
func TestErrorsAreForTheTrusted(t *testing.T) {
	cfg := open
	cfg.Errors.Full.Roles = []string{"staff"}
	cfg.Errors.Max = 2
	h := newHouse(t, openapi.Options{Config: cfg}, false)
	for _, c := range []struct {
		who  *gatehouse.Principal
		told bool
	}{{reader, false}, {writer, true}} {
		h.principal = c.who
		_, answer, _ := h.do("GET /v1/orders?limit=0&a=1&b=2&c=3", "", "X-Tenant: UPPER")
		if strings.Contains(answer, "query:limit") != c.told || strings.Contains(answer, "UPPER") {
			t.Errorf("%s is told %s", c.who.Subject, answer)
		}
		if v := h.judged(openapi.RequestName); len(v.Details) != 2 || !strings.Contains(v.Reason.Message, "query:limit") || strings.Contains(v.Reason.Message, "UPPER") {
			t.Errorf("the log has %+v", v)
		}
	}
}

func TestUnknown(t *testing.T) {
	for _, c := range []struct {
		rule   openapi.Unknown
		status int
		query  string
		cookie string
	}{
		{openapi.Refuse, 400, "", ""},
		{openapi.Report, 200, "limit=5&x=%41&y", "a=1; b=2"},
		{openapi.Strip, 200, "limit=5", ""},
	} {
		cfg := open
		cfg.Unknown.Query, cfg.Unknown.Cookies = c.rule, c.rule
		h := newHouse(t, openapi.Options{Config: cfg}, false)
		h.principal = reader
		h.answers(200, "[]", "Content-Type: application/json", "X-Total: 0")
		status, answer, _ := h.do("GET /v1/orders?limit=5&x=%41&y", "", "Cookie: a=1; b=2")
		if status != c.status {
			t.Fatalf("%s: %d %s", c.rule, status, answer)
		}
		if status != 200 {
			continue
		}
		if q, k := h.arrived.URL.RawQuery, h.arrived.Header.Get("Cookie"); q != c.query || k != c.cookie {
			t.Errorf("%s: %q %q", c.rule, q, k)
		}
		if v := h.judged(openapi.RequestName); v.Reason.Code != openapi.CodeReported || len(v.Details) != 4 {
			t.Errorf("%s: recorded %+v", c.rule, v)
		}
	}
}

func TestUnknownProperties(t *testing.T) {
	with := `{"items":[{"sku":"a","count":2,"free":1}],"role":"admin"}`
	for _, c := range []struct {
		rule    openapi.Unknown
		except  []string
		status  int
		details int
	}{
		{openapi.Declared, nil, 204, 0}, {openapi.Report, nil, 204, 2}, {openapi.Refuse, nil, 400, 2},
		{openapi.Refuse, []string{"/role"}, 400, 1}, {openapi.Refuse, []string{"/role", "/items/*/free"}, 204, 0},
	} {
		cfg := open
		cfg.Operations = map[string]openapi.OperationConfig{"createOrder": {Rules: openapi.Rules{Unknown: openapi.UnknownConfig{Properties: c.rule, Except: c.except}}}}
		h := newHouse(t, openapi.Options{Config: cfg}, false)
		h.principal = machine
		status, _, _ := h.do("POST /v1/orders", with, "Content-Type: application/json", "X-Tenant: a")
		if v := h.judged(openapi.RequestName); status != c.status || len(v.Details) != c.details {
			t.Errorf("%s %v: %d %+v", c.rule, c.except, status, v.Details)
		}
	}
}

func TestSecurity(t *testing.T) {
	cert := &gatehouse.Principal{Subject: "c", Method: gatehouse.MethodMTLS}
	for _, c := range []struct {
		line   string
		who    *gatehouse.Principal
		access openapi.Access
		status int
		code   string
	}{
		{"GET /v1/orders/1", nil, openapi.AccessDocument, 401, openapi.CodeCredential},
		{"GET /v1/orders/1", machine, openapi.AccessDocument, 403, openapi.CodeScheme},
		{"GET /v1/orders/1", &gatehouse.Principal{Method: gatehouse.MethodJWT}, openapi.AccessDocument, 403, openapi.CodeScope},
		{"GET /v1/orders/1", reader, openapi.AccessDocument, 204, ""},
		{"GET /v1/orders/1", reader, openapi.AccessSecured, 204, ""},
		{"GET /v1/orders/1", reader, openapi.AccessPolicy, 403, "access.no_permit"},
		{"POST /v1/orders", reader, openapi.AccessDocument, 403, openapi.CodeScope},
		{"POST /v1/orders", writer, openapi.AccessDocument, 204, ""},
		{"POST /v1/orders", machine, openapi.AccessDocument, 204, ""},
		{"POST /v1/orders", cert, openapi.AccessDocument, 403, openapi.CodeScheme},
		{"GET /v1/status", nil, openapi.AccessDocument, 204, ""},
		{"GET /v1/status", nil, openapi.AccessSecured, 401, "access.no_permit"},
		{"GET /v1/status", nil, openapi.AccessPolicy, 401, "access.no_permit"},
		{"PUT /v1/files/a", nil, openapi.AccessDocument, 204, ""},
		{"PUT /v1/files/a", cert, openapi.AccessDocument, 204, ""},
		{"PUT /v1/files/a", nil, openapi.AccessSecured, 401, "access.no_permit"},
		{"PUT /v1/files/a", cert, openapi.AccessSecured, 204, ""},
	} {
		h := newHouse(t, openapi.Options{Config: openapi.Config{Access: c.access}}, false)
		h.principal = c.who
		var status int
		if strings.HasPrefix(c.line, "PUT") {
			status, _, _ = h.do(c.line, "x", "Content-Type: image/png")
		} else if strings.HasPrefix(c.line, "POST") {
			status, _, _ = h.do(c.line, order, "Content-Type: application/json", "X-Tenant: a")
		} else {
			h.answers(204, "")
			status, _, _ = h.do(c.line, "")
		}
		if c.status == 204 && strings.HasPrefix(c.line, "GET") { // 204 is not what the document promises there
			c.status, c.code = 502, openapi.CodeAnswerStatus
		}
		if status != c.status || h.decision.Reason.Code != c.code {
			t.Errorf("%s, access %s: %d %+v", c.line, c.access, status, h.decision.Reason)
		}
	}
}

func TestCompileTellsAll(t *testing.T) {
	doc, err := openapi.Load(context.Background(), document.Source{Path: "testdata/shop.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = openapi.Compile(doc, openapi.Options{Config: openapi.Config{Operations: map[string]openapi.OperationConfig{"LISTORDERS": {}, "x": {}}}})
	var e *gatehouse.Error
	if !errors.As(err, &e) || !strings.Contains(err.Error(), `did you mean "listOrders"?`) || !strings.Contains(err.Error(), `"x"`) {
		t.Errorf("%v", err)
	}
}

func writeFile(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
