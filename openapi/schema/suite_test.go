package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// The JSON-Schema-Test-Suite for 2020-12, as testdata/README.md says.
const suite = "testdata/suite/"

// TestSuite runs the whole suite through our own walk and through
// santhosh-tekuri/jsonschema. Each number is asserted, so that none can drop.
func TestSuite(t *testing.T) {
	for _, part := range []struct {
		name, folder     string
		ours, theirs, of int
		differ           int // cases in which the two do not agree
		format           bool
	}{
		{name: "required", folder: "", ours: 1299, theirs: 1299, of: 1299},
		{name: "optional", folder: "optional", ours: 161, theirs: 162, differ: 1, of: 162, format: true},
		{name: "format", folder: "optional/format", ours: 764, theirs: 653, differ: 111, of: 764, format: true},
	} {
		t.Run(part.name, func(t *testing.T) {
			run := suiteRun{remotes: remotes(t), format: part.format}
			files, err := filepath.Glob(filepath.Join(suite, "tests/draft2020-12", part.folder, "*.json"))
			if err != nil {
				t.Fatal(err)
			}
			for _, file := range files {
				run.file(t, file)
			}
			t.Logf("%s: ours %d, santhosh's %d of %d; they differ in %d", part.name, run.ours, run.theirs, run.all, run.differ)
			if run.ours != part.ours || run.theirs != part.theirs || run.all != part.of || run.differ != part.differ {
				t.Errorf("want ours %d, santhosh's %d of %d, differing in %d", part.ours, part.theirs, part.of, part.differ)
			}
		})
	}
}

type suiteRun struct {
	remotes                   map[string][]byte
	format                    bool
	ours, theirs, differ, all int
}

type suiteGroup struct {
	Description string
	Schema      json.RawMessage
	Tests       []struct {
		Description string
		Data        json.RawMessage
		Valid       bool
	}
}

func (run *suiteRun) file(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var groups []suiteGroup
	if err := json.Unmarshal(text, &groups); err != nil {
		t.Fatal(err)
	}
	for _, g := range groups {
		ours, ourErr := run.own(t, g.Schema)
		theirs, theirErr := run.santhosh(t, g.Schema)
		for _, c := range g.Tests {
			run.all++
			var r Report
			got := ourErr == nil && ours.Check(tape(t, string(c.Data)), 0, &r)
			other := theirErr == nil && theirs.Validate(decoded(t, c.Data)) == nil
			if ourErr == nil && got == c.Valid {
				run.ours++
			} else {
				t.Logf("ours: %s: %s: %s: want %v: %v %v", filepath.Base(file), g.Description, c.Description, c.Valid, ourErr, r.Violations)
			}
			if theirErr == nil && other == c.Valid {
				run.theirs++
			}
			if got != other {
				run.differ++
			}
			if ourErr == nil && !got && len(r.Violations) == 0 {
				t.Errorf("%s: %s: %s: refused without a violation", filepath.Base(file), g.Description, c.Description)
			}
		}
	}
}

func (run *suiteRun) own(t *testing.T, text []byte) (*Schema, error) {
	s := newSet(false, Options{Annotate: !run.format})
	for url, text := range run.remotes {
		if err := s.addFile(url, tree(t, text)); err != nil {
			t.Fatal(err)
		}
	}
	sch, _, err := compileInto(t, s, tree(t, text))
	return sch, err
}

func (run *suiteRun) santhosh(t *testing.T, text []byte) (*jsonschema.Schema, error) {
	return second(t, text, run.remotes, run.format)
}

// second is santhosh-tekuri/jsonschema's opinion of a schema.
func second(t tester, text []byte, remotes map[string][]byte, format bool) (*jsonschema.Schema, error) {
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.UseLoader(loader(remotes))
	c.UseRegexpEngine(func(s string) (jsonschema.Regexp, error) { return newPattern(s) })
	if format {
		c.AssertFormat()
	}
	if err := c.AddResource(home, decoded(t, text)); err != nil {
		return nil, err
	}
	return c.Compile(home)
}

type loader map[string][]byte

func (l loader) Load(url string) (any, error) {
	if text, ok := l[url]; ok {
		return jsonschema.UnmarshalJSON(bytes.NewReader(text))
	}
	return nil, errors.New("not there: " + url)
}

// decoded decodes JSON with numbers as they are spelled.
func decoded(t tester, text []byte) any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func remotes(t *testing.T) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	read := func(folder, url string) {
		err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			all[url+strings.TrimPrefix(filepath.ToSlash(path), folder)] = text
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	read(suite+"remotes", "http://localhost:1234")
	read("testdata/metaschema", "https://json-schema.org/draft")
	return all
}
