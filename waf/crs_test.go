package waf

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"text/template"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
	crstests "github.com/corazawaf/coraza-coreruleset/v4/tests"
	"github.com/corazawaf/coraza/v3/collection"
	"github.com/corazawaf/coraza/v3/types/variables"
	"github.com/goccy/go-yaml"
)

// crsTestSet is the Core Rule Set as its regression tests want it: paranoia level
// 4, limits switched on, and nothing blocked, so that every rule gets its turn.
const crsTestSet = `
Include @coraza.conf-recommended
SecResponseBodyMimeType text/plain
SecDefaultAction "phase:3,log,auditlog,pass"
SecDefaultAction "phase:4,log,auditlog,pass"
SecDefaultAction "phase:5,log,auditlog,pass"
SecAction "id:900005,phase:1,nolog,pass,\
  ctl:ruleEngine=DetectionOnly,\
  ctl:ruleRemoveById=910000,\
  setvar:tx.blocking_paranoia_level=4,\
  setvar:tx.crs_validate_utf8_encoding=1,\
  setvar:tx.arg_name_length=100,\
  setvar:tx.arg_length=400,\
  setvar:tx.total_arg_length=64000,\
  setvar:tx.max_num_args=255,\
  setvar:tx.max_file_size=64100,\
  setvar:tx.combined_file_sizes=65535"
Include @crs-setup.conf.example
Include @owasp_crs/*.conf
`

var crsTestReference = sync.OnceValues(func() (*reference, error) { return newReference(coreruleset.FS, crsTestSet) })

// A crsTest is one regression test of the Core Rule Set.
type crsTest struct {
	name   string // "920100-4"
	stages []crsStage
}

// A crsStage is one exchange of a test and what it should lead to.
type crsStage struct {
	rule    int // that the test is about
	message *Message
	// refused reports that an HTTP server refuses the request before it has a message
	// to judge.
	refused bool

	expect, unexpected []int          // rule ids
	match, noMatch     *regexp.Regexp // on the engine's log
	status             int            // of the server; 0 is any
	failure            bool           // the exchange itself is to fail
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

// crsTests reads all regression tests once.
var crsTests = sync.OnceValues(func() ([]crsTest, error) {
	var tests []crsTest
	err := fs.WalkDir(crstests.FS, ".", func(path string, d fs.DirEntry, err error) error {
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
			test := crsTest{name: fmt.Sprintf("%d-%d", f.RuleID, t.TestID)}
			for _, s := range t.Stages {
				stage, err := newStage(s.Input)
				if err != nil {
					return fmt.Errorf("%s: %w", test.name, err)
				}
				l := s.Output.Log
				stage.rule = f.RuleID
				stage.expect, stage.unexpected = l.ExpectIDs, l.NoExpectIDs
				stage.status, stage.failure = s.Output.Status, s.Output.ExpectError
				if l.MatchRegex != "" {
					stage.match = regexp.MustCompile(l.MatchRegex)
				}
				if l.NoMatchRegex != "" {
					stage.noMatch = regexp.MustCompile(l.NoMatchRegex)
				}
				test.stages = append(test.stages, stage)
			}
			tests = append(tests, test)
		}
		return nil
	})
	return tests, err
})

// newStage makes the request of a stage as the tests' own runner writes it.
func newStage(in crsInput) (crsStage, error) {
	m := &Message{
		Client: netip.MustParseAddrPort("127.0.0.1:40000"), Server: netip.MustParseAddrPort("127.0.0.1:80"),
		Method: "GET", Target: "/", Proto: "HTTP/1.1",
	}
	if in.EncodedRequest != "" {
		raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(in.EncodedRequest), ""))
		if err != nil {
			return crsStage{}, err
		}
		if err := readRaw(m, string(raw)); err != nil {
			return crsStage{}, err
		}
		frame(m)
		return crsStage{message: withAnswer(m), refused: serverRefuses(raw)}, nil
	}
	for field, value := range map[*string]*string{&m.Method: in.Method, &m.Target: in.URI, &m.Proto: in.Version} {
		if value != nil {
			*field = *value
		}
	}
	for _, h := range in.Headers {
		m.Header.Add(fmt.Sprint(h.Key), fmt.Sprint(h.Value))
	}
	if in.Data != nil {
		tmpl, err := template.New("").Funcs(template.FuncMap{"repeat": func(n int, s string) string { return strings.Repeat(s, n) }}).Parse(*in.Data)
		if err != nil {
			return crsStage{}, err
		}
		var data bytes.Buffer
		if err := tmpl.Execute(&data, nil); err != nil {
			return crsStage{}, err
		}
		m.Body, m.HasBody = data.Bytes(), data.Len() > 0
	}
	complete(m, in.Autocomplete == nil || *in.Autocomplete)
	raw := wire(m)
	frame(m)
	// A server hands on no white space around a value.
	for i := range m.Header {
		m.Header[i].Value = strings.Trim(m.Header[i].Value, " \t")
	}
	return crsStage{message: withAnswer(m), refused: serverRefuses(raw)}, nil
}

// complete adds what the tests' runner adds to a request by itself.
func complete(m *Message, headers bool) {
	const form = "application/x-www-form-urlencoded"
	if m.HasBody && headers {
		if m.Header.Count("Content-Type") == 0 {
			m.Header.Add("Content-Type", form)
		}
		if strings.EqualFold(m.Header.Get("Content-Type"), form) {
			m.Body = encodeForm(m.Body)
		}
	}
	if strings.Contains(strings.ToLower(m.Header.Get("Content-Type")), "multipart/form-data;") {
		m.Body = bytes.ReplaceAll(m.Body, []byte("\n"), []byte("\r\n"))
	}
	if !headers {
		return
	}
	if m.Header.Count("Connection") == 0 {
		m.Header.Add("Connection", "close")
	}
	sends := regexp.MustCompile(`^POST|PUT|PATCH|DELETE$`).MatchString(m.Method)
	if m.Header.Count("Content-Length") == 0 && (m.HasBody || sends) {
		m.Header.Add("Content-Length", strconv.Itoa(len(m.Body)))
	}
}

// encodeForm escapes a form that is not escaped yet.
func encodeForm(data []byte) []byte {
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

func wire(m *Message) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s %s\r\n", m.Method, m.Target, m.Proto)
	for _, f := range m.Header {
		fmt.Fprintf(&b, "%s: %s\r\n", f.Name, f.Value)
	}
	b.WriteString("\r\n")
	b.Write(m.Body)
	return b.Bytes()
}

// readRaw reads a request without minding its faults: the rules are to see them.
func readRaw(m *Message, raw string) error {
	head, body, _ := strings.Cut(raw, "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	words := strings.Split(lines[0], " ")
	if len(words) != 3 {
		return fmt.Errorf("request line %q", lines[0])
	}
	m.Method, m.Target, m.Proto = words[0], words[1], words[2]
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ":")
		m.Header.Add(name, strings.TrimSpace(value))
	}
	m.Body = []byte(body)
	return nil
}

// frame leaves of the body what a server reads (RFC 9112, section 6.3).
func frame(m *Message) {
	if strings.EqualFold(m.Header.Get("Transfer-Encoding"), "chunked") {
		if data, err := io.ReadAll(httputil.NewChunkedReader(bytes.NewReader(m.Body))); err == nil {
			m.Body = data
			m.Header.Del("Content-Length")
		}
	} else if n, err := strconv.Atoi(m.Header.Get("Content-Length")); err == nil {
		m.Body = m.Body[:min(n, len(m.Body))]
	} else {
		m.Body = nil
	}
	m.HasBody = len(m.Body) > 0
}

// serverRefuses reports whether a server would answer 400 or 505: what Go's own
// refuses, a target with a fragment, and CONNECT to no port.
func serverRefuses(raw []byte) bool {
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
	if err != nil || r.ProtoMajor != 1 || strings.Contains(r.RequestURI, "#") {
		return true
	}
	if r.Method == "CONNECT" && r.URL.Port() == "" {
		return true
	}
	return r.Host == "" && r.ProtoAtLeast(1, 1)
}

// withAnswer fills in what the tests' backend answers: it reflects what a request
// to /reflect asks for, and says nothing otherwise.
func withAnswer(m *Message) *Message {
	m.HasAnswer, m.Status, m.AnswerProto = true, 200, "HTTP/1.1"
	path, _, _ := strings.Cut(m.Target, "?")
	if m.Method != "POST" || path != "/reflect" {
		return m
	}
	var spec struct {
		Status      int
		Headers     map[string]string
		Body        string
		EncodedBody string
	}
	if err := json.Unmarshal(m.Body, &spec); err != nil {
		m.Status = 400
		return m
	}
	m.AnswerHeader.Add("Content-Type", "text/plain")
	for name, value := range spec.Headers {
		m.AnswerHeader.Add(name, value)
	}
	if spec.Status != 0 {
		m.Status = spec.Status
	}
	m.AnswerBody = []byte(spec.Body)
	if spec.Body == "" {
		m.AnswerBody, _ = base64.StdEncoding.DecodeString(spec.EncodedBody)
	}
	m.HasAnswerBody = len(m.AnswerBody) > 0
	return m
}

// check returns why the stage failed, or "".
func (s *crsStage) check(ids []int, log string) string {
	if s.failure || s.status == 400 {
		if s.refused || slices.Contains(ids, s.rule) {
			return "" // by the server, before any rule saw it, or by the rule itself
		}
		return "the request is to be refused"
	}
	for _, id := range s.expect {
		if !slices.Contains(ids, id) {
			return fmt.Sprintf("want rule %d, have %v", id, ids)
		}
	}
	for _, id := range s.unexpected {
		if slices.Contains(ids, id) {
			return fmt.Sprintf("rule %d is not to match", id)
		}
	}
	switch {
	case s.match != nil && !s.match.MatchString(log):
		return fmt.Sprintf("the log lacks %q", s.match)
	case s.noMatch != nil && s.noMatch.MatchString(log):
		return fmt.Sprintf("the log has %q", s.noMatch)
	case s.status == 200 && s.refused:
		return "want status 200, but the server refuses the request"
	}
	return ""
}

// runCRSTests runs the tests by run, on two processors, and returns the failures by
// name. With the race detector it runs every sixtieth.
func runCRSTests(t *testing.T, run func(test string, m *Message) (ids []int, log string, err error)) (failed map[string]string, total int) {
	t.Helper()
	tests, err := crsTests()
	if err != nil {
		t.Fatal(err)
	}
	if len(tests) != 4674 {
		t.Errorf("%d tests, want all 4674", len(tests))
	}
	if raceEnabled {
		tests = sample(tests, 60)
	}
	failed = map[string]string{}
	var mu sync.Mutex
	parallel(len(tests), func(i int) {
		for _, s := range tests[i].stages {
			ids, log, err := run(tests[i].name, s.message)
			why := s.check(ids, log)
			if err != nil {
				why = err.Error()
			}
			if why != "" {
				mu.Lock()
				failed[tests[i].name] = why
				mu.Unlock()
			}
		}
	})
	return failed, len(tests)
}

// sample returns every nth element.
func sample[T any](list []T, n int) []T {
	var out []T
	for i := 0; i < len(list); i += n {
		out = append(out, list[i])
	}
	return out
}

// parallel calls f for 0 to n-1 from two goroutines.
func parallel(n int, f func(int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				f(int(i))
			}
		})
	}
	wg.Wait()
}

// judgeWithLog is judge, with the engine's own log lines. It also compares the
// variables that parse finds with those of the full set.
func (r *reference) judgeWithLog(m *Message) (res Result, log string, err error) {
	ctx := context.Background()
	full, _, err := r.open(ctx, nil, m)
	if err != nil {
		return Result{}, "", err
	}
	bare, err := r.parse(ctx, m)
	if err != nil {
		return Result{}, "", err
	}
	defer bare.close()
	if _, err := full.answer(m); err != nil {
		return Result{}, "", err
	}
	if _, err := bare.answer(m); err != nil {
		return Result{}, "", err
	}
	if err := sameVariables(full, bare); err != nil {
		return Result{}, "", err
	}
	full.tx.ProcessLogging()
	var b strings.Builder
	for _, rule := range full.tx.MatchedRules() {
		b.WriteString(rule.ErrorLog() + "\n")
	}
	res = full.result()
	return res, b.String(), full.close()
}

// sameVariables compares two transactions' variables but those that rules change
// and those that are never the same twice.
func sameVariables(a, b *transaction) error {
	was := dump(a)
	for name, is := range dump(b) {
		if was[name] != is {
			return fmt.Errorf("%s is %q, in the full set %q", name, is, was[name])
		}
	}
	return nil
}

func dump(t *transaction) map[string]string {
	out := map[string]string{}
	t.state().Variables().All(func(v variables.RuleVariable, c collection.Collection) bool {
		name := v.Name()
		switch {
		case strings.HasPrefix(name, "MATCHED_"), strings.HasPrefix(name, "TIME"):
			return true
		case slices.Contains([]string{"TX", "RULE", "UNIQUE_ID", "DURATION", "ENV", "HIGHEST_SEVERITY", "FILES_TMPNAMES"}, name):
			return true
		}
		var values []string
		for _, d := range c.FindAll() {
			values = append(values, fmt.Sprintf("%q=%q", d.Key(), d.Value()))
		}
		slices.Sort(values)
		out[name] = strings.Join(values, " ")
		return true
	})
	return out
}

func ruleIDs(res Result) []int {
	var ids []int
	for _, m := range res.Rules {
		ids = append(ids, m.ID)
	}
	return ids
}

// crsFailures are the tests that the reference fails, each with the rule that
// answers instead: Go keeps two Content-Type lines apart, which is what rule 920620
// looks for and what Apache would have joined; and the engine refuses a malformed
// part (200003) before rule 922130 could.
var crsFailures = map[string]int{"920620-1": 920620, "922130-1": 200003, "922130-2": 200003, "922130-7": 200003}

func TestCRS(t *testing.T) {
	r, err := crsTestReference()
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	matched := map[string][]int{} // by the test's only message
	failed, total := runCRSTests(t, func(test string, m *Message) ([]int, string, error) {
		res, log, err := r.judgeWithLog(m)
		ids := ruleIDs(res)
		if crsFailures[test] != 0 {
			mu.Lock()
			matched[test] = ids
			mu.Unlock()
		}
		return ids, log, err
	})
	for name, why := range failed {
		if crsFailures[name] == 0 {
			t.Errorf("%s: %s", name, why)
		}
	}
	for name, rule := range crsFailures {
		if raceEnabled && matched[name] == nil {
			continue // not in the sample
		}
		if failed[name] == "" {
			t.Errorf("%s passed: take it off the list", name)
		}
		if !slices.Contains(matched[name], rule) {
			t.Errorf("%s: rule %d did not match, only %v", name, rule, matched[name])
		}
	}
	t.Logf("%d of %d tests passed", total-len(failed), total)
}
