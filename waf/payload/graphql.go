package payload

import (
	"errors"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"

	"github.com/gatehouse/gatehouse/strictjson"
)

// operations judges the GraphQL operations that the tape's root holds: one request,
// or a batch of them.
func (w *walk) operations() {
	t := w.tape
	switch root := &t.Tokens[0]; root.Kind {
	case strictjson.Object:
		w.operation(0)
	case strictjson.Array:
		count := 0
		for i := uint32(1); i < root.Next && !w.stopped; i = t.Tokens[i].Next {
			if t.Tokens[i].Kind == strictjson.Object && w.operation(int(i)) {
				count++
			}
		}
		w.tok = 0
		if count > w.i.graph.Batch {
			w.find(ruleGraphQLBatch, "")
		}
	}
}

// operation judges one request of the GraphQL over HTTP specification, and reports
// whether it is one.
func (w *walk) operation(object int) bool {
	t := w.tape
	query := t.Get(object, "query")
	if query < 0 || t.Tokens[query].Kind != strictjson.String {
		return w.graphQLPath() && t.Get(object, "extensions") >= 0 // a persisted query
	}
	variables := t.Get(object, "variables")
	if variables >= 0 && (t.Tokens[variables].Kind != strictjson.Object || t.Tokens[variables].Count > maxVariables) {
		variables = -1 // each use of one is a search through all
	}
	w.nameTok, w.tok = query-1, query
	return w.document(string(t.StringBytes(query)), variables)
}

// graphQLPath reports whether the request goes to a GraphQL endpoint.
func (w *walk) graphQLPath() bool {
	p := strings.TrimSuffix(w.in.Path, "/")
	return w.i.graphPaths[w.in.Path] || len(p) >= 8 && strings.EqualFold(p[len(p)-8:], "/graphql") ||
		strings.HasPrefix(w.in.ContentType, "application/graphql")
}

// maxVariables is how many variables are looked through for page sizes.
const maxVariables = 500

// document judges a GraphQL document, and reports whether s is one. Where the path
// is no GraphQL endpoint, a text that does not read is none.
func (w *walk) document(s string, variables int) bool {
	endpoint := w.graphQLPath()
	if !endpoint && !looksLikeGraphQL(s) {
		return false
	}
	if s == "" {
		return endpoint
	}
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: s}, w.i.graph.Tokens)
	if err != nil {
		var e *gqlerror.Error
		switch message := ""; {
		case errors.As(err, &e):
			message = e.Message
			if strings.HasPrefix(message, "exceeded token limit") {
				w.find(ruleGraphQLTokens, "")
				return true
			}
			if strings.HasPrefix(message, "exceeded maximum nesting") {
				w.find(ruleGraphQLDepth, "")
				return true
			}
		}
		if endpoint {
			w.find(ruleGraphQLMalformed, "")
		}
		return endpoint
	}
	g := grapher{w: w, fragments: make(map[string]*fragment, len(doc.Fragments)), variables: variables}
	g.document(doc)
	return true
}

// looksLikeGraphQL tells a document's beginning from other texts: a selection, or a
// keyword with a selection somewhere behind it.
func looksLikeGraphQL(s string) bool {
	for {
		s = strings.TrimLeft(s, " \t\r\n,\ufeff")
		if s == "" || s[0] != '#' {
			break
		}
		_, s, _ = strings.Cut(s, "\n")
	}
	if s == "" || strings.IndexByte(s, '{') < 0 {
		return false
	}
	if s[0] == '{' {
		s = strings.TrimLeft(s[1:], " \t\r\n,")
		return s != "" && (letter(s[0]) || s[0] == '_' || s[0] == '.' || s[0] == '#')
	}
	for _, word := range [...]string{"query", "mutation", "subscription", "fragment"} {
		if strings.HasPrefix(s, word) && len(s) > len(word) && !letter(s[len(word)]) {
			return true
		}
	}
	return s[0] == '"' // a description
}

// weight is what a selection asks for, its fragments included.
type weight struct{ depth, cost, aliases int }

// most bounds sums, so that they never overflow.
const most = 1 << 40

func (a weight) plus(b weight) weight {
	return weight{max(a.depth, b.depth), min(a.cost+b.cost, most), min(a.aliases+b.aliases, most)}
}

type fragment struct {
	def  *ast.FragmentDefinition
	open bool // being weighed: meeting it again is a cycle
	done bool
	weight
}

// grapher judges one document. Each fragment is weighed once, so the time is linear
// in the document although its meaning may be exponential.
type grapher struct {
	w         *walk
	fragments map[string]*fragment
	defaults  map[string]*ast.Value // of variables
	variables int                   // index of the variables on the walk's tape, or -1
	schema    bool                  // introspection was met
	cycle     bool
	crowded   bool // too many directives somewhere
}

func (g *grapher) document(doc *ast.QueryDocument) {
	w := g.w
	for _, def := range doc.Fragments {
		if g.fragments[def.Name] != nil {
			w.find(ruleGraphQLMalformed, "two fragments of one name")
			return
		}
		g.fragments[def.Name] = &fragment{def: def}
	}
	for _, op := range doc.Operations {
		g.variableDefinitions(op.VariableDefinitions)
	}
	var worst weight
	for _, op := range doc.Operations {
		g.directives(op.Directives)
		s := g.selections(op.SelectionSet)
		worst = weight{max(worst.depth, s.depth), max(worst.cost, s.cost), max(worst.aliases, s.aliases)}
	}
	for _, f := range g.fragments {
		g.spread(f) // what no operation uses is read by servers all the same
	}
	limits := &w.i.graph
	for _, c := range [...]struct {
		broken bool
		rule   int
		size   int
	}{
		{g.cycle, ruleGraphQLCycle, 0},
		{worst.depth > limits.Depth, ruleGraphQLDepth, worst.depth},
		{worst.aliases > limits.Aliases, ruleGraphQLAlias, worst.aliases},
		{worst.cost > limits.Cost, ruleGraphQLCost, worst.cost},
		{g.crowded, ruleGraphQLDirectives, 0},
		{g.schema && !limits.Introspection, ruleGraphQLIntrospection, 0},
	} {
		if c.broken {
			hint := ""
			if c.size > 0 {
				hint = strconv.Itoa(c.size)
			}
			w.find(c.rule, hint)
		}
	}
}

func (g *grapher) variableDefinitions(list ast.VariableDefinitionList) {
	for _, v := range list {
		g.directives(v.Directives)
		if v.DefaultValue == nil {
			continue
		}
		if g.defaults == nil {
			g.defaults = map[string]*ast.Value{}
		}
		g.defaults[v.Variable] = v.DefaultValue
		g.value(v.Variable, v.DefaultValue)
	}
}

func (g *grapher) directives(list ast.DirectiveList) {
	g.crowded = g.crowded || len(list) > g.w.i.graph.Directives
	for _, d := range list {
		g.arguments(d.Arguments)
	}
}

// selections weighs a selection set. The parser bounds how deep it nests.
func (g *grapher) selections(set ast.SelectionSet) (sum weight) {
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			sum = sum.plus(g.field(s))
		case *ast.InlineFragment:
			g.directives(s.Directives)
			sum = sum.plus(g.selections(s.SelectionSet))
		case *ast.FragmentSpread:
			g.directives(s.Directives)
			if f := g.fragments[s.Name]; f != nil {
				sum = sum.plus(g.spread(f))
			}
		}
	}
	return sum
}

func (g *grapher) spread(f *fragment) weight {
	switch {
	case f.open:
		g.cycle = true
	case !f.done:
		f.open = true
		g.directives(f.def.Directives)
		g.variableDefinitions(f.def.VariableDefinition)
		f.weight = g.selections(f.def.SelectionSet)
		f.open, f.done = false, true
	}
	return f.weight
}

func (g *grapher) field(f *ast.Field) weight {
	g.schema = g.schema || f.Name == "__schema" || f.Name == "__type"
	g.directives(f.Directives)
	g.arguments(f.Arguments)
	below := g.selections(f.SelectionSet)
	below.depth++
	if pages := g.page(f); pages > 1 {
		below.cost = min(below.cost*min(pages, 1<<20), most)
	}
	below.cost = min(below.cost+1, most)
	if f.Alias != f.Name {
		below.aliases++
	}
	return below
}

// pageNames are arguments that say how many elements a field returns.
var pageNames = set("first last limit size count take top pagesize perpage")

// unknownPage stands for a page size that a variable holds which is not known.
const unknownPage = 10

func (g *grapher) page(f *ast.Field) int {
	pages := 1
	for _, a := range f.Arguments {
		if a.Value != nil && pageNames[foldName(a.Name)] {
			pages = max(pages, g.number(a.Value))
		}
	}
	return pages
}

// number returns the whole number that v is, in the document or in a variable.
func (g *grapher) number(v *ast.Value) int {
	if v.Kind != ast.Variable {
		n, err := strconv.Atoi(v.Raw)
		if errors.Is(err, strconv.ErrRange) && !strings.HasPrefix(v.Raw, "-") {
			return most
		}
		return n
	}
	if g.variables >= 0 {
		t := g.w.tape
		if i := t.Get(g.variables, v.Raw); i >= 0 {
			if n, ok := t.Int64(i); ok {
				return int(min(max(n, 0), most))
			}
			return unknownPage
		}
	}
	if d := g.defaults[v.Raw]; d != nil && d.Kind == ast.IntValue {
		return g.number(d)
	}
	return unknownPage
}

func (g *grapher) arguments(list ast.ArgumentList) {
	for _, a := range list {
		g.value(a.Name, a.Value)
	}
}

// value judges the strings of an argument as any other parameter's.
func (g *grapher) value(name string, v *ast.Value) {
	if v == nil || g.w.stopped {
		return
	}
	switch v.Kind {
	case ast.StringValue, ast.BlockValue:
		w := g.w
		source, field, tape, deeper := w.source, w.field, w.tape, w.deeper
		w.at(w.source, "graphql:"+name)
		w.tape, w.deeper = nil, true // strings in here are not looked into
		w.value(v.Raw)
		w.at(source, field)
		w.tape, w.deeper = tape, deeper
	case ast.ListValue:
		for _, c := range v.Children {
			g.value(name, c.Value)
		}
	case ast.ObjectValue:
		for _, c := range v.Children {
			g.w.key(c.Name)
			g.value(c.Name, c.Value)
		}
	}
}
