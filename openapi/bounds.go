package openapi

import (
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/openapi/document"
	"github.com/gatehouse/gatehouse/openapi/schema"
)

// A Bound is what the document says of the texts that one place of a request may have,
// where the request control accepts it: one of Values, or a text that Pattern matches.
// A type alone is no bound.
type Bound struct {
	// Place is "query:limit", "path:id", "header:x-tenant", "cookie:theme", or "body:" and
	// a JSON pointer in which "*" stands for any other index or name:
	// "body:/items/*/sku". The items of an array in a parameter are "query:ids/*".
	Place string
	// Values are texts as a decoded parameter or a scalar of JSON has them, sorted. A
	// number may be accepted in other spellings too (1.0 for 1), and so may null, of which
	// a Bound says nothing.
	Values []string
	// Pattern is a regular expression of package regexp that is anchored at both ends; ""
	// for none.
	Pattern string
	// MaxLength is the greatest number of code points of what is not among Values; 0: the
	// document sets none.
	MaxLength int
}

// maxBounds is how many bounds of an operation there are at most.
const maxBounds = 2000

// Levels of containers that are entered: all of JSON's, those that a form takes apart,
// those of a parameter whose items or members stand for themselves.
var (
	jsonLevels = slices.Repeat([]schema.Types{schema.Array | schema.Object}, 16)
	formLevels = []schema.Types{schema.Object, schema.Array}
	apart      = formLevels[:1]
	eachApart  = jsonLevels[:1]
)

// Bounds returns what the document says of the texts of an operation's parameters and
// of its bodies of JSON and forms, through $ref, allOf, and anyOf and oneOf where all
// branches say something: enum, const, booleans, integers of at most 1,000 values, patterns
// that are anchored, dates, times, UUIDs and addresses. Of each media type there may be one
// for a place. There are 2,000 at most, and 1,000 values each; what would be more is left
// out. Of an operation that is not the Contract's there are none.
//
// What a Bound says is true of requests that the request control has passed in enforce,
// at the place it names. It is not cheap: ask once, when the Contract is new.
func (c *Contract) Bounds(op *gatehouse.Operation) []Bound {
	o := c.byOp[op]
	if o == nil {
		return nil
	}
	var out []Bound
	for _, p := range o.doc.Parameters {
		out = c.parameterBounds(out, p)
	}
	if b := o.doc.RequestBody; b != nil && !o.request.opaque {
		for _, m := range b.Content {
			switch kind := strings.ToLower(bare(m.Type)); {
			case kind == "application/json" || strings.HasSuffix(kind, "+json"):
				out = c.bounds(out, "body:", m.Schema, jsonLevels, false)
			case kind == "application/x-www-form-urlencoded" || kind == "multipart/form-data":
				out = c.bounds(out, "body:", m.Schema, formLevels, true)
			}
		}
	}
	return out[:min(len(out), maxBounds)]
}

func (c *Contract) parameterBounds(out []Bound, p *document.Parameter) []Bound {
	name := p.Name
	if p.In == "header" {
		name = strings.ToLower(name)
		if name == "accept" || name == "content-type" || name == "authorization" { // OpenAPI describes them elsewhere
			return out
		}
	}
	place := p.In + ":" + name
	switch {
	case p.In == "querystring" && p.Content != nil && strings.EqualFold(bare(p.Content.Type), "application/x-www-form-urlencoded"):
		return c.bounds(out, "query:", p.Content.Schema, formLevels, true)
	case p.Content != nil && strings.EqualFold(bare(p.Content.Type), "text/plain"):
		return c.bounds(out, place, p.Content.Schema, nil, true)
	case p.Content != nil || p.Style == "label" || p.Style == "matrix": // the value is a part of the text
		return out
	case p.Style == "deepObject":
		return c.bounds(out, place, p.Schema, apart, true)
	case p.Explode && (p.In == "query" || p.In == "cookie"):
		return c.bounds(out, place, p.Schema, eachApart, true)
	}
	return c.bounds(out, place, p.Schema, nil, true)
}

// bounds appends what the schema at n says of the values at a place.
func (c *Contract) bounds(out []Bound, place string, n *document.Node, levels []schema.Types, spelled bool) []Bound {
	if n == nil || len(out) >= maxBounds {
		return out
	}
	s, err := c.set.Compile(n, schema.Request) // which has been done
	if err != nil {
		return out
	}
	for _, t := range s.Texts(levels, spelled) {
		at := t.Place
		if place == "query:" {
			at = strings.TrimPrefix(at, "/")
		}
		out = append(out, Bound{Place: place + at, Values: t.Values, Pattern: t.Pattern, MaxLength: t.MaxLength})
	}
	return out
}
