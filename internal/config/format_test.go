package config

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFormat(t *testing.T) {
	files, _ := filepath.Glob("testdata/format/*.in")
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".in"), func(t *testing.T) {
			src, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Format(src)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, strings.TrimSuffix(name, ".in")+".out", got)
			again, err := Format(got)
			if err != nil || !bytes.Equal(got, again) {
				t.Errorf("twice: %v\n%s", err, again)
			}
		})
	}
}

func TestFormatRefusesBrokenYAML(t *testing.T) {
	if out, err := Format([]byte("a: [1\n")); err == nil || out != nil {
		t.Errorf("%q %v", out, err)
	}
}

func FuzzFormat(f *testing.F) {
	for _, pattern := range []string{"testdata/*.yaml", "testdata/format/*.in"} {
		files, _ := filepath.Glob(pattern)
		for _, name := range files {
			src, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(src)
		}
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		if len(src) > 4<<10 {
			return
		}
		out, err := Format(src)
		if err != nil {
			return
		}
		again, err := Format(out)
		if err != nil || !bytes.Equal(out, again) {
			t.Fatalf("not stable (%v):\n%q\n%q", err, out, again)
		}
		a, _ := parseForFormat(src)
		b, err := parseForFormat(out)
		if err != nil || !sameTree(a, b) {
			t.Fatalf("changed the meaning:\n%q\n%q", src, out)
		}
	})
}
