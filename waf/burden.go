package waf

import (
	"bytes"
	"mime"
	"mime/multipart"
	"strings"

	"github.com/corazawaf/coraza/v3/collection"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"

	"github.com/gatehouse/gatehouse/waf/seclang"
	"github.com/gatehouse/gatehouse/waf/transform"
)

// Nearly all that the engine does to a request takes time in proportion to its size.
// What does not is bounded here, before it is done.

var (
	errFiles     = refuse(CodeFiles, 413, "the form has too many parts or files", "the engine writes each file to one of its own while it looks at them")
	errAmbiguous = refuse(CodeAmbiguous, 400, "the form has fields whose names differ in case only", "readers take such names differently")
	errQuotes    = refuse(CodeQuotes, 413, "a value has too many quotes to look for SQL in it", "")
)

// maxFiles is how many files a form may have, ModSecurity's default, and maxParts how
// many parts: the engine's limit of arguments does not hold for them.
const (
	maxFiles = 100
	maxParts = 10_000
)

// tooManyParts refuses forms with more parts, or files, than the engine shall read.
func tooManyParts(m *Message) error {
	if len(m.Body) < maxFiles*len("--b\n") {
		return nil
	}
	for v := range m.Header.Values("Content-Type") {
		if len(v) < len("multipart/") || !strings.EqualFold(v[:len("multipart/")], "multipart/") || boundaries(m.Body) <= maxFiles {
			continue
		}
		if parts, files := parts(v, m.Body); parts > maxParts || files > maxFiles {
			return errFiles
		}
	}
	return nil
}

// boundaries counts the lines that may begin a part. There are more of them where files
// hold such lines.
func boundaries(body []byte) (n int) {
	for line := range bytes.Lines(body) {
		if len(line) > 2 && line[0] == '-' && line[1] == '-' {
			n++
		}
	}
	return n
}

// parts counts the parts, and those with a file's name, until there are too many.
func parts(contentType string, body []byte) (parts, files int) {
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return 0, 0 // the engine reads none either
	}
	for r := multipart.NewReader(bytes.NewReader(body), params["boundary"]); parts <= maxParts && files <= maxFiles; parts++ {
		part, err := r.NextRawPart()
		if err != nil {
			break
		}
		if strings.Contains(strings.ToLower(part.Header.Get("Content-Disposition")), "filename") {
			files++
		}
	}
	return parts, files
}

// quotes bounds @detectSQLi: libinjection looks at the whole string behind every quote
// that is doubled or escaped.
type quotes struct {
	pipelines []*transform.Pipeline // of the rules with that operator
	body      bool                  // some of them look at the whole body
}

// What shorter values and bodies cost is of no account.
const (
	quotesFrom     = 4 << 10
	quotesFromBody = 16 << 10
)

// Bounds of the sum of quotes times bytes. A message beyond the first, which takes
// less than a tenth of a second, is left to the reference, whose time is on the
// caller's account; one beyond the second, which takes seconds, to nobody.
const (
	manyQuotes    = 1e9
	tooManyQuotes = 1e10
)

func newQuotes(p *seclang.Program) (q quotes) {
	add := func(names []string) {
		line, ok := transform.Chain(names)
		if !ok {
			line, _ = transform.Chain(nil)
		}
		for _, known := range q.pipelines {
			if known.Key() == line.Key() {
				return
			}
		}
		q.pipelines = append(q.pipelines, line)
	}
	if p == nil { // what the Core Rule Set does
		add([]string{"utf8tounicode", "urldecodeuni", "removenulls"})
		return q
	}
	for i := range p.Rules {
		for j := range p.Rules[i].Links {
			l := &p.Rules[i].Links[j]
			if l.Operator == nil || l.Operator.Name != "detectsqli" {
				continue
			}
			add(l.Transforms)
			for _, t := range l.Targets {
				q.body = q.body || t.Variable == "REQUEST_BODY"
			}
		}
	}
	return q
}

// concerns reports whether a message can have values that are long enough.
func (q *quotes) concerns(m *Message) bool {
	if len(q.pipelines) == 0 {
		return false
	}
	for i := range m.Header {
		if len(m.Header[i].Value) >= quotesFrom {
			return true
		}
	}
	return len(m.Body) >= quotesFromBody
}

// check reports whether the message is for the reference to judge; the error says that
// it is for nobody.
func (q *quotes) check(m *Message, v plugintypes.TransactionVariables) (many bool, err error) {
	sum := 0.0
	look := func(s string) {
		if len(s) < quotesFrom || sum > tooManyQuotes {
			return
		}
		for _, line := range q.pipelines {
			s := line.Apply(s)
			sum += float64(hard(s)) * float64(len(s))
		}
	}
	for i := range m.Header {
		look(m.Header[i].Value)
	}
	if len(m.Body) >= quotesFromBody {
		for _, c := range []collection.Collection{v.ArgsPost(), v.RequestXML()} {
			for _, d := range c.FindAll() {
				look(d.Key())
				look(d.Value())
			}
		}
		if q.body {
			look(v.RequestBody().Get())
		}
	}
	if sum > tooManyQuotes {
		return true, errQuotes
	}
	return sum > manyQuotes, nil
}

// hard counts the quotes that are doubled or escaped.
func hard(s string) (n int) {
	for i := 1; i < len(s); i++ {
		if c := s[i]; (c == '\'' || c == '"') && (s[i-1] == c || s[i-1] == '\\') {
			n++
		}
	}
	return n
}
