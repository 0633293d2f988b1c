package schema

import (
	"math"
	"strings"

	"github.com/gatehouse/gatehouse/openapi/document"
	"github.com/gatehouse/gatehouse/strictjson"
)

// A keyword is how one keyword is compiled.
type keyword struct {
	vocab vocabulary
	new   bool // not in OpenAPI 3.0
	fill  func(c *compiler, n *node, k *document.Key)
}

var keywords = map[string]keyword{
	"$ref":        {vCore, false, func(c *compiler, n *node, k *document.Key) { c.ref(n, k) }},
	"$dynamicRef": {vCore, true, func(c *compiler, n *node, k *document.Key) { c.dynamicRef(n, k) }},

	"type":  {vValidation, false, func(c *compiler, n *node, k *document.Key) { n.types = c.types(k) }},
	"enum":  {vValidation, false, func(c *compiler, n *node, k *document.Key) { c.enum(n, k) }},
	"const": {vValidation, true, func(c *compiler, n *node, k *document.Key) { n.fixed = newValues([]*document.Node{k.Value}) }},

	"minimum":          {vValidation, false, func(c *compiler, n *node, k *document.Key) { c.limit(n, k) }},
	"maximum":          {vValidation, false, func(c *compiler, n *node, k *document.Key) { c.limit(n, k) }},
	"exclusiveMinimum": {vValidation, false, func(c *compiler, n *node, k *document.Key) { c.limit(n, k) }},
	"exclusiveMaximum": {vValidation, false, func(c *compiler, n *node, k *document.Key) { c.limit(n, k) }},
	"multipleOf":       {vValidation, false, func(c *compiler, n *node, k *document.Key) { c.limit(n, k) }},

	"minLength": {vValidation, false, func(c *compiler, n *node, k *document.Key) { n.text().min = c.count(k) }},
	"maxLength": {vValidation, false, func(c *compiler, n *node, k *document.Key) { n.text().max = c.count(k) }},
	"pattern":   {vValidation, false, func(c *compiler, n *node, k *document.Key) { c.patternOf(n, k) }},
	"format":    {vFormatAssertion, false, func(c *compiler, n *node, k *document.Key) { c.formatOf(n, k) }},

	"minItems":    {vValidation, false, func(c *compiler, n *node, k *document.Key) { n.array().min = c.count(k) }},
	"maxItems":    {vValidation, false, func(c *compiler, n *node, k *document.Key) { n.array().max = c.count(k) }},
	"uniqueItems": {vValidation, false, func(c *compiler, n *node, k *document.Key) { n.array().unique = c.boolean(k) }},
	"items":       {vApplicator, false, func(c *compiler, n *node, k *document.Key) { n.array().items = c.schema(k.Value, n.res) }},
	"prefixItems": {vApplicator, true, func(c *compiler, n *node, k *document.Key) { n.array().prefix = c.list(n, k) }},
	"contains":    {vApplicator, true, func(c *compiler, n *node, k *document.Key) { n.array().contains = c.schema(k.Value, n.res) }},
	"minContains": {vValidation, true, func(c *compiler, n *node, k *document.Key) { n.array().minContains = c.count(k) }},
	"maxContains": {vValidation, true, func(c *compiler, n *node, k *document.Key) { n.array().maxContains = c.count(k) }},

	"minProperties":        {vValidation, false, func(c *compiler, n *node, k *document.Key) { n.object().min = c.count(k) }},
	"maxProperties":        {vValidation, false, func(c *compiler, n *node, k *document.Key) { n.object().max = c.count(k) }},
	"required":             {vValidation, false, func(c *compiler, n *node, k *document.Key) { c.required(n, k) }},
	"properties":           {vApplicator, false, func(c *compiler, n *node, k *document.Key) { c.properties(n, k) }},
	"patternProperties":    {vApplicator, true, func(c *compiler, n *node, k *document.Key) { c.patternProperties(n, k) }},
	"additionalProperties": {vApplicator, false, func(c *compiler, n *node, k *document.Key) { n.object().additional = c.inline(n, k) }},
	"propertyNames":        {vApplicator, true, func(c *compiler, n *node, k *document.Key) { n.object().names = c.schema(k.Value, n.res) }},
	"dependentRequired":    {vValidation, true, func(c *compiler, n *node, k *document.Key) { c.dependents(n, k) }},
	"dependentSchemas":     {vApplicator, true, func(c *compiler, n *node, k *document.Key) { c.dependents(n, k) }},
	"dependencies":         {vApplicator, true, func(c *compiler, n *node, k *document.Key) { c.dependents(n, k) }},

	"allOf": {vApplicator, false, func(c *compiler, n *node, k *document.Key) { n.applied().allOf = c.list(n, k) }},
	"anyOf": {vApplicator, false, func(c *compiler, n *node, k *document.Key) { n.applied().anyOf = c.list(n, k) }},
	"oneOf": {vApplicator, false, func(c *compiler, n *node, k *document.Key) { n.applied().oneOf = c.list(n, k) }},
	"not":   {vApplicator, false, func(c *compiler, n *node, k *document.Key) { n.applied().not = c.schema(k.Value, n.res) }},
	"if":    {vApplicator, true, func(c *compiler, n *node, k *document.Key) { n.applied().cond = c.schema(k.Value, n.res) }},
	"then":  {vApplicator, true, func(c *compiler, n *node, k *document.Key) { n.applied().yes = c.schema(k.Value, n.res) }},
	"else":  {vApplicator, true, func(c *compiler, n *node, k *document.Key) { n.applied().no = c.schema(k.Value, n.res) }},

	"unevaluatedProperties": {vUnevaluated, true, func(c *compiler, n *node, k *document.Key) { n.applied().unevaluatedProps = c.schema(k.Value, n.res) }},
	"unevaluatedItems":      {vUnevaluated, true, func(c *compiler, n *node, k *document.Key) { n.applied().unevaluatedItems = c.schema(k.Value, n.res) }},

	"readOnly":          {vCore, false, func(c *compiler, n *node, k *document.Key) { n.readOnly = c.boolean(k) }},
	"writeOnly":         {vCore, false, func(c *compiler, n *node, k *document.Key) { n.writeOnly = c.boolean(k) }},
	"x-gatehouse-class": {vCore, false, func(c *compiler, n *node, k *document.Key) { n.class = c.class(k) }},
}

func (n *node) number() *numberRules {
	if n.num == nil {
		n.num = new(numberRules)
	}
	return n.num
}

func (n *node) text() *stringRules {
	if n.str == nil {
		n.str = &stringRules{max: -1}
	}
	return n.str
}

func (n *node) array() *arrayRules {
	if n.arr == nil {
		n.arr = &arrayRules{max: -1, minContains: 1, maxContains: -1}
	}
	return n.arr
}

func (n *node) object() *objectRules {
	if n.obj == nil {
		n.obj = &objectRules{max: -1}
	}
	return n.obj
}

func (n *node) applied() *inPlace {
	if n.place == nil {
		n.place = new(inPlace)
	}
	return n.place
}

// inline is schema for a place where OpenAPI 3.0 has a boolean too.
func (c *compiler) inline(n *node, k *document.Key) *node {
	if k.Value.Kind != document.Bool {
		return c.schema(k.Value, n.res)
	}
	m := c.set.nodes[k.Value]
	if m == nil {
		m = &node{at: k.Value, res: n.res, never: k.Value.Text == "false", free: k.Value.Text == "true", leaf: true}
		c.set.nodes[k.Value] = m
		c.made = append(c.made, m)
	}
	return m
}

func (c *compiler) wrong(k *document.Key, what string) {
	c.fail(k.Value.At, k.Name+" is "+what+", not "+k.Value.Kind.String())
}

func (c *compiler) boolean(k *document.Key) bool {
	if k.Value.Kind != document.Bool {
		c.wrong(k, "a boolean")
	}
	return k.Value.Text == "true"
}

// count returns a number of things. More than a tape can hold is no bound.
func (c *compiler) count(k *document.Key) int {
	if k.Value.Kind != document.Number {
		c.wrong(k, "a number")
		return 0
	}
	d := strictjson.ParseDecimal([]byte(k.Value.Text))
	if !d.IsInteger() || d.Sign() < 0 {
		c.fail(k.Value.At, k.Name+" is an integer from 0 on")
		return 0
	}
	if n, ok := d.Int64(); ok && n < math.MaxInt32 {
		return int(n)
	}
	return math.MaxInt32
}

func (c *compiler) list(n *node, k *document.Key) []*node {
	if k.Value.Kind != document.List {
		c.wrong(k, "a list")
		return nil
	}
	if len(k.Value.Items) == 0 {
		c.fail(k.Value.At, k.Name+" has at least one schema")
	}
	list := make([]*node, len(k.Value.Items))
	for i, item := range k.Value.Items {
		list[i] = c.schema(item, n.res)
	}
	return list
}

func (c *compiler) object(k *document.Key) []document.Key {
	if k.Value.Kind != document.Map {
		c.wrong(k, "an object")
		return nil
	}
	return k.Value.Keys
}

// strings returns a list of strings.
func (c *compiler) strings(name string, v *document.Node) []string {
	if v.Kind != document.List {
		c.fail(v.At, name+" is a list of strings, not "+v.Kind.String())
		return nil
	}
	list := make([]string, 0, len(v.Items))
	for _, item := range v.Items {
		if item.Kind != document.String {
			c.fail(item.At, name+" is a list of strings, and this is "+item.Kind.String())
			continue
		}
		list = append(list, item.Text)
	}
	return list
}

var typeNames = map[string]Types{
	"null": Null, "boolean": Boolean, "integer": Integer, "number": Number, "string": String, "array": Array, "object": Object,
}

func (c *compiler) types(k *document.Key) Types {
	names := []string{k.Value.Text}
	if k.Value.Kind != document.String {
		if c.set.registry.old {
			c.fail(k.Value.At, "type is one string in OpenAPI 3.0, not "+k.Value.Kind.String())
			return 0
		}
		if names = c.strings("type", k.Value); len(names) == 0 {
			c.fail(k.Value.At, "type lists at least one type")
		}
	}
	types := Types(0)
	for _, name := range names {
		t, ok := typeNames[name]
		if !ok {
			c.fail(k.Value.At, "there is no type "+shown(name))
		}
		types |= t
	}
	return types
}

// maxClasses bounds the classes of a document: a Mark has a byte for one, and the
// last number is taken.
const maxClasses = ManyClasses - 1

func (c *compiler) class(k *document.Key) uint8 {
	name := strings.TrimSpace(k.Value.Text)
	if k.Value.Kind != document.String || name == "" {
		c.wrong(k, "the name of a class")
		return 0
	}
	for i, known := range c.set.classes {
		if known == name {
			return uint8(i)
		}
	}
	if len(c.set.classes) > maxClasses {
		c.fail(k.Value.At, "there are more than 254 classes")
		return 0
	}
	c.set.classes = append(c.set.classes, name)
	return uint8(len(c.set.classes) - 1)
}
