package schema_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sort"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/openapi/document"
	"github.com/gatehouse/gatehouse/openapi/schema"
	"github.com/gatehouse/gatehouse/strictjson"
)

// inModule returns the folder of a Go module, from the module cache or the proxy.
func inModule(t *testing.T, module string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", module)
	cmd.Dir = t.TempDir() // outside of our own module
	out, err := cmd.Output()
	var got struct{ Dir, Error string }
	if jsonErr := json.Unmarshal(out, &got); err != nil || jsonErr != nil || got.Dir == "" {
		t.Fatalf("%s cannot be had: %v %s", module, err, got.Error)
	}
	return got.Dir
}

// compileAll compiles every schema of a document that its operations use, each for
// its direction.
func compileAll(t *testing.T, d *document.Document) *schema.Set {
	t.Helper()
	began := time.Now()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	set, err := schema.NewSet(d, schema.Options{})
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	compile := func(n *document.Node, dir schema.Direction) {
		if n == nil {
			return
		}
		count++
		if _, err := set.Compile(n, dir); err != nil {
			t.Errorf("%v", err)
		}
	}
	media := func(list []*document.Media, dir schema.Direction) {
		for _, m := range list {
			compile(m.Schema, dir)
		}
	}
	for _, op := range d.Operations {
		for _, p := range op.Parameters {
			compile(p.Schema, schema.Request)
		}
		if op.RequestBody != nil {
			media(op.RequestBody.Content, schema.Request)
		}
		for _, r := range op.Responses {
			media(r.Content, schema.Response)
		}
	}
	took := time.Since(began)
	runtime.GC()
	runtime.ReadMemStats(&after)
	t.Logf("%s: %d schemas in %v, %d MB kept, %d warnings", filepath.Base(d.File), count, took.Round(time.Millisecond),
		(int64(after.HeapAlloc)-int64(before.HeapAlloc))>>20, len(set.Warnings()))
	messages := map[string]int{}
	for _, w := range set.Warnings() {
		messages[w.Message]++
	}
	for m, n := range messages {
		t.Logf("  %d times: %s", n, m)
	}
	return set
}

// TestStripe compiles the whole of Stripe's API, and holds the examples that Stripe
// publishes of its resources to their schemas.
func TestStripe(t *testing.T) {
	folder := filepath.Join(inModule(t, "github.com/stripe/stripe-mock@v0.203.0"), "embedded/openapi")
	d, err := document.Load(t.Context(), document.Source{Path: filepath.Join(folder, "spec3.json")})
	if err != nil {
		t.Fatal(err)
	}
	set := compileAll(t, d)
	text, err := os.ReadFile(filepath.Join(folder, "fixtures3.json"))
	if err != nil {
		t.Fatal(err)
	}
	var fixtures struct{ Resources map[string]json.RawMessage }
	if err := json.Unmarshal(text, &fixtures); err != nil {
		t.Fatal(err)
	}
	schemas := map[string]*document.Node{}
	for _, k := range d.Root.Get("components").Get("schemas").Keys {
		if id := k.Value.Str("x-resourceId"); id != "" {
			schemas[id] = k.Value
		}
	}
	ids := make([]string, 0, len(fixtures.Resources))
	for id := range fixtures.Resources {
		ids = append(ids, id)
	}
	sort.Strings(ids)
	good, bad := 0, 0
	for _, id := range ids {
		if schemas[id] == nil {
			continue
		}
		s, err := set.Compile(schemas[id], schema.Response)
		if err != nil {
			t.Errorf("%s: %v", id, err)
			continue
		}
		var v strictjson.Tape
		if err := v.Read(fixtures.Resources[id], &strictjson.Limits{}); err != nil {
			t.Fatal(err)
		}
		r := schema.Report{}
		if s.Check(&v, 0, &r) {
			good++
		} else {
			bad++
			t.Logf("%s: %+v", id, r.Violations)
		}
	}
	if good != 165 || bad != 0 {
		t.Errorf("%d examples are valid, %d not; want all of 165", good, bad)
	}
}

// TestRealDocuments compiles the schemas of documents in other dialects: Swagger
// 2.0, converted.
func TestRealDocuments(t *testing.T) {
	for _, path := range []string{
		filepath.Join(inModule(t, "github.com/moby/moby/api@v1.56.1"), "swagger.yaml"),
		filepath.Join(inModule(t, "github.com/prometheus/alertmanager@v0.34.1"), "api/v2/openapi.yaml"),
	} {
		d, err := document.Load(t.Context(), document.Source{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		compileAll(t, d)
	}
}
