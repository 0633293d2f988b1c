package config

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// testEnv is the environment of the golden tests.
func testEnv() Env {
	vars := map[string]string{"INTROSPECT_SECRET": "from-the-environment", "PORT": "8443", "NOT_A_RATE": "hunter2"}
	return Env{LookupEnv: func(name string) (string, bool) { v, ok := vars[name]; return v, ok }}
}

// TestGolden reads every testdata/*.yaml and compares what is said about it.
func TestGolden(t *testing.T) {
	t.Chdir("testdata")
	files, err := filepath.Glob("*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no test data", err)
	}
	codes := map[string]bool{}
	for _, name := range files {
		t.Run(strings.TrimSuffix(name, ".yaml"), func(t *testing.T) {
			c, ds := Load(name, testEnv())
			for _, d := range ds {
				codes[d.Code] = true
				checkPlace(t, d)
			}
			if c == nil && !ds.HasErrors() {
				t.Error("no configuration and no error")
			}
			var got bytes.Buffer
			if err := ds.WriteText(&got, false); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(got.String(), "hunter2") {
				t.Errorf("a secret is shown:\n%s", got.String())
			}
			golden(t, strings.TrimSuffix(name, ".yaml")+".golden", got.Bytes())
		})
	}
	t.Logf("%d codes: %v", len(codes), keysOf(codes))
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err, "(go test -update writes it)")
	}
	if !bytes.Equal(want, got) {
		t.Errorf("%s\n--- want\n%s--- got\n%s", name, want, got)
	}
}

// checkPlace checks that a diagnostic points into its file.
func checkPlace(t *testing.T, d Diagnostic) {
	t.Helper()
	src, err := os.ReadFile(d.At.File)
	if err != nil {
		t.Errorf("%+v points to no file", d)
		return
	}
	lines := strings.Split(string(src), "\n")
	if d.At.Line < 1 || d.At.Line > len(lines) || d.At.Column < 1 || d.At.Column > len([]rune(lines[d.At.Line-1]))+1 {
		t.Errorf("%s points outside of the file: %+v", d.Code, d.At)
	}
	if d.Code == "" || d.Message == "" || strings.HasSuffix(d.Message, ".") {
		t.Errorf("not a good message: %+v", d)
	}
}

func TestMissingFile(t *testing.T) {
	c, ds := Load(filepath.Join(t.TempDir(), "none.yaml"), Env{})
	if c != nil || len(ds) != 1 || ds[0].Code != "config.read" || ds[0].Hint != "no such file or directory" {
		t.Errorf("%v %v", c, ds)
	}
}

// write makes files in a new folder and returns its path.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
