//go:build realdocs

package document_test

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// fromNPM returns files of an npm package, which npm fetches and verifies.
func fromNPM(t *testing.T, name string, wanted ...string) []string {
	t.Helper()
	dir := t.TempDir()
	out, err := exec.CommandContext(t.Context(), "npm", "pack", name, "--silent", "--pack-destination", dir).Output()
	if err != nil {
		t.Fatalf("%s cannot be had: %v", name, err)
	}
	lines := strings.Fields(string(out))
	f, err := os.Open(filepath.Join(dir, lines[len(lines)-1]))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	found := make([]string, len(wanted))
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for i, w := range wanted {
			if h.Name == "package/"+w {
				found[i] = filepath.Join(dir, filepath.Base(w))
				text, err := io.ReadAll(r)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(found[i], text, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for i, w := range wanted {
		if found[i] == "" {
			t.Fatalf("%s has no %s", name, w)
		}
	}
	return found
}

func TestLargeRealDocuments(t *testing.T) {
	kubernetes := filepath.Join(inModule(t, "k8s.io/kubernetes@v1.34.2"), "api/openapi-spec")
	try(t, realDoc{path: filepath.Join(kubernetes, "swagger.json"), operations: 1062})
	parts, err := filepath.Glob(filepath.Join(kubernetes, "v3/*.json"))
	if err != nil || len(parts) < 60 {
		t.Fatalf("%d parts of Kubernetes, %v", len(parts), err)
	}
	for _, p := range parts {
		try(t, realDoc{path: p})
	}
	stripe := inModule(t, "github.com/stripe/stripe-mock@v0.203.0")
	try(t, realDoc{path: filepath.Join(stripe, "embedded/openapi/spec3.beta.sdk.json"), operations: 624})
	files := fromNPM(t, "@octokit/openapi@23.0.2", "generated/api.github.com.json", "generated/ghec.json", "generated/ghes-3.19.json")
	github := try(t, realDoc{path: files[0], operations: 1223, warnings: 2})
	try(t, realDoc{path: files[1], operations: 1471, warnings: 2})
	try(t, realDoc{path: files[2], operations: 1039})
	if github != nil {
		bothWays(t, github)
	}
	try(t, realDoc{path: fromNPM(t, "@blockfrost/openapi@0.1.93", "openapi.yaml")[0], operations: 129, warnings: 2})
	try(t, realDoc{path: fromNPM(t, "@digdir/dialogporten-schema@1.40.0", "swagger.verified.json")[0], operations: 29})
	try(t, realDoc{path: fromNPM(t, "@directus/specs@15.2.0", "dist/openapi.json")[0], problems: 1}) // a schema: null
}
