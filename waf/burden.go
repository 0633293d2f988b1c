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
	errFiles     = refuse(CodeFiles, 413, "the form has too many files", "the engine writes each to a file of its own while it looks at them")
	errAmbiguous = refuse(CodeAmbiguous, 400, "the form has fields whose names differ in case only", "the engine reads one of them, and not the same one each time")
	errQuotes    = refuse(CodeQuotes, 413, "a value has too many quotes to look for SQL in it", "")
)

// maxFiles is how many files a form may have. ModSecurity has the same default.
const maxFiles = 100

// tooManyFiles refuses forms with more files than the engine shall make of them.
func tooManyFiles(m *Message) error {
	if len(m.Body) < maxFiles*len("content-disposition") {
		return nil
	}
	for v := range m.Header.Values("Content-Type") {
		if len(v) < len("multipart/") || !strings.EqualFold(v[:len("multipart/")], "multipart/") {
			continue
		}
		if dispositions(m.Body) > maxFiles && files(v, m.Body) > maxFiles {
			return errFiles
		}
	}
	return nil
}

// dispositions counts the lines that may be the field that makes a part a file. There
// are more of them where files hold such lines.
func dispositions(body []byte) (n int) {
	const field = "content-disposition"
	for line := range bytes.Lines(body) {
		if len(line) > len(field) && line[0]|0x20 == 'c' && bytes.EqualFold(line[:len(field)], []byte(field)) {
			n++
		}
	}
	return n
}

// files counts the parts with a disposition and a file's name, up to one more than
// there may be.
func files(contentType string, body []byte) (n int) {
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return 0 // the engine reads none either
	}
	for r := multipart.NewReader(bytes.NewReader(body), params["boundary"]); n <= maxFiles; {
		part, err := r.NextRawPart()
		if err != nil {
			break
		}
		if d := part.Header.Get("Content-Disposition"); strings.Contains(strings.ToLower(d), "filename") {
			n++
		}
	}
	return n
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
