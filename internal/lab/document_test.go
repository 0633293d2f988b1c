package lab

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestDocuments checks that each service's document lists exactly what the
// service documents of itself.
func TestDocuments(t *testing.T) {
	for _, svc := range (&Shop{}).behind() {
		t.Run(svc.Name, func(t *testing.T) {
			doc := string(svc.Document())
			if !strings.HasPrefix(doc, "openapi: 3.1.0\n") || !strings.Contains(doc, "https://"+PublicHost+svc.Base+"\n") {
				t.Fatal("not a document of this service")
			}
			if diff := cmp.Diff(svc.Endpoints(), operationsOf(doc), cmp.Transformer("set", func(es []Endpoint) map[Endpoint]bool {
				set := map[Endpoint]bool{}
				for _, e := range es {
					set[e] = true
				}
				return set
			})); diff != "" {
				t.Errorf("operations (-served +documented):\n%s", diff)
			}
			defined := map[string]bool{}
			for _, m := range regexp.MustCompile(`(?m)^    (\w+):$`).FindAllStringSubmatch(doc[strings.Index(doc, "\n  schemas:"):], -1) {
				defined[m[1]] = true
			}
			for _, m := range regexp.MustCompile(`#/components/schemas/(\w+)`).FindAllStringSubmatch(doc, -1) {
				if !defined[m[1]] {
					t.Errorf("the schema %s is not defined", m[1])
				}
			}
		})
	}
}

// operationsOf reads the operations of a document by its indentation.
func operationsOf(doc string) []Endpoint {
	var out []Endpoint
	var path, method string
	doc, _, _ = strings.Cut(doc, "\ncomponents:")
	for line := range strings.Lines(doc) {
		text := strings.TrimSpace(line)
		switch indent := len(line) - len(strings.TrimLeft(line, " ")); {
		case indent == 2 && strings.HasPrefix(text, "/"):
			path = strings.TrimSuffix(text, ":")
		case indent == 4:
			method = strings.ToUpper(strings.TrimSuffix(text, ":"))
		case indent == 6 && strings.HasPrefix(text, "operationId: "):
			out = append(out, Endpoint{method, path, strings.TrimPrefix(text, "operationId: ")})
		}
	}
	return out
}
