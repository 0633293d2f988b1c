package openapi_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/openapi"
	"github.com/gatehouse/gatehouse/openapi/filter"
)

// newHouseIn serves a document that is written here.
func newHouseIn(t *testing.T, text string, cfg openapi.Config) *house {
	t.Helper()
	file := filepath.Join(t.TempDir(), "document.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return newHouseOf(t, file, openapi.Options{Config: cfg}, false)
}

const classified = `openapi: 3.1.0
info: {title: Classes, version: "1"}
security: []
paths:
  /people: {get: {operationId: people, responses: {"200": {description: d, content: {application/json: {schema: {$ref: "#/components/schemas/Person"}}}}}}}
components:
  schemas:
    Person:
      type: object
      properties:
        plain: {$ref: "#/components/schemas/Plain"}
        before: {x-gatehouse-class: secret, $ref: "#/components/schemas/Plain"}
        behind: {$ref: "#/components/schemas/Secret", x-gatehouse-class: plain}
        all: {allOf: [{$ref: "#/components/schemas/Secret"}, {$ref: "#/components/schemas/Plain"}]}
        any: {anyOf: [{$ref: "#/components/schemas/Plain"}, {$ref: "#/components/schemas/Secret"}]}
        many: {x-gatehouse-class: other, allOf: [{$ref: "#/components/schemas/Plain"}, {$ref: "#/components/schemas/Secret"}]}
        wrapped: {allOf: [{allOf: [{$ref: "#/components/schemas/Secret"}]}]}
      allOf:
        - required: [plain]
        - {dependentRequired: {plain: [plain], many: [all]}, dependentSchemas: {behind: {required: [plain]}}}
    Plain: {x-gatehouse-class: plain, type: string}
    Secret: {x-gatehouse-class: secret, type: string}
`

// Schemas that apply to one value may give it several classes: each counts.
func TestClassesThatDisagree(t *testing.T) {
	cfg := open
	cfg.Answers = openapi.Filter
	cfg.Masks = filter.Config{Rules: []filter.Rule{{Classes: []string{"secret"}, Mask: filter.MaskRedact}}}
	h := newHouseIn(t, classified, cfg)
	h.answers(200, `{"plain":"a","before":"a","behind":"a","all":"a","any":"a","many":"a","wrapped":"a"}`, "Content-Type: application/json")
	const want = `{"plain":"a","before":"***","behind":"***","all":"***","any":"***","many":"***","wrapped":"***"}`
	if status, answer, _ := h.do("GET /people", ""); status != 200 || answer != want {
		t.Errorf("%d %s", status, answer)
	}
}

const ranged = `openapi: 3.1.0
info: {title: Ranges, version: "1"}
security: []
paths:
  /any:
    get: {operationId: any, responses: {"200": {description: d, content: {"*/*": {schema: {$ref: "#/components/schemas/Person"}}}}}}
    post:
      operationId: make
      requestBody: {content: {"*/*": {schema: {$ref: "#/components/schemas/Person"}}}}
      responses: {"204": {description: d}}
  /texts: {get: {operationId: texts, responses: {"200": {description: d, content: {"text/*": {schema: {type: string, maxLength: 5}}}}}}}
  /free: {get: {operationId: free, responses: {"200": {description: d, content: {"*/*": {}}}}}}
  /events: {get: {operationId: events, responses: {"200": {description: d, content: {text/event-stream: {}, application/grpc: {schema: {type: object}}}}}}}
  /lines: {get: {operationId: lines, responses: {"200": {description: d, content: {application/x-ndjson: {schema: {type: array, items: {$ref: "#/components/schemas/Person"}}}}}}}}
  /xml: {get: {operationId: xml, responses: {"200": {description: d, content: {application/xml: {schema: {$ref: "#/components/schemas/Person"}}, text/plain: {}}}}}}
  /none: {get: {operationId: none, responses: {"200": {description: d}}}}
components:
  schemas:
    Person: {type: object, xml: {name: Person}, required: [id], properties: {id: {type: integer}, name: {type: string}}}
`

// An upstream that chooses a media type which nobody reads does not get a body past
// the schema of a range; nor does a client.
func TestRangesAreNoWayAround(t *testing.T) {
	for _, answers := range []openapi.Answers{openapi.Check, openapi.Filter} {
		cfg := open
		cfg.Answers = answers
		h := newHouseIn(t, ranged, cfg)
		for _, c := range []struct {
			path, contentType, body string
			status                  int
		}{
			{"/any", "application/json", `{"id":1}`, 200},
			{"/any", "application/json", `{"id":"x"}`, 502},
			{"/any", "text/event-stream", "data: {\"id\":1}\n\n", 502},
			{"/any", "image/png", `{"id":"x"}`, 502},
			{"/any", "multipart/mixed; boundary=a", `{"id":"x"}`, 502},
			{"/texts", "text/plain", "fine", 200},
			{"/texts", "text/event-stream", "data: more than five\n\n", 502},
			{"/free", "text/event-stream", "data: 1\n\n", 200},
			{"/free", "image/png", "png", 200},
			{"/events", "text/event-stream", "data: 1\n\n", 200},
		} {
			h.answers(200, c.body, "Content-Type: "+c.contentType)
			status, answer, _ := h.do("GET "+c.path, "")
			if status != c.status || (status == 200) != (answer == c.body) {
				t.Errorf("%v: %s as %s: %d %s", answers, c.path, c.contentType, status, answer)
			}
		}
		h.service = nil
		for contentType, want := range map[string]int{"application/json": 400, "image/png": 415, "application/octet-stream": 415} {
			if status, _, _ := h.do("POST /any", `{"id":"x"}`, "Content-Type: "+contentType); status != want {
				t.Errorf("a request as %s: %d", contentType, status)
			}
		}
	}
}

// A stream is let by its head only where the document says that there is one.
func TestStreamsThatNobodyPromised(t *testing.T) {
	cfg := open
	cfg.Answers = openapi.Filter
	h := newHouseIn(t, ranged, cfg)
	for _, c := range []struct {
		id, contentType string
		pass            bool
	}{
		{"any", "text/event-stream", false}, {"any", "application/grpc", false}, {"texts", "text/event-stream", false}, {"texts", "text/event-streams", false},
		{"none", "text/event-stream", false}, {"free", "text/event-stream", true}, {"events", "text/event-stream; charset=utf-8", true}, {"events", "application/grpc", true},
	} {
		for _, op := range h.contract.Operations() {
			if op.ID != c.id {
				continue
			}
			x := &gatehouse.Exchange{Operation: op, Principal: gatehouse.Anonymous}
			x.Request.Method = "GET"
			x.Response.Status, x.Response.Streaming = 200, true
			x.Response.Header.Set("Content-Type", c.contentType)
			for _, control := range h.contract.Controls(op) {
				r, ok := control.(gatehouse.ResponseControl)
				if !ok || control.Name() != openapi.ResponseName {
					continue
				}
				if v, err := r.CheckResponse(t.Context(), x); err != nil || (v.Outcome != gatehouse.Deny) != c.pass {
					t.Errorf("%s as %s: %v %+v", c.id, c.contentType, err, v)
				}
			}
		}
	}
}

// What a filter cannot cut or mask, since it is no JSON, is refused where something
// would have to be: a client that asks for XML sees no more than others.
func TestAnswersThatAreNotJSON(t *testing.T) {
	cfg := open
	cfg.Answers = openapi.Filter
	plain := newHouseIn(t, ranged, cfg)
	cfg.Masks = filter.Config{Rules: []filter.Rule{{Fields: []string{"name"}, Mask: filter.MaskRedact, For: []filter.Audience{{Roles: []string{"staff"}, Mask: filter.MaskNone}}}}}
	masked := newHouseIn(t, ranged, cfg)
	for _, c := range []struct {
		path, contentType, body string
		plain, masked, staff    int
	}{
		{"/lines", "application/x-ndjson", `{"id":1,"name":"n"}` + "\n", 200, 502, 200},
		{"/lines", "application/x-ndjson", `{"id":1,"other":"n"}` + "\n", 502, 502, 502},
		{"/xml", "application/xml", `<Person><id>1</id><name>n</name></Person>`, 200, 502, 200},
		{"/xml", "application/xml", `<Person><id>1</id><other>n</other></Person>`, 502, 502, 502},
		{"/xml", "text/plain", `n`, 200, 200, 200},
	} {
		for h, want := range map[*house]int{plain: c.plain, masked: c.masked} {
			h.answers(200, c.body, "Content-Type: "+c.contentType)
			h.principal = reader
			if status, answer, _ := h.do("GET "+c.path, ""); status != want {
				t.Errorf("%s, %s: %d %s", c.path, c.body, status, answer)
			}
		}
		masked.principal = writer
		if status, answer, _ := masked.do("GET "+c.path, ""); status != c.staff {
			t.Errorf("%s, %s, staff: %d %s", c.path, c.body, status, answer)
		}
	}
}

// The document that a view gets does not name what it hides, wherever that stands.
func TestServedDocumentKeepsNames(t *testing.T) {
	cfg := open
	cfg.Answers = openapi.Filter
	cfg.Views = []openapi.ViewConfig{{Name: "v", For: openapi.Who{Everybody: true}, Hide: []string{"secret"}}}
	text := classified
	for old, name := range map[string]string{
		"        wrapped: {": "        hiddenWrapped: {", "required: [plain]}": "required: [plain, hiddenWrapped]}", "- required: [plain]": "- required: [plain, hiddenWrapped]",
		"many: [all]}": "hiddenAll: [plain], many: [hiddenAll]}", "        all: {": "        hiddenAll: {", "        before: {": "        hiddenBefore: {", "{behind: {": "{hiddenBehind: {", "        behind: {": "        hiddenBehind: {",
	} {
		text = strings.ReplaceAll(text, old, name)
	}
	text = strings.Replace(text, "      allOf:", "      discriminator: {propertyName: hiddenWrapped}\n      allOf:", 1)
	text = strings.ReplaceAll(text, "application/json: {schema", "multipart/form-data: {encoding: {hiddenAll: {contentType: text/plain}, plain: {contentType: text/plain}}, schema: {$ref: \"#/components/schemas/Person\"}}, application/json: {schema")
	h := newHouseIn(t, text, cfg)
	got := string(h.contract.DocumentFor(gatehouse.Anonymous))
	if strings.Count(text, "hidden") < 9 || strings.Contains(got, "hidden") || !strings.Contains(got, `"required":["plain"]`) || strings.Contains(got, "many") || !strings.Contains(got, `"any"`) {
		t.Errorf("%s", got)
	}
}

// Fields that a shared cache puts before Cache-Control do not undo it.
func TestPersonalAnswersInTargetedCaches(t *testing.T) {
	h := newHouse(t, openapi.Options{Config: views()}, false)
	h.principal = reader
	for _, cached := range []string{"public", "no-store"} {
		h.answers(200, `{"id":1,"items":[{"sku":"a","count":1}]}`, "Content-Type: application/json", "Cache-Control: "+cached, "CDN-Cache-Control: max-age=60",
			"Cloudflare-CDN-Cache-Control: max-age=60", "Surrogate-Control: max-age=60", "X-Accel-Expires: 60")
		_, _, header := h.do("GET /v1/orders/1", "")
		for _, name := range []string{"Cache-Control", "CDN-Cache-Control", "Cloudflare-CDN-Cache-Control", "Surrogate-Control", "X-Accel-Expires"} {
			if v := header.Values(name); len(v) != 1 || strings.Contains(v[0], "6") || strings.Contains(v[0], "public") {
				t.Errorf("%s: %s: %q", cached, name, v)
			}
		}
	}
}

// Masks that an operation's answers go without are told.
func TestUnmaskedIsTold(t *testing.T) {
	cfg := open
	cfg.Answers = openapi.Filter
	count := func() (n int) {
		for _, w := range newHouseIn(t, ranged, cfg).contract.Warnings() {
			if w.Code == openapi.WarnUnmasked {
				n++
			}
		}
		return n
	}
	if n := count(); n != 0 {
		t.Errorf("%d without masks", n)
	}
	cfg.Masks = filter.Config{Rules: []filter.Rule{{Fields: []string{"name"}, Mask: filter.MaskRedact}}}
	if n := count(); n != 8 { // one for each media type of an answer: none is JSON
		t.Errorf("%d with masks", n)
	}
	cfg.Answers, cfg.Operations = openapi.Check, map[string]openapi.OperationConfig{"xml": {Rules: openapi.Rules{Answers: openapi.Filter}}}
	if n := count(); n != 7 { // five operations that are not filtered, two media types
		t.Errorf("%d where one operation is filtered", n)
	}
}

// An operation that a view does not hold is told from none at all by no answer.
func TestHiddenOperationsLookUnknown(t *testing.T) {
	h := newHouse(t, openapi.Options{Config: views()}, false)
	h.principal = reader
	answers := map[string]bool{}
	for _, line := range []string{"DELETE /v1/orders/1", "GET /v1/nothing"} {
		status, answer, header := h.do(line, "")
		if status != 404 {
			t.Errorf("%s: %d", line, status)
		}
		answers[strings.ReplaceAll(answer, header.Get("X-Request-Id"), "")] = true
	}
	if len(answers) != 1 {
		t.Errorf("%v", answers)
	}
}
