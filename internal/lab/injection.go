package lab

import (
	"regexp"
	"strings"
)

// What the careless shop would hand to an interpreter. It has none: that it would
// have run is all that matters.
var (
	sqlInjected     = regexp.MustCompile(`(?i)'\s*(or|and|union|;)\b|'\s*;`)
	scriptInjected  = regexp.MustCompile(`(?i)<script|onerror\s*=|javascript:`)
	commandInjected = regexp.MustCompile("(?i)[;|&`]\\s*(cat|id|curl|wget|nc|bash)\\b|\\$\\(")
	fileInjected    = regexp.MustCompile(`(?i)(\.\.|%2e%2e|%252e%252e)(/|\\|%2f|%252f|%5c)|^/etc/`)
	operator        = regexp.MustCompile(`^\s*\{\s*"\$(where|ne|gt|regex|function)"`)
)

// interprets notes what an interpreter behind the service would have run.
func (c *call) interprets(effect string, injected *regexp.Regexp, text string) bool {
	if !c.Flaws.Misconfiguration || !injected.MatchString(text) {
		return false
	}
	c.effect(effect)
	return true
}

// merges notes names that a careless merge of parameters would put on every object.
func (c *call) merges() {
	for name := range c.query {
		if c.Flaws.Misconfiguration && strings.HasPrefix(name, "__proto__") {
			c.effect("prototype.polluted")
		}
	}
}

// logs notes what a careless logger would look up.
func (c *call) logs() {
	if c.Flaws.Misconfiguration && strings.Contains(c.r.Header.Get("User-Agent"), "${jndi:") {
		c.effect("jndi.lookup")
	}
}
