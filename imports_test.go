package gatehouse_test

import (
	"go/build"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/gatehouse/gatehouse"

// imports reads, for every package of the module, what its non-test files import.
func imports(t *testing.T) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if name := d.Name(); path != "." && (strings.HasPrefix(name, ".") || name == "testdata" || name == "bin") {
			return fs.SkipDir
		}
		if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil && path != "." {
			return fs.SkipDir // bench, tools: modules of their own
		}
		p, err := build.ImportDir(path, 0)
		if err != nil {
			if _, none := err.(*build.NoGoError); none {
				return nil
			}
			return err
		}
		out[filepath.ToSlash(path)] = p.Imports
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// The rooms of the library and how deep each lies: arrows point down only.
var depth = map[string]int{
	".": 0, "coding": 1, "http1": 1, "jose": 1, "strictjson": 1, "upstream": 2,
	"authn": 3, "policy": 3, "objects": 3, "ratelimit": 3, "waf": 3, "openapi": 3, "oauth": 3, "gateway": 3,
}

// Who alone may import what.
var only = map[string][]string{
	"github.com/goccy/go-yaml":  {"internal/config", "openapi/document"},
	"go.yaml.in/yaml":           {"internal/config", "openapi/document"},
	"database/sql":              {"internal/store"},
	"github.com/spf13/cobra":    {"cmd/gatehouse"},
	"net/http/httputil":         {},
	"github.com/prometheus":     {"internal/telemetry", "internal/server"},
	module + "/internal/config": {"internal/server", "cmd/gatehouse", "internal/lab"},
}

func TestImports(t *testing.T) {
	for pkg, list := range imports(t) {
		room, _, _ := strings.Cut(pkg, "/")
		level, library := depth[room]
		for _, path := range list {
			for prefix, who := range only {
				if strings.HasPrefix(path, prefix) && !slices.Contains(who, pkg) && pkg != strings.TrimPrefix(prefix, module+"/") {
					t.Errorf("%s imports %s, which is for %v", pkg, path, who)
				}
			}
			own, ours := strings.CutPrefix(path, module)
			if !ours {
				if pkg == "." && strings.Contains(strings.SplitN(path, "/", 2)[0], ".") {
					t.Errorf("the root imports %s: it is for the standard library only", path)
				}
				continue
			}
			own = strings.TrimPrefix(own, "/")
			if own == "" {
				own = "."
			}
			target, _, _ := strings.Cut(own, "/")
			switch deep, isLibrary := depth[target]; {
			case library && !isLibrary:
				t.Errorf("the library's %s imports %s, the product", pkg, path)
			case library && target != room && deep >= level: // within a room its owner decides
				t.Errorf("%s imports %s: arrows point down only", pkg, path)
			case target == "cmd":
				t.Errorf("%s imports a command", pkg)
			case strings.HasPrefix(pkg, "internal/") && own == "internal/server":
				t.Errorf("%s imports internal/server, which assembles it", pkg)
			}
		}
		for _, word := range strings.Split(pkg, "/") {
			if slices.Contains([]string{"util", "utils", "common", "types", "helper", "helpers", "base", "manager", "misc"}, word) {
				t.Errorf("%s: the name says nothing", pkg)
			}
		}
	}
}

// Only the command exits, and nothing registers itself.
func TestNobodyExitsOrRegisters(t *testing.T) {
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || d.Name() == "bench" || d.Name() == "tools" || d.Name() == "tmpdeps" || strings.HasPrefix(d.Name(), ".") && path != ".") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if strings.Contains(string(src), "\nfunc init()") {
			t.Errorf("%s has an init function", path)
		}
		if !strings.HasPrefix(path, "cmd/") && (strings.Contains(string(src), "os.Exit(") || strings.Contains(string(src), "log.Fatal")) {
			t.Errorf("%s exits: only cmd may", path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
