package seclang_test

import (
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/corazawaf/coraza/v3"
	"github.com/corazawaf/coraza/v3/experimental"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
	"github.com/corazawaf/coraza/v3/types"
	"github.com/corazawaf/coraza/v3/types/variables"
	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse/waf/seclang"
	"github.com/gatehouse/gatehouse/waf/transform"
)

// load gives directives to Coraza. The error is that of NewWAF, or its panic.
func load(fsys fs.FS, directives string) (waf coraza.WAF, loaded []types.RuleMetadata, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("Coraza panics: %v", p)
		}
	}()
	config := coraza.NewWAFConfig().WithRootFS(fsys).WithDirectives(directives)
	config = experimental.WAFConfigWithRuleObserver(config, func(rule types.RuleMetadata) { loaded = append(loaded, rule) })
	waf, err = coraza.NewWAF(config)
	return waf, loaded, err
}

// request sends a small request through a transaction: the phases 1, 2 and 5.
func request(waf coraza.WAF) types.Transaction {
	tx := waf.NewTransaction()
	tx.ProcessConnection("192.0.2.7", 4711, "192.0.2.1", 443)
	tx.ProcessURI("/path/file.php?a=1&b=foo&B=Bar&c=%20xY%20&long=0123456789&d.e=/etc/passwd&=empty", "GET", "HTTP/1.1")
	for _, h := range [][2]string{
		{"Host", "example.org"}, {"X-Foo", "foo bar"}, {"x-FOO", "Second"}, {"Cookie", "sid=Abc; Theme=dark"}, {"Accept", "*/*"},
	} {
		tx.AddRequestHeader(h[0], h[1])
	}
	tx.ProcessRequestHeaders()
	_, _ = tx.ProcessRequestBody()
	tx.ProcessLogging()
	return tx
}

// outcome is what both engines are compared by.
type outcome struct {
	Matches      []string // in order; the values of one match sorted
	Interruption string
}

func corazaOutcome(tx types.Transaction) (out outcome) {
	for _, m := range tx.MatchedRules() {
		var values []string
		for _, d := range m.MatchedDatas() {
			values = append(values, fmt.Sprintf("%s:%s=%q", d.Variable().Name(), d.Key(), d.Value()))
		}
		severity := m.Rule().Severity().String()
		if m.Rule().Severity() == types.RuleSeverityUnset {
			severity = ""
		}
		out.match(m.Rule().ID(), m.(interface{ Log() bool }).Log(), severity, m.Rule().Tags(), values)
	}
	if i := tx.Interruption(); i != nil {
		out.Interruption = fmt.Sprintf("%d %s %d %s", i.RuleID, i.Action, i.Status, i.Data)
	}
	return out
}

func (o *outcome) match(id int, log bool, severity string, tags, values []string) {
	sort.Strings(values)
	o.Matches = append(o.Matches, fmt.Sprintf("%d log=%t %s %v %s", id, log, severity, tags, strings.Join(values, " ")))
}

// plain evaluates a Program in the plainest way, on the variables of a finished
// transaction: what a careful reader of Program's documentation would write.
type plain struct {
	program *seclang.Program
	tx      plugintypes.TransactionState
	vars    map[string]string // TX

	skip        int
	skipAfter   string
	allow       string
	removed     map[int]bool
	exceptions  map[int][]seclang.Control
	interrupted bool
	out         outcome
}

func evaluate(program *seclang.Program, tx types.Transaction) outcome {
	p := plain{
		program: program, tx: tx.(plugintypes.TransactionState), vars: map[string]string{},
		removed: map[int]bool{}, exceptions: map[int][]seclang.Control{},
	}
	for i := range 11 { // as Coraza begins
		p.vars[strconv.Itoa(i)] = ""
	}
	for _, phase := range []int{1, 2, 5} {
		p.phase(phase)
	}
	return p.out
}

func (p *plain) phase(phase int) {
rules:
	for i := range p.program.Rules {
		rule := &p.program.Rules[i]
		switch {
		case p.interrupted && phase != 5:
			break rules
		case rule.Phase != 0 && rule.Phase != phase, p.removed[rule.ID]:
			continue
		case p.skipAfter != "":
			if rule.Marker == p.skipAfter {
				p.skipAfter = ""
			}
			continue
		case p.skip > 0:
			p.skip--
			continue
		case p.allow == "all", p.allow == "phase", p.allow == "request" && phase < 3:
			if p.allow == "request" && phase == 2 {
				p.allow = ""
			}
			break rules
		}
		p.rule(rule)
	}
	p.skip = 0
	if p.allow == "phase" {
		p.allow = ""
	}
}

func (p *plain) rule(rule *seclang.Rule) {
	var values []string
	for i := range rule.Links {
		matched := p.link(rule, &rule.Links[i])
		if len(matched) == 0 {
			return
		}
		values = append(values, matched...)
	}
	if rule.Skip > 0 {
		p.skip = rule.Skip
	}
	if rule.SkipAfter != "" {
		p.skipAfter = rule.SkipAfter
	}
	status := rule.Status
	switch rule.Disruptive {
	case "deny":
		if status == 0 {
			status = 403
		}
	case "redirect":
		if !slices.Contains([]int{301, 302, 303, 307}, status) {
			status = 302
		}
	case "allow":
		if p.allow = rule.DisruptiveArgument; p.allow == "" {
			p.allow = "all"
		}
	}
	on := strings.EqualFold(p.program.Settings["secruleengine"], "on")
	if on && slices.Contains([]string{"deny", "drop", "redirect"}, rule.Disruptive) {
		p.interrupted = true
		p.out.Interruption = fmt.Sprintf("%d %s %d %s", rule.ID, rule.Disruptive, status, rule.DisruptiveArgument)
	}
	if rule.ID != 0 {
		p.out.match(rule.ID, rule.Log, rule.Severity, rule.Tags, values)
	}
}

func (p *plain) link(rule *seclang.Rule, link *seclang.Link) (matched []string) {
	if link.Operator == nil {
		p.act(link)
		return []string{`UNKNOWN:=""`}
	}
	exceptions := p.exceptions[rule.ID] // those that a match adds count from the next link on
	for _, target := range link.Targets {
		for _, except := range exceptions {
			if except.Variable == target.Variable {
				target.Except = append(slices.Clone(target.Except), except.Selector)
			}
		}
		for _, v := range p.values(target) {
			for _, text := range transformed(link, v.text) {
				if p.test(link, text) {
					matched = append(matched, fmt.Sprintf("%s:%s=%q", target.Variable, v.key, text))
					p.act(link)
				}
			}
		}
	}
	return matched
}

type keyedValue struct{ key, text string }

func (p *plain) values(t seclang.Target) (selected []keyedValue) {
	var all []keyedValue
	if t.Variable == "TX" {
		for k, v := range p.vars {
			all = append(all, keyedValue{k, v})
		}
	} else {
		v, err := variables.Parse(t.Variable)
		if err != nil {
			panic(err)
		}
		if c := p.tx.Collection(v); c != nil {
			for _, m := range c.FindAll() {
				all = append(all, keyedValue{m.Key(), m.Value()})
			}
		}
	}
	for _, v := range all {
		key := strings.ToLower(v.key)
		switch {
		case t.KeyRegexp != nil && !t.KeyRegexp.MatchString(key), t.KeyRegexp == nil && t.Key != "" && t.Key != key:
			continue
		case slices.ContainsFunc(t.Except, func(s seclang.Selector) bool {
			return s.Regexp != nil && s.Regexp.MatchString(key) || s.Regexp == nil && (s.Key == "" || s.Key == key)
		}):
			continue
		}
		selected = append(selected, v)
	}
	if t.Count {
		return []keyedValue{{t.CountKey, strconv.Itoa(len(selected))}}
	}
	return selected
}

func transformed(link *seclang.Link, text string) []string {
	all := []string{text}
	for _, name := range link.Transforms {
		t, ok := transform.Lookup(name)
		if !ok {
			panic(name)
		}
		if next := t.Apply(text); next != text || name == "length" {
			text = next
			all = append(all, text)
		}
	}
	if link.MultiMatch {
		return all
	}
	return all[len(all)-1:]
}

func (p *plain) test(link *seclang.Link, text string) bool {
	argument := p.expand(link.Operator.Argument)
	number, _ := strconv.Atoi(text)
	limit, _ := strconv.Atoi(argument)
	var answer bool
	switch link.Operator.Name {
	case "rx":
		groups := regexp.MustCompile("(?sm)" + link.Operator.Argument).FindStringSubmatch(text)
		answer = groups != nil
		if link.Capture {
			for i, g := range groups {
				if i < 9 {
					p.vars[strconv.Itoa(i)] = g
				}
			}
		}
	case "pm", "pmfromfile", "pmfromdataset":
		found := occurrences(text, link.Operator.Phrases)
		answer = len(found) > 0
		for i, phrase := range found {
			if link.Capture && i < 10 {
				p.vars[strconv.Itoa(i)] = phrase
			}
		}
	case "ipmatch", "ipmatchfromfile", "ipmatchfromdataset":
		answer = slices.Contains(link.Operator.Phrases, text)
	case "streq":
		answer = text == argument
	case "contains", "strmatch":
		answer = strings.Contains(text, argument)
	case "beginswith":
		answer = strings.HasPrefix(text, argument)
	case "endswith":
		answer = strings.HasSuffix(text, argument)
	case "within":
		answer = strings.Contains(argument, text)
	case "eq":
		answer = number == limit
	case "ge":
		answer = number >= limit
	case "gt":
		answer = number > limit
	case "le":
		answer = number <= limit
	case "lt":
		answer = number < limit
	case "unconditionalmatch":
		answer = true
	case "nomatch":
	default:
		panic(link.Operator.Name)
	}
	return answer != link.Operator.Negated
}

// occurrences finds phrases without regard to ASCII case, none over another: the
// leftmost, of those the longest, then on behind it.
func occurrences(text string, phrases []string) (found []string) {
	for {
		first, length := len(text), 0
		for _, phrase := range phrases {
			at := strings.Index(strings.ToLower(text), phrase)
			if at >= 0 && (at < first || at == first && len(phrase) > length) {
				first, length = at, len(phrase)
			}
		}
		if length == 0 {
			return found
		}
		found = append(found, text[first:first+length])
		text = text[first+length:]
	}
}

var txMacro = regexp.MustCompile(`(?i)%\{(tx\.([^}]+))\}`)

func (p *plain) expand(s string) string {
	return txMacro.ReplaceAllStringFunc(s, func(m string) string {
		part := txMacro.FindStringSubmatch(m)
		if v, ok := p.vars[strings.ToLower(part[2])]; ok {
			return v
		}
		return part[1]
	})
}

func (p *plain) act(link *seclang.Link) {
	for _, a := range link.Actions {
		switch a.Name {
		case "setvar":
			p.setvar(a.Value)
		case "ctl":
			p.control(a)
		}
	}
}

func (p *plain) setvar(assignment string) {
	name, value, _ := strings.Cut(assignment, "=")
	name, remove := strings.CutPrefix(name, "!")
	key := strings.ToLower(p.expand(name[len("tx."):]))
	value = p.expand(value)
	current, _ := strconv.Atoi(p.vars[key])
	switch {
	case remove:
		delete(p.vars, key)
		return
	case value != "" && (value[0] == '+' || value[0] == '-'):
		n, err := strconv.Atoi(value)
		if err == nil {
			value = strconv.Itoa(current + n)
		}
	}
	p.vars[key] = value
}

func (p *plain) control(a seclang.Action) {
	c, err := a.Control()
	if err != nil {
		panic(err)
	}
	for i := range p.program.Rules {
		rule := &p.program.Rules[i]
		var meant bool
		switch {
		case strings.HasSuffix(c.Name, "ById"):
			from, to, ok := strings.Cut(c.Value, "-")
			if !ok {
				to = from
			}
			low, _ := strconv.Atoi(from)
			high, _ := strconv.Atoi(to)
			meant = low <= rule.ID && rule.ID <= high
		case strings.HasSuffix(c.Name, "ByTag"):
			meant = slices.Contains(rule.Tags, c.Value)
		case strings.HasSuffix(c.Name, "ByMsg"):
			meant = rule.Message != "" && rule.Message == c.Value
		}
		switch {
		case !meant:
		case strings.HasPrefix(c.Name, "ruleRemoveTarget"):
			p.exceptions[rule.ID] = append(p.exceptions[rule.ID], c)
		default:
			p.removed[rule.ID] = true
		}
	}
}

// tester is testing.TB or *rapid.T.
type tester interface {
	Helper()
	Fatalf(format string, args ...any)
}

// same reads directives, lets Coraza load them, and compares: whether they are
// accepted, the rules as they are added, their number in the end, and what they
// make of the request, unless one of them is opaque.
func same(t tester, fsys fs.FS, directives string) *seclang.Program {
	t.Helper()
	program, err := seclang.Read(fsys, directives)
	waf, loaded, corazaErr := load(fsys, directives)
	if (err == nil) != (corazaErr == nil) {
		t.Fatalf("%s\nRead: %v\nCoraza: %v", directives, err, corazaErr)
	}
	if err != nil {
		return nil
	}
	if closer, ok := waf.(experimental.WAFCloser); ok {
		defer closer.Close()
	}
	if err := program.Check(loaded); err != nil {
		t.Fatalf("%s\n%v", directives, err)
	}
	if n := waf.(experimental.WAFWithRules).RulesCount(); n != len(program.Rules) {
		t.Fatalf("%s\n%d rules, in Coraza %d", directives, len(program.Rules), n)
	}
	if slices.ContainsFunc(program.Rules, func(r seclang.Rule) bool { return r.Opaque != "" }) {
		return program
	}
	// Both go through collections in the order of Go's maps, and that order can
	// decide where a match changes TX: then, several tries must meet.
	var diff string
	for range 30 {
		tx := request(waf)
		diff = cmp.Diff(corazaOutcome(tx), evaluate(program, tx))
		_ = tx.Close()
		if diff == "" {
			return program
		}
	}
	t.Fatalf("%s\nCoraza (-), the Program (+):\n%s", directives, diff)
	return nil
}
