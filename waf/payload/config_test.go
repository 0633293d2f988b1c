package payload

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse"
)

func TestConfigMistakes(t *testing.T) {
	_, err := New(Config{
		Rules: map[string]gatehouse.Mode{
			"payload.ssrf.private": gatehouse.Monitor, "payload.ssrf.*": gatehouse.Off, "payload.*": gatehouse.Enforce,
			"payload.nosuch": gatehouse.Off, "payload.ssrf*": gatehouse.Off, "payload.json.depth": 7,
			"payload.prompt.override": gatehouse.Enforce,
		},
		JSON:    JSONConfig{Depth: -1, Keys: 1 << 30},
		GraphQL: GraphQLConfig{Paths: []string{"/a", "b"}, Depth: 1000, Aliases: -1, Batch: -1, Cost: -1, Directives: -1, Tokens: 1},
		SSRF:    SSRFConfig{Names: []string{"mirror", "--"}, Bare: "sometimes", Allow: []string{"a.internal", "*.b", "10.0.0.0/8", "::1", "http://x", "*", ""}},
		LLM:     LLMConfig{Fields: []string{""}},
	})
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("%v", err)
	}
	var got []string
	for _, err := range joined.Unwrap() {
		var e *gatehouse.Error
		if !errors.As(err, &e) || e.Message == "" {
			t.Fatalf("%v", err)
		}
		got = append(got, e.At.File+" "+e.Code)
	}
	want := []string{
		"rules.payload.json.depth config.mode", "rules.payload.nosuch config.unknown_rule",
		"rules.payload.prompt.override config.mode", "rules.payload.ssrf* config.unknown_rule",
		"json.depth config.range", "json.keys config.range", "graphql.depth config.range", "graphql.aliases config.range",
		"graphql.batch config.range", "graphql.cost config.range", "graphql.directives config.range", "graphql.tokens config.range",
		"graphql.paths[1] config.path", "ssrf.bare config.value", "ssrf.names[1] config.value",
		"ssrf.allow[4] config.value", "ssrf.allow[5] config.value", "ssrf.allow[6] config.value", "llm.fields[0] config.value",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if err := (Config{}).WithDefaults().Validate(); err != nil {
		t.Error(err)
	}
}

func TestModeOfRule(t *testing.T) {
	for _, c := range []struct {
		rules map[string]gatehouse.Mode
		rule  int
		want  gatehouse.Mode
	}{
		{nil, ruleSSRFPrivate, gatehouse.Enforce},
		{nil, ruleSSRFNotation, gatehouse.Monitor},
		{nil, ruleJSONMalformed, gatehouse.Off},
		{map[string]gatehouse.Mode{"payload.*": gatehouse.Monitor}, ruleSSRFPrivate, gatehouse.Monitor},
		{map[string]gatehouse.Mode{"payload.*": gatehouse.Monitor, "payload.ssrf.*": gatehouse.Off}, ruleSSRFPrivate, gatehouse.Off},
		{map[string]gatehouse.Mode{"payload.ssrf.private": gatehouse.Enforce, "payload.ssrf.*": gatehouse.Off}, ruleSSRFPrivate, gatehouse.Enforce},
		{map[string]gatehouse.Mode{"payload.prompt.*": gatehouse.Enforce}, rulePromptOverride, gatehouse.Monitor},
	} {
		if got := (Config{Rules: c.rules}).modes()[c.rule]; got != c.want {
			t.Errorf("%v %s: %s, want %s", c.rules, catalogue[c.rule].ID, got, c.want)
		}
	}
}
