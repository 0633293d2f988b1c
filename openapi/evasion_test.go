package openapi_test

import (
	"os"
	"path/filepath"
	"testing"

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
