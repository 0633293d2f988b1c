package document_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse/openapi/document"
)

// folder writes files below a new folder and returns it.
func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

var split3 = map[string]string{
	"api/shop.yaml": head + `paths:
  /orders/{id}: {$ref: 'paths/order.yaml'}
  /orders:
    $ref: 'paths/all.yaml#/orders'
    summary: all orders
components:
  schemas:
    Order: {$ref: 'schemas/order.json#/$defs/Order'}
    Ref: {$ref: 'https://example.com/ids/money'}
`,
	"api/paths/order.yaml": `get:
  parameters:
    - $ref: '../parameters.yaml#/id'
  responses:
    200:
      description: one
      content: {application/json: {schema: {$ref: ../shop.yaml#/components/schemas/Order}}}
`,
	"api/paths/all.yaml":  "orders: {get: {responses: {200: {$ref: '#/list'}}}}\nlist: {description: all, headers: {X-N: {schema: {$ref: '../schemas/order.json#n'}}}}\n",
	"api/parameters.yaml": "id: {name: id, in: path, required: true, schema: {$ref: 'schemas/order.json#/$defs/Order/properties/id'}}\n",
	"api/schemas/order.json": `{"$defs": {
  "Order": {"type": "object", "properties": {"id": {"type": "integer"}, "total": {"$ref": "money.json"}}},
  "N": {"$anchor": "n", "type": "integer"}}}`,
	"api/schemas/money.json": `{"$id": "https://example.com/ids/money", "type": "string", "properties": {"more": {"$ref": "#/type2"}}, "type2": {}}`,
	"secret.yaml":            "a: {}",
}

func TestSplitOverFiles(t *testing.T) {
	dir := folder(t, split3)
	d, err := document.Load(t.Context(), document.Source{Path: filepath.Join(dir, "api", "shop.yaml")})
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for u := range d.Resources {
		files = append(files, u[strings.LastIndex(u, "/api/")+5:])
	}
	if len(files) != 6 || len(d.Files) != 6 || d.Files[0] != filepath.Join(dir, "api", "shop.yaml") {
		t.Errorf("files %v", files)
	}
	if len(d.Operations) != 2 || d.Operations[0].Parameters[0].Name != "id" {
		t.Fatalf("%+v", d.Operations)
	}
	schema := d.Operations[0].Parameters[0].Schema
	if got, want := schema.At.String(), filepath.Join(dir, "api/parameters.yaml")+":1:50"; got != want {
		t.Errorf("the schema is at %s, want %s", got, want)
	}
	base := d.File[:strings.LastIndexByte(d.File, '/')]
	for u, want := range map[string]string{
		base + "/schemas/order.json#/$defs/Order/properties/id": "api/schemas/order.json:2:52",
		base + "/schemas/order.json#n":                          "api/schemas/order.json:3:8",
		base + "/schemas/order.json#/$defs/Nobody":              "api/schemas/order.json:1:11",
		"https://example.com/ids/money":                         "api/schemas/money.json:1:1",
		"https://example.com/ids/money#/type2":                  "api/schemas/money.json:1:114",
		"https://example.com/other":                             "",
		"%zz":                                                   "",
	} {
		if want != "" {
			want = filepath.Join(dir, want)
		}
		if got := d.Locate(u).String(); got != want {
			t.Errorf("%s is at %s, want %s", u, got, want)
		}
	}
}

func TestEmbeddedFiles(t *testing.T) {
	files := fstest.MapFS{}
	for name, text := range split3 {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	d, err := document.Load(t.Context(), document.Source{FS: files, Path: "api/shop.yaml"})
	if err != nil || len(d.Resources) != 6 {
		t.Fatal(err)
	}
	files["api/shop.yaml"].Data = []byte(head + "components: {schemas: {A: {$ref: '../secret.yaml#/a'}}}")
	_, err = document.Load(t.Context(), document.Source{FS: files, Path: "api/shop.yaml"})
	wantCode(t, err, "contract.document_not_allowed")
	if _, err = document.Load(t.Context(), document.Source{FS: files, Path: "api/shop.yaml", Folders: []string{"."}}); err != nil {
		t.Error(err)
	}
}

func wantCode(t testing.TB, err error, code string) {
	t.Helper()
	var p *document.Problems
	if !errors.As(err, &p) || p.Errors[0].Code != code {
		t.Errorf("%v, want %s", err, code)
	}
}

// No reference leads out of the folders: not by dots, escapes or links.
func TestFolders(t *testing.T) {
	outside := folder(t, map[string]string{"secret.yaml": "a: {}", "lib/s.yaml": "a: {}"})
	for _, ref := range []string{
		"../secret.yaml#/a", "%2e%2e/secret.yaml#/a", "x/../../secret.yaml#/a", "link.yaml#/a", "linked/secret.yaml#/a",
		"file://" + outside + "/secret.yaml#/a", "file://host/api/shop.yaml", "shop.yaml?x=1", "//host/secret.yaml", ".#/a", "folder#/a", "nothing.yaml",
	} {
		dir := folder(t, map[string]string{
			"secret.yaml":   "a: {}",
			"api/shop.yaml": head + "components: {schemas: {A: {$ref: '" + ref + "'}}}",
			"api/folder/x":  "",
		})
		for name, target := range map[string]string{"link.yaml": filepath.Join(outside, "secret.yaml"), "linked": outside} {
			if err := os.Symlink(target, filepath.Join(dir, "api", name)); err != nil {
				t.Fatal(err)
			}
		}
		_, err := document.Load(t.Context(), document.Source{Path: filepath.Join(dir, "api/shop.yaml")})
		if err == nil {
			t.Errorf("%s was followed", ref)
		}
	}
	dir := folder(t, map[string]string{"shop.yaml": head + "components: {schemas: {A: {$ref: 'file://" + outside + "/lib/s.yaml#/a'}, B: {$ref: linked.yaml#/a}}}", "real.yaml": "a: {}"})
	if err := os.Symlink("real.yaml", filepath.Join(dir, "linked.yaml")); err != nil {
		t.Fatal(err)
	}
	if _, err := document.Load(t.Context(), document.Source{Path: filepath.Join(dir, "shop.yaml"), Folders: []string{dir, filepath.Join(outside, "lib")}}); err != nil {
		t.Error(err)
	}
}

func TestRemote(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/money.yaml":
			_, _ = io.WriteString(w, "Money: {type: string, next: {$ref: more.yaml}, properties: {a: {$ref: more.yaml}}}")
		case "/spy.yaml":
			here, _ := filepath.Abs("node.go")
			_, _ = io.WriteString(w, "Money: {$ref: 'file://"+here+"'}")
		case "/more.yaml":
			_, _ = io.WriteString(w, "type: integer")
		case "/moved.yaml":
			http.Redirect(w, r, "/money.yaml", http.StatusFound)
		case "/slow.yaml":
			w.WriteHeader(http.StatusOK)
			w.(http.Flusher).Flush()
			select {
			case <-release:
			case <-r.Context().Done():
			}
		case "/large.yaml":
			_, _ = io.WriteString(w, strings.Repeat("# large\n", 1<<17))
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	defer close(release)
	load := func(ref string, listed ...string) error {
		for i := range listed {
			listed[i] = server.URL + listed[i]
		}
		_, err := document.Load(t.Context(), document.Source{
			Bytes: []byte(head + "components: {schemas: {A: {$ref: '" + server.URL + ref + "'}}}"), URLs: listed, Folders: []string{"."},
			Limits: document.Limits{Timeout: 200 * time.Millisecond, Bytes: 1 << 16},
		})
		return err
	}
	if err := load("/money.yaml#/Money", "/money.yaml", "/more.yaml"); err != nil {
		t.Error(err)
	}
	wantCode(t, load("/money.yaml#/Money", "/money.yaml"), "contract.document_not_allowed")
	wantCode(t, load("/money.yaml#/Money"), "contract.document_not_allowed")
	wantCode(t, load("/moved.yaml#/Money", "/moved.yaml", "/money.yaml"), "contract.document_unreadable")
	wantCode(t, load("/spy.yaml#/Money", "/spy.yaml"), "contract.document_not_allowed")
	wantCode(t, load("/slow.yaml", "/slow.yaml"), "contract.document_unreadable")
	wantCode(t, load("/large.yaml", "/large.yaml"), "contract.document_size")
	wantCode(t, load("/gone.yaml", "/gone.yaml"), "contract.document_unreadable")
	if _, err := document.Fetch(t.Context(), "http://example.com/x"); err == nil || !strings.Contains(err.Error(), "https") {
		t.Errorf("plain HTTP to another machine: %v", err)
	}
}

// $self (OpenAPI 3.2) names the document; files next to it are found by it.
func TestSelf(t *testing.T) {
	files := fstest.MapFS{
		"api/shop.yaml": {Data: []byte(`openapi: 3.2.0
$self: https://example.com/apis/shop.yaml
info: {title: T, version: '1'}
components:
  schemas:
    A: {$ref: schemas/a.yaml}
    B: {$ref: 'https://example.com/apis/shop.yaml#/components/schemas/A'}
`)},
		"api/schemas/a.yaml": {Data: []byte("$ref: ../shop.yaml#/components/schemas/C\n")},
	}
	_, err := document.Load(t.Context(), document.Source{FS: files, Path: "api/shop.yaml"})
	wantCode(t, err, "contract.document_reference") // C is missing: the references were followed
	files["api/schemas/a.yaml"].Data = []byte("type: integer")
	d, err := document.Load(t.Context(), document.Source{FS: files, Path: "api/shop.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	if got := d.Locate("https://example.com/apis/schemas/a.yaml").String(); got != "api/schemas/a.yaml:1:1" {
		t.Errorf("a.yaml is at %s", got)
	}
	if d.File != "https://example.com/apis/shop.yaml" || d.Root.File() != d.File {
		t.Errorf("the document is %s", d.File)
	}
}

func TestLimits(t *testing.T) {
	dir := folder(t, split3)
	entry := filepath.Join(dir, "api", "shop.yaml")
	for _, limits := range []document.Limits{{Files: 3}, {Bytes: 700}, {Nodes: 30}} {
		_, err := document.Load(t.Context(), document.Source{Path: entry, Limits: limits})
		var p *document.Problems
		if !errors.As(err, &p) {
			t.Fatalf("%+v: %v", limits, err)
		}
		for _, e := range p.Errors {
			if e.Code != "contract.document_size" && e.Code != "contract.document_reference" && e.Code != "contract.document_not_allowed" {
				t.Errorf("%+v: %v", limits, e)
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := document.Load(ctx, document.Source{Path: entry})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestEntryFile(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"nothing.yaml", ".", ""} {
		_, err := document.Load(t.Context(), document.Source{Path: filepath.Join(dir, name)})
		wantCode(t, err, "contract.document_unreadable")
	}
	_, err := document.Load(t.Context(), document.Source{})
	wantCode(t, err, "contract.document_unreadable")
}

// Discriminators, links and callbacks lead to files too.
func TestOtherReferences(t *testing.T) {
	files := fstest.MapFS{
		"shop.yaml": {Data: []byte(head + `paths:
  /a:
    post:
      requestBody:
        content:
          application/json:
            schema:
              discriminator: {propertyName: t, mapping: {cat: 'cat.yaml', dog: Dog}}
      responses:
        201:
          description: made
          links: {next: {operationRef: 'other.yaml#/paths/~1b/get'}}
      callbacks: {done: {'{$request.query.url}': {$ref: 'callback.yaml'}}}
components: {schemas: {Dog: {}}}
webhooks: {created: {post: {}}}
`)},
		"cat.yaml":      {Data: []byte("type: object")},
		"other.yaml":    {Data: []byte("paths: {/b: {get: {}}}")},
		"callback.yaml": {Data: []byte("post: {responses: {204: {description: thanks}}}")},
	}
	d, err := document.Load(t.Context(), document.Source{FS: files, Path: "shop.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Resources) != 4 {
		t.Errorf("%d files", len(d.Resources))
	}
	if diff := cmp.Diff([]string{"created"}, d.Webhooks); diff != "" {
		t.Error(diff)
	}
}
