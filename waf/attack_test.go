package waf

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/waf/expression"
	"github.com/gatehouse/gatehouse/waf/seclang"
)

// What people who mean harm send, and where they put it.

// payloads are the values that a message carries.
func payloads(m *Message) []string {
	var out []string
	add := func(values ...string) {
		for _, v := range values {
			if len(v) > 2 && len(v) < 4096 {
				out = append(out, v)
			}
		}
	}
	pairs := func(s string) {
		for pair := range strings.SplitSeq(s, "&") {
			name, value, _ := strings.Cut(pair, "=")
			for _, v := range []string{name, value} {
				if plain, err := url.QueryUnescape(v); err == nil && plain != v {
					add(plain)
				}
				add(v)
			}
		}
	}
	path, query, _ := strings.Cut(m.Target, "?")
	if path != "/" {
		add(path)
	}
	pairs(query)
	for _, f := range m.Header {
		switch strings.ToLower(f.Name) {
		case "host", "accept", "connection", "content-length", "content-type":
		default:
			add(f.Value)
		}
	}
	var tree any
	if json.Unmarshal(m.Body, &tree) == nil {
		leaves(tree, add)
	} else if len(m.Body) > 0 {
		pairs(string(m.Body))
		add(string(m.Body))
	}
	add(string(m.AnswerBody))
	return out
}

func leaves(v any, add func(...string)) {
	switch v := v.(type) {
	case map[string]any:
		for name, sub := range v {
			add(name)
			leaves(sub, add)
		}
	case []any:
		for _, sub := range v {
			leaves(sub, add)
		}
	case string:
		add(v)
	}
}

// positions are the places of a message that can hold a payload. Each makes a
// message that is benign otherwise.
var positions = map[string]func(c corpus, s string) *Message{
	"query value": func(c corpus, s string) *Message { return c.head("GET", "/search?page=2&q="+escape(c.rnd, s)) },
	"query name":  func(c corpus, s string) *Message { return c.head("GET", "/search?"+escape(c.rnd, s)+"=1&page=2") },
	"query":       func(c corpus, s string) *Message { return c.head("GET", "/search?"+oneLine(s)) },
	"path": func(c corpus, s string) *Message {
		return c.head("GET", "/v1/items/"+strings.ReplaceAll(escape(c.rnd, s), "+", "%20")+"/reviews")
	},
	"target": func(c corpus, s string) *Message { return c.head("GET", "/"+oneLine(s)) },
	"json": func(c corpus, s string) *Message {
		return setBody(c.head("POST", "/v1/orders"), "application/json", document(map[string]any{"id": 7, "note": s}))
	},
	"json nested": func(c corpus, s string) *Message {
		return setBody(c.head("PUT", "/v1/orders/7"), "application/json", document(map[string]any{"lines": []any{map[string]any{"a": 1}, map[string]any{"text": []any{"x", s}}}}))
	},
	"json name": func(c corpus, s string) *Message {
		return setBody(c.head("PATCH", "/v1/orders/7"), "application/json", document(map[string]any{"a": map[string]any{s: 1}}))
	},
	"json text": func(c corpus, s string) *Message {
		return setBody(c.head("POST", "/v1/notes"), "application/json", document(s))
	},
	"form": func(c corpus, s string) *Message {
		return setBody(c.head("POST", "/contact"), "application/x-www-form-urlencoded", []byte("name=Ann&text="+escape(c.rnd, s)))
	},
	"form name": func(c corpus, s string) *Message {
		return setBody(c.head("POST", "/contact"), "application/x-www-form-urlencoded", []byte(escape(c.rnd, s)+"=1&name=Ann"))
	},
	"multipart": func(c corpus, s string) *Message {
		return setBody(c.head("POST", "/upload"), "multipart/form-data; boundary=----"+multipartBoundary, join([]string{part("a", "", "1"), part("text", "", s)}))
	},
	"multipart name": func(c corpus, s string) *Message {
		return setBody(c.head("POST", "/upload"), "multipart/form-data; boundary=----"+multipartBoundary, join([]string{part(oneLine(s), "", "1")}))
	},
	"file name": func(c corpus, s string) *Message {
		return setBody(c.head("POST", "/upload"), "multipart/form-data; boundary=----"+multipartBoundary, join([]string{part("file", oneLine(s), "content")}))
	},
	"part header": func(c corpus, s string) *Message {
		return setBody(c.head("POST", "/upload"), "multipart/form-data; boundary=----"+multipartBoundary, join([]string{"X-Note: " + oneLine(s) + "\r\n" + part("a", "", "1")}))
	},
	"body": func(c corpus, s string) *Message {
		return setBody(c.head("POST", "/v1/raw"), pick(c.rnd, []string{"text/plain", "application/octet-stream", "application/x-www-form-urlencoded"}), []byte(s))
	},
	"xml": func(c corpus, s string) *Message {
		return setBody(c.head("POST", "/soap"), "text/xml", []byte("<a><b id=\"1\">"+xmlText(s)+"</b><c/></a>"))
	},
	"xml attribute": func(c corpus, s string) *Message {
		return setBody(c.head("POST", "/soap"), "application/xml", []byte("<a><b id=\""+xmlText(s)+"\">text</b></a>"))
	},
	"cookie": func(c corpus, s string) *Message { return with(c, "Cookie", "session=1; note="+oneLine(s)) },
	"cookie name": func(c corpus, s string) *Message {
		return with(c, "Cookie", "a=1; "+strings.ReplaceAll(oneLine(s), ";", "")+"=2")
	},
	"user agent":  func(c corpus, s string) *Message { return with(c, "User-Agent", oneLine(s)) },
	"referer":     func(c corpus, s string) *Message { return with(c, "Referer", oneLine(s)) },
	"header":      func(c corpus, s string) *Message { return with(c, "X-Note", oneLine(s)) },
	"header name": func(c corpus, s string) *Message { return with(c, strings.ReplaceAll(oneLine(s), ":", ""), "1") },
	"content type": func(c corpus, s string) *Message {
		return setBody(c.head("POST", "/v1/raw"), oneLine(s), []byte("a=1"))
	},
	"method": func(c corpus, s string) *Message { return c.head(strings.ReplaceAll(oneLine(s), " ", ""), "/v1/items") },
	"answer": func(c corpus, s string) *Message {
		m := c.head("GET", "/report")
		m.HasAnswer, m.Status, m.AnswerProto = true, pick(c.rnd, []int{200, 200, 404, 500, 503}), "HTTP/1.1"
		m.AnswerHeader.Add("Content-Type", pick(c.rnd, []string{"text/html", "text/plain", "application/json"}))
		m.HasAnswerBody, m.AnswerBody = true, []byte(s)
		if c.rnd.IntN(2) == 0 {
			m.AnswerBody = []byte("<html><body>" + s + "</body></html>")
		}
		return m
	},
}

var positionNames = func() []string {
	var names []string
	for name := range positions {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}()

func with(c corpus, name, value string) *Message {
	m := c.head("GET", "/v1/items?page=2")
	m.Header.Set(name, value)
	return m
}

// oneLine leaves out what a header or a request line cannot hold.
func oneLine(s string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		if r == '\r' || r == '\n' || r == 0 {
			return -1
		}
		return r
	}, s), " \t")
}

func xmlText(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", `"`, "&quot;").Replace(s)
}

func document(v any) []byte {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return []byte(b.String())
}

// escape is what a client does to a value in a URL, and what an attacker does.
func escape(rnd *rand.Rand, s string) string {
	switch rnd.IntN(8) {
	case 0:
		var b strings.Builder
		for i := range len(s) {
			fmt.Fprintf(&b, "%%%02x", s[i])
		}
		return b.String()
	case 1: // only what would break the query
		return strings.NewReplacer("%", "%25", "&", "%26", "+", "%2b", " ", "+", "#", "%23", "=", "%3D", "\r", "%0d", "\n", "%0a", "\x00", "%00").Replace(s)
	case 2:
		return url.QueryEscape(url.QueryEscape(s))
	}
	return url.QueryEscape(s)
}

// disguise undoes the transformations of a rule in part, so that it takes them to
// see what it looks for.
func disguise(rnd *rand.Rand, transforms []string, s string) string {
	each := func(share int, f func(r rune) string) string {
		var b strings.Builder
		for _, r := range s {
			if rnd.IntN(share) == 0 && r < 0x80 && r > 0 {
				b.WriteString(f(r))
			} else {
				b.WriteRune(r)
			}
		}
		return b.String()
	}
	for _, name := range slices.Backward(transforms) {
		if rnd.IntN(2) == 0 || len(s) > 4096 {
			continue
		}
		switch name {
		case "lowercase":
			s = each(3, func(r rune) string { return strings.ToUpper(string(r)) })
		case "urldecode", "urldecodeuni":
			s = each(4, func(r rune) string {
				if name == "urldecodeuni" && rnd.IntN(3) == 0 {
					return fmt.Sprintf("%%u%04x", r)
				}
				return fmt.Sprintf("%%%02x", r)
			})
		case "htmlentitydecode":
			s = each(4, func(r rune) string {
				return fmt.Sprintf(pick(rnd, []string{"&#%d;", "&#x%x;", "&#0%d;", "&#X%X"}), r)
			})
		case "jsdecode", "cssdecode", "escapeseqdecode":
			s = each(5, func(r rune) string { return fmt.Sprintf(pick(rnd, []string{`\x%02x`, `\u00%02x`, `\%02x `}), r) })
		case "removewhitespace", "compresswhitespace", "removenulls":
			s = each(6, func(r rune) string { return string(r) + pick(rnd, []string{" ", "\t", "\x00", "\u00a0"}) })
		case "replacecomments", "removecommentschar", "removecomments":
			s = each(8, func(r rune) string { return pick(rnd, []string{"/**/", "/* x */", "--", "#"}) + string(r) })
		case "cmdline":
			s = each(6, func(r rune) string { return pick(rnd, []string{`\`, `"`, "'", "^", ",", ";"}) + string(r) })
		case "normalizepath", "normalizepathwin", "normalisepath", "normalisepathwin":
			s = strings.ReplaceAll(s, "/", pick(rnd, []string{"/./", "//", "/x/../", `\`}))
		case "base64decode":
			s = base64Text(s)
		case "utf8tounicode":
			s = each(5, func(r rune) string { return string(r - 0x20 + 0xff00) })
		}
	}
	return s
}

func base64Text(s string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	var b strings.Builder
	for i := 0; i < len(s); i += 3 {
		var word uint32
		n := min(3, len(s)-i)
		for j := range 3 {
			word <<= 8
			if j < n {
				word |= uint32(s[i+j])
			}
		}
		for j := range 4 {
			if j > n {
				b.WriteByte('=')
			} else {
				b.WriteByte(alphabet[word>>(18-6*j)&63])
			}
		}
	}
	return b.String()
}

// A trigger makes values that one rule looks for.
type trigger struct {
	rule  *seclang.Rule
	rx    []*expression.Expression // by link; nil where the link has no pattern
	known []string                 // from the rule's own tests
	own   []*Message               // those tests' messages
}

// value is a text that is likely to match; "" where there is none.
func (g *trigger) value(rnd *rand.Rand) string {
	if len(g.known) > 0 && rnd.IntN(4) == 0 {
		return pick(rnd, g.known)
	}
	var out []string
	for i, link := range g.rule.Links {
		if link.Operator == nil {
			continue
		}
		s := ""
		switch {
		case g.rx[i] != nil:
			s, _ = g.rx[i].Generate(rnd)
		case len(link.Operator.Phrases) > 0:
			s = pick(rnd, link.Operator.Phrases)
		case strings.Contains(link.Operator.Argument, "%{"):
		default:
			switch link.Operator.Name {
			case "contains", "containsword", "beginswith", "endswith", "streq":
				s = link.Operator.Argument
			case "within":
				if words := strings.Fields(link.Operator.Argument); len(words) > 0 {
					s = pick(rnd, words)
				}
			}
		}
		out = append(out, disguise(rnd, link.Transforms, s))
		if rnd.IntN(3) == 0 {
			break
		}
	}
	s := strings.Join(out, pick(rnd, []string{"", " ", "\n", ";"}))
	if s == "" && len(g.known) > 0 {
		return pick(rnd, g.known)
	}
	return s
}

// places are the positions whose variables the rule looks at.
func (g *trigger) places() []string {
	var out []string
	for _, link := range g.rule.Links {
		for _, t := range link.Targets {
			out = append(out, reach[t.Variable]...)
			if t.Variable == "REQUEST_HEADERS" {
				out = append(out, map[string]string{"user-agent": "user agent", "referer": "referer", "cookie": "cookie", "content-type": "content type"}[t.Key])
			}
		}
	}
	return slices.DeleteFunc(out, func(s string) bool { return s == "" })
}

// reach tells which positions end up in a variable.
var reach = map[string][]string{
	"ARGS":                   {"query value", "json", "json nested", "json text", "form", "multipart", "query"},
	"ARGS_GET":               {"query value", "query"},
	"ARGS_POST":              {"json", "form", "multipart"},
	"ARGS_NAMES":             {"query name", "json name", "form name", "multipart name"},
	"ARGS_GET_NAMES":         {"query name"},
	"REQUEST_COOKIES":        {"cookie"},
	"REQUEST_HEADERS":        {"header"},
	"REQUEST_URI":            {"path", "target", "query"},
	"REQUEST_URI_RAW":        {"path", "target", "query"},
	"REQUEST_FILENAME":       {"path", "target"},
	"REQUEST_BASENAME":       {"target"},
	"REQUEST_LINE":           {"method", "target"},
	"REQUEST_METHOD":         {"method"},
	"REQUEST_BODY":           {"body", "form"},
	"QUERY_STRING":           {"query", "query value"},
	"XML":                    {"xml", "xml attribute"},
	"FILES":                  {"file name"},
	"FILES_NAMES":            {"multipart name"},
	"MULTIPART_NAME":         {"multipart name"},
	"RESPONSE_BODY":          {"answer"},
	"RESPONSE_STATUS":        {"answer"},
	"RESPONSE_HEADERS":       {"answer"},
	"TX":                     {"answer", "query value", "header"},
	"MULTIPART_PART_HEADERS": {"part header"},
	"REQUEST_COOKIES_NAMES":  {"cookie name"},
	"REQUEST_HEADERS_NAMES":  {"header name"},
}

// message puts a value of the rule where the rule looks, mostly.
func (g *trigger) message(c corpus) *Message {
	if len(g.own) > 0 && c.rnd.IntN(8) == 0 {
		return pick(c.rnd, g.own)
	}
	places := g.places()
	if len(places) == 0 || c.rnd.IntN(5) == 0 {
		places = positionNames
	}
	return positions[pick(c.rnd, places)](c, g.value(c.rnd))
}
