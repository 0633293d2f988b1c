package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzLoad checks that arbitrary bytes never panic, and that whatever is said
// about them points into the file.
func FuzzLoad(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.yaml")
	for _, name := range files {
		src, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	for _, s := range []string{"a: &a [*a]", "{0", "*-0", ">\n>", "&{0", "0\n:", "? a\n: b", "\ufeffversion: 1\r\n", "a: \"\\x\"", "<<: [1]", "- - - -", "a: !!binary x"} {
		f.Add([]byte(s))
	}
	env := Env{
		LookupEnv: func(name string) (string, bool) { return name + "\n", name != "UNSET" },
		ReadFile:  func(string, int64) ([]byte, error) { return nil, os.ErrNotExist },
		Glob:      func(pattern string) ([]string, error) { return nil, nil },
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		if len(src) > 8<<10 {
			return
		}
		c, ds := Parse("gatehouse.yaml", src, env)
		if c == nil && !ds.HasErrors() {
			t.Error("neither a configuration nor an error")
		}
		lines := strings.Split(strings.ReplaceAll(string(src), "\r\n", "\n"), "\n")
		for _, d := range ds {
			if d.At.File != "gatehouse.yaml" || d.At.Line < 1 || d.At.Line > len(lines) ||
				d.At.Column < 1 || d.At.Column > len([]rune(lines[d.At.Line-1]))+1 {
				t.Errorf("points outside of the file: %+v", d)
			}
		}
		if text := ds.String(); strings.ContainsAny(text, "\x1b\r") {
			t.Errorf("not inert: %q", text)
		}
		if !ds.HasErrors() {
			_ = c.Hash()
			if changes := Diff(c, c); len(changes) > 0 {
				t.Errorf("differs from itself: %v", changes)
			}
		}
	})
}
