package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/gateway"
)

const small = `version: 1
listeners: [{name: public, address: 127.0.0.1:8080}]
authn:
  api_keys: {file: keys.jsonl}
policies: {files: ["policies/*.cedar"]}
upstreams:
  - {name: orders, endpoints: [{url: "http://127.0.0.1:9001"}]}
apis:
  - name: shop
    hosts: [shop.localhost]
    upstream: orders
    authenticate: [api_keys]
    mode: monitor
    modes: {policy: enforce}
    operations:
      - {get: "/orders/{id}", id: getOrder}
      - {any: "/files/{path...}", mode: "off", modes: {policy: monitor}}
`

const policies = "policies/shop.cedar"

func load(t *testing.T, dir string) *Config {
	t.Helper()
	c, ds := Load(filepath.Join(dir, "gatehouse.yaml"), Env{})
	if ds.HasErrors() {
		t.Fatal(ds)
	}
	return c
}

func TestLoadFull(t *testing.T) {
	c, ds := Load("testdata/full.yaml", testEnv())
	if len(ds) > 0 {
		t.Fatal(ds)
	}
	shop := &c.APIs[0]
	method, path := shop.Operations[4].Route()
	if method != "*" || path != "/files/{path...}" || shop.Operations[4].BodyBytes != gatehouse.GiB {
		t.Errorf("operation %s %s %v", method, path, shop.Operations[4].BodyBytes)
	}
	if got := c.Authn.Issuers[1].Introspection.ClientSecret; got != "from-the-environment" {
		t.Errorf("client_secret is %q", got)
	}
	if !slices.Equal(c.TrustedProxies, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}) {
		t.Errorf("trusted_proxies %v", c.TrustedProxies)
	}
	if c.Upstreams[0].Name != "orders" || c.Upstreams[0].Concurrency == nil || c.Limits.Levels[0].Rate.Count != 5000 {
		t.Error("upstreams or limits were not read")
	}
	if at := c.At("apis[0].operations[2].stream"); c.source.main.lines[at.Line-1] != `      - {get: /events, id: events, stream: [sse]}` {
		t.Errorf("stream of the third operation is at %v", at)
	}
	for _, control := range KnownControls {
		if want := map[bool]gatehouse.Mode{true: gatehouse.Monitor, false: gatehouse.Enforce}[control == "policy"]; c.ModeOf(control, shop, &shop.Operations[0]) != want {
			t.Errorf("mode of %s", control)
		}
	}
	if len(c.Hash()) != 16 {
		t.Errorf("hash %q", c.Hash())
	}
}

func TestDefaults(t *testing.T) {
	dir := write(t, map[string]string{"gatehouse.yaml": small, policies: ""})
	c := load(t, dir)
	if c.LimitsHTTP.HeaderBytes != 64*gatehouse.KiB || c.LimitsHTTP.IdleTimeout != 90*time.Second || c.Admin.Address != "127.0.0.1:9901" {
		t.Errorf("%+v %+v", c.LimitsHTTP, c.Admin)
	}
	for what, path := range map[string]string{"data": c.DataDir, "data/admin.sock": c.Admin.Socket,
		"data/decisions.jsonl": c.Decisions.File, "keys.jsonl": c.Authn.APIKeys.File, "policies/*.cedar": c.Policies.Files[0]} {
		if path != filepath.Join(dir, what) {
			t.Errorf("%s became %s", what, path)
		}
	}
	shop := c.APIs[0]
	if shop.Timeout != 30*time.Second || shop.BasePath != "/" || shop.Undocumented != "refuse" || shop.Credentials != "forward" {
		t.Errorf("%+v", shop)
	}
	if shop.Operations[1].ID != "* /files/{path...}" || shop.Operations[0].Access != "policy" {
		t.Errorf("%+v", shop.Operations)
	}
}

func TestModeOf(t *testing.T) {
	c := load(t, write(t, map[string]string{"gatehouse.yaml": small, policies: ""}))
	shop := &c.APIs[0]
	for _, tt := range []struct {
		control string
		api     *API
		op      *Operation
		want    gatehouse.Mode
	}{
		{"policy", nil, nil, gatehouse.Enforce},
		{"cors", shop, nil, gatehouse.Monitor},
		{"policy", shop, nil, gatehouse.Enforce},
		{"policy", shop, &shop.Operations[0], gatehouse.Enforce},
		{"cors", shop, &shop.Operations[1], gatehouse.Off},
		{"policy", shop, &shop.Operations[1], gatehouse.Monitor},
	} {
		if got := c.ModeOf(tt.control, tt.api, tt.op); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.control, got, tt.want)
		}
	}
}

func TestDiff(t *testing.T) {
	a := load(t, write(t, map[string]string{"gatehouse.yaml": small, policies: ""}))
	changed := strings.NewReplacer(
		"hosts: [shop.localhost]", "hosts: [shop.localhost, shop.example.com]\n    timeout: 5s",
		"modes: {policy: enforce}", "modes: {policy: \"off\"}",
		"  - {name: orders,", "  - {name: users, endpoints: [{url: \"http://127.0.0.1:9002\"}], retries: {attempts: 3}}\n  - {name: orders,",
		"authn:\n", "authn:\n  issuers: [{name: main, issuer: \"https://id.example.com\", audience: [a], introspection: {url: \"https://id.example.com/i\", client_id: gate, client_secret: \"${env:SECRET}\"}}]\n",
	).Replace(small)
	t.Setenv("SECRET", "hunter2")
	dir := write(t, map[string]string{"gatehouse.yaml": changed, policies: ""})
	b := load(t, dir)
	for _, c := range []*Config{a, b} { // the folders differ, which is not the matter here
		c.DataDir, c.Admin.Socket, c.Decisions.File, c.Policies.Files, c.Authn.APIKeys.File = "", "", "", nil, ""
	}
	var got []string
	for _, c := range Diff(a, b) {
		if !strings.HasPrefix(c.Path, "upstreams[users].") && !strings.HasPrefix(c.Path, "authn.issuers[main].") {
			got = append(got, c.String())
		}
		if strings.Contains(c.String(), "hunter2") {
			t.Errorf("shows a secret: %s", c)
		}
		if c.Path == "authn.issuers[main].introspection.client_secret" {
			got = append(got, c.String())
		}
	}
	want := []string{
		"authn.issuers[main].introspection.client_secret: (unset) -> ***",
		"apis[shop].hosts[1]: (unset) -> shop.example.com",
		"apis[shop].modes.policy: enforce -> off",
		"apis[shop].timeout: 30s -> 5s",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}

	before := *b
	t.Setenv("SECRET", "another")
	after := load(t, dir)
	after.DataDir, after.Admin.Socket, after.Decisions.File, after.Policies.Files, after.Authn.APIKeys.File = "", "", "", nil, ""
	if diff := cmp.Diff([]Change{{Path: "authn.issuers[main].introspection.client_secret", Old: "***", New: "***"}}, Diff(&before, after)); diff != "" {
		t.Error(diff)
	}
	if after.Hash() != before.Hash() {
		t.Error("a secret is part of the hash")
	}
}

func TestHash(t *testing.T) {
	hash := func(files map[string]string) string {
		t.Helper()
		return load(t, write(t, files)).Hash()
	}
	base := hash(map[string]string{"gatehouse.yaml": small, policies: "permit (principal, action, resource);"})
	head, apis, _ := strings.Cut(small, "apis:\n")
	for _, tt := range []struct {
		name  string
		files map[string]string
		same  bool
	}{
		{"another folder", map[string]string{"gatehouse.yaml": small, policies: "permit (principal, action, resource);"}, true},
		{"comments and defaults written out", map[string]string{"gatehouse.yaml": small + "# end\nlog: {level: info}\n", policies: "permit (principal, action, resource);"}, true},
		{"cut into files", map[string]string{"gatehouse.yaml": head + "include: [apis/*.yaml]\n", "apis/shop.yaml": "apis:\n" + apis, policies: "permit (principal, action, resource);"}, true},
		{"another value", map[string]string{"gatehouse.yaml": small + "log: {level: debug}\n", policies: "permit (principal, action, resource);"}, false},
		{"another policy", map[string]string{"gatehouse.yaml": small, policies: "forbid (principal, action, resource);"}, false},
		{"one policy file more", map[string]string{"gatehouse.yaml": small, policies: "permit (principal, action, resource);", "policies/b.cedar": ""}, false},
	} {
		if got := hash(tt.files); (got == base) != tt.same {
			t.Errorf("%s: %s, base %s", tt.name, got, base)
		}
	}
}

func TestFilesAndReferences(t *testing.T) {
	dir := write(t, map[string]string{
		"gatehouse.yaml":   strings.Replace(small, "name: public", "name: \"${file:secrets/name}\"", 1) + "include: [parts/*.yaml]\n",
		"secrets/name":     "front\n",
		"parts/log.yaml":   "log: {level: \"${file:level}\"}\nauthn: {revocation: {file: revoked.jsonl}}\n",
		"parts/level":      "warn\r\n",
		"parts/empty.yaml": "# nothing\n",
		policies:           "",
	})
	c := load(t, dir)
	if c.Listeners[0].Name != "front" || c.Log.Level != "warn" {
		t.Errorf("%q %q", c.Listeners[0].Name, c.Log.Level)
	}
	if want := filepath.Join(dir, "parts/revoked.jsonl"); c.Authn.Revocation.File != want {
		t.Errorf("%s, want %s: relative to the file that names it", c.Authn.Revocation.File, want)
	}
	want := []string{"gatehouse.yaml", "parts/empty.yaml", "parts/level", "parts/log.yaml", policies, "secrets/name"}
	var got []string
	for _, f := range c.Files() {
		rel, _ := filepath.Rel(dir, f)
		got = append(got, rel)
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for i, p := range []string{"authn.revocation.file", "log.level"} {
		if at := c.At(p); filepath.Base(at.File) != "log.yaml" || at.Line != 2-i {
			t.Errorf("%s is at %v", p, at)
		}
	}
}

func TestPositions(t *testing.T) {
	c := load(t, write(t, map[string]string{"gatehouse.yaml": small, policies: ""}))
	for path, want := range map[string]string{
		"apis[0].operations[0].id":          "getOrder}",
		"apis[shop].operations[getOrder]":   `{get: "/orders/{id}"`,
		"apis[0].operations[0].timeout":     `{get: "/orders/{id}"`,
		"apis[0].modes":                     "modes: {policy",
		"apis[0].modes.policy":              "enforce}",
		"apis[7]":                           "apis:",
		"authn.issuers[0]":                  "authn:",
		"nothing.here":                      "version: 1",
		"":                                  "version: 1",
		"apis[0].operations[1].modes[none]": "modes: {policy: monitor}",
		"[":                                 "version: 1",
	} {
		at := c.At(path)
		if got := c.source.main.lines[at.Line-1][at.Column-1:]; !strings.HasPrefix(got, want) {
			t.Errorf("%q is at %v: %q, want %q", path, at, got, want)
		}
	}
}

func TestTooLarge(t *testing.T) {
	dir := write(t, map[string]string{"gatehouse.yaml": strings.Repeat("#", maxFileBytes+1), "secret": strings.Repeat("x", maxSecretBytes+1),
		"small.yaml": strings.Replace(small, "policies: {files: [\"policies/*.cedar\"]}", "log: {level: \"${file:secret}\"}", 1)})
	if _, ds := Load(filepath.Join(dir, "gatehouse.yaml"), Env{}); len(ds) != 1 || ds[0].Code != "config.read" {
		t.Errorf("%v", ds)
	}
	if _, ds := Parse("x.yaml", bytes.Repeat([]byte("#"), maxFileBytes+1), Env{}); len(ds) != 1 || ds[0].Code != "config.too_large" {
		t.Errorf("%v", ds)
	}
	if _, ds := Load(filepath.Join(dir, "small.yaml"), Env{}); ds[0].Code != "config.reference" {
		t.Errorf("%v", ds)
	}
}

// TestBounded feeds what makes careless readers slow or dead.
func TestBounded(t *testing.T) {
	var fan strings.Builder
	for i := range 40 {
		fmt.Fprintf(&fan, "k%d: &a%d [*a%d, *a%d]\n", i, i, max(i-1, 0), max(i-1, 0))
	}
	for name, src := range map[string]string{
		"brackets": strings.Repeat("[", 1<<16), "braces": strings.Repeat("{a: ", 1<<15), "dashes": strings.Repeat("- ", 1<<15),
		"questions": strings.Repeat("? ", 1<<15), "tags": "a: " + strings.Repeat("!x ", 1<<15), "aliases": "a0: &a0 [x]\n" + fan.String(),
		"not UTF-8": "version: 1\nlog: \xff\n", "nul": "a: \x00\n", "many keys": strings.Repeat("k: 1\n", 2_000),
	} {
		start := time.Now()
		_, ds := Parse("gatehouse.yaml", []byte(src), Env{})
		if !ds.HasErrors() || len(ds) > maxDiagnostics {
			t.Errorf("%s: %d diagnostics", name, len(ds))
		}
		if took := time.Since(start); took > time.Minute {
			t.Errorf("%s took %v", name, took)
		}
	}
}

func TestDiagnosticsJSON(t *testing.T) {
	_, ds := Parse("gatehouse.yaml", []byte("version: 1\nlog: {levl: info}\n"), Env{})
	var b bytes.Buffer
	if err := ds.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	var got []map[string]any
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"severity": "error", "code": "config.unknown_key", "message": `unknown key "levl"`, "hint": `did you mean "level"?`,
		"file": "gatehouse.yaml", "line": 2.0, "column": 7.0, "path": "log.levl"}
	if diff := cmp.Diff(want, got[len(got)-1]); diff != "" {
		t.Error(diff)
	}
	if e := ds.Err(); e == nil || !strings.Contains(e.Error(), "(and 2 more)") {
		t.Errorf("%v", e)
	}
	var e *gatehouse.Error
	if err := ds.Err(); !errors.As(err, &e) || e.Code != "config.missing" || len(Explain(err, "")) != len(ds) {
		t.Errorf("%v", e)
	}
	var coloured strings.Builder
	if err := ds.WriteText(&coloured, true); err != nil || !strings.Contains(coloured.String(), "\x1b[1;31merror:") {
		t.Errorf("%v %q", err, coloured.String())
	}
}

// TestAgreesWithGateway keeps our lists and rules in step with package gateway's.
func TestAgreesWithGateway(t *testing.T) {
	if diff := cmp.Diff(gateway.Variables(), KnownVariables); diff != "" {
		t.Error(diff)
	}
	for _, path := range []string{"/", "/orders/{id}", "/files/{path...}", "/a%20b/", "/a.b-c_d~e/{x_1}", "/{a}/{b...}", "/caf%C3%A9", "/jobs/{id}:cancel", "/x-{a}-{b}.{c}"} {
		if problem, _ := templateProblem(path); problem != "" {
			t.Errorf("%s: %s", path, problem)
		}
		if _, err := gateway.NewPaths([]*gatehouse.Operation{{Method: "GET", Path: path}}); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	for _, name := range enumsOf(t, "allow") {
		if _, ok := gateway.ParseOddity(name); !ok {
			t.Errorf("gateway does not know the oddity %q", name)
		}
	}
}

func enumsOf(t *testing.T, key string) []string {
	t.Helper()
	return fieldsOf(reflect.TypeFor[API]())[key].enum
}

func TestNearest(t *testing.T) {
	known := []string{"upstream", "upstreams", "operations", "get", "put"}
	for word, want := range map[string]string{"upstrem": "upstream", "Upstreams": "upstreams", "opertaions": "operations",
		"gte": "get", "xyz": "", "": "", strings.Repeat("x", 300): ""} {
		if got := nearest(word, known); got != want {
			t.Errorf("%q is nearest to %q, want %q", word, got, want)
		}
	}
}

func TestMaskSecrets(t *testing.T) {
	for line, want := range map[string]string{
		`client_secret: hunter2`:                     `client_secret: *******`,
		`{client_secret: "a b", x: 1}`:               `{client_secret: *****, x: 1}`,
		`{"client_secret":"a", x: 1}`:                `{"client_secret":***, x: 1}`,
		`client_secret: "${env:X}"`:                  `client_secret: "${env:X}"`,
		`{client_secret: ${env:X}, token: b}`:        `{client_secret: ${env:X}, token: *}`,
		`client_secret: a${env:X}b`:                  `client_secret: **********`,
		`"password": 'x' # note`:                     `"password": *** # note`,
		`password: a pass phrase # note`:             `password: ************* # note`,
		`password: "a\"b" # note`:                    `password: ****** # note`,
		`{password: 'it''s', x: 1}`:                  `{password: *******, x: 1}`,
		`password: &p a`:                             `password: &p *`,
		`password: !!str a`:                          `password: !!str *`,
		`password: *p`:                               `password: *p`,
		`password: "a`:                               `password: **`,
		`password: [a, b]`:                           `password: ******`,
		`url: https://a:b@c/d`:                       `url: https://a:*@c/d`,
		`password: é, secret: x`:                     `password: ***          `,
		`{password: a, client_secret: b, token: cc}`: `{password: *, client_secret: *, token: **}`,
		`set: {Authorization: "Bearer a", x: 1}`:     `set: {Authorization: **********, x: 1}`,
		`cookie: {name: access_token}`:               `cookie: {name: access_token}`,
		`api_keys: {file: keys}`:                     `api_keys: {file: keys}`,
		`audience: [x]`:                              `audience: [x]`,
	} {
		if got := maskSecrets(line); got != want {
			t.Errorf("%s became %s, want %s", line, got, want)
		}
	}
}

// A header rule may carry a credential to the upstream.
func TestHeaderRulesHoldSecrets(t *testing.T) {
	var before *Config
	for _, name := range []string{"authorization", "Proxy-Authorization", "Cookie", "x-api-key", "api-key", "x-auth-token"} {
		text := strings.Replace(small, "    operations:", "    headers: {request: {set: {"+name+": \"Bearer hunter2\", x-plain: shown}}}\n    operations:", 1)
		c, ds := Load(filepath.Join(write(t, map[string]string{"gatehouse.yaml": text, policies: ""}), "gatehouse.yaml"), Env{})
		if len(ds) != 2 || ds[0].Code != "config.literal_secret" || strings.Contains(ds.String(), "hunter2") {
			t.Errorf("%s: %s", name, ds.String())
		}
		shown := fmt.Sprint(Diff(before, c))
		if strings.Contains(shown, "hunter2") || !strings.Contains(shown, "-> shown") {
			t.Errorf("%s: %s", name, shown)
		}
	}
}

// However a secret is written, no diagnostic shows it.
func TestDiagnosticsShowNoSecret(t *testing.T) {
	for _, v := range []string{
		`client_secret: "abc\"hunter2"`, `client_secret: 'it''hunter2'`, `client_secret: my hunter2 phrase`,
		`client_secret: &a hunter2`, `client_secret: !!str hunter2`, `client_secret: !!str &a "hunter2"`,
		"client_secret: |\n          a\n            b\n          hunter2", "client_secret: >-\n          hunter2",
		"client_secret:\n          hunter2", "client_secret: # why\n          hunter2", "client_secret: a\n          hunter2",
		"client_secret: \"a\n            b\n          hunter2\"", `"client_secret": "hunter2"`, `"client_secret":"hunter2"`,
		"client_secret: ${env:NOPE}hunter2", "client_secret: hunter2${env:NOPE}",
		"client_secret: [hunter2]", "client_secret: [a,\n          hunter2]", "client_secret: {a: hunter2}", "client_secret: hunter2, x",
		"a: {client_secret: a hunter2, token: [a,\n          hunter2]}",
		"credential: {header: X-Key, value: hunter2}", "credential:\n          header: X-Key\n          value: hunter2",
	} {
		for _, section := range []string{"issuers", "isuers"} {
			src := "version: 1\nauthn:\n  " + section + ":\n    - name: a\n      introspection:\n        " + v +
				"\n        url: https://u:hunter2@x/y z\n"
			for _, also := range []string{"", "\t", "        name: x\n        - name\n"} { // the parser's own complaints, too
				if _, ds := Parse("x.yaml", []byte(src+also), testEnv()); strings.Contains(ds.String(), "hunter2") {
					t.Errorf("%s:\n%s", v, ds)
				}
			}
			// What stands anywhere in the file may come to be shown.
			f := newFile("x.yaml", ".", []byte(src))
			for n := range f.lines {
				if text := f.line(n + 1); strings.Contains(text, "hunter2") {
					t.Errorf("%s: line %d is shown as %s", v, n+1, text)
				}
			}
		}
	}
}

// BenchmarkLoad reads a configuration of 500 operations.
func BenchmarkLoad(b *testing.B) {
	src := []byte(small)
	for i := range 500 {
		src = fmt.Appendf(src, "      - {get: \"/things/%d/{id}\", id: getThing%d, scopes: [things:read], tags: [read], timeout: 5s}\n", i, i)
	}
	dir := b.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "policies"), 0o755); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, policies), nil, 0o600); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, ds := Parse(filepath.Join(dir, "gatehouse.yaml"), src, Env{}); ds.HasErrors() {
			b.Fatal(ds)
		}
	}
}

func TestExplain(t *testing.T) {
	dir := write(t, map[string]string{"policies/shop.cedar": "permit (principal, action, resource)\nwhen { principle.x };\n"})
	err := errors.Join(
		&gatehouse.Error{Code: "policy.name", Message: "unknown name", Hint: "did you mean principal?", At: gatehouse.Position{File: "policies/shop.cedar", Line: 2, Column: 8}},
		errors.New("something else"))
	want := `policies/shop.cedar:2:8: error: unknown name [policy.name]
    when { principle.x };
           ^
    did you mean principal?
error: something else [config.invalid]
`
	if diff := cmp.Diff(want, Explain(err, dir).String()); diff != "" {
		t.Error(diff)
	}
}
