package document_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse/openapi/document"
)

const swagger = `swagger: "2.0"
info: {title: Pets, version: "1"}
host: pets.example.com
basePath: /v2
schemes: [https, http]
consumes: [application/json]
produces: [application/json, application/xml]
security: [{key: []}]
securityDefinitions:
  key: {type: apiKey, name: X-Key, in: header}
  basic: {type: basic}
  oauth: {type: oauth2, flow: accessCode, authorizationUrl: https://id.example.com/a, tokenUrl: https://id.example.com/t, scopes: {read: r}}
parameters:
  limit: {name: limit, in: query, type: integer, maximum: 100, exclusiveMaximum: true}
  pet: {name: pet, in: body, required: true, schema: {$ref: '#/definitions/Pet'}}
  note: {name: note, in: formData, type: string, maxLength: 9}
responses:
  Problem: {description: wrong, schema: {$ref: '#/definitions/Problem'}}
paths:
  /pets:
    parameters:
      - {name: X-Trace, in: header, type: array, items: {type: string}}
    get:
      operationId: listPets
      tags: [pets]
      parameters:
        - $ref: '#/parameters/limit'
        - {name: tags, in: query, type: array, items: {type: string}}
        - {name: ids, in: query, type: array, items: {type: integer}, collectionFormat: multi}
        - {name: kinds, in: query, type: array, items: {type: string}, collectionFormat: pipes}
      responses:
        200:
          description: all
          headers: {X-Count: {type: integer}}
          schema: {type: array, items: {$ref: '#/definitions/Pet'}}
        default: {$ref: '#/responses/Problem'}
    post:
      security: [{oauth: [read]}, {basic: []}]
      parameters: [{$ref: '#/parameters/pet'}]
      responses: {201: {description: made}}
    put:
      consumes: [application/xml]
      parameters: [{$ref: '#/parameters/pet'}]
      responses: {204: {description: changed}}
  /pets/{id}/photo:
    parameters:
      - {name: id, in: path, required: true, type: string}
      - {$ref: '#/parameters/note'}
    post:
      consumes: [multipart/form-data, application/x-www-form-urlencoded]
      produces: [image/png]
      parameters:
        - {name: photo, in: formData, required: true, type: file}
        - {name: marks, in: formData, type: array, items: {type: string}}
      responses: {200: {description: back, schema: {type: file}}}
definitions:
  Problem: {type: object}
  Pet:
    type: object
    discriminator: kind
    required: [kind]
    properties:
      kind: {type: string}
      owner: {type: string, x-nullable: true}
      friends: {type: array, items: {$ref: '#/definitions/Pet'}}
      first: {$ref: '#/paths/~1pets/get/responses/200/schema'}
      old: {$ref: '#/parameters/pet/schema'}
`

const converted = `{
"openapi": "3.0.4",
"info": {"title": "Pets", "version": "1"},
"security": [{"key": []}],
"paths": {
 "/pets": {
  "parameters": [{"name": "X-Trace", "in": "header", "schema": {"type": "array", "items": {"type": "string"}}}],
  "get": {
   "operationId": "listPets", "tags": ["pets"],
   "parameters": [
    {"$ref": "#/components/parameters/limit"},
    {"name": "tags", "in": "query", "style": "form", "explode": false, "schema": {"type": "array", "items": {"type": "string"}}},
    {"name": "ids", "in": "query", "style": "form", "explode": true, "schema": {"type": "array", "items": {"type": "integer"}}},
    {"name": "kinds", "in": "query", "style": "pipeDelimited", "explode": false, "schema": {"type": "array", "items": {"type": "string"}}}],
   "responses": {
    "200": {"description": "all", "headers": {"X-Count": {"schema": {"type": "integer"}}}, "content": {
     "application/json": {"schema": {"type": "array", "items": {"$ref": "#/components/schemas/Pet"}}},
     "application/xml": {"schema": {"type": "array", "items": {"$ref": "#/components/schemas/Pet"}}}}},
    "default": {"$ref": "#/components/responses/Problem"}}},
  "post": {"security": [{"oauth": ["read"]}, {"basic": []}], "parameters": [], "responses": {"201": {"description": "made"}},
   "requestBody": {"$ref": "#/components/requestBodies/pet"}},
  "put": {"parameters": [], "responses": {"204": {"description": "changed"}},
   "requestBody": {"required": true, "content": {"application/xml": {"schema": {"$ref": "#/components/schemas/Pet"}}}}}},
 "/pets/{id}/photo": {
  "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}],
  "post": {
   "parameters": [],
   "responses": {"200": {"description": "back", "content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}}},
   "requestBody": {"required": true, "content": {"multipart/form-data": {
    "schema": {"type": "object", "properties": {"photo": {"type": "string", "format": "binary"}, "marks": {"type": "array", "items": {"type": "string"}}, "note": {"type": "string", "maxLength": 9}}, "required": ["photo"]},
    "encoding": {"marks": {"style": "form", "explode": false}}}}}}}},
"servers": [{"url": "https://pets.example.com/v2"}],
"components": {
 "schemas": {"Problem": {"type": "object"}, "Pet": {"type": "object", "discriminator": {"propertyName": "kind"}, "required": ["kind"], "properties": {
  "kind": {"type": "string"}, "owner": {"type": "string", "x-nullable": true, "nullable": true},
  "friends": {"type": "array", "items": {"$ref": "#/components/schemas/Pet"}},
  "first": {"$ref": "#/paths/~1pets/get/responses/200/content/application~1xml/schema"},
  "old": {"$ref": "#/paths/~1pets/put/requestBody/content/application~1xml/schema"}}}},
 "securitySchemes": {"key": {"type": "apiKey", "name": "X-Key", "in": "header"}, "basic": {"type": "http", "scheme": "basic"},
  "oauth": {"type": "oauth2", "flows": {"authorizationCode": {"authorizationUrl": "https://id.example.com/a", "tokenUrl": "https://id.example.com/t", "scopes": {"read": "r"}}}}},
 "responses": {"Problem": {"description": "wrong", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}, "application/xml": {"schema": {"$ref": "#/components/schemas/Problem"}}}}},
 "parameters": {"limit": {"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 100, "exclusiveMaximum": true}}},
 "requestBodies": {"pet": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}}}}}}`

func TestSwagger(t *testing.T) {
	d := load(t, swagger)
	if len(d.Warnings) > 0 {
		t.Errorf("%v", d.Warnings)
	}
	got, want := value(t, d.Root.AppendJSON(nil)), value(t, []byte(converted))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if d.Version != "2.0" || d.Dialect != document.OpenAPI30 || d.Servers[0].BasePath != "/v2" || d.Servers[0].Hosts[0] != "pets.example.com" {
		t.Errorf("%+v", d)
	}
	for pointer, want := range map[string]string{
		"/components/schemas/Pet/properties/owner": "shop.yaml:64:14",
		"/components/parameters/limit/schema":      "shop.yaml:14:10",
		"/paths/~1pets/get/responses/200":          "shop.yaml:33:11",
		"/components/schemas/Pet/discriminator":    "shop.yaml:60:20",
	} {
		if got := d.Locate(d.File + "#" + pointer).String(); got != want {
			t.Errorf("%s is at %s, want %s", pointer, got, want)
		}
	}
}

func value(t *testing.T, text []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestSwaggerProblems(t *testing.T) {
	for _, test := range []struct{ name, text, errs string }{
		{"references", `swagger: "2.0"
info: {title: T, version: '1'}
paths:
  /a:
    get:
      parameters: [{$ref: '#/parameters/lmit'}, {$ref: 'other.yaml#/x'}]
      responses: {200: {$ref: 'other.yaml#/y'}}
parameters: {limit: {name: limit, in: query, type: integer}}
definitions: {A: {$ref: '#/definitions/B'}}
`, `6:27 contract.document_reference: the reference "#/parameters/lmit" leads nowhere (did you mean "limit"?)
			6:56 contract.document_reference: a Swagger 2.0 document may refer to other files for schemas only (bundle it into one file, or convert it to OpenAPI 3)
			7:31 contract.document_reference: a Swagger 2.0 document may refer to other files for schemas only (bundle it into one file, or convert it to OpenAPI 3)
			7:31 contract.document_not_allowed: the reference leads to "/other.yaml" (list its folder or URL to allow it)
			9:25 contract.document_reference: the reference "#/definitions/B" leads nowhere (did you mean "A"?)`},
		{"what 3.0 cannot say", `swagger: "2.0"
info: {title: T, version: '1'}
host: a/b
paths:
  /a:
    post:
      parameters:
        - {name: a, in: query, type: array, items: {}, collectionFormat: tsv}
        - {name: b, in: header, type: array, items: {}, collectionFormat: multi}
        - {name: c, in: body, schema: {}}
        - {name: d, in: formData, type: string}
      responses: {}
securityDefinitions: {o: {type: oauth2, flow: magic}}
definitions: []
`, `3:7 contract.document_url: the host "a/b" is no host
			8:74 contract.document_style: the collectionFormat "tsv" has no counterpart in OpenAPI 3 for query parameters
			9:75 contract.document_style: the collectionFormat "multi" has no counterpart in OpenAPI 3 for header parameters
			10:11 contract.document_parameter: an operation has more than one body
			13:23 contract.document_security: the security scheme "o" of type oauth2 has no "flows"
			13:41 contract.document_security: an oauth2 security scheme has no flow that is known (one of implicit, password, application, accessCode)
			14:14 contract.document_type: "definitions" must be an object, not a list`},
	} {
		t.Run(test.name, func(t *testing.T) {
			errs, _ := problems(t, test.text)
			if diff := cmp.Diff(split(test.errs), errs); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A schema shared by many media types is counted as often as it will be written.
func TestSwaggerBomb(t *testing.T) {
	text := "swagger: '2.0'\ninfo: {title: T, version: '1'}\nproduces: ["
	for i := range 1000 {
		text += fmt.Sprintf("a/b%d,", i)
	}
	text += "]\npaths: {/a: {get: {responses: {200: {description: d, schema: {enum: [" + strings.Repeat("1,", 5000) + "]}}}}}}\n"
	_, err := document.Load(t.Context(), document.Source{Bytes: []byte(text)})
	wantCode(t, err, "contract.document_size")
}

// Schemas of Swagger 2.0 may stand in files of their own.
func TestSwaggerFiles(t *testing.T) {
	files := fstest.MapFS{
		"api.yaml": {Data: []byte("swagger: '2.0'\ninfo: {title: T, version: '1'}\npaths: {}\ndefinitions: {A: {$ref: 'a.yaml#/definitions/A'}}")},
		"a.yaml":   {Data: []byte("definitions: {A: {$ref: '#/definitions/B'}, B: {type: object}}")},
	}
	d, err := document.Load(t.Context(), document.Source{FS: files, Path: "api.yaml"})
	if err != nil || len(d.Resources) != 2 {
		t.Error(err)
	}
}
