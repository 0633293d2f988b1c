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

// TestConfigListsEveryOperation checks that the configuration declares what the
// services document, and nothing else.
func TestConfigListsEveryOperation(t *testing.T) {
	shop := open(t, AllFlaws())
	dir := t.TempDir()
	name, err := shop.WriteConfig(dir, ConfigOptions{Public: "127.0.0.1:1", Plain: "127.0.0.1:2", Admin: "127.0.0.1:3"})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	declared := regexp.MustCompile(`- \{(get|post|put|patch|delete): "?([^",]+)"?, id: (\w+)`)
	base := regexp.MustCompile(`base_path: (\S+)`)
	got := map[string]string{}
	for _, section := range bytes.Split(text[bytes.Index(text, []byte("\napis:")):], []byte("\n  - name: "))[1:] {
		b := base.FindSubmatch(section)
		for _, m := range declared.FindAllSubmatch(section, -1) {
			got[strings.ToUpper(string(m[1]))+" "+string(b[1])+string(m[2])] = string(m[3])
		}
	}
	want := map[string]string{}
	for _, svc := range shop.Services() {
		if !bytes.Contains(text, []byte(svc.URL())) {
			t.Errorf("%s is no upstream", svc.Name)
		}
		for _, e := range svc.Endpoints() {
			want[e.Method+" "+svc.Base+e.Path] = e.ID
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("operations (-documented +declared):\n%s", diff)
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
