package lab

// Flaws switches the weaknesses of the shop, one switch for each class of the
// OWASP API Security Top 10 (2023). The zero value is a shop that defends
// itself.
type Flaws struct {
	BOLA                bool // API1: objects are handed to whoever names their id
	BrokenAuth          bool // API2: tokens and identity headers are believed unverified
	BOPLA               bool // API3: mass assignment, and answers with every property
	ResourceConsumption bool // API4: no bound on time, size or page
	BFLA                bool // API5: no role check; method overrides are obeyed
	SensitiveFlows      bool // API6: nothing stops a machine from buying everything
	SSRF                bool // API7: any URL is fetched
	Misconfiguration    bool // API8: stack traces, permissive CORS, TRACE, lax parsing
	Inventory           bool // API9: the old version and the debug endpoints still answer
	UnsafeConsumption   bool // API10: what the rates provider says is believed
}

// AllFlaws returns every switch on, as in the demo.
func AllFlaws() Flaws {
	return Flaws{true, true, true, true, true, true, true, true, true, true}
}

// A Class is one risk of the OWASP API Security Top 10 (2023).
type Class int

// The classes, API1 to API10.
const (
	API1 Class = 1 + iota
	API2
	API3
	API4
	API5
	API6
	API7
	API8
	API9
	API10
)

var classTitles = [...]string{"", "broken object level authorization", "broken authentication",
	"broken object property level authorization", "unrestricted resource consumption",
	"broken function level authorization", "unrestricted access to sensitive flows",
	"server side request forgery", "security misconfiguration", "improper inventory management",
	"unsafe consumption of APIs"}

var classNames = [...]string{"", "API1", "API2", "API3", "API4", "API5", "API6", "API7", "API8", "API9", "API10"}

// String returns "API1" to "API10".
func (c Class) String() string { return classNames[c] }

// Title returns the class's name in the Top 10, in lower case.
func (c Class) Title() string { return classTitles[c] }

// MarshalText makes a Class stand as "API1" in JSON.
func (c Class) MarshalText() ([]byte, error) { return []byte(c.String()), nil }
