package server

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/openapi"
	"github.com/gatehouse/gatehouse/openapi/document"
)

// documentID is the operation by which callers get the document.
const documentID = "openapi-document"

// promised reads the API's contract and makes its operations.
func (a *assembly) promised(i int, c *config.API, api *gatehouse.API) error {
	contract, err := a.contract(i, c, api)
	if err != nil {
		return err
	}
	var ids []string
	for _, op := range contract.Operations() {
		ids = append(ids, op.ID)
	}
	said := map[string]int{}
	for j := range c.Operations {
		said[c.Operations[j].ID] = j
	}
	add := func(s served) {
		if j, ok := said[s.op.ID]; ok {
			s.cfg = &c.Operations[j]
			override(s.op, s.cfg)
			delete(said, s.op.ID)
		}
		a.served[c] = append(a.served[c], s)
	}
	for _, op := range contract.Operations() {
		add(served{op: op, contract: contract})
	}
	if path := c.Contract.Serve; path != "" {
		add(served{answer: documentForwarder{contract}, op: &gatehouse.Operation{API: api, ID: documentID, Method: "GET", Path: path,
			Endpoint: endpoint("GET", c.BasePath, path), At: a.cfg.At(fmt.Sprintf("apis[%d].contract.serve", i))}})
	}
	var errs []error
	for id, j := range said {
		errs = append(errs, &gatehouse.Error{Code: "config.unknown_operation", Message: fmt.Sprintf("the contract has no operation %q", id),
			Hint: config.DidYouMean(id, ids), At: a.cfg.At(fmt.Sprintf("apis[%d].operations[%d].id", i, j))})
	}
	return errors.Join(errs...)
}

// contract reads and compiles a document.
func (a *assembly) contract(i int, c *config.API, api *gatehouse.API) (*openapi.Contract, error) {
	section := fmt.Sprintf("apis[%d].contract", i)
	cfg := *c.Contract
	source := cfg.Source()
	source.Path = a.path(source.Path)
	for j, f := range source.Folders {
		if j == 0 {
			source.Folders = append([]string(nil), source.Folders...)
		}
		source.Folders[j] = a.path(f)
	}
	doc, err := openapi.Load(context.Background(), source)
	if err != nil {
		return nil, a.faults(section, source.Path, err, textOf(err))
	}
	o := openapi.Options{Config: cfg, API: api}
	if ck := a.cfg.Authn.Cookie; ck != nil {
		if c.Credentials == "forward" {
			o.KnownCookies = append(o.KnownCookies, ck.Name)
		} else {
			o.WithheldCookies = append(o.WithheldCookies, ck.Name)
		}
	}
	if c.CSRF != nil {
		o.KnownCookies = append(o.KnownCookies, c.CSRF.Cookies...)
	}
	contract, err := openapi.Compile(doc, o)
	if err != nil {
		return nil, a.faults(section, source.Path, err, doc.Text)
	}
	a.identify(c.Name, doc)
	a.warnings = append(a.warnings, config.InDocument(config.Warning, contract.Warnings(), doc.Text)...)
	return contract, nil
}

// identify makes a document part of what the configuration's hash stands for, and
// of what is looked at for changes.
func (a *assembly) identify(api string, doc *document.Document) {
	h := sha256.New()
	fmt.Fprintf(h, "%s %q %d\n", a.hash, api, len(doc.Files))
	for _, name := range doc.Files {
		text, _ := doc.Text(name)
		fmt.Fprintf(h, "%q %d\n%s", a.relative(name), len(text), text)
		a.files = append(a.files, name)
	}
	a.hash = hex.EncodeToString(h.Sum(nil)[:8])
}

// relative is a file's name from the folder of the configuration on: where
// that lies does not matter.
func (a *assembly) relative(name string) string {
	dir := a.dir
	if filepath.IsAbs(name) {
		if abs, err := filepath.Abs(dir); err == nil {
			dir = abs
		}
	}
	if rel, err := filepath.Rel(dir, name); err == nil {
		return filepath.ToSlash(rel)
	}
	return name
}

// textOf returns the texts behind the problems of a document.
func textOf(err error) func(file string) (string, bool) {
	var p *document.Problems
	if errors.As(err, &p) {
		return p.Text
	}
	return func(string) (string, bool) { return "", false }
}

// faults gives the errors of a contract their places: those at a line of the
// document are shown with it, the others belong to the configuration.
func (a *assembly) faults(section, file string, err error, text func(string) (string, bool)) error {
	var inside []*gatehouse.Error
	var outside []error
	for _, err := range each(err) {
		e, ok := err.(*gatehouse.Error)
		switch {
		case ok && e.At.Line > 0:
			inside = append(inside, e)
			continue
		case ok && e.At.File == file: // which cannot be read
			own := *e
			own.At = gatehouse.Position{}
			err = &own
		}
		outside = append(outside, a.at(section, err))
	}
	if len(inside) > 0 {
		outside = append(outside, config.InDocument(config.Error, inside, text))
	}
	return errors.Join(outside...)
}

// each takes joined errors apart.
func each(err error) []error {
	many, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var out []error
	for _, e := range many.Unwrap() {
		out = append(out, each(e)...)
	}
	return out
}

// path returns where a file named in the configuration is.
func (a *assembly) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(a.dir, name)
}

// documentForwarder answers with the document, as far as the caller may see it.
type documentForwarder struct{ contract *openapi.Contract }

func (f documentForwarder) Forward(_ context.Context, x *gatehouse.Exchange, w gatehouse.ResponseWriter) error {
	doc := f.contract.DocumentFor(x.Principal)
	if doc == nil { // nothing is there for who sees nothing
		return w.WriteHead(404, gatehouse.Header{{Name: "Content-Length", Value: "0"}, {Name: "Cache-Control", Value: "private, no-cache"}})
	}
	h := gatehouse.Header{{Name: "Content-Type", Value: "application/vnd.oai.openapi+json"}, {Name: "Content-Length", Value: strconv.Itoa(len(doc))},
		{Name: "Cache-Control", Value: "private, no-cache"}, {Name: "Vary", Value: "Authorization, Cookie"}}
	if err := w.WriteHead(200, h); err != nil {
		return err
	}
	if strings.EqualFold(x.Request.Method, "HEAD") {
		return nil
	}
	_, err := w.Write(doc)
	return err
}
