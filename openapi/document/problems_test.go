package document_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/openapi/document"
)

// problems loads text and returns its errors and warnings, one line each.
func problems(t testing.TB, text string) (errs, warnings []string) {
	t.Helper()
	d, err := document.Load(t.Context(), document.Source{Path: "api.yaml", Bytes: []byte(text), Folders: []string{}})
	if err == nil {
		return nil, lines(d.Warnings)
	}
	var p *document.Problems
	if !errors.As(err, &p) {
		t.Fatalf("%T %v", err, err)
	}
	return lines(p.Errors), lines(p.Warnings)
}

func lines(list []*gatehouse.Error) []string {
	var out []string
	for _, e := range list {
		here, _ := os.Getwd()
		text := fmt.Sprintf("%d:%d %s: %s", e.At.Line, e.At.Column, e.Code, strings.ReplaceAll(e.Message, here, ""))
		if e.Hint != "" {
			text += " (" + e.Hint + ")"
		}
		out = append(out, text)
	}
	return out
}

const head = "openapi: 3.1.0\ninfo: {title: T, version: '1'}\n"

func TestProblems(t *testing.T) {
	for _, test := range []struct{ name, text, errs, warnings string }{
		{"empty", "", "1:1 contract.document_empty: the document is empty", ""},
		{"only a comment", "# nothing\n", "1:1 contract.document_empty: the document is empty", ""},
		{"utf-16", "\xFF\xFEo\x00", "1:1 contract.document_encoding: the document is in UTF-16 (save it in UTF-8)", ""},
		{"not utf-8", "a: 1\nb: é\xFF", "2:5 contract.document_encoding: the document is not valid UTF-8", ""},
		{"a list", "[1]", "1:1 contract.document_type: the document is a list, not an object", ""},
		{"no version", "info: {}\nopnapi: 3.1.0\n", "1:1 contract.document_version: openapi, the version of the specification, is missing (did you mean \"opnapi\"?)", ""},
		{"unknown version", "openapi: 4.0.0", `1:10 contract.document_version: openapi "4.0.0" is no known version (3.0.x, 3.1.x and 3.2.x are known, and swagger: "2.0")`, ""},
		{"version as a number", "openapi: 3.1", `1:10 contract.document_version: openapi "3.1" is no known version (write it in quotes, with three numbers: "3.1.0")`, ""},
		{"swagger 1", "swagger: '1.2'", `1:10 contract.document_version: swagger "1.2" is no known version (only "2.0" is, and openapi 3.0 to 3.2)`, ""},
		{"schema dialect", head + "paths: {}\njsonSchemaDialect: http://json-schema.org/draft-07/schema#",
			`4:20 contract.document_version: the schema dialect "http://json-schema.org/draft-07/schema#" is not known (leave it out for JSON Schema 2020-12)`, ""},
		{"nothing in it", "openapi: 3.0.3", `1:1 contract.document_missing: a document has no "info"
			1:1 contract.document_missing: a document has no "paths"`, ""},
		{"only components", head + "components: {}", "", ""},
		{"types", head + "paths: []\ntags: {}\nservers: [{url: 7}]", `3:8 contract.document_type: paths must be an object, not a list
			4:7 contract.document_type: "tags" must be a list, not an object
			5:17 contract.document_type: "url" must be a string, not a number`, ""},
		{"fields nobody knows", head + "pths: {}\npaths: {}\nx-mine: 1\n$self: x", "",
			`3:1 contract.document_field: "pths" is no field of a document and is ignored (did you mean "paths"?)
			6:1 contract.document_field: "$self" of a document came with OpenAPI 3.2 and is ignored`},
		{"paths", head + "paths: {a: {}, '/{x': {}, '/{}': {}, '/{a}/{a}': {}, '/a?b': {}, '/}': {}}", `3:9 contract.document_path: the path "a" does not begin with "/"
			3:16 contract.document_path: the path "/{x" has a brace without its other
			3:27 contract.document_path: the path "/{}" has braces without a name
			3:38 contract.document_path: the path "/{a}/{a}" has the parameter "a" twice
			3:54 contract.document_path: the path "/a?b" has a query or fragment
			3:66 contract.document_path: the path "/}" has a brace without its other`, ""},
		{"the same path", head + `paths:
  /a/{x}:
    parameters: [{name: x, in: path, required: true, schema: {}}]
    get: {}
  /a/{y}:
    parameters: [{name: y, in: path, required: true, schema: {}}]
    get: {}
    put: {}
`, `9:5 contract.document_duplicate_path: GET of the path "/a/{y}" is the same as that of "/a/{x}" (that is in line 4)`,
			`7:3 contract.document_duplicate_path: the path "/a/{y}" is the same as "/a/{x}" (that is in line 4)`},
		{"path parameters", head + `paths:
  /a/{x}/{y}:
    get:
      parameters:
        - {name: X, in: path, required: true, schema: {}}
        - {name: y, in: path, schema: {}}
`, `5:5 contract.document_path_parameter: the path parameter "x" of GET /a/{x}/{y} is not declared
			7:11 contract.document_path_parameter: the path parameter "X" is not in the path "/a/{x}/{y}" (did you mean "x"?)
			8:11 contract.document_parameter: the path parameter "y" lacks required: true`, ""},
		{"parameters", head + `paths:
  /a:
    get:
      parameters:
        - {name: a, in: query, schema: {}}
        - {name: a, in: query, schema: {}}
        - {name: b, in: qery, schema: {}}
        - {name: c, in: query}
        - {name: d, in: query, schema: {}, content: {text/plain: {}}}
        - {name: e, in: query, content: {}}
        - {name: f, in: header, style: form, schema: {}}
        - {name: X-A, in: header, schema: {}}
        - {name: x-a, in: header, schema: {}}
        - {name: "x y", in: header, schema: {}}
        - {name: authorization, in: header, schema: {}}
        - {name: g, in: querystring, content: {text/plain: {}}}
        - {in: query}
        - 7
`, `8:11 contract.document_duplicate_parameter: the query parameter "a" stands twice
			9:25 contract.document_parameter: "qery" is no place of a parameter (did you mean "query"?)
			10:11 contract.document_parameter: the query parameter "c" has neither schema nor content
			11:53 contract.document_parameter: the query parameter "d" has both schema and content (keep one)
			12:41 contract.document_parameter: the content of the query parameter "e" must have one media type
			13:40 contract.document_style: the style "form" is not for header parameters (one of simple)
			15:11 contract.document_duplicate_parameter: the header parameter "x-a" stands twice
			16:18 contract.document_parameter: "x y" is no name of a header
			18:25 contract.document_parameter: "querystring" came with OpenAPI 3.2
			19:11 contract.document_missing: a parameter has no "name"
			20:11 contract.document_type: a parameter must be an object, not a number`,
			`17:11 contract.document_field: the header parameter "authorization" is ignored, as the specification has it`},
		{"operations", head + `paths:
  /a:
    get: {operationId: one, responses: {20: {}, 2xx: {}, 200: {}, x-y: 1}}
    put: {operationId: one, requestBody: {}, security: [{nobody: []}]}
`, `5:41 contract.document_status: "20" is no status (a status such as "200", a class such as "4XX", or "default")
			5:49 contract.document_status: "2xx" is no status (a status such as "200", a class such as "4XX", or "default")
			6:24 contract.document_duplicate_operation: the operationId "one" stands twice (the first is at api.yaml:5:24)
			6:29 contract.document_missing: a request body has no "content"
			6:58 contract.document_security: "nobody" is no security scheme of the document`, ""},
		{"media types", head + `paths:
  /a:
    post:
      requestBody:
        content:
          json: {}
          application/json: {}
          Application/JSON: {}
          multipart/form-data: {encoding: {a: {contentType: 'image/png, gif', style: simple}}}
`, `8:11 contract.document_media_type: "json" is no media type
			10:11 contract.document_media_type: the media type "application/json" stands twice (they do not differ by case)
			11:61 contract.document_media_type: "gif" is no media type
			11:86 contract.document_style: the style "simple" is not for encodings (one of form, spaceDelimited, pipeDelimited, deepObject)`, ""},
		{"references", head + `paths:
  /a:
    get:
      parameters:
        - $ref: '#/components/parameters/Limt'
        - $ref: '#nowhere'
        - $ref: other.yaml
        - $ref: https://example.com/x.yaml#/y
        - $ref: '%zz'
        - $ref: 7
components:
  parameters:
    Limit: {name: limit, in: query, schema: {$ref: '#/components/schemas/Order'}}
    Loop: {$ref: '#/components/parameters/Pool'}
    Pool: {$ref: '#/components/parameters/Loop'}
  schemas:
    Order: {properties: {a: {$ref: '#/components/schemas/Ordre'}}}
`, `7:17 contract.document_reference: the reference "#/components/parameters/Limt" leads nowhere (did you mean "Limit"?)
			8:17 contract.document_reference: the reference "#nowhere" names no $anchor that is known
			9:17 contract.document_not_allowed: the reference leads to "/other.yaml" (list its folder or URL to allow it)
			10:17 contract.document_not_allowed: the reference leads to "https://example.com/x.yaml" (list its folder or URL to allow it)
			11:17 contract.document_reference: the reference "%zz" is no URI reference
			12:17 contract.document_type: "$ref" must be a string, not a number
			19:36 contract.document_reference: the reference "#/components/schemas/Ordre" leads nowhere (did you mean "Order"?)`, ""},
		{"reference loops", head + `paths:
  /a: {get: {parameters: [{$ref: '#/components/parameters/Loop'}], responses: {200: {$ref: '#/paths/~1a/get/responses/200'}}}}
components:
  parameters:
    Loop: {$ref: '#/components/parameters/Pool'}
    Pool: {$ref: '#/components/parameters/Loop'}
  schemas:
    Tree: {properties: {child: {$ref: '#/components/schemas/Tree'}}}
    A: {allOf: [{$ref: '#/components/schemas/B'}]}
    B: {oneOf: [true, {$ref: '#/components/schemas/A'}]}
    C: {$ref: '#/components/schemas/C'}
`, `4:92 contract.document_cycle: the reference "#/paths/~1a/get/responses/200" leads back to itself
			7:18 contract.document_cycle: the reference "#/components/parameters/Pool" leads back to itself
			11:8 contract.document_cycle: the schema applies itself to the same value without end (a schema may refer to itself below a property or items only)
			13:8 contract.document_cycle: the schema applies itself to the same value without end (a schema may refer to itself below a property or items only)`, ""},
		{"schemas", head + `components:
  schemas:
    A: 7
    B: {properties: [], allOf: {}, items: 1, not: true, $ref: {}}
    C: {$id: 'https://example.com/c'}
    D: {$id: 'https://example.com/c'}
    E: {discriminator: {propertyName: a, mapping: {x: Dog, y: '#/components/schemas/A'}}}
    Dgo: {}
`, `5:8 contract.document_type: a schema must be an object or a boolean, not a number
			6:21 contract.document_type: "properties" must be an object, not a list
			6:32 contract.document_type: "allOf" must be a list, not an object
			6:43 contract.document_type: a schema must be an object or a boolean, not a number
			6:63 contract.document_type: "$ref" must be a string, not an object
			8:14 contract.document_duplicate_id: the $id "https://example.com/c" stands twice (the first is at api.yaml:7:8)
			9:55 contract.document_reference: the reference "Dog" names no schema of the document (did you mean "Dgo"?)`, ""},
		{"servers", head + `paths: {}
servers:
  - url: https://{a}.example.com
  - {url: 'https://{b}/', variables: {b: {default: x, enum: [y]}}}
  - url: ftp://example.com
  - url: https://user:secret@example.com
  - url: /v1?x
  - url: 'http://[::1'
`, `5:10 contract.document_url: the server "https://{a}.example.com" has a variable that is not declared
			6:52 contract.document_url: the default of the server variable "b" is not in its enum
			7:10 contract.document_url: the server "ftp://example.com" is no URL of an HTTP API
			8:10 contract.document_url: the server "https://user:secret@example.com" has credentials
			9:10 contract.document_url: the server "/v1?x" has a query or fragment
			10:10 contract.document_url: the server "http://[::1" is no URL`, ""},
		{"security schemes", head + `paths: {}
security: [{c: [raed]}]
components:
  securitySchemes:
    a: {type: apikey}
    b: {type: apiKey, name: k, in: body}
    c: {type: oauth2, flows: {implicit: {scopes: {read: ''}}}}
    d: {type: http}
    e: {}
`, `7:15 contract.document_security: "apikey" is no type of a security scheme (did you mean "apiKey"?)
			8:36 contract.document_security: "body" is no place of an API key (one of query, header, cookie)
			9:31 contract.document_missing: an oauth flow has no "authorizationUrl"
			10:5 contract.document_security: the security scheme "d" of type http has no "scheme"
			11:5 contract.document_missing: a security scheme has no "type"`,
			`4:17 contract.document_security: "raed" is no scope of the security scheme "c" (did you mean "read"?)`},
		{"3.0 has its own rules", "openapi: 3.0.4\ninfo: {title: T, version: '1'}\npaths: {/a: {get: {}}}\ncomponents: {schemas: {A: true, B: {$ref: '#/components/schemas/C', properties: 7}, C: {}}, pathItems: {}}",
			`3:14 contract.document_missing: an operation has no "responses"
			4:27 contract.document_type: a schema must be an object, not a boolean`,
			`4:93 contract.document_field: "pathItems" of components came with OpenAPI 3.1 and is ignored`},
	} {
		t.Run(test.name, func(t *testing.T) {
			errs, warnings := problems(t, test.text)
			if diff := cmp.Diff(split(test.errs), errs); diff != "" {
				t.Errorf("errors (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(split(test.warnings), warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

func split(s string) []string {
	if s == "" {
		return nil
	}
	list := strings.Split(s, "\n")
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
	}
	return list
}

// The same broken document always gives the same errors, and not without end.
func TestProblemsAreBoundedAndInOrder(t *testing.T) {
	var b strings.Builder
	b.WriteString(head + "paths:\n")
	for i := range 700 {
		fmt.Fprintf(&b, "  bad%d: {}\n", i)
	}
	_, err := document.Load(t.Context(), document.Source{Bytes: []byte(b.String())})
	var p *document.Problems
	if !errors.As(err, &p) || len(p.Errors) != 500 || p.More != 200 || len(p.Unwrap()) != 500 {
		t.Fatalf("%T %v", err, err)
	}
	if want := `:4:3: the path "bad0" does not begin with "/" (and 699 more)`; err.Error() != want && !strings.Contains(err.Error(), "(and 699 more)") {
		t.Errorf("%v", err)
	}
}

func TestExcerpt(t *testing.T) {
	text := head + "paths:\n\t  {}\n"
	_, err := document.Load(t.Context(), document.Source{Path: "api.yaml", Bytes: []byte(head + "paths:\n  ä/x\x7f: {}\n")})
	var p *document.Problems
	if !errors.As(err, &p) {
		t.Fatal(err)
	}
	if got, want := p.Excerpt(p.Errors[0]), "  ä/x\uFFFD: {}\n  ^"; got != want && len(p.Errors) == 1 {
		t.Errorf("%q, want %q", got, want)
	}
	for _, test := range []struct {
		line, column int
		want         string
	}{
		{4, 4, "\t  {}\n\t  ^"},
		{1, 999, "openapi: 3.1.0\n              ^"},
		{9, 1, ""},
		{0, 0, ""},
	} {
		at := gatehouse.Position{Line: test.line, Column: test.column}
		if got := document.Excerpt(&gatehouse.Error{At: at}, text); got != test.want {
			t.Errorf("%d:%d: %q, want %q", test.line, test.column, got, test.want)
		}
	}
	long := strings.Repeat("a", 300) + "!" + strings.Repeat("b", 300)
	got := document.Excerpt(&gatehouse.Error{At: gatehouse.Position{Line: 1, Column: 301}}, long)
	first, second, _ := strings.Cut(got, "\n")
	if len(first) > 120 || strings.Index(first, "!") != strings.Index(second, "^") {
		t.Errorf("%q", got)
	}
}
