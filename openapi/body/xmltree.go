package body

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// maxNamespaces bounds the namespace declarations in force at one place.
const maxNamespaces = 64

// Namespaces with a meaning of their own.
const (
	xmlNamespace = "http://www.w3.org/XML/1998/namespace"
	xsiNamespace = "http://www.w3.org/2001/XMLSchema-instance"
)

// An element is one element of an XML document, its namespaces resolved.
type element struct {
	space, name string
	prefix      string
	attributes  []attribute
	children    []*element
	text        []byte
	remark      bool // a comment stands in it
}

type attribute struct{ space, name, value string }

// parseXML reads an XML document (XML 1.0, Namespaces in XML 1.0) by the tokens of
// encoding/xml, and is stricter where that is not a validating reader: no document
// type declaration and so no entity but the five, no processing instruction but the
// XML declaration, no attribute twice, no undeclared prefix, one root, and no comment
// within text, which readers put together differently.
func parseXML(body []byte, depth, most int) (*element, *gatehouse.Error) {
	p := xmlParser{d: xml.NewDecoder(bytes.NewReader(body)), depth: depth, left: most}
	p.d.Strict = true
	for {
		token, err := p.d.RawToken()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, xmlError(err)
		}
		if e := p.take(token); e != nil {
			return nil, e
		}
		p.begun = true
	}
	if p.root == nil || len(p.open) > 0 {
		return nil, refuse(CodeXML, "the XML document has no root or does not close it")
	}
	return p.root, nil
}

func xmlError(err error) *gatehouse.Error {
	e := &gatehouse.Error{Code: CodeXML, Status: 400, Message: "the body is not well-formed XML"}
	var syntax *xml.SyntaxError
	switch {
	case errors.As(err, &syntax) && strings.HasPrefix(syntax.Msg, "invalid character entity"):
		e.Code, e.Message = CodeXMLEntity, "the XML document uses an entity beyond the five of XML"
	case strings.Contains(err.Error(), "encoding"):
		e.Code, e.Status, e.Message = CodeCharset, 415, "the XML declaration names a charset other than UTF-8"
	}
	return e
}

type xmlParser struct {
	d     *xml.Decoder
	root  *element
	open  []*element
	scope []namespace
	marks []int // length of scope outside each open element
	depth int
	left  int // elements and attributes that may still come
	begun bool
}

type namespace struct{ prefix, uri string }

func (p *xmlParser) take(token xml.Token) *gatehouse.Error {
	switch t := token.(type) {
	case xml.StartElement:
		return p.start(t)
	case xml.EndElement:
		return p.end(t)
	case xml.CharData:
		return p.characters(t)
	case xml.Comment:
		if len(p.open) > 0 {
			p.open[len(p.open)-1].remark = true
		}
	case xml.ProcInst:
		if t.Target != "xml" || p.begun {
			return refuse(CodeXMLInstruction, "the XML document has a processing instruction")
		}
	case xml.Directive:
		return refuse(CodeXMLDoctype, "the XML document has a document type declaration")
	}
	return nil
}

func (p *xmlParser) characters(text []byte) *gatehouse.Error {
	if len(p.open) > 0 {
		e := p.open[len(p.open)-1]
		e.text = append(e.text, text...)
		return nil
	}
	if len(bytes.TrimLeft(text, " \t\r\n")) > 0 {
		return refuse(CodeXML, "text outside the root of the XML document")
	}
	return nil
}

func (p *xmlParser) start(t xml.StartElement) *gatehouse.Error {
	if p.root != nil && len(p.open) == 0 {
		return refuse(CodeXML, "the XML document has two roots")
	}
	if len(p.open) >= p.depth {
		return &gatehouse.Error{Code: CodeXMLDepth, Status: 413, Message: "the XML document is nested too deeply"}
	}
	if p.left -= 1 + len(t.Attr); p.left < 0 {
		return &gatehouse.Error{Code: CodeXMLSize, Status: 413, Message: "the XML document has too many elements and attributes"}
	}
	p.marks = append(p.marks, len(p.scope))
	if err := p.declare(t.Attr); err != nil {
		return err
	}
	e := &element{name: t.Name.Local, prefix: t.Name.Space}
	var ok bool
	if e.space, ok = p.lookup(t.Name.Space); !ok || !isNCName(t.Name.Local) {
		return refuse(CodeXMLNamespace, "an element of the XML document has an undeclared prefix or a colon too many")
	}
	if err := p.attributes(e, t.Attr); err != nil {
		return err
	}
	if len(p.open) > 0 {
		above := p.open[len(p.open)-1]
		above.children = append(above.children, e)
	} else {
		p.root = e
	}
	p.open = append(p.open, e)
	return nil
}

// declare takes the namespace declarations among the attributes.
func (p *xmlParser) declare(list []xml.Attr) *gatehouse.Error {
	from := len(p.scope)
	for _, a := range list {
		prefix := a.Name.Local
		switch {
		case a.Name.Space == "xmlns":
			if prefix == "xml" || prefix == "xmlns" || a.Value == "" {
				return refuse(CodeXMLNamespace, "the XML document declares a prefix that is reserved or empty")
			}
		case a.Name.Space == "" && prefix == "xmlns":
			prefix = ""
		default:
			continue
		}
		for _, other := range p.scope[from:] {
			if other.prefix == prefix {
				return refuse(CodeXMLDuplicate, "an element of the XML document has an attribute twice")
			}
		}
		if len(p.scope) >= maxNamespaces {
			return refuse(CodeXMLNamespace, "the XML document declares too many namespaces")
		}
		p.scope = append(p.scope, namespace{prefix, a.Value})
	}
	return nil
}

func (p *xmlParser) lookup(prefix string) (string, bool) {
	for i := len(p.scope) - 1; i >= 0; i-- {
		if p.scope[i].prefix == prefix {
			return p.scope[i].uri, true
		}
	}
	if prefix == "xml" {
		return xmlNamespace, true
	}
	return "", prefix == ""
}

// maxAttributes bounds the attributes of one element: each is compared with the rest.
const maxAttributes = 256

func (p *xmlParser) attributes(e *element, list []xml.Attr) *gatehouse.Error {
	if len(list) > maxAttributes {
		return &gatehouse.Error{Code: CodeXMLSize, Status: 413, Message: "an element of the XML document has too many attributes"}
	}
	for _, a := range list {
		if a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns" {
			continue
		}
		space := "" // the default namespace is not for attributes
		if a.Name.Space != "" {
			var ok bool
			if space, ok = p.lookup(a.Name.Space); !ok {
				return refuse(CodeXMLNamespace, "an attribute of the XML document has an undeclared prefix")
			}
		}
		if !isNCName(a.Name.Local) {
			return refuse(CodeXMLNamespace, "an attribute of the XML document has a colon too many")
		}
		for _, other := range e.attributes {
			if other.name == a.Name.Local && other.space == space {
				return refuse(CodeXMLDuplicate, "an element of the XML document has an attribute twice")
			}
		}
		e.attributes = append(e.attributes, attribute{space, a.Name.Local, a.Value})
	}
	return nil
}

func (p *xmlParser) end(t xml.EndElement) *gatehouse.Error {
	if len(p.open) == 0 {
		return refuse(CodeXML, "the XML document closes what it did not open")
	}
	n := len(p.open) - 1
	e := p.open[n]
	if e.name != t.Name.Local || e.prefix != t.Name.Space {
		return refuse(CodeXML, "the XML document closes another element than the last it opened")
	}
	if e.remark && !blank(e.text) {
		return refuse(CodeXML, "a comment stands within text of the XML document")
	}
	p.scope = p.scope[:p.marks[n]]
	p.open, p.marks = p.open[:n], p.marks[:n]
	return nil
}

func isNCName(s string) bool { return s != "" && strings.IndexByte(s, ':') < 0 }

func blank(text []byte) bool { return len(bytes.TrimLeft(text, " \t\r\n")) == 0 }
