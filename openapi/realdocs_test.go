package openapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/gateway"
	"github.com/gatehouse/gatehouse/openapi"
	"github.com/gatehouse/gatehouse/openapi/document"
)

// A realDoc is a document that somebody publishes, with what is known of it.
type realDoc struct {
	path       string
	operations int
	// of its own examples: those of JSON bodies and of parameters that its own schemas
	// take, and that they do not
	good, broken int
	apart        []string // where kin-openapi says otherwise, if it is asked
}

// inModule returns the folder of a Go module, from the module cache or the proxy.
func inModule(t *testing.T, module string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", module)
	cmd.Dir = t.TempDir() // outside of our own module
	out, err := cmd.Output()
	var got struct{ Dir, Error string }
	if jsonErr := json.Unmarshal(out, &got); err != nil || jsonErr != nil || got.Dir == "" {
		t.Fatalf("%s cannot be had: %v %s", module, err, got.Error)
	}
	return got.Dir
}

// TestRealDocuments compiles what others publish, finds each of its operations, and
// shows it its own examples.
func TestRealDocuments(t *testing.T) {
	for _, d := range []realDoc{
		{filepath.Join(inModule(t, "github.com/moby/moby/api@v1.56.1"), "swagger.yaml"), 108, 242, 1, nil}, // an Entrypoint is a string
		{filepath.Join(inModule(t, "github.com/prometheus/alertmanager@v0.34.1"), "api/v2/openapi.yaml"), 9, 0, 0, nil},
		{filepath.Join(inModule(t, "github.com/stripe/stripe-mock@v0.203.0"), "embedded/openapi/spec3.json"), 594, 0, 0, nil},
	} {
		real(t, d)
	}
}

// real holds a document to what is known of it, and tells time and memory.
func real(t *testing.T, d realDoc) { judgeReal(t, d, nil) }

func judgeReal(t *testing.T, d realDoc, second func(d *document.Operation, status string, m *document.Media, v *document.Node) error) {
	t.Helper()
	name := filepath.Base(filepath.Dir(d.path)) + "/" + filepath.Base(d.path)
	var before, after, kept runtime.MemStats
	runtime.GC() // twice, for what pools keep
	runtime.GC()
	runtime.ReadMemStats(&before)
	began := time.Now()
	doc, err := openapi.Load(t.Context(), document.Source{Path: d.path})
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	loaded := time.Since(began)
	c, err := openapi.Compile(doc, openapi.Options{})
	if err != nil {
		t.Errorf("%s: %.2000v", name, err)
		return
	}
	took := time.Since(began)
	runtime.ReadMemStats(&after)
	runtime.GC()
	runtime.ReadMemStats(&kept)
	if took > 30*time.Second {
		t.Errorf("%s took %v", name, took)
	}
	ops := c.Operations()
	if len(ops) != d.operations && d.operations > 0 {
		t.Errorf("%s: %d operations, want %d", name, len(ops), d.operations)
	}
	routed(t, name, ops)
	e := examples{c: c, doc: doc, why: map[string]int{}, first: map[string]string{}, second: second}
	for i, op := range ops {
		e.operation(op, doc.Operations[i])
	}
	if e.good != d.good || e.broken != d.broken {
		t.Errorf("%s: %d examples are as their schemas have them, %d are not; want %d and %d", name, e.good, e.broken, d.good, d.broken)
	}
	t.Logf("%s: %d operations, loaded in %v, compiled in %v, %d MB allocated, %d MB kept; %d examples accepted, %d not", name, len(ops),
		loaded.Round(time.Millisecond), (took - loaded).Round(time.Millisecond), (after.TotalAlloc-before.TotalAlloc)>>20,
		(max(kept.HeapAlloc, before.HeapAlloc)-before.HeapAlloc)>>20, e.good, e.broken)
	for _, why := range slices.Sorted(maps.Keys(e.why)) {
		t.Logf("  %d: %s, as of %s", e.why[why], why, e.first[why])
	}
	slices.Sort(e.apart)
	if diff := cmp.Diff(d.apart, slices.Compact(e.apart)); diff != "" {
		t.Errorf("%s: kin-openapi says otherwise of %s", name, diff)
	}
	runtime.KeepAlive(c)
}

// routed looks each operation up by its own path, with values in the place of
// parameters.
func routed(t *testing.T, name string, ops []*gatehouse.Operation) {
	t.Helper()
	paths, err := gateway.NewPaths(ops)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	for i, op := range ops {
		var b strings.Builder
		for rest := op.Path; rest != ""; {
			literal, after, found := strings.Cut(rest, "{")
			b.WriteString(literal)
			if found {
				_, after, _ = strings.Cut(after, "}")
				b.WriteString("zq" + strconv.Itoa(i))
			}
			rest = after
		}
		if m := paths.Match(op.Method, b.String(), nil); m.Route != i {
			t.Errorf("%s: %s %s leads to %d and not to %d", name, op.Method, b.String(), m.Route, i)
		}
	}
}

// examples holds the examples of a document to its schemas.
type examples struct {
	c            *openapi.Contract
	doc          *document.Document
	good, broken int
	why          map[string]int    // of those that are broken
	first        map[string]string // where each is met first
	// second is another judge, and apart where it says otherwise.
	second func(d *document.Operation, status string, m *document.Media, v *document.Node) error
	apart  []string
}

func (e *examples) operation(op *gatehouse.Operation, d *document.Operation) {
	for _, p := range d.Parameters {
		values := e.of(p.Node)
		if len(values) == 0 {
			values = e.of(p.Schema)
		}
		for _, v := range values {
			e.parameter(op, p, v)
		}
	}
	if d.RequestBody != nil {
		for _, m := range d.RequestBody.Content {
			for _, v := range e.ofMedia(m) {
				before := e.good
				e.request(op, m, v)
				e.ask(d, "", m, v, e.good > before)
			}
		}
	}
	for _, r := range d.Responses {
		for _, m := range r.Content {
			for _, v := range e.ofMedia(m) {
				before := e.good
				e.answer(op, r, m, v)
				e.ask(d, r.Status, m, v, e.good > before)
			}
		}
	}
}

func (e *examples) ofMedia(m *document.Media) []*document.Node {
	if !strings.HasSuffix(m.Type, "/json") && !strings.HasSuffix(m.Type, "+json") {
		return nil
	}
	if values := e.of(m.Node); len(values) > 0 {
		return values
	}
	return e.of(m.Schema)
}

// of returns the example and the examples of an object.
func (e *examples) of(n *document.Node) (out []*document.Node) {
	n = e.follow(n)
	if n == nil {
		return nil
	}
	if v := n.Get("example"); v != nil {
		out = append(out, v)
	}
	list := n.Get("examples")
	if list == nil {
		return out
	}
	out = append(out, list.Items...) // of a schema
	for _, k := range list.Keys {
		if k.Value.Kind == document.Map {
			if v := e.follow(k.Value).Get("value"); v != nil {
				out = append(out, v)
			}
		}
	}
	return out
}

func (e *examples) follow(n *document.Node) *document.Node {
	for range 10 {
		if n == nil || n.Str("$ref") == "" {
			return n
		}
		n = e.doc.Root.Find(strings.TrimPrefix(n.Str("$ref"), "#"))
	}
	return n
}

func (e *examples) judged(op *gatehouse.Operation, list []gatehouse.Detail, only func(gatehouse.Detail) bool, otherwise string, what string) {
	for _, d := range list {
		if only(d) {
			e.broken++
			e.because(what+" "+d.Code, op.ID+" "+d.Parameter+d.Pointer+", "+d.At.String())
			return
		}
	}
	if otherwise != "" {
		e.broken++
		e.because(what+" "+otherwise, op.ID)
		return
	}
	e.good++
}

// ask compares with a second opinion, where there is one.
func (e *examples) ask(d *document.Operation, status string, m *document.Media, v *document.Node, good bool) {
	if e.second == nil {
		return
	}
	if err := e.second(d, status, m, v); (err == nil) != good {
		e.apart = append(e.apart, strings.TrimSpace(d.ID+" "+status))
	}
}

func (e *examples) because(why, where string) {
	if e.why[why]++; e.why[why] == 1 {
		e.first[why] = where
	}
}

func (e *examples) exchange(op *gatehouse.Operation) *gatehouse.Exchange {
	x := &gatehouse.Exchange{Start: time.Now(), Operation: op, Principal: gatehouse.Anonymous}
	x.Request.Method = op.Method
	return x
}

func (e *examples) parameter(op *gatehouse.Operation, p *document.Parameter, v *document.Node) {
	d := drawnParam{in: p.In, name: p.Name, style: p.Style, explode: p.Explode, content: p.Content != nil}
	x := e.exchange(op)
	value := v.Any()
	switch p.In {
	case "path":
		x.Params = []gatehouse.Param{{Name: p.Name, Raw: d.segment(value, escaped)}}
	case "header":
		x.Request.Header.Add(p.Name, d.segment(value, func(s string) string { return s }))
	case "query":
		x.Request.Query = strings.Join(d.query(value), "&")
	default:
		return
	}
	verdict, err := e.c.Request(op).Check(context.Background(), x)
	if err != nil {
		panic(err)
	}
	e.judged(op, verdict.Details, func(f gatehouse.Detail) bool {
		return f.Parameter == p.In+":"+p.Name && f.Code != "contract.parameter_missing" || f.Code == "contract.parameter_unknown"
	}, "", p.In)
}

func (e *examples) request(op *gatehouse.Operation, m *document.Media, v *document.Node) {
	x := e.exchange(op)
	text := v.AppendJSON(nil)
	x.Request.Header.Add("Content-Type", m.Type)
	x.Request.Body = gatehouse.Body{Source: bytes.NewReader(text), Length: int64(len(text))}
	if err := x.Request.Body.ReadWhole(1 << 24); err != nil {
		panic(err)
	}
	verdict, err := e.c.Request(op).Check(context.Background(), x)
	if err != nil {
		panic(err)
	}
	otherwise := ""
	if verdict.Outcome == gatehouse.Deny && len(verdict.Details) == 0 {
		otherwise = verdict.Reason.Code
	}
	e.judged(op, verdict.Details, func(f gatehouse.Detail) bool { return f.Parameter == "" }, otherwise, "request")
}

func (e *examples) answer(op *gatehouse.Operation, r *document.Response, m *document.Media, v *document.Node) {
	x := e.exchange(op)
	x.Response.Status, _ = strconv.Atoi(strings.ReplaceAll(r.Status, "X", "0"))
	if r.Status == "default" {
		x.Response.Status = 599
	}
	if x.Response.Status == 204 || x.Response.Status == 304 || op.Method == "HEAD" {
		return
	}
	x.Response.Header.Add("Content-Type", m.Type)
	w, err := e.c.Response(op).(gatehouse.StreamFilter).FilterResponse(x, io.Discard)
	if err != nil || w == nil {
		e.judged(op, nil, nil, fmt.Sprint("not judged ", err), "answer")
		return
	}
	_, err = w.Write(v.AppendJSON(nil))
	if err == nil {
		err = w.Close()
	}
	verdict := w.(gatehouse.VerdictWriter).Verdict()
	otherwise := ""
	if err != nil {
		otherwise = verdict.Reason.Code
	}
	e.judged(op, verdict.Details, func(gatehouse.Detail) bool { return true }, otherwise, "answer")
}
