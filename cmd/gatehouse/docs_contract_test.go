package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/openapi"
	formats "github.com/gatehouse/gatehouse/openapi/schema" // schema is that of the configuration here
)

// Every code that a contract gives or warns with, every format and every
// disagreement with kin-openapi is documented, and no other code.
func TestDocumentedContract(t *testing.T) {
	text := read(t, "docs/contract.md")
	codes := openapi.Codes()
	for _, c := range codes {
		if !strings.Contains(text, "| `"+c.Code+"` |") {
			t.Errorf("the code %s is not in docs/contract.md", c.Code)
		}
	}
	for _, m := range regexp.MustCompile(`"(contract\.warn_[a-z_]+)"`).FindAllStringSubmatch(read(t, "openapi/warnings.go"), -1) {
		codes = append(codes, openapi.Code{Code: m[1]})
		if !strings.Contains(text, "| `"+m[1]+"` |") {
			t.Errorf("the warning %s is not in docs/contract.md", m[1])
		}
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `((?:contract|json)\\.[a-z_]+)` \\|").FindAllStringSubmatch(text, -1) {
		known := slices.ContainsFunc(codes, func(c openapi.Code) bool { return c.Code == m[1] })
		if !known && m[1] != "contract.not_enforced" && m[1] != "contract.document_field" {
			t.Errorf("docs/contract.md has the code %s, which nobody gives", m[1])
		}
	}
	known := regexp.MustCompile(`\{name: "([^"]+)",`).FindAllStringSubmatch(read(t, "openapi/kin_test.go"), -1)
	for _, m := range known {
		if !strings.Contains(text, "| "+m[1]+" |") {
			t.Errorf("docs/contract.md does not explain where kin-openapi disagrees: %s", m[1])
		}
	}
	if len(codes) < 80 || len(known) < 5 {
		t.Errorf("only %d codes, %d disagreements", len(codes), len(known))
	}
	for _, f := range formats.Formats() {
		if row := "| `" + f.Name + "` | " + f.Means + " |"; !strings.Contains(text, row) {
			t.Errorf("docs/contract.md lacks the format %s", row)
		}
	}
}
