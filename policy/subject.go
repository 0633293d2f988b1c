package policy

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/x/exp/ast"

	"github.com/gatehouse/gatehouse"
)

// anyID names the principal that stands for all of a type. No credential can
// carry it.
const anyID cedar.String = "\x00any"

// A Subject is whose access is reviewed: a named principal, any of a type, or
// whoever has a role.
type Subject struct {
	// Type is Role, User, Client, Workload or Anonymous. A Role is judged as a
	// User who has that role and no other.
	Type string
	// ID is the name in policies; "" stands for any of the type, one that no
	// policy names.
	ID string
	// Roles are further roles, besides those of the entities file; nil: unknown
	// to conditions, none to the policies' heads.
	Roles []string
	// Scopes are the scopes of the credential; nil: unknown.
	Scopes []string
}

// String prints Role::"admin", any User, or Anonymous.
func (s Subject) String() string {
	switch {
	case s.Type == string(typeAnonymous):
		return s.Type
	case s.ID == "":
		return "any " + s.Type
	}
	return cedar.NewEntityUID(cedar.EntityType(s.Type), cedar.String(s.ID)).String()
}

// Subject reads a subject as a person writes it: role:admin, user:alice,
// client:ID, workload:ID (or without the ID for any), anonymous, Cedar's own
// Role::"admin", or the bare name of a subject in the policies or entities file.
func (s *Set) Subject(text string) (Subject, error) {
	if strings.EqualFold(text, string(typeAnonymous)) {
		return Subject{Type: string(typeAnonymous)}, nil
	}
	types := []cedar.EntityType{typeRole, typeUser, typeClient, typeWorkload}
	for _, t := range types {
		if rest, ok := strings.CutPrefix(text, string(t)+`::"`); ok && strings.HasSuffix(rest, `"`) {
			return Subject{Type: string(t), ID: strings.TrimSuffix(rest, `"`)}, nil
		}
		word := strings.ToLower(string(t))
		if rest, ok := strings.CutPrefix(text, word+":"); ok && rest != "" {
			return Subject{Type: string(t), ID: rest}, nil
		}
		if t != typeRole && (text == word || text == "any "+string(t)) {
			return Subject{Type: string(t)}, nil
		}
	}
	for _, sub := range s.Subjects() {
		if sub.ID != "" && sub.ID == text {
			return sub, nil
		}
	}
	return Subject{}, s.badSubject(text)
}

// Subjects lists whom a review is about: anybody of each type, then every role
// and principal that the policies or the entities file name, sorted.
func (s *Set) Subjects() []Subject {
	out := []Subject{{Type: string(typeAnonymous)}, {Type: string(typeUser)}, {Type: string(typeClient)}, {Type: string(typeWorkload)}}
	seen := map[cedar.EntityUID]bool{}
	add := func(uid cedar.EntityUID) {
		if seen[uid] {
			return
		}
		switch uid.Type {
		case typeRole, typeUser, typeClient, typeWorkload:
			seen[uid] = true
			out = append(out, Subject{Type: string(uid.Type), ID: string(uid.ID)})
		}
	}
	for uid := range s.names {
		add(uid)
	}
	for uid, e := range s.directory.entities {
		add(uid)
		for p := range e.Parents.All() {
			add(p)
		}
	}
	for _, p := range s.policies {
		inspect(p.tree, func(n ast.IsNode) bool {
			if v, ok := n.(ast.NodeValue); ok {
				if uid, ok := v.Value.(cedar.EntityUID); ok {
					add(uid)
				}
			}
			return true
		})
	}
	named := out[4:]
	slices.SortFunc(named, func(a, b Subject) int { return strings.Compare(a.String(), b.String()) })
	return out
}

// A Query selects operations: by their name, or by method and path.
type Query struct {
	API string // "" for every API
	// Operation is "shop.getOrder", or "getOrder" with API.
	Operation string
	Method    string
	// Path is a template ("/orders/{id}") or a path ("/orders/17"), with the API's
	// base path or without.
	Path string
}

// find returns the plans a query selects.
func (s *Set) find(q Query) ([]*plan, error) {
	var exact, like []*plan
	for _, pl := range s.ordered {
		if q.API != "" && pl.op.API.Name != q.API {
			continue
		}
		if q.Operation != "" {
			if pl.name == q.Operation || q.API != "" && pl.op.ID == q.Operation {
				exact = append(exact, pl)
			}
			continue
		}
		if !methodMatches(pl, q.Method) {
			continue
		}
		base := strings.TrimSuffix(pl.op.API.BasePath, "/")
		rest, based := strings.CutPrefix(q.Path, base)
		switch {
		case q.Path == pl.op.Path || based && rest == pl.op.Path:
			exact = append(exact, pl)
		case templateMatches(pl.op.Path, q.Path) || based && templateMatches(pl.op.Path, rest):
			like = append(like, pl)
		}
	}
	if len(exact) > 0 {
		return exact, nil
	}
	if len(like) > 0 {
		return closest(like), nil
	}
	word := q.Operation
	if word == "" {
		word = q.Method + " " + q.Path
	}
	return nil, &gatehouse.Error{Code: "policy.unknown_operation", Message: inert(fmt.Sprintf("no operation %q", word)),
		Hint: didYouMean(q.Operation, s.Operations())}
}

func methodMatches(pl *plan, method string) bool {
	if pl.op.Method == "*" {
		return method == "*" || safeMethod(method) == (pl.class == classRead)
	}
	return pl.op.Method == method || method == "HEAD" && pl.op.Method == "GET"
}

// closest keeps of each API the operations that its router would choose: at the
// first segment that differs, a literal goes before a parameter, and a parameter
// before a rest.
func closest(plans []*plan) []*plan {
	best := map[*gatehouse.API]string{}
	for _, pl := range plans {
		if rank, ok := best[pl.op.API]; !ok || rankOf(pl.op.Path) < rank {
			best[pl.op.API] = rankOf(pl.op.Path)
		}
	}
	return slices.DeleteFunc(plans, func(pl *plan) bool { return rankOf(pl.op.Path) != best[pl.op.API] })
}

// rankOf spells a template so that the closer one sorts first.
func rankOf(template string) string {
	var b strings.Builder
	for seg := range strings.SplitSeq(template, "/") {
		switch {
		case strings.HasSuffix(seg, "...}"):
			b.WriteByte('3')
		case strings.HasPrefix(seg, "{") && strings.IndexByte(seg, '}') == len(seg)-1:
			b.WriteByte('2')
		case strings.Contains(seg, "{"):
			b.WriteByte('1')
		default:
			b.WriteByte('0')
		}
	}
	return b.String()
}

// templateMatches reports whether a path fits a template.
func templateMatches(template, path string) bool {
	t, p := strings.Split(template, "/"), strings.Split(path, "/")
	for i, seg := range t {
		if strings.HasPrefix(seg, "{") && strings.HasSuffix(seg, "...}") {
			return len(p) > i
		}
		if i >= len(p) || !segmentMatches(seg, p[i]) {
			return false
		}
	}
	return len(t) == len(p)
}

// segmentMatches reports whether a segment fits one of a template, made of literals
// and parameters of one byte or more.
func segmentMatches(template, seg string) bool {
	literal, rest, found := strings.Cut(template, "{")
	if !found {
		return template == seg
	}
	after, ok := strings.CutPrefix(seg, literal)
	if !ok || after == "" {
		return false
	}
	_, next, _ := strings.Cut(rest, "}")
	for end := 1; end <= len(after); end++ { // people ask this, one path at a time
		if segmentMatches(next, after[end:]) {
			return true
		}
	}
	return false
}

// Grants is the result of a review.
type Grants []Grant

// WriteTable prints the grants as a table with one line for each policy.
func (g Grants) WriteTable(w io.Writer) error {
	var out bytes.Buffer
	tw := tabwriter.NewWriter(&out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(tw, "SUBJECT\tOPERATION\tMETHOD\tPATH\tACCESS\tPOLICY\tAT\tCONDITION")
	for _, x := range g {
		access := string(x.Access)
		if x.Public {
			access += " (public)"
		}
		if x.Contract {
			access += " (contract)"
		}
		method := x.Method
		if method == "*" {
			method += " " + x.Class
		}
		head := []string{x.Subject, x.Operation, method, x.Path, access}
		lines := x.Policies
		if len(lines) == 0 {
			lines = []PolicyRef{{}}
		}
		for i, p := range lines {
			if i > 0 {
				head = []string{"", "", "", "", ""}
			}
			name := p.ID
			if p.Effect != "" {
				name = p.Effect + " " + p.ID
			}
			cells := append(slices.Clone(head), name, p.At, p.Condition)
			for j := range cells {
				cells[j] = strings.Map(printable, cells[j])
			}
			fmt.Fprintln(tw, strings.Join(cells, "\t"))
		}
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	for line := range bytes.Lines(out.Bytes()) {
		if _, err := w.Write(append(bytes.TrimRight(line, " \n"), '\n')); err != nil {
			return err
		}
	}
	return nil
}

func printable(r rune) rune {
	switch {
	case r == '\n' || r == '\t':
		return ' '
	case !unicode.IsPrint(r):
		return '\uFFFD'
	}
	return r
}

func subjectError(message, hint string) error {
	return &gatehouse.Error{Code: "policy.unknown_subject", Message: message, Hint: hint}
}
