package server

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"

	crstests "github.com/corazawaf/coraza-coreruleset/v4/tests"
	"github.com/goccy/go-yaml"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/waf"
)

// A crsCase is one exchange of a regression test and what it should lead to.
type crsCase struct {
	test string // "920100-4"
	rule int    // that the test is about
	raw  []byte

	expect, unexpected []int // rule ids
	byText             bool  // the test asks about the text of the engine's log, which holds values
	status             int   // of the server; 0 is any
	failure            bool  // the exchange itself is to fail
}

// The tests' own format: github.com/coreruleset/go-ftw.
type crsFile struct {
	RuleID int `yaml:"rule_id"`
	Tests  []struct {
		TestID int `yaml:"test_id"`
		Stages []struct {
			Input  crsInput
			Output struct {
				Status      int
				ExpectError bool `yaml:"expect_error"`
				Log         struct {
					ExpectIDs    []int  `yaml:"expect_ids"`
					NoExpectIDs  []int  `yaml:"no_expect_ids"`
					MatchRegex   string `yaml:"match_regex"`
					NoMatchRegex string `yaml:"no_match_regex"`
				}
			}
		}
	}
}

type crsInput struct {
	Method, URI, Version *string
	Headers              yaml.MapSlice
	Data                 *string
	EncodedRequest       string `yaml:"encoded_request"`
	Autocomplete         *bool  `yaml:"autocomplete_headers"`
}

// crsCases reads the regression tests.
func crsCases() (cases []crsCase, err error) {
	err = fs.WalkDir(crstests.FS, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := crstests.FS.ReadFile(path)
		if err != nil {
			return err
		}
		var f crsFile
		if err := yaml.Unmarshal(text, &f); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		for _, t := range f.Tests {
			for _, s := range t.Stages {
				raw, err := s.Input.request()
				if err != nil {
					return fmt.Errorf("%s, test %d: %w", path, t.TestID, err)
				}
				l := s.Output.Log
				cases = append(cases, crsCase{test: fmt.Sprintf("%d-%d", f.RuleID, t.TestID), rule: f.RuleID, raw: raw, expect: l.ExpectIDs, unexpected: l.NoExpectIDs,
					byText: l.MatchRegex+l.NoMatchRegex != "", status: s.Output.Status, failure: s.Output.ExpectError})
			}
		}
		return nil
	})
	return cases, err
}

// request makes the bytes of a request as the tests' own runner does.
func (in *crsInput) request() ([]byte, error) {
	if in.EncodedRequest != "" {
		return base64.StdEncoding.DecodeString(strings.Join(strings.Fields(in.EncodedRequest), ""))
	}
	method, target, proto := "GET", "/", "HTTP/1.1"
	for field, value := range map[*string]*string{&method: in.Method, &target: in.URI, &proto: in.Version} {
		if value != nil {
			*field = *value
		}
	}
	var header gatehouse.Header
	for _, h := range in.Headers {
		header.Add(fmt.Sprint(h.Key), fmt.Sprint(h.Value))
	}
	var body bytes.Buffer
	if in.Data != nil {
		tmpl, err := template.New("").Funcs(template.FuncMap{"repeat": func(n int, s string) string { return strings.Repeat(s, n) }}).Parse(*in.Data)
		if err != nil {
			return nil, err
		}
		if err := tmpl.Execute(&body, nil); err != nil {
			return nil, err
		}
	}
	header, data := crsComplete(method, header, body.Bytes(), in.Autocomplete == nil || *in.Autocomplete)
	var raw bytes.Buffer
	fmt.Fprintf(&raw, "%s %s %s\r\n", method, target, proto)
	for _, f := range header {
		fmt.Fprintf(&raw, "%s: %s\r\n", f.Name, f.Value)
	}
	raw.WriteString("\r\n")
	raw.Write(data)
	return raw.Bytes(), nil
}

var crsSends = regexp.MustCompile(`^POST|PUT|PATCH|DELETE$`)

// crsComplete adds what the tests' runner adds by itself.
func crsComplete(method string, header gatehouse.Header, body []byte, auto bool) (gatehouse.Header, []byte) {
	const form = "application/x-www-form-urlencoded"
	if len(body) > 0 && auto {
		if header.Count("Content-Type") == 0 {
			header.Add("Content-Type", form)
		}
		if strings.EqualFold(header.Get("Content-Type"), form) {
			body = crsForm(body)
		}
	}
	if strings.Contains(strings.ToLower(header.Get("Content-Type")), "multipart/form-data;") {
		body = bytes.ReplaceAll(body, []byte("\n"), []byte("\r\n"))
	}
	if auto && header.Count("Connection") == 0 {
		header.Add("Connection", "close")
	}
	if auto && header.Count("Content-Length") == 0 && (len(body) > 0 || crsSends.MatchString(method)) {
		header.Add("Content-Length", strconv.Itoa(len(body)))
	}
	return header, body
}

// crsForm escapes a form that is not escaped yet.
func crsForm(data []byte) []byte {
	plain, err := url.QueryUnescape(string(data))
	if err != nil || plain != string(data) {
		return data
	}
	pairs := strings.Split(strings.TrimSuffix(plain, "&"), "&")
	for i, pair := range pairs {
		name, value, ok := strings.Cut(pair, "=")
		pairs[i] = url.QueryEscape(name)
		if ok {
			pairs[i] += "=" + url.QueryEscape(value)
		}
	}
	return []byte(strings.Join(pairs, "&"))
}

// message is what the reference is asked about: the request as its bytes say, and
// the backend's answer to it.
func (c *crsCase) message() (*waf.Message, error) {
	head, body, _ := strings.Cut(string(c.raw), "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	words := strings.Split(lines[0], " ")
	if len(words) != 3 {
		return nil, fmt.Errorf("request line %q", lines[0])
	}
	m := &waf.Message{Client: netip.MustParseAddrPort("127.0.0.1:40000"), Method: words[0], Target: words[1], Proto: words[2]}
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ":")
		m.Header.Add(name, strings.Trim(value, " \t"))
	}
	if strings.EqualFold(m.Header.Get("Transfer-Encoding"), "chunked") {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + body)))
		if err != nil {
			return nil, err
		}
		if m.Body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		m.Header.Del("Content-Length")
	} else if n, err := strconv.Atoi(m.Header.Get("Content-Length")); err == nil {
		m.Body = []byte(body[:min(n, len(body))])
	}
	m.HasBody = len(m.Body) > 0
	a := crsReflect(m.Method, m.Target, m.Body)
	m.HasAnswer, m.Status, m.AnswerProto, m.AnswerHeader = true, a.status, "HTTP/1.1", a.header
	m.AnswerBody, m.HasAnswerBody = a.body, len(a.body) > 0
	return m, nil
}

// crsHTTP2 returns the message as HTTP/2 has it; nil where it cannot say the same: a
// method of HTTP/1.1's own, not one Host, fields that HTTP/2 forbids.
func crsHTTP2(m *waf.Message) *waf.Message {
	if m.Method == "CONNECT" || m.Target == "" || m.Header.Count("Host") != 1 || m.Header.Get("Host") == "" || !strings.HasPrefix(m.Proto, "HTTP/1") || m.Header.Count("Transfer-Encoding") > 0 {
		return nil
	}
	out := *m
	out.Proto, out.AnswerProto = "HTTP/2.0", "HTTP/2.0"
	out.Header = gatehouse.Header{{Name: "Host", Value: m.Header.Get("Host")}}
	for _, f := range m.Header {
		switch name := strings.ToLower(f.Name); name {
		case "host", "keep-alive", "proxy-connection":
		case "connection":
			if v := strings.ToLower(f.Value); v != "close" && v != "keep-alive" {
				return nil
			}
		case "upgrade", "te", "":
			return nil
		default:
			out.Header.Add(name, f.Value)
		}
	}
	return &out
}

// unmet returns what the exchange lacks of what the test expects, or "".
func (c *crsCase) unmet(v *crsVerdict) string {
	has := func(id int) bool {
		switch {
		case id >= 949000 && id < 950000:
			return v.score >= 5 // the threshold that the test goes by
		case id >= 959000 && id < 960000:
			return v.outbound >= 4
		case id >= 980000 && id < 981000:
			return v.score+v.outbound > 0
		}
		return slices.Contains(v.request, id) || slices.Contains(v.answer, id)
	}
	if c.failure || c.status == 400 {
		if v.denied || has(c.rule) {
			return ""
		}
		return "the request is to be refused"
	}
	for _, id := range c.expect {
		if !has(id) {
			return fmt.Sprintf("want rule %d", id)
		}
	}
	for _, id := range c.unexpected {
		if has(id) {
			return fmt.Sprintf("rule %d is not to match", id)
		}
	}
	return ""
}

// wantsRefusal reports whether the test is content where the request is refused
// before any rule: it wants that, or some rule to match.
func (c *crsCase) wantsRefusal() bool { return len(c.expect) > 0 || c.failure || c.status == 400 }
