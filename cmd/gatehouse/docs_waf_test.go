package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/waf"
	"github.com/gatehouse/gatehouse/waf/payload"
)

// Every code of the WAF and every rule beyond the Core Rule Set has its line, and no
// other has.
func TestDocumentedWAF(t *testing.T) {
	text := read(t, "docs/waf.md")
	var want []string
	for _, c := range waf.Codes {
		status := "-"
		if c.Status != 0 {
			status = fmt.Sprint(c.Status)
		}
		want = append(want, fmt.Sprintf("| `%s` | %s | %s |", c.Code, status, c.Means))
	}
	for _, r := range payload.Rules() {
		want = append(want, fmt.Sprintf("| `%s` | %s | %s | %s | %s |", r.ID, r.Severity, r.Class, r.Default, r.Title))
	}
	for _, row := range want {
		if !strings.Contains(text, row) {
			t.Errorf("docs/waf.md lacks the row %s", row)
		}
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `(?:waf|payload)\\..*$").FindAllString(text, -1) {
		if !slices.Contains(want, m) {
			t.Errorf("docs/waf.md has the row %s, which is nobody's", m)
		}
	}
	for _, m := range regexp.MustCompile(`"(waf\.[a-z_]+)"`).FindAllStringSubmatch(read(t, "waf/codes.go")+read(t, "waf/config.go")+read(t, "waf/waf.go")+read(t, "waf/reference.go")+read(t, "internal/server/rules.go"), -1) {
		if !strings.Contains(text, "`"+m[1]+"`") {
			t.Errorf("the code %s is not in docs/waf.md", m[1])
		}
	}
}
