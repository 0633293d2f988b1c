package openapi_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/openapi"
)

// A cut can make a value invalid: what is left is judged once more, so that nothing
// goes out that breaks the contract.
func TestCutAnswersAreJudgedOnceMore(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir, "a.yaml", `openapi: 3.1.0
info: {title: t, version: "1"}
paths:
  /a:
    get:
      security: []
      responses:
        "200":
          description: ok
          content:
            application/json:
              schema: {type: object, minProperties: 2, properties: {a: {type: integer}, b: {type: integer}}}
`)
	o := openapi.Options{Config: openapi.Config{Rules: openapi.Rules{Answers: openapi.Filter}, Access: openapi.AccessDocument}}
	h := newHouseOf(t, filepath.Join(dir, "a.yaml"), o, false)
	for _, c := range []struct {
		service, client string
		status          int
	}{
		{`{"a":1,"b":2,"x":3}`, `{"a":1,"b":2}`, 200},
		{`{"a":1,"x":3}`, "", 502},
	} {
		h.answers(200, c.service, "Content-Type: application/json")
		status, body, _ := h.do("GET /a", "")
		if status != c.status || status == 200 && body != c.client || strings.Contains(body, `"x"`) {
			t.Errorf("%s becomes %d %s", c.service, status, body)
		}
	}
}
