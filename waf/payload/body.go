package payload

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/textproto"
	"strings"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/strictjson"
)

// path judges the path. Its dot segments are gone; what hides in it is not.
func (w *walk) path(s string) {
	w.at(sourcePath, "")
	w.targets = targetsAll
	c := classify(s)
	if w.i.traversal && c&(isDot|isPercent|isHigh|isNull) != 0 {
		w.traversal(s, c)
	}
	if c&isColon != 0 && w.i.ssrf {
		w.nested(s)
	}
	if c&isDot != 0 && w.i.jwt {
		w.tokens(s)
	}
}

// pairs judges a query or form.
func (w *walk) pairs(s string, part source) {
	w.targets = targetsAll
	for s != "" && !w.stopped {
		var pair string
		pair, s, _ = strings.Cut(s, "&")
		if pair == "" {
			continue
		}
		name, value, ok := strings.Cut(pair, "=")
		if strings.IndexByte(name, '%') >= 0 || strings.IndexByte(name, '+') >= 0 {
			w.nameBuf = appendForm(w.nameBuf[:0], name)
			name = view(w.nameBuf)
		}
		if strings.IndexByte(value, '%') >= 0 || strings.IndexByte(value, '+') >= 0 {
			w.valueBuf = appendForm(w.valueBuf[:0], value)
			value = view(w.valueBuf)
		}
		w.at(part, name)
		w.key(name)
		if !ok {
			w.at(part, "") // a value, which a place must not tell
			w.value(name)
			continue
		}
		w.parameter(name, value)
	}
}

// parameter judges the value of a parameter or form field, GraphQL's included.
func (w *walk) parameter(name, value string) {
	if w.i.graphQL {
		switch name {
		case "query":
			w.document(value, -1)
		case "operations": // the GraphQL multipart request specification
			if w.read(&w.inner, []byte(value)) {
				w.enter(&w.inner, true)
				w.operations()
				w.leave()
			}
		}
	}
	w.value(value)
}

// header judges the fields that applications read: cookies, and what is not
// standard. The credentials' own fields belong to package authn.
func (w *walk) header(h gatehouse.Header) {
	for i := range h {
		if w.stopped {
			return
		}
		f := &h[i]
		switch {
		case standardField(f.Name):
		case gatehouse.EqualFold(f.Name, "cookie"):
			w.cookies(f.Value)
		default:
			w.at(sourceHeader, f.Name)
			w.targets = targetsNamed
			w.value(f.Value)
		}
	}
}

// standardField tells the fields that no rule looks at: they are read by servers,
// and hold addresses, dates and product names by nature.
func standardField(name string) bool {
	is := func(s string) bool { return gatehouse.EqualFold(name, s) }
	switch len(name) {
	case 0:
		return true
	case 2:
		return is("te")
	case 3:
		return is("via") || is("dnt")
	case 4:
		return is("host") || is("date") || is("from") || is("dpop") || is("etag")
	case 5:
		return is("range")
	case 6:
		return is("accept") || is("origin") || is("expect") || is("pragma")
	case 7:
		return is("referer") || is("upgrade") || is("trailer") || is("sec-gpc")
	case 8:
		return is("if-match") || is("if-range") || is("priority")
	case 9:
		return is("forwarded") || is("x-real-ip") || is("sec-ch-ua")
	case 10:
		return is("user-agent") || is("connection") || is("keep-alive")
	case 11:
		return is("traceparent")
	case 12:
		return is("content-type")
	case 13:
		return is("authorization") || is("cache-control") || is("if-none-match")
	}
	switch lower(name[0]) {
	case 'a':
		return hasFold(name, "accept-") || hasFold(name, "access-control-")
	case 'c':
		return hasFold(name, "content-")
	case 'i':
		return is("if-modified-since") || is("if-unmodified-since")
	case 'p':
		return is("proxy-authorization")
	case 's':
		return hasFold(name, "sec-")
	case 't':
		return is("transfer-encoding")
	case 'u':
		return is("upgrade-insecure-requests")
	case 'x':
		return hasFold(name, "x-forwarded-")
	}
	return false
}

func hasFold(s, prefix string) bool {
	return len(s) >= len(prefix) && gatehouse.EqualFold(s[:len(prefix)], prefix)
}

func (w *walk) cookies(s string) {
	w.targets = targetsNone
	for s != "" && !w.stopped {
		var pair string
		pair, s, _ = strings.Cut(s, ";")
		name, value, _ := strings.Cut(strings.Trim(pair, " \t"), "=")
		if strings.IndexByte(value, '%') >= 0 {
			w.valueBuf = appendUnpercented(w.valueBuf[:0], value)
			value = view(w.valueBuf)
		}
		w.at(sourceCookie, name)
		w.value(value)
	}
}

// body judges the body by its media type.
func (w *walk) body(contentType string, body []byte) {
	if len(body) == 0 || w.stopped {
		return
	}
	w.at(sourceBody, "")
	w.targets = targetsAll
	kind, _, _ := strings.Cut(contentType, ";")
	kind = strings.ToLower(strings.Trim(kind, " \t"))
	switch {
	case kind == "application/json" || strings.HasSuffix(kind, "+json") || kind == "text/json":
		w.jsonBody(body, true)
	case kind == "application/x-www-form-urlencoded":
		w.pairs(view(body), sourceBody)
	case kind == "application/graphql":
		w.document(view(body), -1)
	case kind == "multipart/form-data" || kind == "multipart/mixed" || kind == "multipart/related":
		w.multipart(contentType, body)
	case kind == "application/x-ndjson" || kind == "application/jsonl" || kind == "application/ndjson" || kind == "application/json-seq":
		for line := range bytes.SplitSeq(body, []byte("\n")) {
			if line = bytes.Trim(line, " \t\r\x1e"); len(line) > 0 && !w.stopped {
				w.jsonBody(line, true)
			}
		}
	default:
		w.jsonBody(body, false)
	}
}

// jsonBody judges a JSON text. With declared its type says that it is one.
func (w *walk) jsonBody(body []byte, declared bool) {
	if !declared {
		if start := bytes.TrimLeft(bytes.TrimPrefix(body, byteOrderMark), " \t\r\n"); len(start) == 0 || start[0] != '{' && start[0] != '[' {
			return
		}
	}
	if err := w.text.Read(body, &readLimits); err != nil {
		w.refused(err, declared)
		if declared || readable(err) {
			w.loose(body)
		}
		return
	}
	w.enter(&w.text, false)
	if w.i.graphQL {
		w.operations()
	}
	w.json()
	w.leave()
}

// readLimits are wide: the rules' own limits are counted on the tape, so that a rule
// that only monitors ends no inspection.
var readLimits = strictjson.Limits{Depth: maxDepth, Members: 1e6}

// refused reports a text that the tape refused.
func (w *walk) refused(err error, declared bool) {
	var e *strictjson.Error
	if !errors.As(err, &e) {
		return
	}
	switch e.Code {
	case strictjson.CodeDepth:
		w.find(ruleJSONDepth, "")
	case strictjson.CodeMembers, strictjson.CodeValues, strictjson.CodeItems:
		w.find(ruleJSONKeys, "")
	default:
		if declared {
			w.find(ruleJSONMalformed, e.Code)
		}
	}
}

// read reads text that a value holds; false where it is no JSON.
func (w *walk) read(t *strictjson.Tape, text []byte) bool {
	return t.Read(text, &readLimits) == nil && t.Tokens[0].Kind.IsContainer()
}

// enter and leave begin and end the walk of a tape.
func (w *walk) enter(t *strictjson.Tape, deeper bool) {
	w.tape, w.nameTok, w.tok, w.deeper = t, -1, 0, deeper
}

func (w *walk) leave() { w.tape, w.deeper = nil, false }

// frame is an open object or array of a tape.
type frame struct {
	end    uint32 // index of the token behind it
	name   int32  // index of the name it has, or -1
	object bool
}

// json judges every name and value of the tape.
func (w *walk) json() {
	t := w.tape
	frames, base := w.frames[:0], 0
	keys, deep := 0, false
	for i, n := 0, len(t.Tokens); i < n && !w.stopped; i++ {
		for len(frames) > base && frames[len(frames)-1].end == uint32(i) {
			frames = frames[:len(frames)-1]
		}
		name := int32(-1)
		if len(frames) > 0 {
			top := &frames[len(frames)-1]
			name = top.name
			if top.object {
				name = int32(i)
				w.nameTok, w.tok = i, i
				w.member(i)
				i++
			}
		}
		w.nameTok, w.tok = int(name), i
		switch tok := &t.Tokens[i]; tok.Kind {
		case strictjson.String:
			if tok.Escaped {
				w.leafBuf = t.AppendString(w.leafBuf[:0], i)
				w.value(view(w.leafBuf))
			} else {
				w.value(view(t.Text[tok.Start+1 : tok.End-1]))
			}
		case strictjson.Number:
			if tok.End-tok.Start == 10 && t.Text[tok.Start] == '2' {
				w.asked = false
				w.ssrf(view(t.Text[tok.Start:tok.End]), isDigit)
			}
		case strictjson.Object, strictjson.Array:
			frames = append(frames, frame{tok.Next, name, tok.Kind == strictjson.Object})
			if tok.Kind == strictjson.Object {
				keys += int(tok.Count)
			}
			if len(frames) > w.i.json.Depth && !deep {
				deep = true
				w.find(ruleJSONDepth, "")
			}
		}
	}
	w.frames = frames
	if keys > w.i.json.Keys {
		w.tok = 0
		w.find(ruleJSONKeys, "")
	}
}

// member judges the name of a member, and what stands below "constructor".
func (w *walk) member(i int) {
	t := w.tape
	tok := &t.Tokens[i]
	if tok.Escaped {
		w.leafBuf = t.AppendString(w.leafBuf[:0], i)
		w.key(view(w.leafBuf))
	} else {
		w.key(view(t.Text[tok.Start+1 : tok.End-1]))
	}
	if w.i.prototype && t.Tokens[i+1].Kind == strictjson.Object && t.Equal(i, "constructor") && t.Get(i+1, "prototype") >= 0 {
		w.find(rulePrototypeKey, "")
	}
}

// embedded judges JSON that a value holds, one level deep.
func (w *walk) embedded(s string) {
	s = trimControls(s)
	if len(s) < 2 || s[0] != '{' && s[0] != '[' || s[len(s)-1] != s[0]+2 {
		return
	}
	outer, name, tok, frames, leaf := w.tape, w.nameTok, w.tok, w.frames, w.leafBuf
	w.frames, w.leafBuf = nil, nil
	field := w.field
	if err := w.inner.Read([]byte(s), &readLimits); err != nil {
		if w.tape = nil; readable(err) {
			w.deeper = true
			w.loose([]byte(s))
		}
		w.field = field
	} else {
		if outer != nil { // the way to the text, as a field of its own
			w.field = strings.TrimPrefix(w.place(), "body:")
		}
		w.enter(&w.inner, true)
		w.json()
		w.field = field
	}
	w.tape, w.nameTok, w.tok, w.deeper = outer, name, tok, false
	w.frames, w.leafBuf = frames, leaf
	w.asked = false
}

// multipart judges the fields of a form, and the names of its files. Files
// themselves are looked at only where they are JSON.
func (w *walk) multipart(contentType string, body []byte) {
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil || params["boundary"] == "" {
		return
	}
	r := multipart.NewReader(bytes.NewReader(body), params["boundary"])
	for !w.stopped {
		part, err := r.NextRawPart()
		if err != nil {
			return
		}
		if !w.part(part) {
			return
		}
	}
}

func (w *walk) part(part *multipart.Part) bool {
	_, params, _ := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
	name, file := params["name"], params["filename"]
	w.at(sourceBody, name)
	w.key(name)
	if file != "" && w.i.traversal {
		c := classify(file)
		w.asked = false
		w.traversal(file, c)
	}
	kind := strings.ToLower(textproto.TrimString(part.Header.Get("Content-Type")))
	kind, _, _ = strings.Cut(kind, ";")
	isJSON := kind == "application/json" || strings.HasSuffix(kind, "+json")
	if file != "" && !isJSON {
		return true // NextRawPart skips what is not read
	}
	data, err := io.ReadAll(part)
	if err != nil {
		return false
	}
	if isJSON {
		w.jsonBody(data, false)
		return true
	}
	w.parameter(name, view(data))
	return true
}
