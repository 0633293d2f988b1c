package waf

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/gatehouse/gatehouse"
)

// The Core Rule Set's own settings would refuse what every API has; files of one's
// own still have the last word.
func TestAPISettings(t *testing.T) {
	dir := t.TempDir()
	strict := `SecAction "id:1,phase:1,pass,nolog,setvar:'tx.allowed_methods=GET POST'"` + "\n"
	if err := os.WriteFile(filepath.Join(dir, "strict.conf"), []byte(strict), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		before  []string
		allowed bool
	}{{nil, true}, {[]string{"strict.conf"}, false}} {
		cfg := Config{Shadow: -1, Rules: RulesConfig{Before: c.before}}.WithDefaults()
		w, err := New(cfg, Options{Files: os.DirFS(dir)})
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		g, err := w.Guard(cfg.Policy)
		if err != nil {
			t.Fatal(err)
		}
		m := benignGET()
		m.Method, m.HasBody, m.Body = "PATCH", true, []byte(`{"name":"Ann"}`)
		m.Header = append(m.Header, gatehouse.Field{Name: "Content-Type", Value: "application/merge-patch+json"}, gatehouse.Field{Name: "Content-Length", Value: "14"})
		in, res, err := g.Inspect(context.Background(), m, Caller{})
		if err != nil || in.Proven != c.allowed || c.allowed != (res.Interruption == nil) {
			t.Errorf("%v: proven %v by %d, %+v %v", c.before, in.Proven, in.Failed, res.Rules, err)
		}
		in.Close()
	}
}

// What a field may hold is allowed there, wherever the field comes from, and nowhere
// else.
func TestExcludedFields(t *testing.T) {
	cfg := Config{Shadow: -1}.WithDefaults()
	p := cfg.Policy.Within(Policy{Exclusions: []Exclusion{
		{Fields: []string{"bio", "orders.*.note", "header:X-Comment"}, Allow: []string{"html"}},
		{Rules: []string{"942100-942199"}, Fields: []string{"q"}},
	}})
	w, err := New(cfg, Options{Policies: []Policy{p}})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	g, err := w.Guard(p)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := w.Guard(cfg.Policy)
	if err != nil {
		t.Fatal(err)
	}
	const html = `<script>alert(1)</script>`
	json := func(body string) func(m *Message) {
		return func(m *Message) {
			m.Method, m.HasBody, m.Body = "POST", true, []byte(body)
			m.Header = append(m.Header, gatehouse.Field{Name: "Content-Type", Value: "application/json"}, gatehouse.Field{Name: "Content-Length", Value: "100"})
		}
	}
	target := func(s string) func(m *Message) { return func(m *Message) { m.Target = s } }
	for name, c := range map[string]struct {
		edit    func(m *Message)
		allowed bool
	}{
		"query":              {target("/v1/items?bio=%3Cscript%3Ealert(1)%3C/script%3E"), true},
		"another field":      {target("/v1/items?bia=%3Cscript%3Ealert(1)%3C/script%3E"), false},
		"a longer name":      {target("/v1/items?bio2=%3Cscript%3Ealert(1)%3C/script%3E"), false},
		"JSON":               {json(`{"bio":"` + html + `"}`), true},
		"JSON elsewhere":     {json(`{"x":{"bio":"` + html + `"}}`), false},
		"JSON in a list":     {json(`{"orders":[{"note":"` + html + `"},{"note":"x"}]}`), true},
		"JSON deeper":        {json(`{"orders":[{"a":{"note":"` + html + `"}}]}`), false},
		"header":             {func(m *Message) { m.Header = append(m.Header, gatehouse.Field{Name: "X-Comment", Value: html}) }, true},
		"another header":     {func(m *Message) { m.Header = append(m.Header, gatehouse.Field{Name: "Referer", Value: html}) }, false},
		"SQL in bio":         {target("/v1/items?bio=1%27%20union%20select%20password%20from%20users--"), false},
		"a rule for a field": {target("/v1/items?q=1%20or%20sleep(9)"), true},
	} {
		m := benignGET()
		c.edit(m)
		in, res, err := g.Inspect(context.Background(), m, Caller{})
		if err != nil || c.allowed != (res.Interruption == nil) {
			t.Errorf("%s: proven %v by %d, %v %+v %v", name, in.Proven, in.Failed, ruleIDs(res), res.Interruption, err)
		}
		in.Close()
		if in, res, _ = plain.Inspect(context.Background(), m, Caller{}); res.Interruption == nil {
			t.Errorf("%s: nothing to exclude: %v", name, ruleIDs(res))
		}
		in.Close()
	}
}
