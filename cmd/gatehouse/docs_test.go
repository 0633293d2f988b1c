package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/server"
	"github.com/gatehouse/gatehouse/internal/telemetry"
)

var update = flag.Bool("update", false, "write the reference of docs/configuration.md anew")

const root = "../.."

// A block is a fenced block of a document: ```yaml file=gatehouse.yaml
type block struct {
	doc, lang, file string
	line            int
	text            string
}

func (b block) String() string { return fmt.Sprintf("%s:%d", b.doc, b.line) }

// documents lists every Markdown file for people.
func documents(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/adr/*.md", "examples/*/*.md"} {
		names, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, names...)
	}
	if len(out) < 10 {
		t.Fatalf("only %d documents", len(out))
	}
	return out
}

// heredoc is a file that a shell writes: cat > NAME <<'END'
var heredoc = regexp.MustCompile(`(?s)cat > (\S+) <<'END'\n(.*?\n)END\n`)

var fence = regexp.MustCompile("^```([a-z]*)(?: file=([^ ]+))?$")

func blocks(t *testing.T, doc string) []block {
	t.Helper()
	src, err := os.ReadFile(doc)
	if err != nil {
		t.Fatal(err)
	}
	var out []block
	var open *block
	for i, line := range strings.Split(string(src), "\n") {
		switch m := fence.FindStringSubmatch(line); {
		case open == nil && m != nil:
			open = &block{doc: doc, lang: m[1], file: m[2], line: i + 1}
		case open != nil && line == "```":
			out = append(out, *open)
			for _, m := range heredoc.FindAllStringSubmatch(open.text, -1) {
				out = append(out, block{doc: doc, lang: "yaml", file: m[1], line: open.line, text: m[2]})
			}
			open = nil
		case open != nil:
			open.text += line + "\n"
		}
	}
	if open != nil {
		t.Errorf("%s: the block does not end", open)
	}
	return out
}

// Every gatehouse.yaml of the documents is a configuration that could run, with
// the files that stand beside it.
func TestDocumentedConfigurations(t *testing.T) {
	found := 0
	for _, doc := range documents(t) {
		all := blocks(t, doc)
		if filepath.Base(doc) == "configuration.md" {
			all = append(all, joined(all))
		}
		for _, b := range all {
			if b.file != "gatehouse.yaml" {
				continue
			}
			found++
			dir := t.TempDir()
			for _, other := range all {
				if other.file != "" && other.file != "gatehouse.yaml" {
					write(t, filepath.Join(dir, other.file), other.text)
				}
			}
			write(t, filepath.Join(dir, "gatehouse.yaml"), b.text)
			ds, err := server.Check(filepath.Join(dir, "gatehouse.yaml"), config.Env{})
			if ds.HasErrors() || err != nil {
				var text bytes.Buffer
				_ = ds.WriteText(&text, false)
				t.Errorf("%s: %v\n%s", b, err, text.String())
			}
		}
	}
	if found < 8 {
		t.Errorf("only %d configurations", found)
	}
}

// joined is one configuration of all the pieces of a document.
func joined(all []block) block {
	whole := block{doc: all[0].doc, file: "gatehouse.yaml"}
	for _, b := range all {
		if b.lang == "yaml" && b.file == "" {
			whole.text += strings.Replace(b.text, "include: [apis/*.yaml]\n", "", 1)
		}
	}
	return whole
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Pieces of a configuration may lack what they refer to; their keys and values
// are right all the same.
func TestDocumentedPieces(t *testing.T) {
	elsewhere := []string{"config.missing", "config.unknown_upstream", "config.unknown_issuer", "config.version", "config.policy_file",
		"config.unknown_operation", "config.reference", "config.rules_file"}
	for _, doc := range documents(t) {
		for _, b := range blocks(t, doc) {
			if b.lang != "yaml" || b.file != "" {
				continue
			}
			_, ds := config.Parse(b.doc, []byte(b.text), config.Env{})
			for _, d := range ds {
				if d.Severity == config.Error && !slices.Contains(elsewhere, d.Code) {
					t.Errorf("%s: line %d: %s [%s]", b, d.At.Line, d.Message, d.Code)
				}
			}
		}
	}
}

// Every word that the documents tell people to type is there, with its flags.
func TestDocumentedCommands(t *testing.T) {
	found := 0
	for _, doc := range documents(t) {
		for _, b := range blocks(t, doc) {
			if b.lang != "sh" {
				continue
			}
			for _, line := range strings.Split(strings.ReplaceAll(b.text, "\\\n", " "), "\n") {
				for _, args := range words(line) {
					found++
					checkWord(t, fmt.Sprintf("%s: %q", b, line), args)
				}
			}
		}
	}
	if found < 30 {
		t.Errorf("only %d commands", found)
	}
}

var call = regexp.MustCompile(`(?:^|[(;|&] *|^\s*)(?:bin/)?gatehouse ([^()|;&>#]*)`)

// words returns the arguments of each call of gatehouse in a line of a shell.
func words(line string) [][]string {
	var out [][]string
	for _, m := range call.FindAllStringSubmatch(line, -1) {
		text := regexp.MustCompile(`'[^']*'|"[^"]*"`).ReplaceAllString(m[1], "x")
		out = append(out, strings.Fields(text))
	}
	return out
}

func checkWord(t *testing.T, where string, args []string) {
	t.Helper()
	app := &app{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard}
	words := app.root()
	words.InitDefaultCompletionCmd(args...)
	cmd, rest, err := words.Find(args)
	if err != nil || cmd.Name() == "gatehouse" && len(args) > 0 && args[0] != "--help" {
		t.Errorf("%s: there is no such word: %v", where, err)
		return
	}
	if err := cmd.ParseFlags(rest); err != nil {
		t.Errorf("%s: %v", where, err)
	} else if err := cmd.ValidateArgs(cmd.Flags().Args()); err != nil {
		t.Errorf("%s: %v", where, err)
	}
}

var link = regexp.MustCompile(`\]\(([^)#\s]*)(#[^)\s]*)?\)`)

// Links within the documents lead to a file and, where they name one, a heading.
func TestDocumentedLinks(t *testing.T) {
	for _, doc := range documents(t) {
		src, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(src), -1) {
			target, anchor := m[1], strings.TrimPrefix(m[2], "#")
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			name := doc
			if target != "" {
				name = filepath.Join(filepath.Dir(doc), target)
			}
			text, err := os.ReadFile(name)
			if info, statErr := os.Stat(name); statErr == nil && info.IsDir() {
				continue
			}
			if err != nil {
				t.Errorf("%s links to %s, which is not there", doc, m[1])
			} else if anchor != "" && !slices.Contains(anchors(string(text)), anchor) {
				t.Errorf("%s links to %s%s, which has no such heading", doc, m[1], m[2])
			}
		}
	}
}

// anchors are the names that GitHub gives to headings.
func anchors(text string) []string {
	var out []string
	for _, line := range strings.Split(text, "\n") {
		if heading := strings.TrimLeft(line, "#"); heading != line && strings.HasPrefix(heading, " ") {
			name := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(strings.TrimSpace(heading)), "")
			out = append(out, strings.ReplaceAll(name, " ", "-"))
		}
	}
	return out
}

// Every metric is documented.
func TestDocumentedMetrics(t *testing.T) {
	reg := prometheus.NewRegistry()
	m := telemetry.NewMetrics(reg, telemetry.Options{})
	for _, err := range []error{m.Connections("all", func() float64 { return 0 }), m.ObserverDrops("traces", func() float64 { return 0 }),
		m.DecisionLog(func() telemetry.DecisionLog { return telemetry.DecisionLog{} })} {
		if err != nil {
			t.Fatal(err)
		}
	}
	text := read(t, "docs/metrics-and-traces.md")
	described := make(chan *prometheus.Desc)
	go func() { reg.Describe(described); close(described) }()
	name := regexp.MustCompile(`fqName: "((?:api|gatehouse)_[a-z_]+)".*variableLabels: \{([^}]*)\}`)
	found := 0
	for d := range described {
		if n := name.FindStringSubmatch(d.String()); n != nil {
			found++
			row := regexp.MustCompile("\\| `" + n[1] + "` \\|.*").FindString(text)
			if row == "" {
				t.Errorf("%s is not documented", n[1])
			}
			for _, label := range strings.Split(n[2], ",") {
				if label != "" && !strings.Contains(row, "`"+label+"`") {
					t.Errorf("the label %s of %s is not documented", label, n[1])
				}
			}
		}
	}
	if found < 10 {
		t.Errorf("only %d metrics", found)
	}
}

// Every code by which the normaliser, the router and http1 refuse a message is
// documented, and every control has its line.
func TestDocumentedCodes(t *testing.T) {
	text := read(t, "docs/normalising.md")
	quoted := regexp.MustCompile(`(?:badRequest\(|code: *|Code: *|, )"((?:method|target|host|header|framing|path|query|body|match)\.[a-z_]+)"`)
	short := regexp.MustCompile(`bad\("([a-z_]+)"`)
	found := 0
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, d fs.DirEntry, err error) error {
		room, _, _ := strings.Cut(name, "/")
		if err != nil || d.IsDir() || room != "gateway" && room != "http1" || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		src := read(t, name)
		var codes []string
		for _, m := range quoted.FindAllStringSubmatch(src, -1) {
			codes = append(codes, m[1])
		}
		for _, m := range short.FindAllStringSubmatch(src, -1) {
			if room == "http1" && !strings.Contains(name, "client") && m[1] != "status_line" && m[1] != "bodiless" { // of answers
				codes = append(codes, "http1."+m[1])
			}
		}
		for _, code := range codes {
			found++
			if !strings.Contains(text, "`"+code+"`") {
				t.Errorf("%s: the code %s is not in docs/normalising.md", name, code)
			}
		}
		return nil
	})
	if err != nil || found < 40 {
		t.Errorf("%d codes, %v", found, err)
	}
	for _, m := range regexp.MustCompile(`"(egress\.[a-z_]+)"`).FindAllStringSubmatch(read(t, "gateway/egress.go"), -1) {
		if !strings.Contains(read(t, "docs/egress.md"), "`"+m[1]+"`") {
			t.Errorf("the code %s is not in docs/egress.md", m[1])
		}
	}
	modes := read(t, "docs/decisions.md")
	for _, control := range config.KnownControls {
		if !strings.Contains(modes, "`"+control+"`") {
			t.Errorf("the control %s is not in docs/decisions.md", control)
		}
	}
	for _, variable := range config.KnownVariables {
		if !strings.Contains(read(t, "docs/forwarding.md"), "`{"+variable+"}`") {
			t.Errorf("the variable %s is not in docs/forwarding.md", variable)
		}
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	src, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(src)
}

const (
	referenceBegins = "<!-- reference -->\n"
	referenceEnds   = "<!-- end of reference -->\n"
)

// The list of all keys is what the schema says.
func TestReference(t *testing.T) {
	text := read(t, "docs/configuration.md")
	before, rest, ok := strings.Cut(text, referenceBegins)
	have, after, ends := strings.Cut(rest, referenceEnds)
	if !ok || !ends {
		t.Fatal("docs/configuration.md has no place for the reference")
	}
	want := reference(t)
	if have == want {
		return
	}
	if !*update {
		t.Fatal("the list of all keys in docs/configuration.md is out of date: go test ./cmd/gatehouse -run Reference -update")
	}
	if err := os.WriteFile(filepath.Join(root, "docs/configuration.md"), []byte(before+referenceBegins+want+referenceEnds+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// A schema is as much of a JSON Schema as the reference needs.
type schema struct {
	Ref         string             `json:"$ref"`
	Defs        map[string]*schema `json:"$defs"`
	Type        string             `json:"type"`
	Description string             `json:"description"`
	Enum        []string           `json:"enum"`
	Examples    []string           `json:"examples"`
	Items       *schema            `json:"items"`
	Properties  orderedSchemas     `json:"properties"`
	AnyOf       []*schema          `json:"anyOf"`
	Additional  json.RawMessage    `json:"additionalProperties"`
}

// orderedSchemas keeps the order of the properties.
type orderedSchemas []struct {
	name   string
	schema *schema
}

func (o *orderedSchemas) UnmarshalJSON(text []byte) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	if _, err := dec.Token(); err != nil {
		return err
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return err
		}
		s := new(schema)
		if err := dec.Decode(s); err != nil {
			return err
		}
		*o = append(*o, struct {
			name   string
			schema *schema
		}{name.(string), s})
	}
	return nil
}

func reference(t *testing.T) string {
	t.Helper()
	var whole schema
	if err := json.Unmarshal(config.Schema(), &whole); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	var walk func(path string, s *schema)
	walk = func(path string, s *schema) {
		if s.Ref != "" {
			s = whole.Defs[strings.TrimPrefix(s.Ref, "#/$defs/")]
		}
		for _, p := range s.Properties {
			at := strings.TrimPrefix(path+"."+p.name, ".")
			if path == "" {
				fmt.Fprintf(&b, "\n### %s\n\n| key | value | meaning |\n| --- | --- | --- |\n", p.name)
			}
			text := strings.ReplaceAll(p.schema.Description, "|", `\|`)
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", at, kind(&whole, p.schema), strings.ReplaceAll(strings.TrimSuffix(text, "."), "*", `\*`))
			switch {
			case p.schema.Ref != "":
				walk(at, p.schema)
			case p.schema.Items != nil && p.schema.Items.Ref != "":
				walk(at+"[]", p.schema.Items)
			case len(p.schema.AnyOf) > 0:
				walk(at, p.schema.AnyOf[0])
			case entries(p.schema).Ref != "":
				walk(at+".<name>", entries(p.schema))
			}
		}
	}
	walk("", &whole)
	return b.String()
}

// entries is the schema of a mapping's values.
func entries(s *schema) *schema {
	var out schema
	_ = json.Unmarshal(s.Additional, &out) // false, where no other key may stand
	return &out
}

// kind says in a word what a value is.
func kind(whole, s *schema) string {
	switch {
	case s.Ref != "":
		return "section"
	case len(s.AnyOf) > 0:
		return "text, or section"
	case entries(s).Ref != "":
		return "sections by name"
	case len(s.Enum) > 0:
		return "`" + strings.Join(s.Enum, "`, `") + "`"
	case s.Items != nil && s.Items.Ref != "":
		return "list of sections"
	case s.Items != nil:
		return "list of " + strings.Replace(kind(whole, s.Items), "network", "networks", 1)
	case s.Type == "object":
		return "mapping"
	case slices.Contains(s.Examples, "30s"):
		return "time"
	case slices.Contains(s.Examples, "64KiB"):
		return "size"
	case slices.Contains(s.Examples, "10.0.0.0/8"):
		return "network"
	case slices.Contains(s.Examples, config.RedirectsSameHost):
		return "`" + config.RedirectsRefuse + "`, `" + config.RedirectsSameHost + "`, or list of text"
	case s.Type == "string":
		return "text"
	case s.Type == "boolean":
		return "`true`, `false`"
	case s.Type == "integer":
		return "whole number"
	}
	return s.Type
}
