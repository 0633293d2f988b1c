package server

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/openapi"
)

// documentID is the operation by which callers get the document.
const documentID = "openapi-document"

// promised reads the API's contract and makes its operations.
func (a *assembly) promised(i int, c *config.API, api *gatehouse.API) error {
	contract, err := a.contract(i, c, api)
	if err != nil {
		return err
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
			Hint: "gatehouse routes lists them", At: a.cfg.At(fmt.Sprintf("apis[%d].operations[%d].id", i, j))})
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
		return nil, a.at(section, err)
	}
	o := openapi.Options{Config: cfg, API: api}
	if ck := a.cfg.Authn.Cookie; ck != nil {
		o.WithheldCookies = append(o.WithheldCookies, ck.Name)
	}
	if c.CSRF != nil {
		o.KnownCookies = append(o.KnownCookies, c.CSRF.Cookies...)
	}
	contract, err := openapi.Compile(doc, o)
	if err != nil {
		return nil, a.at(section, err)
	}
	return contract, nil
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
