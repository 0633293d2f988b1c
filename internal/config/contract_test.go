package config

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse"
)

// withContract is the small configuration with a contract in place of operations.
func withContract(contract string) string {
	head, _, _ := strings.Cut(small, "    operations:")
	return head + "    contract: " + contract + "\n"
}

// The key of pseudonyms is shown nowhere, however it is written down, and is no part
// of the hash.
func TestMaskKeyIsSecret(t *testing.T) {
	const key = "hunter2hunter2hunter2hunter2hunter2"
	hashes := map[string]bool{}
	for _, masks := range []string{
		"{hash_key: " + key + ", rules: RULES}", "\n        hash_key: " + key + "\n        rules: RULES", "{rules: RULES,\n        hash_key: '" + key + "'}",
		"{hash_key: \"${env:HASH_KEY}\", rules: RULES}", "{hash_key: \"another" + key + "\", rules: RULES}",
	} {
		masks = strings.Replace(masks, "RULES", "[{fields: [email], mask: hash}]", 1)
		env := testEnv()
		lookup := env.lookupEnv
		env.LookupEnv = func(name string) (string, bool) {
			if name == "HASH_KEY" {
				return key, true
			}
			return lookup(name)
		}
		src := withContract("\n      file: openapi/shop.yaml\n      answers: filter\n      masks: " + masks)
		c, ds := Load(write(t, map[string]string{"gatehouse.yaml": src, policies: ""})+"/gatehouse.yaml", env)
		if ds.HasErrors() || strings.Contains(ds.String(), "hunter2") {
			t.Fatalf("%s:\n%s", masks, ds)
		}
		if literal := !strings.Contains(masks, "env:"); strings.Contains(ds.String(), "config.literal_secret") != literal {
			t.Errorf("%s: %s", masks, ds)
		}
		if shown := fmt.Sprint(Diff(nil, c)); strings.Contains(shown, "hunter2") || !strings.Contains(shown, "masks.hash_key: (unset) -> ***") {
			t.Errorf("%s: %s", masks, shown)
		}
		f := newFile("x.yaml", ".", []byte(src))
		for n := range f.lines {
			if text := f.line(n + 1); strings.Contains(text, "hunter2") {
				t.Errorf("%s: line %d is shown as %s", masks, n+1, text)
			}
		}
		if c.APIs[0].Contract.Masks.HashKey == "" {
			t.Errorf("%s: no key", masks)
		}
		hashes[c.Hash()] = true
	}
	if len(hashes) != 1 {
		t.Errorf("%d hashes: a secret is part of them", len(hashes))
	}
}

// A document is named from the folder of the file that names it.
func TestContractPaths(t *testing.T) {
	head, apis, _ := strings.Cut(withContract("CONTRACT"), "apis:\n")
	for contract, want := range map[string][]string{
		"openapi/shop.yaml": {"apis/openapi/shop.yaml"},
		"{file: ../shop.yaml, folders: [common, /srv/common]}": {"shop.yaml", "apis/common", "/srv/common"},
	} {
		dir := write(t, map[string]string{"gatehouse.yaml": head + "include: [apis/*.yaml]\n",
			"apis/shop.yaml": "apis:\n" + strings.Replace(apis, "CONTRACT", contract, 1), policies: ""})
		c := load(t, dir).APIs[0].Contract
		var got []string
		for _, name := range append([]string{c.File}, c.Folders...) {
			if rel, err := filepath.Rel(dir, name); err == nil && !strings.HasPrefix(rel, "..") {
				name = rel
			}
			got = append(got, name)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", contract, diff)
		}
	}
}

// What is wrong with a contract's section has its place there.
func TestContractErrors(t *testing.T) {
	src := withContract("{file: shop.yaml, answers: strip, fields: f, views: [{name: a}], limits: {depth: -1}, masks: {rules: [{mask: hash}]}}")
	_, ds := Parse("x.yaml", []byte(src+"    operations: [{get: /x, id: x}, {id: y}, {id: y}]\n"), testEnv())
	for _, path := range []string{"apis[0].contract.answers", "apis[0].contract.fields", "apis[0].contract.views[0].for", "apis[0].contract.limits.depth",
		"apis[0].contract.masks.rules[0]", "apis[0].contract.masks.hash_key", "apis[0].operations[0].get", "apis[0].operations[2].id"} {
		if of := ds.Within(path); !of.HasErrors() {
			t.Errorf("nothing is said of %s:\n%s", path, ds)
		}
	}
}

// Warnings that say the same everywhere are shown a few times, errors always.
func TestDigest(t *testing.T) {
	var ds Diagnostics
	for i := range 5 {
		at := gatehouse.Position{File: "x.yaml", Line: i + 1, Column: 1}
		ds = append(ds, Diagnostic{Severity: Warning, Code: "a", Message: "open", Hint: "close it", At: at},
			Diagnostic{Severity: Error, Code: "a", Message: "wrong", At: at}, Diagnostic{Severity: Warning, Code: "b", Message: fmt.Sprint("no schema ", i), At: at})
	}
	short := ds.Digest(2)
	if errs, warnings := short.Count(); errs != 5 || warnings != 7 {
		t.Errorf("%d errors, %d warnings", errs, warnings)
	}
	if text := short.String(); strings.Count(text, "close it\n") != 1 || !strings.Contains(text, "x.yaml:2:1: warning: open [a]\n    close it; and 3 more like this\n") {
		t.Error(text)
	}
	if len(Diagnostics(nil).Digest(1)) != 0 {
		t.Error("something is told of nothing")
	}
}

// Documents are shown as they are: they hold no secrets.
func TestInDocument(t *testing.T) {
	texts := map[string]string{"shop.yaml": "paths:\n  /login:\r\n    password: {type: strin}\n", "part.yaml": "a: b\n"}
	at := func(file string, line, column int) gatehouse.Position {
		return gatehouse.Position{File: file, Line: line, Column: column}
	}
	list := []*gatehouse.Error{
		{Code: "contract.document_type", Message: "no type", At: at("shop.yaml", 3, 22)},
		{Code: "contract.document_type", Message: "another file", At: at("part.yaml", 1, 4)},
		{Code: "contract.document_path", Message: "earlier", Hint: "mend it", At: at("shop.yaml", 2, 3)},
		{Code: "contract.document_path", Message: "earlier", At: at("shop.yaml", 2, 3)},
		{Code: "contract.document_url", Message: "elsewhere", At: at("https://example.com/x.yaml", 9, 9)},
	}
	got := InDocument(Warning, list, func(file string) (string, bool) { text, ok := texts[file]; return text, ok }).String()
	want := `shop.yaml:2:3: warning: earlier [contract.document_path]
      /login:
      ^
    mend it
shop.yaml:3:22: warning: no type [contract.document_type]
        password: {type: strin}
                         ^
part.yaml:1:4: warning: another file [contract.document_type]
    a: b
       ^
https://example.com/x.yaml:9:9: warning: elsewhere [contract.document_url]
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
