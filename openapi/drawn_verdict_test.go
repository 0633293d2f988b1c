package openapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/gateway"
	"github.com/gatehouse/gatehouse/openapi"
	"github.com/gatehouse/gatehouse/openapi/document"
)

// A wrapped is the contract of a drawn document behind the gateway.
type wrapped struct {
	handler  http.Handler
	answer   string
	decision gatehouse.Decision
}

func wrap(t rapid.TB, text []byte, rules openapi.Rules) *wrapped {
	doc, err := openapi.Load(context.Background(), document.Source{Path: "drawn.json", Bytes: text})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	cfg := openapi.Config{Access: openapi.AccessDocument, Rules: rules}
	c, err := openapi.Compile(doc, openapi.Options{Config: cfg})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	w := &wrapped{}
	var routes []*gateway.Route
	for _, op := range c.Operations() {
		route := &gateway.Route{Operation: op, DefaultDeny: gatehouse.Enforce, AuthMode: gatehouse.Enforce, Forwarder: w, Timeout: time.Minute}
		for _, control := range c.Controls(op) {
			route.Stages = append(route.Stages, gateway.NewStage(control.(interface{ Step() gatehouse.Step }).Step(), control, gatehouse.Enforce))
		}
		routes = append(routes, route)
	}
	site, err := gateway.NewSite(&gatehouse.API{Name: "api", Hosts: []string{"*"}, BasePath: "/"}, routes)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	site.Allow = gateway.Semicolon // of matrices
	router, err := gateway.NewRouter([]*gateway.Site{site})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	w.handler = gateway.NewDoor(gateway.New(&gateway.Snapshot{Router: router, Limits: gateway.DefaultLimits()},
		gateway.Equipment{Observers: []gatehouse.Observer{w}, Log: slog.New(slog.DiscardHandler)}))
	return w
}

// Forward is the service.
func (w *wrapped) Forward(_ context.Context, _ *gatehouse.Exchange, to gatehouse.ResponseWriter) error {
	if w.answer == "" {
		return to.WriteHead(204, nil)
	}
	if err := to.WriteHead(200, gatehouse.Header{{Name: "Content-Type", Value: "application/json"}}); err != nil {
		return err
	}
	_, err := io.WriteString(answerWriter{to}, w.answer)
	return err
}

type answerWriter struct{ gatehouse.ResponseWriter }

func (w *wrapped) Observe(x *gatehouse.Exchange) {
	w.decision = x.Decision
	w.decision.Judgments = slices.Clone(x.Decision.Judgments)
}

// send returns the status, the answer's body, and what the contract says of it.
func (w *wrapped) send(r *http.Request) (status int, answer string, v gatehouse.Verdict) {
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	for _, j := range w.decision.Judgments {
		if strings.HasPrefix(j.Control, "openapi.") && (len(v.Details) == 0 || j.Verdict.Outcome == gatehouse.Deny) && v.Outcome != gatehouse.Deny {
			v = j.Verdict
		}
	}
	return rec.Code, rec.Body.String(), v
}

func line(r *http.Request) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %v", r.Method, r.RequestURI, r.Header)
	if r.GetBody != nil {
		if body, err := r.GetBody(); err == nil {
			text, _ := io.ReadAll(body)
			fmt.Fprintf(&b, " %s", text)
		}
	}
	return b.String()
}

// blames reports whether a verdict names what is wrong, first of all.
func (w *wrong) blames(v gatehouse.Verdict) bool {
	if len(v.Details) == 0 {
		return v.Reason.Code == w.code && w.where == ""
	}
	d := v.Details[0]
	got := d.Parameter + d.Pointer
	if got == w.where && d.Code == w.code {
		return true
	}
	return w.within && strings.HasPrefix(w.where, got) && strings.HasSuffix(d.Code, "choice")
}

// manyTimes checks a property with more draws than one round has.
func manyTimes(t *testing.T, property func(*rapid.T)) {
	t.Helper()
	rounds := 5
	if raced {
		rounds = 1
	}
	for range rounds {
		rapid.Check(t, property)
	}
}

// TestDrawnRequests: of any document that was drawn, its requests are accepted; with
// one thing wrong they are refused, and the place is named.
func TestDrawnRequests(t *testing.T) {
	tried := map[string]int{}
	manyTimes(t, func(r *rapid.T) {
		o := drawOperation(&drawer{t: r, old: rapid.Bool().Draw(r, "3.0"), strict: rapid.Bool().Draw(r, "strict")})
		rules := openapi.Rules{}
		if o.strict {
			rules.Unknown.Properties = openapi.Refuse
		}
		w := wrap(r, o.document, rules)
		m := o.request()
		if status, _, v := w.send(o.http(m)); status != 204 {
			r.Fatalf("%s\n%s\nis refused: %d %+v %+v", o.document, line(o.http(m)), status, v, w.decision.Reason)
		}
		for range 4 {
			m := m.clone()
			list := o.wrongs(m)
			f := list[o.int(0, len(list)-1, "fault")]
			f.apply()
			tried[f.what+", "+f.place]++
			status, _, v := w.send(o.http(m))
			if status != f.status || !f.blames(v) {
				r.Fatalf("%s\n%s\n%s of %s: want %s at %q, have %d %+v", o.document, line(o.http(m)), f.what, f.place, f.code, f.where, status, v)
			}
		}
	})
	if len(tried) < 100 {
		t.Errorf("only %d kinds of faults were tried: %v", len(tried), tried)
	}
}

// TestDrawnAnswers: answers that hold what was promised pass, and with one thing wrong
// they do not, and the log has the place. In filter what was not promised is cut out of
// them; what is left is promised, was there before, and is not cut again.
func TestDrawnAnswers(t *testing.T) {
	manyTimes(t, func(r *rapid.T) {
		o := drawOperation(&drawer{t: r, old: rapid.Bool().Draw(r, "3.0")})
		check, filter := wrap(r, o.document, openapi.Rules{}), wrap(r, o.document, openapi.Rules{Answers: openapi.Filter})
		request := o.request()
		o.text, o.plain, o.whole, o.answers = false, false, false, true
		value := o.value(o.answer)
		whole := o.answered(value)
		check.answer, filter.answer = whole, whole
		if status, answer, v := check.send(o.http(request)); status != 200 || answer != whole {
			r.Fatalf("%s\n%s\nis refused: %d %+v", o.document, whole, status, v)
		}
		status, cut, v := filter.send(o.http(request))
		if status != 200 {
			r.Fatalf("%s\n%s\nis refused by the filter: %d %+v", o.document, whole, status, v)
		}
		if !within(parsed(r, cut), parsed(r, whole)) {
			r.Fatalf("%s\n%s\nis no part of\n%s", o.document, cut, whole)
		}
		for range 4 {
			broken := copied(value)
			list := o.faults(o.answer, broken, "", func(v any) { broken = v })
			f := list[o.int(0, len(list)-1, "fault")]
			f.apply()
			text := o.answered(broken)
			check.answer, filter.answer = text, text
			w := wrong{fault: f, where: f.pointer}
			status, answer, v := check.send(o.http(request))
			if status != 502 || v.Reason.Code != openapi.CodeAnswerBody || !w.blames(v) {
				r.Fatalf("%s\n%s\n%s: want %s at %q, have %d %s %+v", o.document, text, f.what, f.code, f.pointer, status, answer, v)
			}
			status, answer, v = filter.send(o.http(request))
			if f.what == "undeclared" || f.what == "writeOnly" {
				if status != 200 || answer != cut {
					r.Fatalf("%s\n%s\nbecomes %d\n%s and not\n%s: %+v", o.document, text, status, answer, cut, v)
				}
			} else if status != 502 || !w.blames(v) {
				r.Fatalf("%s\n%s\nin filter, %s: want %s at %q, have %d %s %+v", o.document, text, f.what, f.code, f.pointer, status, answer, v)
			}
		}
		check.answer, filter.answer = cut, cut
		if status, _, v := check.send(o.http(request)); status != 200 {
			r.Fatalf("%s\n%s, cut to\n%s\nis refused: %+v", o.document, whole, cut, v)
		}
		if status, again, v := filter.send(o.http(request)); status != 200 || again != cut {
			r.Fatalf("%s\n%s\nis cut again: %d %s %+v", o.document, cut, status, again, v)
		}
	})
}

// answered spells an answer.
func (o *drawn) answered(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func parsed(t rapid.TB, text string) (v any) {
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// within reports whether part is whole less some members.
func within(part, whole any) bool {
	switch part := part.(type) {
	case []any:
		whole, ok := whole.([]any)
		return ok && len(part) == len(whole) && !slices.ContainsFunc(part, func(v any) bool { return !slices.ContainsFunc(whole, func(w any) bool { return within(v, w) }) })
	case map[string]any:
		whole, ok := whole.(map[string]any)
		for k, v := range part {
			w, there := whole[k]
			ok = ok && there && within(v, w)
		}
		return ok
	}
	return part == whole
}

// What nothing declares in an object that came as a parameter is unknown as well.
func TestUnknownPropertiesOfParameters(t *testing.T) {
	const text = `{"openapi":"3.1.0","info":{"title":"t","version":"1"},"paths":{"/p":{"get":{"operationId":"op","security":[],"responses":{"204":{"description":"d"}},"parameters":[
		{"name":"json","in":"query","content":{"application/json":{"schema":{"type":"object","properties":{"a":{}}}}}},
		{"name":"deep","in":"query","style":"deepObject","schema":{"type":"object","properties":{"a":{}}}},
		{"name":"free","in":"query","style":"deepObject","schema":{"type":"object"}}]}}}}`
	for _, rule := range []openapi.Unknown{openapi.Declared, openapi.Report, openapi.Refuse} {
		w := wrap(t, []byte(text), openapi.Rules{Unknown: openapi.UnknownConfig{Properties: rule}})
		for query, where := range map[string]string{"json=%7B%22a%22:1%7D&deep[a]=1&free[b]=1": "", "json=%7B%22b%22:1%7D": "query:json/b", "deep[b]=1": "query:deep/b"} {
			status, _, v := w.send(httptest.NewRequest("GET", "http://a.example/p?"+query, nil))
			got := ""
			for _, d := range v.Details {
				got += d.Parameter + d.Pointer
			}
			if rule == openapi.Declared {
				where = ""
			}
			if want := map[bool]int{false: 204, true: 400}[rule == openapi.Refuse && where != ""]; status != want || got != where {
				t.Errorf("%s, %s: %d, %q and not %q", rule, query, status, got, where)
			}
		}
	}
}
