package document

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// Load reads a document with all the files it refers to, and judges it. The error
// is a *[Problems]; what is only strange is in [Document.Warnings].
func Load(ctx context.Context, source Source) (*Document, error) {
	source.Limits = source.Limits.withDefaults()
	l := &loader{
		reader:    reader{Source: source, left: source.Limits.Bytes},
		growth:    growth{limits: source.Limits},
		problems:  &Problems{texts: map[string]string{}},
		resources: map[string]*resource{},
		ids:       map[string]*Node{},
		anchors:   map[string]*Node{},
		failed:    map[string]bool{},
		told:      map[*Node]bool{},
	}
	d := l.load(ctx)
	l.problems.sort(source.Path)
	if len(l.problems.Errors) > 0 {
		return nil, l.problems
	}
	return d, nil
}

// A loader holds what is known while a document is read.
type loader struct {
	reader    reader
	growth    growth
	problems  *Problems
	doc       *Document
	resources map[string]*resource // by URL
	ids       map[string]*Node     // schemas by the URL of their $id
	anchors   map[string]*Node     // by URL#name
	failed    map[string]bool      // URLs that could not be read, and were told of
	told      map[*Node]bool       // references whose fault has been told
	files     int
	version   uint8 // the minor one: 0, 1, 2
}

func (l *loader) fail(at gatehouse.Position, code, message, hint string) {
	l.problems.add(&gatehouse.Error{Code: code, Message: message, Hint: hint, At: at})
}

func (l *loader) warn(at gatehouse.Position, code, message, hint string) {
	l.problems.warn(&gatehouse.Error{Code: code, Message: message, Hint: hint, At: at})
}

func (l *loader) load(ctx context.Context) *Document {
	text, at, name, err := l.reader.entry(ctx)
	if err != nil {
		l.unreadable(gatehouse.Position{File: name}, "the document", err)
		return nil
	}
	home := &resource{url: at, from: at, name: name}
	if !l.read(home, text) {
		return nil
	}
	root := home.root
	if root.Kind != Map {
		l.fail(root.At, "contract.document_type", "the document is "+root.Kind.String()+", not an object", "")
		return nil
	}
	l.doc = &Document{problems: l.problems, ids: l.ids, anchors: l.anchors}
	if root.Get("swagger") != nil && root.Get("openapi") == nil {
		if root = l.convert(root); root == nil {
			return nil
		}
		home.root = root
	} else if !l.knownVersion(root) {
		return nil
	}
	l.setSelf(home)
	l.doc.File, l.doc.Root = home.url, root
	l.dialect(root)
	c := &crawler{loader: l, ctx: ctx, seen: map[visit]bool{}, inPlace: map[*Node][]*Node{}}
	c.crawl(root)
	l.doc.Resources = make(map[string]*Node, len(l.resources))
	for u, r := range l.resources {
		l.doc.Resources[u] = r.root
		if r != home && !slices.Contains(l.doc.Files, r.name) {
			l.doc.Files = append(l.doc.Files, r.name)
		}
	}
	slices.Sort(l.doc.Files)
	l.doc.Files = append([]string{name}, l.doc.Files...)
	l.view()
	l.doc.Warnings = l.problems.Warnings
	return l.doc
}

// read makes the tree of a resource and registers it.
func (l *loader) read(home *resource, text []byte) bool {
	home.text = string(text)
	l.problems.texts[home.name] = home.text
	l.files++
	before := len(l.problems.Errors) + l.problems.More
	read(home, &l.growth, l.problems)
	l.resources[home.url] = home
	return home.root != nil && len(l.problems.Errors)+l.problems.More == before
}

var versionForm = regexp.MustCompile(`^3\.([012])\.[0-9]+(-.+)?$`)

func (l *loader) knownVersion(root *Node) bool {
	v := root.Get("openapi")
	if v == nil {
		hint := didYouMean("openapi", names(root))
		if hint == "" {
			hint = `an OpenAPI document says openapi: "3.1.0", for example`
		}
		l.fail(root.At, "contract.document_version", "openapi, the version of the specification, is missing", hint)
		return false
	}
	m := versionForm.FindStringSubmatch(v.Text)
	if v.Kind != String || m == nil {
		hint := "3.0.x, 3.1.x and 3.2.x are known, and swagger: \"2.0\""
		if v.Kind == Number {
			hint = "write it in quotes, with three numbers: \"3.1.0\""
		}
		l.fail(v.At, "contract.document_version", "openapi "+shown(v.Text)+" is no known version", hint)
		return false
	}
	l.doc.Version = v.Text
	l.version = m[1][0] - '0'
	l.doc.Dialect = JSONSchema202012
	if l.version == 0 {
		l.doc.Dialect = OpenAPI30
	}
	return true
}

// dialect refuses a document whose schemas are in a language we do not speak.
func (l *loader) dialect(root *Node) {
	at := root.Get("jsonSchemaDialect")
	if at == nil || l.version == 0 || at.Kind != String {
		return
	}
	name := strings.TrimSuffix(at.Text, "#")
	if name != "https://json-schema.org/draft/2020-12/schema" && !strings.HasPrefix(name, "https://spec.openapis.org/oas/3.") {
		l.fail(at.At, "contract.document_version", "the schema dialect "+shown(at.Text)+" is not known", "leave it out for JSON Schema 2020-12")
	}
}

// setSelf gives a resource the URL that it says it has (OpenAPI 3.2, $self).
func (l *loader) setSelf(home *resource) {
	self := home.root.Get("$self")
	if self == nil || l.version < 2 {
		return
	}
	base, err := url.Parse(home.url)
	if err != nil {
		return
	}
	u, err := base.Parse(self.Text)
	if err != nil || self.Kind != String || u.Fragment != "" || !u.IsAbs() {
		l.fail(self.At, "contract.document_url", "$self is no URL without a fragment", "")
		return
	}
	home.url = u.String()
	if _, taken := l.resources[home.url]; !taken {
		l.resources[home.url] = home
	}
}

// resource returns the file at u, which a reference in from names, reading it at
// the first time; nil if it cannot be had, which is told once.
func (l *loader) resource(ctx context.Context, u *url.URL, from *Node) *resource {
	key := u.String()
	if r := l.resources[key]; r != nil {
		return r
	}
	if l.failed[key] {
		return nil
	}
	if l.files >= l.growth.limits.Files {
		l.failed[key] = true
		l.fail(from.At, "contract.document_size", fmt.Sprintf("the document has more than %d files", l.growth.limits.Files), "")
		return nil
	}
	place := l.whereabouts(u, from.home)
	text, name, err := []byte(nil), key, error(nil)
	if place.Scheme == "file" && !strings.HasPrefix(from.home.from, "file:") {
		err = fmt.Errorf("%w: a remote document may not refer to files", errNotAllowed)
	} else {
		text, name, err = l.reader.get(ctx, place)
	}
	if err != nil {
		l.failed[key] = true
		l.unreadable(from.At, shown(name), err)
		return nil
	}
	home := &resource{url: key, from: place.String(), name: name}
	if !l.read(home, text) || home.root == nil {
		l.failed[key] = true
		delete(l.resources, key)
		return nil
	}
	l.setSelf(home)
	return home
}

// whereabouts returns from where to read u: itself, or, next to a document whose
// $self is another URL than its place, the file that lies as u does to $self.
func (l *loader) whereabouts(u *url.URL, home *resource) *url.URL {
	if u.Scheme == "file" || home.url == home.from {
		return u
	}
	for _, listed := range l.reader.URLs {
		if listed == u.String() {
			return u
		}
	}
	self, err := url.Parse(home.url)
	if err != nil || self.Scheme != u.Scheme || self.Host != u.Host || self.User != nil || u.User != nil {
		return u
	}
	place, err := url.Parse(home.from)
	if err != nil {
		return u
	}
	folder, _ := path.Split(self.Path)
	rest, below := strings.CutPrefix(u.Path, folder)
	if !below || rest == "" {
		return u
	}
	folder, _ = path.Split(place.Path)
	return &url.URL{Scheme: place.Scheme, Host: place.Host, Path: path.Join(folder, rest)}
}

func (l *loader) unreadable(at gatehouse.Position, what string, err error) {
	var own *gatehouse.Error
	if errors.As(err, &own) {
		l.problems.add(&gatehouse.Error{Code: own.Code, Message: own.Message, Hint: own.Hint, At: at})
		return
	}
	e := &gatehouse.Error{Code: "contract.document_unreadable", Message: what + " cannot be read", At: at}
	switch {
	case errors.Is(err, errNotAllowed):
		e.Code = "contract.document_not_allowed"
		e.Message, e.Err = "the reference leads to "+what, err
		e.Hint = "list its folder or URL to allow it"
	case errors.Is(err, fs.ErrNotExist):
		e.Message = what + " does not exist"
	default:
		e.Err = err
	}
	l.problems.add(e)
}

// names are the names of a map's members.
func names(n *Node) []string {
	if n == nil {
		return nil
	}
	list := make([]string, len(n.Keys))
	for i := range n.Keys {
		list[i] = n.Keys[i].Name
	}
	return list
}
