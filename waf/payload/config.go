package payload

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// Config is what may be set of the rules. Call WithDefaults, then Validate.
type Config struct {
	// Rules overrides a rule's default by its id, or that of a family by the id's
	// beginning and a star: "payload.ssrf.*". An exact id wins.
	Rules   map[string]gatehouse.Mode `yaml:"rules,omitempty" jsonschema_description:"mode by rule id, or by family: payload.ssrf.*"`
	JSON    JSONConfig                `yaml:"json,omitempty" jsonschema_description:"limits of JSON bodies"`
	GraphQL GraphQLConfig             `yaml:"graphql,omitempty" jsonschema_description:"limits of GraphQL operations"`
	SSRF    SSRFConfig                `yaml:"ssrf,omitempty" jsonschema_description:"what counts as the target of a request"`
	LLM     LLMConfig                 `yaml:"llm,omitempty" jsonschema_description:"where language models are prompted"`
}

// JSONConfig bounds JSON bodies.
type JSONConfig struct {
	Depth int `yaml:"depth,omitempty" jsonschema_description:"deepest nesting; default 32"`
	Keys  int `yaml:"keys,omitempty" jsonschema_description:"most members of all objects together; default 10000"`
}

// GraphQLConfig bounds GraphQL operations.
type GraphQLConfig struct {
	// Paths are taken for GraphQL endpoints beside those whose last segment is
	// "graphql": there, a document that does not read is a finding.
	Paths         []string `yaml:"paths,omitempty" jsonschema_description:"GraphQL endpoints, beside those whose last segment is graphql"`
	Depth         int      `yaml:"depth,omitempty" jsonschema_description:"deepest nesting of selections; default 15"`
	Aliases       int      `yaml:"aliases,omitempty" jsonschema_description:"most aliases in an operation; default 30"`
	Batch         int      `yaml:"batch,omitempty" jsonschema_description:"most operations in a request; default 10"`
	Cost          int      `yaml:"cost,omitempty" jsonschema_description:"most fields an operation may ask for, page sizes multiplied; default 10000"`
	Directives    int      `yaml:"directives,omitempty" jsonschema_description:"most directives in one place; default 5"`
	Tokens        int      `yaml:"tokens,omitempty" jsonschema_description:"most tokens of a document; default 5000"`
	Introspection bool     `yaml:"introspection,omitempty" jsonschema_description:"allow __schema and __type"`
}

// Bare says where an address without a scheme counts as a target.
type Bare string

const (
	BareNamed Bare = "named" // where the field's name says that it is a target
	BareEvery Bare = "every" // in every field
	BareNever Bare = "never" // nowhere: the API really carries addresses
)

// SSRFConfig says what counts as the target of a request.
type SSRFConfig struct {
	Names []string `yaml:"names,omitempty" jsonschema_description:"words in a field's name that say it is a target, beside url, host, callback and the like"`
	Bare  Bare     `yaml:"bare,omitempty" jsonschema:"enum=named,enum=every,enum=never" jsonschema_description:"where an address without a scheme counts: named, every, never; default named"`
	Allow []string `yaml:"allow,omitempty" jsonschema_description:"hosts, *.domains and networks that may be targets although they are not public"`
}

// LLMConfig says where language models are prompted.
type LLMConfig struct {
	Fields []string `yaml:"fields,omitempty" jsonschema_description:"names of fields that go to a language model; none turns the prompt rules off"`
}

// WithDefaults returns c with its defaults filled in.
func (c Config) WithDefaults() Config {
	fill := func(n *int, def int) {
		if *n == 0 {
			*n = def
		}
	}
	fill(&c.JSON.Depth, 32)
	fill(&c.JSON.Keys, 10_000)
	fill(&c.GraphQL.Depth, 15)
	fill(&c.GraphQL.Aliases, 30)
	fill(&c.GraphQL.Batch, 10)
	fill(&c.GraphQL.Cost, 10_000)
	fill(&c.GraphQL.Directives, 5)
	fill(&c.GraphQL.Tokens, 5_000)
	if c.SSRF.Bare == "" {
		c.SSRF.Bare = BareNamed
	}
	return c
}

// maxDepth is the deepest JSON that is read at all.
const maxDepth = 1000

type problems []error

func (p *problems) add(path, code, hint, format string, args ...any) {
	*p = append(*p, &gatehouse.Error{
		Code: "config." + code, Message: fmt.Sprintf(format, args...), Hint: hint,
		At: gatehouse.Position{File: path},
	})
}

func (p *problems) between(path string, n, low, high int) {
	if n < low || n > high {
		p.add(path, "range", "", "%d is not from %d to %d", n, low, high)
	}
}

// Validate returns all mistakes, each a *gatehouse.Error whose At.File is the path
// within the section: "graphql.depth".
func (c Config) Validate() error {
	var p problems
	for _, id := range slices.Sorted(maps.Keys(c.Rules)) {
		c.validateRule(&p, id)
	}
	p.between("json.depth", c.JSON.Depth, 1, maxDepth)
	p.between("json.keys", c.JSON.Keys, 1, 1_000_000)
	g := c.GraphQL
	p.between("graphql.depth", g.Depth, 1, 500)
	p.between("graphql.aliases", g.Aliases, 1, 1_000_000)
	p.between("graphql.batch", g.Batch, 1, 10_000)
	p.between("graphql.cost", g.Cost, 1, 1_000_000_000)
	p.between("graphql.directives", g.Directives, 1, 10_000)
	p.between("graphql.tokens", g.Tokens, 10, 1_000_000)
	for i, path := range g.Paths {
		if !strings.HasPrefix(path, "/") {
			p.add(fmt.Sprintf("graphql.paths[%d]", i), "path", "", "%q does not begin with a slash", path)
		}
	}
	if !slices.Contains([]Bare{BareNamed, BareEvery, BareNever}, c.SSRF.Bare) {
		p.add("ssrf.bare", "value", "one of named, every, never", "unknown value %q", c.SSRF.Bare)
	}
	for i, name := range c.SSRF.Names {
		if foldName(name) == "" {
			p.add(fmt.Sprintf("ssrf.names[%d]", i), "value", "a word such as mirror", "%q has no letter or digit", name)
		}
	}
	for i, entry := range c.SSRF.Allow {
		if _, err := parseAllowed(entry); err != nil {
			p.add(fmt.Sprintf("ssrf.allow[%d]", i), "value", "a host, *.domain, address or network in CIDR notation", "%q is none of them", entry)
		}
	}
	for i, name := range c.LLM.Fields {
		if foldName(name) == "" {
			p.add(fmt.Sprintf("llm.fields[%d]", i), "value", "a field's name such as prompt", "%q has no letter or digit", name)
		}
	}
	return errors.Join(p...)
}

func (c Config) validateRule(p *problems, id string) {
	prefix, family := strings.CutSuffix(id, "*")
	known := false
	for i := range catalogue {
		r := &catalogue[i]
		if r.ID != id && !(family && strings.HasSuffix(prefix, ".") && strings.HasPrefix(r.ID, prefix)) {
			continue
		}
		known = true
		if r.signOnly && r.ID == id && c.Rules[id] == enforce {
			p.add("rules."+id, "mode", "monitor or off", "%s can only monitor: a list of phrases is no boundary", id)
		}
	}
	if !known {
		p.add("rules."+id, "unknown_rule", "ids are listed by payload.Rules; a family ends with .*", "there is no rule %q", id)
	}
	if m := c.Rules[id]; m > enforce {
		p.add("rules."+id, "mode", "off, monitor or enforce", "unknown mode %d", m)
	}
}

// modes returns the mode of every rule.
func (c Config) modes() (modes [ruleCount]gatehouse.Mode) {
	for i := range catalogue {
		r := &catalogue[i]
		mode, best := r.Default, -1
		for id, m := range c.Rules {
			prefix, family := strings.CutSuffix(id, "*")
			if id == r.ID {
				prefix = id + "."
			} else if !family || !strings.HasPrefix(r.ID, prefix) {
				continue
			}
			if len(prefix) > best {
				mode, best = m, len(prefix)
			}
		}
		if r.signOnly && mode == enforce {
			mode = monitor
		}
		modes[i] = mode
	}
	return modes
}

// allowed is a target that may be, although it is not public.
type allowed struct {
	host   string // lower-case; with a dot before it: all hosts below
	prefix netip.Prefix
}

func parseAllowed(s string) (allowed, error) {
	if p, err := netip.ParsePrefix(s); err == nil {
		return allowed{prefix: p.Masked()}, nil
	}
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil && a.Zone() == "" {
		return allowed{prefix: netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen())}, nil
	}
	host := strings.ToLower(strings.TrimPrefix(s, "*"))
	if strings.HasPrefix(host, ".") != strings.HasPrefix(s, "*.") || strings.Trim(host, ".") == "" ||
		strings.ContainsAny(host, "*/:@ \\?#%[]") {
		return allowed{}, errors.New("no host")
	}
	return allowed{host: strings.TrimSuffix(host, ".")}, nil
}
