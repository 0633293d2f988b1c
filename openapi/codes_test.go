package openapi_test

import (
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/openapi"
)

// Every code stands once, with a meaning.
func TestCodes(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range openapi.Codes() {
		if seen[c.Code] || c.Means == "" || !strings.Contains(c.Code, ".") {
			t.Errorf("%+v", c)
		}
		seen[c.Code] = true
	}
}
