package schema

// Types is a set of JSON types.
type Types uint8

const (
	Null Types = 1 << iota
	Boolean
	Integer // a number without a fraction; Number includes it
	Fraction
	String
	Array
	Object

	Number   = Integer | Fraction
	AnyTypes = Null | Boolean | Number | String | Array | Object
)

// Has reports whether t has all of u.
func (t Types) Has(u Types) bool { return t&u == u }

// Types returns the types that the schema can accept, through $ref, allOf, anyOf
// and oneOf: a value of another type is certainly refused.
func (s *Schema) Types() Types { return AnyTypes }

// Items returns the schema of an array's items behind its Prefix, or nil where the
// document says nothing of them, or not one thing.
func (s *Schema) Items() *Schema { return nil }

// Prefix returns the schema of item i that prefixItems gives, or nil.
func (s *Schema) Prefix(i int) *Schema { return nil }

// Property returns the schema of the property called name, or nil where the
// document does not say one thing of it.
func (s *Schema) Property(name string) *Schema { return nil }
