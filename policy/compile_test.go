package policy

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse"
)

// problems prints the errors of a compilation, one a line.
func problems(err error) []string {
	var out []string
	for _, e := range flatten(err) {
		var g *gatehouse.Error
		if !errors.As(e, &g) {
			out = append(out, "not a gatehouse.Error: "+e.Error())
			continue
		}
		out = append(out, g.Code+" "+g.Error())
	}
	return out
}

func TestProblems(t *testing.T) {
	cfg := Config{Claims: map[string]ClaimType{"department": ClaimString}}
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"unknown operation", "permit (\n  principal,\n  action == Action::\"shop.getOrdr\",\n  resource\n);",
			[]string{`policy.unknown_action shop.cedar:3:13: no operation, tag or method class is called "shop.getOrdr" (did you mean "shop.getOrder"?)`}},
		{"unknown operations in a list", "permit (principal, action in [Action::\"shop.export\", Action::\"shop.exprt\"], resource);",
			[]string{`policy.unknown_action shop.cedar:1:54: no operation, tag or method class is called "shop.exprt" (did you mean "shop.export"?)`}},
		{"an API is no action", `permit (principal, action in Action::"shop", resource);`,
			[]string{`policy.unknown_action shop.cedar:1:30: no operation, tag or method class is called "shop" (for every operation of an API write resource in API::"shop")`}},
		{"a tag without tag:", `permit (principal, action in Action::"export", resource);`,
			[]string{`policy.unknown_action shop.cedar:1:30: no operation, tag or method class is called "export" (did you mean "tag:export"?)`}},
		{"a namespace", `permit (principal in Gatehouse::Role::"x", action, resource);`,
			[]string{`policy.unknown_type shop.cedar:1:22: unknown entity type Gatehouse::Role (write Role without "Gatehouse::" before it)`}},
		{"an action with a namespace", `permit (principal, action == Gatehouse::Action::"shop.export", resource);`,
			[]string{`policy.unknown_action shop.cedar:1:30: Gatehouse::Action::"shop.export" is not an action (write Action without "Gatehouse::" before it)`}},
		{"equal to a group", `permit (principal, action == Action::"read", resource);`,
			[]string{`policy.unreachable shop.cedar:1:38: Action::"read" is a group: no request's action equals it (write action in Action::"read")`}},
		{"unknown API", `permit (principal, action, resource in API::"shpo");`,
			[]string{`policy.unknown_api shop.cedar:1:40: no API is called "shpo" (did you mean "shop"?)`}},
		{"unknown resource", `permit (principal, action, resource == Operation::"shop.exprt");`,
			[]string{`policy.unknown_operation shop.cedar:1:40: no operation is called "shop.exprt" (did you mean "shop.export"?)`}},
		{"unknown in a condition", `permit (principal, action, resource) when { action == Action::"shop.exprt" };`,
			[]string{`policy.unknown_action shop.cedar:1:55: no operation, tag or method class is called "shop.exprt" (did you mean "shop.export"?)`}},
		{"unknown type", `permit (principal is Usr, action, resource);`,
			[]string{`policy.unknown_type shop.cedar:1:22: unknown entity type Usr (did you mean "User"?)`}},
		{"a role is no principal", `permit (principal == Role::"admin", action, resource);`,
			[]string{`policy.type shop.cedar:1:22: no principal is of type Role (write principal in Role::"admin")`}},
		{"excluding scopes", `permit (principal, action == Action::"shop.export", resource in API::"billing");`,
			[]string{`policy.unreachable shop.cedar:1:1: the policy applies to no operation (the action and the resource exclude each other)`}},
		{"context typo", "permit (principal, action, resource)\nwhen { context.rsik > 3 };",
			[]string{`policy.type shop.cedar:2:8: the context has no attribute "rsik" (did you mean "risk"?)`}},
		{"optional context", `permit (principal, action, resource) when { context.acr == "mfa" };`,
			[]string{`policy.type shop.cedar:1:52: "acr" may be absent (test it first: context has acr && …)`}},
		{"optional claim", `permit (principal, action, resource) when { principal.claims.department == "x" };`,
			[]string{`policy.type shop.cedar:1:61: "department" may be absent (test it first: principal.claims has department && …)`}},
		{"undeclared claim", `permit (principal, action, resource) when { principal.claims.levle == "x" };`,
			[]string{
				`policy.type shop.cedar:1:61: unknown claim "levle" (list it in the config, at policies.claims, with its type)`}},
		{"anonymous has no subject", `permit (principal, action == Action::"shop.getProfile", resource) when { resource.params.user_id == principal.subject };`,
			[]string{`policy.type shop.cedar:1:110: an anonymous caller has no subject (write principal is User (or Client, or Workload) in the policy's head)`}},
		{"no such parameter", `permit (principal, action == Action::"shop.getOrder", resource) when { resource.params.user_id == "x" };`,
			[]string{`policy.type shop.cedar:1:87: operation shop.getOrder has no path parameter "user_id" (it has id)`}},
		{"a parameter not all have", `permit (principal, action in [Action::"shop.getOrder", Action::"shop.export"], resource) when { resource.params.id == "x" };`,
			[]string{`policy.type shop.cedar:1:112: operation shop.export has no path parameter "id" (name the action in the policy's head, or test resource.params has id)`}},
		{"type", `permit (principal, action, resource) when { context.risk == "high" };`,
			[]string{"policy.type shop.cedar:1:1: the types Long and String are not compatible"}},
		{"syntax, twice, and the rest is read", "permit (principal, action resource);\npermit (principal, action, resource);\nforbid (principal, action, resource) when { context.risk > };\npermit (principal in Rol::\"x\", action, resource);",
			[]string{
				`policy.syntax shop.cedar:1:27: expected ",", found "resource"`,
				`policy.syntax shop.cedar:3:60: expected an expression, found "}"`,
				`policy.unknown_type shop.cedar:4:22: unknown entity type Rol (did you mean "Role"?)`}},
		{"no semicolon", "permit (principal, action, resource)",
			[]string{`policy.syntax shop.cedar:1:37: expected ";", found the end (a policy ends with ";")`}},
		{"a string without end", "permit (principal in Role::\"x, action, resource);\npermit (principal, action, resource);",
			[]string{`policy.syntax shop.cedar:1:28: literal not terminated`}},
		{"twice the same id", "@id(\"a\") permit (principal, action, resource);\n@id(\"a\") permit (principal, action, resource);",
			[]string{`policy.duplicate_id shop.cedar:2:1: the @id "a" is already that of the policy at shop.cedar:1:1`}},
		{"an id with a line break", `@id("a\nb") permit (principal, action, resource);`,
			[]string{`policy.id shop.cedar:1:1: an @id has 1 to 128 printable characters`}},
		{"a template", `permit (principal == ?principal, action, resource);`,
			[]string{"policy.syntax shop.cedar:1:22: expected ident, found \"?\""}},
		{"too deep", "permit (principal, action, resource) when { " + strings.Repeat("(", 200) + "true" + strings.Repeat(")", 200) + " };",
			[]string{"policy.limit shop.cedar:1:1: brackets are nested deeper than 100"}},
		{"a path without end", "permit (principal, action, resource) when { context has a" + strings.Repeat(".a", 40) + " };",
			[]string{"policy.limit shop.cedar:1:1: an attribute path has more than 32 parts"}},
		{"many short paths", "permit (principal, action, resource) when { true" + strings.Repeat(" && context.tls || context . mtls", 100) + " };", nil},
		{"a long host name", `permit (principal, action, resource) when { context.host == "` + strings.Repeat("a.", 60) + `" };`, nil},
		{"too long", "permit (principal, action, resource) when { true" + strings.Repeat(" && true", 10000) + " };",
			[]string{"policy.limit shop.cedar:1:1: the policy is longer than 64KiB"}},
		{"only a comment; with a semicolon", "// nothing; here\n", nil},
		{"a semicolon in a string", `permit (principal in Role::"a;b", action, resource);`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Compile(cfg, []Source{{"shop.cedar", []byte(c.text)}}, shop())
			if d := cmp.Diff(c.want, problems(err)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestEveryFileIsChecked(t *testing.T) {
	_, err := Compile(Config{}, []Source{
		{"b.cedar", []byte("permit (principal, action, resource) when { x };")},
		{"a.cedar", []byte("\n\npermit (principal, action == Action::\"nope.nope\", resource);")},
	}, shop())
	got := problems(err)
	if len(got) != 2 || !strings.Contains(got[0], " a.cedar:3:30:") || !strings.Contains(got[1], " b.cedar:1:") {
		t.Errorf("%q", got)
	}
}

// A name that no caller has would silence a forbid: when an issuer goes, too.
func TestNamesNobodyHas(t *testing.T) {
	bare, full := `{"uid":{"type":"User","id":"mallory"},"parents":[{"type":"Role","id":"suspended"}],"attrs":{}}`,
		`{"uid":{"type":"User","id":"`+issuer+`|mallory"},"parents":[],"attrs":{}}`
	both := []string{issuer, "https://old.example.com"}
	for _, c := range []struct {
		issuers        []string
		text, entities string
		want           string
	}{
		{[]string{issuer}, `forbid (principal == User::"` + issuer + `|mallory", action, resource);`, ``, "policy.unknown_entity shop.cedar:1:22: "},
		{[]string{issuer}, `forbid (principal, action, resource) when { principal == Client::"` + issuer + `|job" };`, ``, "policy.unknown_entity shop.cedar:1:58: "},
		{[]string{issuer}, ``, full, "policy.unknown_entity entities.json:1:2: "},
		{both, ``, bare, "policy.ambiguous_user entities.json:1:2: "},
		{both, ``, full, ""},
		{[]string{issuer}, `forbid (principal == User::"a|b", action, resource);`, bare, ""},
		{both, `forbid (principal == Client::"reports", action, resource);`, full, ""}, // an API key
	} {
		in := shop()
		in.Issuers, in.Entities = c.issuers, &Source{"entities.json", []byte("[" + c.entities + "]")}
		_, err := Compile(Config{}, []Source{{"shop.cedar", []byte(c.text)}}, in)
		if got := problems(err); c.want == "" && err != nil || c.want != "" && (len(got) != 1 || !strings.HasPrefix(got[0], c.want)) {
			t.Errorf("%v %s %s: %q", c.issuers, c.text, c.entities, got)
		}
	}
}

func TestAmbiguousUsers(t *testing.T) {
	for _, issuers := range [][]string{nil, {issuer, "https://old.example.com"}} {
		in := shop()
		in.Issuers = issuers
		_, err := Compile(Config{}, []Source{{"shop.cedar", []byte(`forbid (principal == User::"mallory", action, resource);`)}}, in)
		if got := problems(err); len(got) != 1 || !strings.HasPrefix(got[0], "policy.ambiguous_user shop.cedar:1:22: ") {
			t.Errorf("%q", got)
		}
	}
}

func TestOperationNames(t *testing.T) {
	api, other := &gatehouse.API{Name: "a.b"}, &gatehouse.API{Name: "a"}
	for _, ops := range [][]*gatehouse.Operation{
		{{API: api, ID: "c"}, {API: other, ID: "b.c"}},
		{{API: &gatehouse.API{Name: "tag:x"}, ID: "y", Tags: []string{"x.y"}}},
		{{ID: "x"}}, {{API: api}},
	} {
		_, err := Compile(Config{}, nil, Input{Operations: ops})
		if got := problems(err); len(got) != 1 || !strings.HasPrefix(got[0], "policy.operation ") {
			t.Errorf("%q", got)
		}
	}
}

func TestEntitiesProblems(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`{}`, "entities.json:1:1: not a list of entities"},
		{"[\n{\"uid\": {\"type\": \"Role\", \"id\": \"a\"}}]", `entities.json:2:1: invalid entity: "parents" is missing or null`},
		{`[{"uid": {"type": "Rolle", "id": "a"}, "parents": [], "attrs": {}}]`, `entities of type Rolle are not read from here`},
		{`[{"uid": {"type": "Role", "id": "a"}, "parents": [{"type": "User", "id": "u"}], "attrs": {}}]`, `has the parent User::"u"`},
		{`[{"uid": {"type": "Role", "id": "a"}, "parents": [], "attrs": {"x": 1}}]`, `has attributes`},
		{`[{"uid": {"type": "Role", "id": "a"}, "parents": [{"type": "Role", "id": "b"}], "attrs": {}},
		   {"uid": {"type": "Role", "id": "b"}, "parents": [{"type": "Role", "id": "a"}], "attrs": {}}]`, `is among its own ancestors`},
		{`[{"uid": {"type": "Role", "id": "a"}, "parents": [], "attrs": {}}, {"uid": {"type": "Role", "id": "a"}, "parents": [], "attrs": {}}]`, `is here twice`},
		{`[] []`, `there is more after the list`},
		{`[{"uid"`, `not JSON`},
		{`[`, `the list does not end`},
	} {
		in := shop()
		in.Entities = &Source{"entities.json", []byte(c.text)}
		_, err := Compile(Config{}, nil, in)
		if got := problems(err); len(got) != 1 || !strings.Contains(got[0], c.want) || !strings.HasPrefix(got[0], "policy.entities entities.json:") {
			t.Errorf("%s: %q", c.text, got)
		}
	}
}

func TestConfigValidate(t *testing.T) {
	c := Config{Files: []string{"", "[x"}, TimeZone: "Mars/Olympus",
		Claims: map[string]ClaimType{"ok": ClaimLong, "bad": "float", "__entity": ClaimString}}
	var at []string
	for _, e := range flatten(c.Validate()) {
		at = append(at, e.(*gatehouse.Error).At.File)
	}
	want := []string{"files[0]", "files[1]", "claims.__entity", "claims.bad", "time_zone"}
	if d := cmp.Diff(want, at); d != "" {
		t.Error(d)
	}
	if err := (Config{}).WithDefaults().Validate(); err != nil {
		t.Error(err)
	}
}

func TestRead(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) { writeFile(t, dir, name, text) }
	write("policies/a.cedar", "// a")
	write("policies/b.cedar", "// b")
	write("entities.json", "[]")
	files, entities, err := Config{Files: []string{"policies/*.cedar", "policies/a.cedar"}, Entities: "entities.json"}.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintf("%s %s %s", files[0].Name, files[1].Name, entities.Name)
	if len(files) != 2 || got != "policies/a.cedar policies/b.cedar entities.json" {
		t.Error(got)
	}
	if _, _, err = (Config{Files: []string{"no/*.cedar"}, Entities: "none.json"}).Read(dir); len(flatten(err)) != 2 {
		t.Error(err)
	}
}
