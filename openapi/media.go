package openapi

import (
	"strings"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/openapi/body"
	"github.com/gatehouse/gatehouse/openapi/document"
)

func (c *Contract) bodyOptions() body.Options {
	return body.Options{DecodedBytes: int64(c.opts.Limits.DecodedBytes), Limits: c.limits, Document: c.doc}
}

// promised reports whether some media range covers a Content-Type. Parameters are
// left to package body.
func promised(content []*document.Media, contentType string) bool {
	for _, m := range content {
		if m.Type == contentType || covers(m.Type, contentType) {
			return true
		}
	}
	return false
}

func covers(pattern, contentType string) bool {
	pattern, contentType = bare(pattern), bare(contentType)
	if pattern == "*/*" || gatehouse.EqualFold(pattern, contentType) {
		return true
	}
	main, ok := strings.CutSuffix(pattern, "/*")
	return ok && len(contentType) > len(main) && contentType[len(main)] == '/' && gatehouse.EqualFold(main, contentType[:len(main)])
}

// streams reports whether a body of the type may pass as it comes: the document
// names the type, of which nobody looks into the bodies, or says nothing of them. A
// range with a schema does not let a stream of events by.
func streams(content []*document.Media, contentType string) bool {
	t := strings.ToLower(bare(contentType))
	kind, _, _ := strings.Cut(t, "/")
	for _, pattern := range []string{t, kind + "/*", "*/*"} { // the most specific counts
		for _, m := range content {
			if gatehouse.EqualFold(bare(m.Type), pattern) {
				named := pattern == t && (t == eventStream || strings.HasPrefix(t, "application/grpc") || !readable(t))
				return named || m.Schema == nil && m.ItemSchema == nil
			}
		}
	}
	return false
}

const eventStream = "text/event-stream"

// structured reports whether bodies of the type have properties, though they are no
// JSON: no filter can cut or mask them.
func structured(contentType string) bool {
	t := strings.ToLower(bare(contentType))
	kind, sub, _ := strings.Cut(t, "/")
	return readable(t) && (kind != "text" || sub == "xml" || strings.HasSuffix(sub, "+xml"))
}

// bare returns a media type without its parameters.
func bare(mediaType string) string {
	mediaType, _, _ = strings.Cut(mediaType, ";")
	return strings.Trim(mediaType, " \t")
}

// opaque reports whether the document says nothing of the bodies but their media
// types: images, archives, octets, messages of gRPC.
func opaque(content []*document.Media) bool {
	for _, m := range content {
		t := strings.ToLower(bare(m.Type))
		if readable(t) || m.ItemSchema != nil || !formless(m.Schema) {
			return false
		}
	}
	return len(content) > 0
}

// formless reports whether a schema of a binary body says no more than that it is
// one.
func formless(n *document.Node) bool {
	if n == nil {
		return true
	}
	if n.Kind == document.Bool {
		return n.Text == "true"
	}
	for i := range n.Keys {
		switch k := &n.Keys[i]; {
		case k.Name == "type" && k.Value.Text == "string", k.Name == "format" && (k.Value.Text == "binary" || k.Value.Text == "byte"),
			k.Name == "description", k.Name == "title", k.Name == "example", k.Name == "examples", k.Name == "contentMediaType",
			strings.HasPrefix(k.Name, "x-"):
		default:
			return false
		}
	}
	return true
}
