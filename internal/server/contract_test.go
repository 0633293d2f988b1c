package server

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/openapi/document"
)

const contractConfig = `version: 1
listeners: [{name: plain, address: 127.0.0.1:0}]
admin: {address: 127.0.0.1:0}
upstreams: [{name: shop, endpoints: [{url: %q}]}]
apis:
  - name: shop
    upstream: shop
    contract: {file: openapi/shop.yaml, access: document%s}
`

const contractDocument = `openapi: 3.1.0
info: {title: Shop, version: "1"}
security: []
paths:
  /orders:
    get:
      operationId: listOrders
      parameters: [{name: limit, in: query, schema: {$ref: "common.yaml#/Limit"}}]
      responses: {"200": {description: some, content: {text/plain: {}}}}
`

const contractPart = "Limit: {type: integer, maximum: 100}\n"

// contractHouse is a house with a contract.
type contractHouse struct {
	*house
	warned string // at start
}

// guarded starts a gateway that holds a service to contractDocument.
func guarded(t *testing.T, more string) *contractHouse {
	t.Helper()
	h := &contractHouse{house: &house{t: t, dir: t.TempDir(), upstream: service(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		io.WriteString(w, "served")
	})}}
	if err := os.Mkdir(filepath.Join(h.dir, "openapi"), 0o755); err != nil {
		t.Fatal(err)
	}
	h.write("openapi/shop.yaml", contractDocument)
	h.write("openapi/common.yaml", contractPart)
	h.write("gatehouse.yaml", fmt.Sprintf(contractConfig, h.upstream.URL, more))
	h.start(0)
	return h
}

func (h *contractHouse) start(watch time.Duration) {
	h.t.Helper()
	var err error
	h.Server, err = Start(context.Background(), Options{ConfigPath: filepath.Join(h.dir, "gatehouse.yaml"), Log: slog.New(slog.NewTextHandler(&h.log, nil)),
		Warn: func(ds config.Diagnostics) { h.warned += ds.String() }, Watch: watch, Drain: 5 * time.Second})
	if err != nil {
		h.t.Fatalf("%v\n%s", err, config.Explain(err, h.dir))
	}
	h.t.Cleanup(h.Stop)
}

// A changed document is noticed and taken, each of its files; a broken one never
// replaces one that holds.
func TestContractReload(t *testing.T) {
	t.Parallel()
	h := guarded(t, "")
	hash := func() string { return h.Status().(Status).Config }
	hold := func(when string, want map[string]int) {
		t.Helper()
		for path, status := range want {
			if res, body := h.get(path, ""); res.StatusCode != status {
				t.Errorf("%s: %s: %d %s, want %d", when, path, res.StatusCode, body, status)
			}
		}
	}
	first, stamp := hash(), h.stamp(h.current)
	if first == h.current.cfg.Hash() {
		t.Error("the hash does not tell the document")
	}
	before := map[string]int{"/orders?limit=50": 200, "/orders?limit=101": 400, "/parcels": 404}
	hold("at first", before)

	h.write("openapi/common.yaml", strings.Replace(contractPart, "100", "10", 1))
	if h.stamp(h.current) == stamp {
		t.Error("a changed part of the document goes unnoticed")
	}
	if err := h.Reload(context.Background()); err != nil {
		t.Fatal(err)
	}
	second := hash()
	if second == first || h.current.snapshot.Hash != second {
		t.Errorf("hash %s, before %s", second, first)
	}
	after := map[string]int{"/orders?limit=50": 400, "/orders?limit=5": 200, "/parcels": 404}
	hold("with another part", after)

	for name, broken := range map[string]string{
		"no path":   strings.Replace(contractDocument, "/orders:", "orders:", 1),
		"no schema": strings.Replace(contractDocument, "common.yaml#/Limit", "common.yaml#/Limits", 1),
		"no type":   strings.Replace(contractDocument, `{$ref: "common.yaml#/Limit"}`, "{type: numeral}", 1),
		"no YAML":   contractDocument + "\tx: [",
		"nothing":   "",
		"elsewhere": strings.Replace(contractDocument, "common.yaml#/Limit", "../../x.yaml#/Limit", 1),
	} {
		h.write("openapi/shop.yaml", broken)
		err := h.Reload(context.Background())
		if err == nil || !strings.Contains(err.Error(), "shop.yaml") {
			t.Errorf("%s: %v", name, err)
		}
		if got := hash(); got != second {
			t.Errorf("%s: hash %s, want %s", name, got, second)
		}
		hold(name, after)
		ds := config.Explain(err, h.dir)
		if len(ds) == 0 || !ds.HasErrors() || name != "nothing" && ds[0].Source == "" {
			t.Errorf("%s is explained as %s", name, ds)
		}
	}
	if log := h.log.String(); !strings.Contains(log, "the last good one stays") || !strings.Contains(log, "shop.yaml:5") {
		t.Errorf("the log does not say why: %s", log)
	}
	if !strings.Contains(h.warned, "shop.yaml:5:3: error: ") || !strings.Contains(h.warned, "        get:\n") && !strings.Contains(h.warned, "      orders:\n") {
		t.Errorf("not every mistake is told: %s", h.warned)
	}

	h.write("openapi/shop.yaml", strings.Replace(contractDocument, "/orders:", "/parcels:", 1))
	h.write("openapi/common.yaml", contractPart)
	if err := h.Reload(context.Background()); err != nil {
		t.Fatal(err)
	}
	hold("mended", map[string]int{"/orders": 404, "/parcels?limit=50": 200})
}

// The watcher looks at a document's files as at the configuration's.
func TestContractIsWatched(t *testing.T) {
	t.Parallel()
	h := guarded(t, "")
	h.Stop()
	h.start(20 * time.Millisecond)
	h.write("openapi/common.yaml", strings.Replace(contractPart, "100", "1000", 1))
	for range 500 {
		if res, _ := h.get("/orders?limit=500", ""); res.StatusCode == 200 {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Error("the changed document was not taken")
}

// The hash tells what the documents say, not where they lie.
func TestContractHash(t *testing.T) {
	hash := func(files map[string]string) string {
		t.Helper()
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "openapi"), 0o755); err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{"gatehouse.yaml": fmt.Sprintf(contractConfig, "http://127.0.0.1:9", ""),
			"openapi/shop.yaml": contractDocument, "openapi/common.yaml": contractPart} {
			if other, ok := files[name]; ok {
				text = other
			}
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		cfg, _, err := Load(filepath.Join(dir, "gatehouse.yaml"), config.Env{})
		if err != nil {
			t.Fatal(err)
		}
		a := newAssembly(cfg, dir, nil, nil)
		if err := a.vocabulary(); err != nil {
			t.Fatal(err)
		}
		return a.hash
	}
	base := hash(nil)
	if other := hash(nil); other != base {
		t.Errorf("%s and %s: the folder matters", base, other)
	}
	for _, files := range []map[string]string{{"openapi/shop.yaml": contractDocument + "# more\n"}, {"openapi/common.yaml": contractPart + "\n"},
		{"gatehouse.yaml": fmt.Sprintf(contractConfig, "http://127.0.0.1:10", "")}} {
		if hash(files) == base {
			t.Errorf("the hash does not tell %v", files)
		}
	}
}

// Warnings of a contract are told at start, some of them, and by Check.
func TestContractWarnings(t *testing.T) {
	t.Parallel()
	h := guarded(t, "")
	ds, err := Check(filepath.Join(h.dir, "gatehouse.yaml"), config.Env{})
	if err != nil || len(ds) != 1 || ds[0].Severity != config.Warning || ds[0].Code != "contract.warn_anything" || ds[0].At.Line != 9 {
		t.Errorf("%v %v", ds, err)
	}
	if !strings.Contains(h.warned, "contract.warn_anything") {
		t.Errorf("nothing is said at start: %s", h.warned)
	}
}

// The document is served as far as callers see it, and not at all to who sees
// nothing.
func TestContractIsServed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		views  string
		status int
		holds  string
	}{{"", 200, `"operationId":"listOrders"`}, {", views: [{name: all, for: {everybody: true}}]", 200, "listOrders"}, {", views: [{name: staff, for: {roles: [staff]}}]", 404, ""}} {
		h := guarded(t, ", serve: /openapi.json"+c.views)
		h.write("gatehouse.yaml", fmt.Sprintf(contractConfig, h.upstream.URL, ", serve: /openapi.json"+c.views)+"    operations: [{id: openapi-document, access: public}]\n")
		if res, _ := h.get("/openapi.json", ""); res.StatusCode != 403 {
			t.Errorf("%s: nobody permits it: %d", c.views, res.StatusCode)
		}
		if err := h.Reload(context.Background()); err != nil {
			t.Fatal(err)
		}
		res, body := h.get("/openapi.json", "")
		if res.StatusCode != c.status || !strings.Contains(body, c.holds) || c.status == 404 && body != "" {
			t.Errorf("%s: %d %s", c.views, res.StatusCode, body)
		}
	}
}

// An operation of the configuration that the document does not have.
func TestContractOverrides(t *testing.T) {
	t.Parallel()
	h := guarded(t, "")
	h.write("gatehouse.yaml", fmt.Sprintf(contractConfig, h.upstream.URL, "")+"    operations: [{id: lstOrders, timeout: 5s}]\n")
	_, err := Check(filepath.Join(h.dir, "gatehouse.yaml"), config.Env{})
	ds := config.Explain(err, h.dir)
	if len(ds) != 1 || ds[0].Code != "config.unknown_operation" || ds[0].Hint != `did you mean "listOrders"?` || ds[0].At.Line != 9 {
		t.Errorf("%s", ds)
	}
	h.write("gatehouse.yaml", fmt.Sprintf(contractConfig, h.upstream.URL, "")+"    operations: [{id: listOrders, timeout: 5s}]\n")
	if ds, err := Check(filepath.Join(h.dir, "gatehouse.yaml"), config.Env{}); err != nil || ds.HasErrors() {
		t.Errorf("%s %v", ds, err)
	}
}

func TestExplainRequest(t *testing.T) {
	c, sum, ds := CheckDocument(context.Background(), document.Source{Path: "../../openapi/testdata/shop.yaml"})
	if c == nil || ds.HasErrors() || sum.Operations != 7 || sum.Schemas != 3 || sum.Files != 1 || sum.Version != "3.1.0" || sum.Took <= 0 {
		t.Fatalf("%+v\n%s", sum, ds)
	}
	order := http.Header{"X-Tenant": {"acme"}, "Content-Type": {"application/json"}}
	for _, tt := range []struct {
		name      string
		request   Request
		operation string
		status    int      // 0: accepted
		codes     []string // in this order
	}{
		{"good", Request{"POST", "/v1/orders", order, []byte(`{"items":[{"sku":"a","count":1}]}`)}, "createOrder", 0, nil},
		{"a whole URL", Request{"GET", "https://shop.example/v1/orders?limit=5#top", nil, nil}, "listOrders", 0, nil},
		{"a host alone", Request{"GET", "https://shop.example", nil, nil}, "", 404, []string{"match.undocumented"}},
		{"no slash", Request{"GET", "v1/orders", nil, nil}, "listOrders", 0, nil},
		{"an unknown cookie", Request{"GET", "/v1/orders", http.Header{"Cookie": {"a=b"}}, nil}, "listOrders", 0, []string{"contract.parameter_unknown"}},
		{"everything wrong", Request{"POST", "/v1/orders?dry=1", http.Header{"Content-Type": {"application/json"}}, []byte(`{"id":1,"items":[]}`)}, "createOrder", 400,
			[]string{"contract.parameter_type", "contract.parameter_missing", "contract.read_only", "contract.items"}},
		{"no JSON", Request{"POST", "/v1/orders", order, []byte(`{"items":[],"items":[]}`)}, "createOrder", 400, nil},
		{"another media type", Request{"POST", "/v1/orders", http.Header{"X-Tenant": {"acme"}, "Content-Type": {"text/csv"}}, []byte("a")}, "createOrder", 415, nil},
		{"no method", Request{"PUT", "/v1/orders", nil, nil}, "", 405, []string{"match.method"}},
		{"no path", Request{"GET", "/orders", nil, nil}, "", 404, []string{"match.undocumented"}},
		{"ambiguous", Request{"GET", "/v1/x/%2e%2e/orders", nil, nil}, "", 400, nil},
	} {
		e, err := ExplainRequest(context.Background(), c, tt.request)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		var codes []string
		for _, v := range e.Violations {
			codes = append(codes, v.Code)
		}
		if e.Operation != tt.operation || e.Status != tt.status || e.Accepted != (tt.status == 0) {
			t.Errorf("%s: %+v", tt.name, e)
		}
		if tt.codes != nil && fmt.Sprint(codes) != fmt.Sprint(tt.codes) || tt.codes == nil && (len(codes) == 0) != (tt.status == 0) {
			t.Errorf("%s: %s", tt.name, e.Violations)
		}
		if tt.name == "no path" && e.Violations[0].Hint != "the paths of this document begin with /v1" {
			t.Errorf("%s: %s", tt.name, e.Violations)
		}
	}
	if _, err := ExplainRequest(context.Background(), c, Request{Method: "a b", URL: "/"}); err == nil {
		t.Error("a method with a space is sent")
	}
}
