package parameter

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/openapi/document"
	"github.com/gatehouse/gatehouse/openapi/schema"
	"github.com/gatehouse/gatehouse/strictjson"
)

// Unknown says what becomes of query parameters and cookies nobody declared.
type Unknown uint8

const (
	Report Unknown = iota // passed on, and reported as a violation that does not fail the check
	Strip                 // taken out of what goes on, and reported likewise
	Refuse                // the check fails
)

// Options are what a document does not say.
type Options struct {
	UnknownQuery, UnknownCookies Unknown
	// KnownQuery are names that are never unknown: API keys, a fields parameter.
	// They may stand once.
	KnownQuery []string
	// KnownCookies are names that are never unknown, and stay when others are
	// stripped.
	KnownCookies []string
	// WithheldCookies are never unknown either, but the gateway keeps them from the
	// upstream (its own token cookie): a stripped Cookie field is without them.
	WithheldCookies []string
	// Pieces bounds the name=value pairs of a query, a form or the cookies of a
	// request; 0 stands for 1,000.
	Pieces int
	// Limits are for JSON in parameters.
	Limits strictjson.Limits
}

func (o Options) withDefaults() Options {
	if o.Pieces <= 0 {
		o.Pieces = 1000
	}
	if o.Limits.Depth <= 0 {
		o.Limits.Depth = 32
	}
	return o
}

// A Decoder takes the parameters of one operation apart and judges them. It is for
// any number of goroutines.
type Decoder struct {
	path, query, header, cookie []*param
	members                     []*param // of query: objects whose members are parameters of their own
	crumbs                      []*param // the same of cookie
	whole                       *param   // in: querystring
	o                           Options
}

// A param is one compiled parameter.
type param struct {
	spelling
	label    string // "query:limit"
	required bool
	empty    bool // allowEmptyValue
	reserved bool // allowReserved
	form     *Form
	at       gatehouse.Position
}

// ignored are header parameters that OpenAPI describes elsewhere.
var ignored = []string{"Accept", "Content-Type", "Authorization"}

// Compile makes a Decoder of an operation's parameters, of which there may be none:
// unknown ones are then all there is to find. The error holds all problems.
func Compile(ps []*document.Parameter, set *schema.Set, o Options) (*Decoder, error) {
	d := &Decoder{o: o.withDefaults()}
	c := compiler{set: set, dir: schema.Request, o: d.o}
	var errs []error
	for _, dp := range ps {
		if dp.In == "header" && slices.ContainsFunc(ignored, func(name string) bool { return gatehouse.EqualFold(name, dp.Name) }) {
			continue
		}
		p, err := c.compile(dp, dp.In)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		switch dp.In {
		case "path":
			d.path = append(d.path, p)
		case "query":
			d.query = append(d.query, p)
			if p.style == form && p.explode && p.types.Has(schema.Object) && p.content == noContent {
				d.members = append(d.members, p)
			}
		case "header":
			d.header = append(d.header, p)
		case "cookie":
			d.cookie = append(d.cookie, p)
			if p.explode && p.types.Has(schema.Object) && p.content == noContent {
				d.crumbs = append(d.crumbs, p)
			}
		case "querystring":
			if d.whole != nil {
				errs = append(errs, wrong(dp, "a second parameter stands for the whole query"))
			}
			d.whole = p
		}
	}
	if d.whole != nil && len(d.query) > 0 {
		errs = append(errs, &gatehouse.Error{Code: "contract.document", At: d.whole.at, Message: "a querystring parameter beside query parameters"})
	}
	for _, list := range [][]*param{d.query, d.cookie} {
		for i, p := range list {
			p.index = int32(i)
		}
	}
	return d, errors.Join(errs...)
}

// A compiler has what compiling needs.
type compiler struct {
	set *schema.Set
	dir schema.Direction
	o   Options
}

func (c *compiler) compile(dp *document.Parameter, in string) (*param, error) {
	p := &param{label: in + ":" + dp.Name, required: dp.Required || in == "path", empty: dp.AllowEmptyValue, reserved: dp.AllowReserved}
	p.name, p.explode = dp.Name, dp.Explode
	if dp.Node != nil {
		p.at = dp.Node.At
	}
	switch in {
	case "path", "cookie":
		p.coding = percent
	case "query", "querystring":
		p.coding = plus
	case "header":
		p.coding = verbatim
	default:
		return nil, wrong(dp, fmt.Sprintf("a parameter cannot stand in %q", in))
	}
	if dp.Content != nil {
		return p, c.content(p, dp, in)
	}
	if in == "querystring" {
		return nil, wrong(dp, "a querystring parameter needs content")
	}
	ok := false
	if p.style, ok = styleOf(in, dp.Style); !ok {
		return nil, wrong(dp, fmt.Sprintf("style %q is not for parameters in %s", dp.Style, in))
	}
	if p.style == cookie {
		p.coding = verbatim
	}
	return p, c.schema(&p.spelling, dp.Schema)
}

func wrong(dp *document.Parameter, message string) error {
	e := &gatehouse.Error{Code: "contract.document", Message: "parameter " + dp.Name + ": " + message}
	if dp.Node != nil {
		e.At = dp.Node.At
	}
	return e
}

// content takes a parameter whose value is a media type's: JSON or text, and of the
// whole query a form as well.
func (c *compiler) content(p *param, dp *document.Parameter, in string) error {
	media, _, _ := strings.Cut(dp.Content.Type, ";")
	media = strings.ToLower(strings.Trim(media, " \t"))
	whole := in == "querystring"
	if whole {
		p.coding = percent // of a form, the form undoes the coding
	}
	switch {
	case isJSON(media):
		p.content = jsonContent
	case media == "text/plain":
		p.content = textContent
	case media == "application/x-www-form-urlencoded" && whole:
		form, err := CompileForm(dp.Content, c.set, c.dir, c.o)
		p.form = form
		return err
	default:
		return wrong(dp, fmt.Sprintf("content of %q is not read in a parameter", media))
	}
	err := c.schema(&p.spelling, dp.Content.Schema)
	if p.content == jsonContent {
		p.tries = []kinds{schema.AnyTypes} // it is what it is
	} else {
		p.types, p.tries = schema.String, []kinds{schema.String}
	}
	return err
}

func (c *compiler) schema(p *spelling, n *document.Node) error {
	if n == nil {
		p.setSchema(nil)
		return nil
	}
	s, err := c.set.Compile(n, c.dir)
	if err != nil {
		return err
	}
	p.setSchema(s)
	return nil
}

// maxPrefix bounds how many items of an array have types of their own.
const maxPrefix = 64

// setSchema asks the schema once for what every value needs.
func (p *spelling) setSchema(s *schema.Schema) {
	p.schema, p.types, p.items = s, schema.AnyTypes, schema.AnyTypes
	if s != nil {
		p.types = s.Meant()
		if items := s.Items(); items != nil {
			p.items = items.Meant()
		}
		for i := range maxPrefix {
			item := s.Prefix(i)
			if item == nil {
				break
			}
			p.prefix = append(p.prefix, item.Meant())
		}
	}
	p.tries = triesOf(p.types)
}

// triesOf lists what a value is tried as, the most particular first.
func triesOf(t kinds) []kinds {
	var tries []kinds
	for _, k := range []kinds{schema.Object, schema.Array} {
		if t.Has(k) {
			tries = append(tries, k)
		}
	}
	if scalar := t & scalars; scalar != 0 {
		tries = append(tries, scalar)
	}
	return tries
}
