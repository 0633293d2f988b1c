package expression_test

import (
	"fmt"

	"github.com/gatehouse/gatehouse/waf/expression"
)

func Example() {
	e, err := expression.Compile(`(?i)union\s+select`)
	if err != nil {
		fmt.Println(err)
		return
	}
	gate := e.Gate()
	fmt.Printf("at least %d bytes, one of %d literals, the first %q\n", gate.MinLength, len(gate.Literals), gate.Literals[0])

	var present expression.Bytes
	present.AddString("42 parcels")
	fmt.Println(gate.Admits("42 parcels"), e.CanMatch(&present), e.MatchString("42 parcels"))
	fmt.Println(gate.Admits("1 UNION  SELECT 2"), e.MatchString("1 UNION  SELECT 2"))
	// Output:
	// at least 12 bytes, one of 5 literals, the first "\tselect"
	// false false false
	// true true
}
