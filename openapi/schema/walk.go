package schema

import (
	"sync"

	"github.com/gatehouse/gatehouse/openapi/document"
	"github.com/gatehouse/gatehouse/strictjson"
)

var walkers = sync.Pool{New: func() any { return new(walk) }}

type node struct{ at *document.Node }

type walk struct{}

func (w *walk) run(s *Schema, t *strictjson.Tape, i int, r *Report) bool { return false }

func (w *walk) release() { walkers.Put(w) }
