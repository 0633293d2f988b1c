package config

import (
	"reflect"

	"github.com/gatehouse/gatehouse/openapi"
)

// contractType is written as a mapping, or as the name of the document alone.
var contractType = reflect.TypeFor[openapi.Config]()

// contract checks what can be said without reading the document.
func (k *checker) contract(path string, a *API) {
	c := a.Contract
	if c == nil {
		if n := k.source.exact(path + ".contract"); n != nil && n.kind == null {
			k.errorAt(path+".contract", "config.missing", "contract is empty: the API would be held to nothing", "the file of an OpenAPI document")
		}
		return
	}
	k.room(path+".contract", c.Validate())
}

// overrides checks the operations of an API with a contract: each names one of the
// document's by its id. Whether it is there is seen when the document is read.
func (k *checker) overrides(path string, a *API) {
	ids := map[string]int{}
	for i := range a.Operations {
		op, p := &a.Operations[i], item(path+".operations", i)
		n := k.source.exact(p)
		for _, m := range op.methods() {
			if n.get(m.key) != nil {
				k.errorAt(p+"."+m.key, "config.conflict", "an API with a contract has the operations of its document", "name one by its id")
			}
		}
		if op.ID == "" {
			k.errorAt(p, "config.missing", "id is missing", "the operationId, or METHOD /path where there is none")
			continue
		}
		if j, twice := ids[op.ID]; twice {
			k.errorAt(p+".id", "config.duplicate", "the id stands twice", "first at "+k.source.locate(item(path+".operations", j)).position().String())
		}
		ids[op.ID] = i
		k.operation(p, a, op)
	}
}

// anyContract reports whether some operations are known only once a document has
// been read.
func (k *checker) anyContract() bool {
	for i := range k.c.APIs {
		if k.c.APIs[i].Contract != nil {
			return true
		}
	}
	return false
}
