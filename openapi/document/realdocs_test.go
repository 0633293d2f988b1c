package document_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/openapi/document"
)

// A realDoc is a document that somebody publishes, as a Go module or npm package
// holds it.
type realDoc struct {
	path       string
	operations int
	warnings   int
	problems   int // of a document that is broken as published
}

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

// try loads a document, holds it to what is known of it, and tells time and memory.
func try(t *testing.T, doc realDoc) *document.Document {
	t.Helper()
	var before, after, kept runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	began := time.Now()
	d, err := document.Load(t.Context(), document.Source{Path: doc.path})
	took := time.Since(began)
	runtime.ReadMemStats(&after)
	runtime.GC()
	runtime.ReadMemStats(&kept)
	name := filepath.Base(doc.path)
	if took > 30*time.Second {
		t.Errorf("%s took %v", name, took)
	}
	if doc.problems > 0 {
		var p *document.Problems
		if !errors.As(err, &p) || len(p.Errors)+p.More != doc.problems {
			t.Errorf("%s: %v, want %d errors", name, err, doc.problems)
		}
		return nil
	}
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return nil
	}
	if len(d.Operations) != doc.operations && doc.operations > 0 || len(d.Warnings) != doc.warnings {
		t.Errorf("%s: %d operations, %d warnings: %v; want %d and %d", name, len(d.Operations), len(d.Warnings), d.Warnings, doc.operations, doc.warnings)
	}
	if info, err := os.Stat(doc.path); err == nil && info.Size() > 400_000 {
		t.Logf("%s: %.1f MB, %d operations: %v, %d MB allocated, %d MB kept", name, float64(info.Size())/1e6, len(d.Operations),
			took.Round(time.Millisecond), (after.TotalAlloc-before.TotalAlloc)>>20, (max(kept.HeapAlloc, before.HeapAlloc)-before.HeapAlloc)>>20)
	}
	return d
}

func TestRealDocuments(t *testing.T) {
	moby := try(t, realDoc{path: filepath.Join(inModule(t, "github.com/moby/moby/api@v1.56.1"), "swagger.yaml"), operations: 108, warnings: 1})
	try(t, realDoc{path: filepath.Join(inModule(t, "github.com/prometheus/alertmanager@v0.34.1"), "api/v2/openapi.yaml"), operations: 9})
	stripe := inModule(t, "github.com/stripe/stripe-mock@v0.203.0")
	try(t, realDoc{path: filepath.Join(stripe, "embedded/openapi/spec3.json"), operations: 594})
	if moby != nil {
		bothWays(t, moby)
	}
}

// bothWays writes a document as JSON and as YAML: both are read as the same.
func bothWays(t *testing.T, d *document.Document) {
	t.Helper()
	want := d.Root.AppendJSON(nil)
	text := appendYAML(nil, d.Root, 0)
	began := time.Now()
	n, err := document.Read("file:///a.yaml", "a.yaml", text, document.Limits{})
	if err != nil {
		t.Errorf("as YAML: %v", err)
		return
	}
	t.Logf("%.1f MB of YAML in %v", float64(len(text))/1e6, time.Since(began).Round(time.Millisecond))
	if !bytes.Equal(n.AppendJSON(nil), want) {
		t.Error("read differently as YAML")
	}
	n, err = document.Read("file:///a.json", "a.json", want, document.Limits{})
	if err != nil || !bytes.Equal(n.AppendJSON(nil), want) {
		t.Errorf("read differently as JSON: %v", err)
	}
}

// appendYAML writes a value as YAML in block style.
func appendYAML(dst []byte, n *document.Node, indent int) []byte {
	pad := func() {
		for range indent {
			dst = append(dst, ' ')
		}
	}
	switch {
	case n.Kind == document.Map && len(n.Keys) > 0:
		for _, k := range n.Keys {
			dst = append(dst, '\n')
			pad()
			dst = (&document.Node{Kind: document.String, Text: k.Name}).AppendJSON(dst)
			dst = append(dst, ": "...)
			dst = appendYAML(dst, k.Value, indent+1)
		}
	case n.Kind == document.List && len(n.Items) > 0:
		for _, item := range n.Items {
			dst = append(dst, '\n')
			pad()
			dst = append(dst, "- "...)
			dst = appendYAML(dst, item, indent+1)
		}
	default:
		dst = n.AppendJSON(dst)
	}
	return dst
}
