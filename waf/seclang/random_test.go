package seclang_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"pgregory.net/rapid"
)

// source draws sets of directives out of a grammar.
type source struct {
	*rapid.T
	ids int
}

func (s *source) pick(label string, choices ...string) string {
	return rapid.SampledFrom(choices).Draw(s.T, label)
}

// often is true once in n times.
func (s *source) rarely(label string, n int) bool {
	return rapid.IntRange(1, n).Draw(s.T, label) == n
}

func (s *source) list(label string, most int, separator string, item func() string) string {
	var items []string
	for range rapid.IntRange(1, most).Draw(s.T, label) {
		items = append(items, item())
	}
	return strings.Join(items, separator)
}

func (s *source) target() string {
	variable := s.pick("variable", "ARGS", "ARGS", "ARGS_GET", "ARGS_NAMES", "args", "REQUEST_HEADERS", "REQUEST_HEADERS_NAMES", "REQUEST_COOKIES",
		"REQUEST_METHOD", "REQUEST_URI", "QUERY_STRING", "TX", "TX:x", "TX:y", "XML")
	text := s.pick("sign", "", "", "", "&", "!", "!") + variable
	if strings.HasPrefix(variable, "TX") && strings.HasPrefix(text, "&") || !strings.Contains("ARGS_NAMES REQUEST_HEADERS_NAMES REQUEST_COOKIES", strings.ToUpper(variable)) {
		return text
	}
	return text + s.pick("key", "", "", ":a", ":b", ":B", ":c", ":X-Foo", ":sid", ":Theme", ":none", ":/^[ab]$/", ":/[A-C]/", ":'/a|b/'", ":/x\\-f/", ":d.e", ":'a'", ":b/")
}

func (s *source) operator() string {
	return s.pick("negation", "", "", "", "!") + s.pick("operator", "@streq ", "@contains ", "@rx ", "@rx ^", "@beginsWith ", "@endsWith ", "@within x", "@eq ", "@ge ", "@lt ", "@gt ", "@le ", "@pm ", "@pm 1 ", "") +
		s.pick("argument", "foo", "Bar", "o", "1", "2", "0", " xY ", "xy", "a", `f\"?oo`, "%{tx.x}", "%{TX.Y}1", ".")
}

func (s *source) action() string {
	return s.pick("action", "t:lowercase", "t:none", "t:trim", "t:uppercase", "t:length", "t:removeWhitespace", "T:LowerCase", "t:None", "multiMatch", "capture", "log", "nolog", "phase:1", "phase:2", "phase:5", "phase:request",
		"pass", "block", "deny", "drop", "status:418", "skip:1", "skip:2", "skipAfter:A", "skipAfter:'B'", "allow", "allow:phase", "chain", "chain", "tag:red", "tag:'blue sky'", "severity:3", "msg:'a, b'", "msg:red",
		"setvar:tx.x=1", "setvar:'tx.x=+2'", "setvar:TX.y=foo", "setvar:'tx.y=%{tx.x}o'", "setvar:!tx.x=1", "ctl:ruleRemoveById=2", "ctl:ruleRemoveById=2-4", "ctl:ruleRemoveTargetById=1-5;ARGS:B", "ctl:ruleRemoveTargetByTag=red;ARGS",
		"ctl:ruleRemoveTargetByTag=red;REQUEST_HEADERS:/^X/", "ctl:ruleRemoveByTag=blue sky", "ctl:ruleRemoveByMsg=red", " t : lowercase ")
}

func (s *source) actions() string {
	list := s.list("actions", 5, s.pick("comma", ",", ", ", ",\\\n    "), s.action)
	if s.rarely("no id", 4) {
		return list
	}
	s.ids++
	id := s.ids
	if s.rarely("same id", 15) {
		id = 1
	}
	return fmt.Sprintf("id:%d,%s", id, list)
}

func (s *source) ids3() string {
	return s.pick("ids", "1", "2", "3", "1-3", "2-2", "0-2", "2 3", "3-9", "9")
}

func (s *source) directive() string {
	switch s.pick("directive", "rule", "rule", "rule", "rule", "rule", "rule", "action", "marker", "default", "remove", "target", "target", "tag", "update", "comment") {
	case "action":
		return `SecAction "` + s.actions() + `"`
	case "marker":
		return "SecMarker " + s.pick("label", "A", `"B"`, "'C'")
	case "default":
		return `SecDefaultAction "phase:` + s.pick("phase", "1", "2", "5") + "," + s.pick("inherited", "deny", "pass,log", "drop,status:410", "pass,setvar:tx.x=+1", "block,nolog", "pass,capture", "pass,multiMatch") + `"`
	case "remove":
		return s.pick("removal", "SecRuleRemoveById "+s.ids3(), "SecRuleRemoveByTag red", `SecRuleRemoveByTag "blue sky"`)
	case "target":
		return "SecRuleUpdateTargetById " + s.ids3() + ` "` + s.list("targets", 2, "|", s.target) + `"`
	case "tag":
		return `SecRuleUpdateTargetByTag red "` + s.list("targets", 2, "|", s.target) + `"`
	case "update":
		return "SecRuleUpdateActionById " + s.ids3() + ` "` + s.pick("change", "deny", "pass", "t:none", "t:lowercase,log", "status:410", "tag:red", "msg:red,block", "setvar:tx.y=+1", "phase:1", "skip:1", "nolog,chain") + `"`
	case "comment":
		return s.pick("comment", "# nothing", "", "SecRuleUpdateTargetByMsg red !ARGS", "SecIgnoreRuleCompilationErrors On")
	}
	text := "SecRule " + s.list("targets", 3, "|", s.target) + s.pick("space", " ", "  ", " \\\n  ", "\\\n# comment\n   ") + `"` + s.operator() + `"`
	if s.rarely("no actions", 6) {
		return text
	}
	return text + ` "` + s.actions() + `"`
}

// TestRandom compares what random sets of rules make of a request.
func TestRandom(t *testing.T) {
	accepted := 0
	rapid.Check(t, func(t *rapid.T) {
		s := &source{T: t}
		text := "SecRuleEngine On\n" + s.list("directives", 8, "\n", s.directive)
		fsys := fstest.MapFS{}
		if rapid.Bool().Draw(t, "include") {
			fsys["inc/a.conf"] = &fstest.MapFile{Data: []byte(s.list("included", 3, "\n", s.directive))}
			text += "\nInclude inc/" + s.pick("file", "a.conf", "*.conf") + "\n" + s.directive()
		}
		if same(t, fsys, text) != nil {
			accepted++
		}
	})
	if accepted < 20 {
		t.Errorf("Coraza accepted only %d of the sets", accepted)
	}
}
