package waf

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// firstOwn is the id of the first rule that exclusions become. Nobody's rule sets
// use numbers of eight digits.
const firstOwn = 10_000_000

// catalogue numbers the exclusions of all policies, so that one set of rules serves
// them all: each becomes a rule that applies where the policy sets its variable.
type catalogue struct {
	texts []string
	of    map[string]int
}

// variable returns the TX variable that switches an exclusion on.
func (c *catalogue) variable(x *Exclusion) string {
	text := x.controls()
	n, ok := c.of[text]
	if !ok {
		if c.of == nil {
			c.of = map[string]int{}
		}
		n = len(c.texts)
		c.of[text] = n
		c.texts = append(c.texts, text)
	}
	return exclusionVariable(n)
}

func exclusionVariable(n int) string { return "gatehouse_exclusion_" + strconv.Itoa(n) }

// directives are the rules that the exclusions become.
func (c *catalogue) directives() string {
	var b strings.Builder
	for i, text := range c.texts {
		fmt.Fprintf(&b, "SecRule TX:%s \"@streq 1\" \"id:%d,phase:1,pass,t:none,nolog%s\"\n", exclusionVariable(i), firstOwn+i, text)
	}
	return b.String()
}

// controls are the ctl actions of an exclusion.
func (x *Exclusion) controls() string {
	var by []string // "ById=942100"
	for _, r := range x.Rules {
		if isNative(r) {
			continue // not the engine's
		}
		if r[0] >= '0' && r[0] <= '9' {
			by = append(by, "ById="+r)
		} else {
			by = append(by, "ByTag="+r)
		}
	}
	for _, k := range x.Allow {
		for _, tag := range kinds[k] {
			by = append(by, "ByTag="+tag)
		}
	}
	var b strings.Builder
	for _, r := range by {
		if len(x.Fields) == 0 {
			b.WriteString(",ctl:ruleRemove" + r)
			continue
		}
		for _, f := range x.Fields {
			for _, t := range targets(f) {
				b.WriteString(",ctl:ruleRemoveTarget" + r + ";" + t)
			}
		}
	}
	return b.String()
}

// targets are the engine's names for a field.
func targets(field string) []string {
	where, name, ok := strings.Cut(field, ":")
	if !ok {
		where, name = "", field
	}
	switch where {
	case "header":
		return []string{"REQUEST_HEADERS:" + name}
	case "cookie":
		return []string{"REQUEST_COOKIES:" + name}
	}
	// The engine calls the members of a JSON body json.name, and numbers elements.
	pattern := "/^(?:json[.])?" + strings.ReplaceAll(regexp.QuoteMeta(strings.ToLower(name)), `\*`, `[^.]+`) + "$/"
	pattern = strings.ReplaceAll(pattern, `\.`, `[.]`)
	if strings.Contains(pattern, `\`) { // what is left is spelled out only in a plain name
		return []string{"ARGS:" + name, "ARGS_GET:" + name, "ARGS_POST:" + name, "ARGS:json." + name, "ARGS_POST:json." + name}
	}
	return []string{"ARGS:" + pattern, "ARGS_GET:" + pattern, "ARGS_POST:" + pattern}
}

// profile returns the TX variables by which the rules go by a policy.
func (c *catalogue) profile(p Policy) map[string]string {
	if p.Detection == 0 {
		p.Detection = p.Paranoia
	}
	out := map[string]string{
		"blocking_paranoia_level": strconv.Itoa(p.Paranoia), "detection_paranoia_level": strconv.Itoa(p.Detection),
		"inbound_anomaly_score_threshold": strconv.Itoa(p.Inbound), "outbound_anomaly_score_threshold": strconv.Itoa(p.Outbound),
	}
	for i := range p.Exclusions {
		out[c.variable(&p.Exclusions[i])] = "1"
	}
	return out
}

// apiSettings are the settings of the Core Rule Set that do not fit APIs as they are:
// it lets browsers' methods and forms pass only. Files read before the rules can set
// them anew.
const apiSettings = "SecAction \"id:10999999,phase:1,pass,t:none,nolog," +
	"setvar:'tx.allowed_methods=GET HEAD POST OPTIONS PUT PATCH DELETE'," +
	"setvar:'tx.allowed_request_content_type=|application/x-www-form-urlencoded| |multipart/form-data| |text/xml| |application/xml| |application/soap+xml| " +
	"|application/json| |application/merge-patch+json| |application/json-patch+json| |application/vnd.api+json| |application/problem+json| |application/graphql| " +
	"|application/x-ndjson| |application/cloudevents+json| |application/scim+json| |application/octet-stream| |text/plain| |text/csv|'\"\n"

// limitRules are those of the engine's own recommended configuration that the Core
// Rule Set's copy lacks: behind SecArgumentsLimit the engine drops arguments, and with
// nothing to refuse the request they would pass unread. The limit is higher than the
// engine's 1000, which bulk requests and lists of numbers exceed. Files can set it anew.
const limitRules = `SecArgumentsLimit 10000
SecRule URI_PARSE_ERROR "@eq 1" "id:200009,phase:1,t:none,log,deny,status:400,msg:'URI failed to parse.'"
SecRule ARGUMENTS_LIMIT_REACHED "@eq 1" "id:200005,phase:2,t:none,log,deny,status:400,msg:'Too many arguments.'"
`

// directives are all the rules a WAF goes by. The names of files get a prefix.
func (c *RulesConfig) directives(exclusions *catalogue, prefix string) string {
	var b strings.Builder
	b.WriteString("Include @coraza.conf-recommended\n" + limitRules)
	if !c.Responses {
		b.WriteString("SecResponseBodyAccess Off\n")
	}
	if *c.Core {
		b.WriteString("Include @crs-setup.conf.example\n")
		// The Core Rule Set leaves the answer's phases without a default: its rules would
		// score there and tell nobody.
		for phase := 3; phase <= 5; phase++ {
			fmt.Fprintf(&b, "SecDefaultAction \"phase:%d,log,auditlog,pass\"\n", phase)
		}
		b.WriteString(apiSettings)
	}
	b.WriteString(exclusions.directives())
	for _, f := range c.Before {
		fmt.Fprintf(&b, "Include %s%s\n", prefix, f)
	}
	if *c.Core {
		b.WriteString("Include @owasp_crs/*.conf\n")
	}
	for _, f := range c.After {
		fmt.Fprintf(&b, "Include %s%s\n", prefix, f)
	}
	return b.String()
}

// key is the same for profiles that say the same.
func key(profile map[string]string) string {
	var b strings.Builder
	names := make([]string, 0, len(profile))
	for n := range profile {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		b.WriteString(n + "=" + profile[n] + "\n")
	}
	return b.String()
}
