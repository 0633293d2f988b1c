//go:build realdocs

package openapi_test

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/gateway"
	"github.com/gatehouse/gatehouse/openapi"
	"github.com/gatehouse/gatehouse/openapi/document"
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

// TestRealDocuments compiles documents of several megabytes, finds all of their
// operations by their paths, and reads back what it would serve.
func TestRealDocuments(t *testing.T) {
	stripe := inModule(t, "github.com/stripe/stripe-mock@v0.203.0")
	kubernetes := inModule(t, "k8s.io/kubernetes@v1.34.2")
	for _, file := range []string{filepath.Join(stripe, "embedded/openapi/spec3.json"), filepath.Join(kubernetes, "api/openapi-spec/swagger.json")} {
		t.Run(filepath.Base(file), func(t *testing.T) {
			began := time.Now()
			doc, err := openapi.Load(t.Context(), document.Source{Path: file})
			if err != nil {
				t.Fatal(err)
			}
			loaded := time.Since(began)
			c, err := openapi.Compile(doc, openapi.Options{})
			if err != nil {
				t.Fatal(err)
			}
			compiled := time.Since(began)
			var mem runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&mem)
			ops := c.Operations()
			t.Logf("%d operations loaded in %v, compiled in %v, %d MB", len(ops), loaded, compiled-loaded, mem.HeapAlloc>>20)
			routeAll(t, ops)
			served := c.DocumentFor(gatehouse.Anonymous)
			again, err := openapi.Load(t.Context(), document.Source{Bytes: served})
			if err != nil {
				t.Fatalf("what is served is no document: %v", err)
			}
			if len(again.Operations) != len(ops) {
				t.Errorf("%d operations are served of %d", len(again.Operations), len(ops))
			}
			runtime.KeepAlive(c)
		})
	}
}

func routeAll(t *testing.T, ops []*gatehouse.Operation) {
	paths, err := gateway.NewPaths(ops)
	if err != nil {
		t.Fatal(err)
	}
	hole := regexp.MustCompile(`\{[^}]*\}`)
	for _, op := range ops {
		path := hole.ReplaceAllString(op.Path, "zz-17")
		if m := paths.Match(op.Method, path, nil); m.Route < 0 || ops[m.Route] != op {
			t.Errorf("%s %s is not found", op.Method, path)
		}
	}
}
