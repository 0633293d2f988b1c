package lab

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write examples/shop anew")

const exampleDir = "../../examples/shop"

// TestExample keeps examples/shop equal to what the demo's configuration is made
// by. The authority and the key in it are thrown-away ones, and stay as they are.
func TestExample(t *testing.T) {
	ca, caErr := os.ReadFile(filepath.Join(exampleDir, "certs/clients-ca.pem"))
	keys, keysErr := os.ReadFile(filepath.Join(exampleDir, "keys.jsonl"))
	if *update {
		if caErr != nil {
			pki, err := newPKI()
			if err != nil {
				t.Fatal(err)
			}
			ca = pki.CA
		}
		if keysErr != nil {
			key, err := newAPIKey("acme", "gold", "partner")
			if err != nil {
				t.Fatal(err)
			}
			keys = append(key.Line, '\n')
		}
		if err := writeExample(exampleDir, ca, keys); err != nil {
			t.Fatal(err)
		}
	} else if err := errors.Join(caErr, keysErr); err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(ca)
	if block == nil {
		t.Fatal("the example's authority is no PEM")
	}
	if cert, err := x509.ParseCertificate(block.Bytes); err != nil || !cert.IsCA {
		t.Errorf("the example's authority: %v, %v", cert, err)
	}
	fresh := t.TempDir()
	if err := writeExample(fresh, ca, keys); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(readTree(t, fresh), readTree(t, exampleDir)); diff != "" {
		t.Errorf("examples/shop differs; write it anew with: go test ./internal/lab -run TestExample -update\n%s", diff)
	}
}

func readTree(t *testing.T, dir string) map[string]string {
	t.Helper()
	tree := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(name)
		tree[rel] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// TestConfigHoldsEveryContract checks that the configuration has an API with its
// document for each service, and speaks of no operation that the service lacks.
func TestConfigHoldsEveryContract(t *testing.T) {
	shop := open(t, AllFlaws())
	dir := t.TempDir()
	name, err := shop.WriteConfig(dir, ConfigOptions{Public: "127.0.0.1:1", Plain: "127.0.0.1:2", Admin: "127.0.0.1:3", Egress: "127.0.0.1:4"})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	for _, section := range bytes.Split(text[bytes.Index(text, []byte("\napis:")):], []byte("\n  - name: "))[1:] {
		sections[regexp.MustCompile(`^\w+`).FindString(string(section))] = string(section)
	}
	override := regexp.MustCompile(`(?m)^      - \{id: ([\w-]+)`)
	for _, svc := range append(shop.Services(), shop.Rates) {
		section := sections[svc.Name]
		if !bytes.Contains(text, []byte(svc.URL())) {
			t.Errorf("%s is no upstream", svc.Name)
		}
		if !strings.Contains(section, "openapi/"+svc.Name+".yaml") || !strings.Contains(section, "base_path: "+svc.Base+"\n") {
			t.Errorf("%s has no contract under %s", svc.Name, svc.Base)
		}
		doc, err := os.ReadFile(filepath.Join(dir, "openapi", svc.Name+".yaml"))
		if err != nil || !bytes.Equal(doc, svc.Document()) {
			t.Errorf("%s: another document was written: %v", svc.Name, err)
		}
		for _, m := range override.FindAllStringSubmatch(section, -1) {
			if m[1] != "openapi-document" && !slices.ContainsFunc(svc.Endpoints(), func(e Endpoint) bool { return e.ID == m[1] }) {
				t.Errorf("%s has no operation %q", svc.Name, m[1])
			}
		}
	}
	for _, secret := range []string{shop.PartnerKey(), shop.Issuer.GateSecret} {
		if bytes.Contains(text, []byte(secret)) {
			t.Error("the configuration holds a secret")
		}
	}
	info, err := os.Stat(filepath.Join(dir, "secrets/introspection"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("secrets/introspection: %v, %v", info.Mode(), err)
	}
}
