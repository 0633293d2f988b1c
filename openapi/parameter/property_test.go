package parameter_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/openapi/parameter"
)

// escape encodes as RFC 6570 does: everything but unreserved characters.
func escape(s string) string {
	return strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
}

func escapeAll(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = escape(s)
	}
	return out
}

// Whatever a list of strings holds, delimiters and all: written in any style it is
// read as that list, and one item more or another item is not.
func TestListsSurvive(t *testing.T) {
	item := rapid.OneOf(rapid.StringMatching(`[a-z,;&=+%|. /\[\]"\\~]{1,5}`), rapid.StringN(1, 4, 16))
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfN(item, 1, 4).Draw(t, "list")
		for i := range list {
			list[i] = strings.ToValidUTF8(strings.ReplaceAll(list[i], "\x00", "0"), "?")
		}
		encoded := escapeAll(list)
		how := rapid.SampledFrom([]string{"path simple", "path label", "path label*", "path matrix", "path matrix*", "query form", "query form*", "cookie form", "cookie form*"}).Draw(t, "style")
		style, explode := strings.TrimSuffix(how, "*"), strings.HasSuffix(how, "*")
		in, style, _ := strings.Cut(style, " ")
		raw := map[string]string{
			"path simple":  strings.Join(encoded, ","),
			"path label":   "." + strings.Join(encoded, ","),
			"path label*":  "." + strings.Join(slices.Collect(dotless(encoded)), "."),
			"path matrix":  ";color=" + strings.Join(encoded, ","),
			"path matrix*": ";color=" + strings.Join(encoded, ";color="),
			"query form":   "color=" + strings.Join(encoded, ","),
			"query form*":  "color=" + strings.Join(encoded, "&color="),
			"cookie form":  "color=" + strings.Join(encoded, ","),
			"cookie form*": "color=" + strings.Join(encoded, "&color="),
		}[how]
		want := inYAML(list)
		path := "/c"
		if in == "path" {
			path = "/c/{color}"
		}
		ask := func(raw string) bool {
			d, err := decoder(path, parameter.Options{}, fmt.Sprintf(`{name: color, in: %s, required: true, style: %s, explode: %v, schema: {type: array, items: {type: string}, const: %s}}`, in, style, explode, want))
			if err != nil {
				t.Fatal(err)
			}
			var x *gatehouse.Exchange
			switch in {
			case "path":
				x = pathExchange(raw)
			case "query":
				x = queryExchange(raw)
			default:
				x = headerExchange("Cookie", raw)
			}
			_, _, ok := check(d, x)
			return ok
		}
		if !ask(raw) {
			t.Fatalf("%s: %q is not read as %s", how, raw, want)
		}
		if ask(raw + "x") {
			t.Fatalf("%s: %q is read as %s", how, raw+"x", want)
		}
	})
}

// inYAML spells a list so that no line break of Unicode is one of YAML.
func inYAML(list []string) string {
	var b strings.Builder
	for i, s := range list {
		b.WriteString([]string{`["`, `", "`}[min(i, 1)])
		for _, c := range s {
			fmt.Fprintf(&b, `\U%08X`, c)
		}
	}
	return b.String() + `"]`
}

// dotless encodes dots as well, which RFC 6570 leaves alone.
func dotless(list []string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for _, s := range list {
			if !yield(strings.ReplaceAll(s, ".", "%2E")) {
				return
			}
		}
	}
}
