package body

import (
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/openapi/document"
	"github.com/gatehouse/gatehouse/openapi/parameter"
	"github.com/gatehouse/gatehouse/openapi/schema"
	"github.com/gatehouse/gatehouse/strictjson"
)

// readText judges text as a JSON string, or as the number, boolean or null that its
// schema asks for.
func (b *Reader) readText(m *media, body []byte, r *schema.Report) (bool, *gatehouse.Error) {
	if !utf8.Valid(body) {
		return false, refuse(CodeText, "the body is not valid UTF-8")
	}
	if m.schema == nil {
		return true, nil
	}
	buf := buffers.Get().(*[]byte)
	defer giveBack(buf)
	mark := len(r.Violations)
	for _, wide := range [...]bool{false, true} {
		text, narrowed, ok := parameter.AppendText((*buf)[:0], body, m.types, wide)
		*buf = text
		if !ok {
			r.Violations = append(r.Violations, schema.Violation{Code: "contract.type", Pointer: r.Base, Keyword: "type"})
			return false, nil
		}
		ok, err := readJSON(m.schema, text, &ownText, r)
		if ok || err != nil || !narrowed {
			return ok, err
		}
		r.Violations = r.Violations[:mark]
	}
	return false, nil
}

// ownText are the limits of JSON that was written here: the body's own have been
// kept already.
var ownText = strictjson.Limits{Depth: 1 << 10, Values: 1 << 30, Members: 1 << 30, Items: 1 << 30, String: 1 << 30, Number: 400}

// together are the limits of JSON that was put together of texts of a stranger: each
// has been held to the limits, and all of them are to the number of values.
func together(l *strictjson.Limits) *strictjson.Limits {
	own := ownText
	own.Values = l.WithDefaults().Values
	return &own
}

// sizes bound a binary body, in bytes: minLength and maxLength of its schema.
type sizes struct {
	min, max int64 // max -1: none
	octets   bool  // a string of the format binary: whatever the media type, nobody reads it
	at       gatehouse.Position
}

func sizesOf(n *document.Node, d *document.Document) sizes {
	z := sizes{max: -1}
	n = follow(n, d)
	z.octets = n.Str("type") == "string" && n.Str("format") == "binary"
	if v, ok := number(n.Get("minLength")); ok {
		z.min, z.at = v, n.At
	}
	if v, ok := number(n.Get("maxLength")); ok {
		z.max, z.at = v, n.At
	}
	return z
}

// takesOctets reports whether bodies nobody looks into may have a schema: one of
// strings, or one that says nothing of what is in them.
func takesOctets(types schema.Types, n *document.Node) bool {
	if types != schema.AnyTypes {
		return types.Has(schema.String)
	}
	for _, keyword := range []string{"properties", "required", "additionalProperties", "patternProperties", "unevaluatedProperties", "items", "prefixItems",
		"allOf", "anyOf", "oneOf", "not", "if", "enum", "const", "pattern", "$dynamicRef"} {
		if n.Get(keyword) != nil {
			return false
		}
	}
	return true
}

func number(n *document.Node) (int64, bool) {
	if n == nil || n.Kind != document.Number {
		return 0, false
	}
	v, err := strconv.ParseInt(n.Text, 10, 64)
	return v, err == nil
}

func (z *sizes) check(body []byte, r *schema.Report) bool {
	n := int64(len(body))
	if n >= z.min && (z.max < 0 || n <= z.max) {
		return true
	}
	keyword := "maxLength"
	if n < z.min {
		keyword = "minLength"
	}
	r.Violations = append(r.Violations, schema.Violation{Code: "contract.length", Pointer: r.Base, Keyword: keyword, At: z.at})
	return false
}

// follow returns the schema that references lead to from n.
func follow(n *document.Node, d *document.Document) *document.Node {
	for range 32 {
		ref := n.Get("$ref")
		if ref == nil || ref.Kind != document.String {
			break
		}
		target := refer(n, ref.Text, d)
		if target == nil {
			break
		}
		n = target
	}
	return n
}

// refer looks a reference up: in the document where there is one, else in n's file.
func refer(n *document.Node, ref string, d *document.Document) *document.Node {
	if d != nil {
		base, err := url.Parse(n.File())
		if err != nil {
			return nil
		}
		u, err := base.Parse(ref)
		if err != nil {
			return nil
		}
		return d.Node(u.String())
	}
	pointer, ok := strings.CutPrefix(ref, "#")
	if !ok {
		return nil
	}
	pointer, err := url.PathUnescape(pointer)
	if err != nil {
		return nil
	}
	root := n
	for root.Up() != nil {
		root = root.Up()
	}
	return root.Find(pointer)
}
