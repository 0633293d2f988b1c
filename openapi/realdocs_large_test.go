//go:build realdocs

package openapi_test

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/gatehouse/gatehouse/openapi/document"
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
			if h.Name != "package/"+w {
				continue
			}
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
	for i, w := range wanted {
		if found[i] == "" {
			t.Fatalf("%s has no %s", name, w)
		}
	}
	return found
}

func TestLargeRealDocuments(t *testing.T) {
	kubernetes := filepath.Join(inModule(t, "k8s.io/kubernetes@v1.34.2"), "api/openapi-spec")
	real(t, realDoc{filepath.Join(kubernetes, "swagger.json"), 1062, 0, 0, nil})
	parts, err := filepath.Glob(filepath.Join(kubernetes, "v3/*.json"))
	if err != nil || len(parts) < 60 {
		t.Fatalf("%d parts of Kubernetes, %v", len(parts), err)
	}
	for _, part := range parts {
		real(t, realDoc{part, 0, 0, 0, nil})
	}
	real(t, realDoc{filepath.Join(inModule(t, "github.com/stripe/stripe-mock@v0.203.0"), "embedded/openapi/spec3.beta.sdk.json"), 624, 0, 0, nil})
	files := fromNPM(t, "@octokit/openapi@23.0.2", "generated/api.github.com.json", "generated/ghec.json", "generated/ghes-3.19.json")
	// Of the examples that are broken most lack required members (141) or have null in
	// the place of an object (79): kin-openapi says the same of each, and differs on
	// these. A discriminator does not make its property required (OpenAPI 3.0.3, section
	// 4.7.25); a schema without a type takes null; a host is no URI.
	judgeReal(t, realDoc{files[0], 1223, 1263, 237, []string{"orgs/enable-or-disable-security-product-on-all-org-repos", "repos/create-pages-deployment 200",
		"users/get-authenticated 200", "users/get-by-id 200", "users/get-by-username 200"}}, kinOf(t, files[0]))
	real(t, realDoc{files[1], 1471, 1563, 297, nil})
	real(t, realDoc{files[2], 1039, 1013, 169, nil})
	real(t, realDoc{fromNPM(t, "@blockfrost/openapi@0.1.93", "openapi.yaml")[0], 129, 181, 5, nil})
	real(t, realDoc{fromNPM(t, "@digdir/dialogporten-schema@1.40.0", "swagger.verified.json")[0], 29, 3, 0, nil})
}

// kinOf asks kin-openapi of examples.
func kinOf(t *testing.T, file string) func(d *document.Operation, status string, m *document.Media, v *document.Node) error {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return func(d *document.Operation, status string, m *document.Media, v *document.Node) error {
		op := doc.Paths.Value(d.Path).GetOperation(d.Method)
		var value any
		if err := json.Unmarshal(v.AppendJSON(nil), &value); err != nil {
			return err
		}
		if status == "" {
			return op.RequestBody.Value.Content[m.Type].Schema.Value.VisitJSON(value, openapi3.VisitAsRequest())
		}
		return op.Responses.Value(status).Value.Content[m.Type].Schema.Value.VisitJSON(value, openapi3.VisitAsResponse())
	}
}
