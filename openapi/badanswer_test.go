package openapi_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/openapi"
	"github.com/gatehouse/gatehouse/openapi/document"
)

// TestBadAnswers: a service does no more harm than a client.
func TestBadAnswers(t *testing.T) {
	const text = `{"openapi":"3.1.0","info":{"title":"t","version":"1"},"paths":{"/p":{"get":{"operationId":"op","responses":{"200":{"description":"d",
		"content":{"application/json":{"schema":{"type":"array","items":{"$ref":"#/components/schemas/T"}}}}}}}}},
		"components":{"schemas":{"T":{"type":["object","integer","string"],"properties":{"a":{"pattern":"^(?!b)(a+)+$"},"t":{"$ref":"#/components/schemas/T"}}}}}}`
	doc, err := openapi.Load(context.Background(), document.Source{Path: "t.json", Bytes: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []struct {
		name, body, coding string
		check, filter      string // the code of the first detail; "": it passes
	}{
		{"many elements", "[" + strings.Repeat(`{"x":1},`, 340_000) + "1]", "", "json.values", ""},
		{"more bytes than are judged whole", "[" + strings.Repeat(`"`+strings.Repeat("a", 1<<20)+`",`, 12) + "1]", "", openapi.CodeAnswerLength, ""},
		{"a large element", `["` + strings.Repeat("a", 9<<20) + `"]`, "", openapi.CodeAnswerLength, "json.size"},
		{"deep", "[" + strings.Repeat(`{"t":`, 100_000), "", "json.depth", "json.depth"},
		{"a pattern", `[{"a":"` + strings.Repeat("a", 100_000) + `!"}]`, "", "contract.pattern_timeout", "contract.pattern_timeout"},
		{"many members", `[{` + strings.Repeat(`"a":1,`, 10) + `"b":1}]`, "", "json.duplicate_name", "json.duplicate_name"},
		{"a byte order mark", "\ufeff[]", "", "json.byte_order_mark", "json.byte_order_mark"},
		{"half a surrogate", `["\ud800"]`, "", "json.lone_surrogate", "json.lone_surrogate"},
		{"no end", `[1,`, "", "json.truncated", "json.truncated"},
		{"a second text", `[1][2]`, "", "json.trailing_data", "json.trailing_data"},
		{"gzip", bomb(t, "gzip", 24), "gzip", "contract.decompression_limit", openapi.CodeAnswerCoding},
		{"br", bomb(t, "br", 24), "br", "contract.decompression_limit", openapi.CodeAnswerCoding},
		{"zstd", bomb(t, "zstd", 24), "zstd", "contract.decompression_limit", openapi.CodeAnswerCoding},
	} {
		for _, answers := range []openapi.Answers{openapi.Check, openapi.Filter} {
			t.Run(a.name+", "+string(answers), func(t *testing.T) {
				c, err := openapi.Compile(doc, openapi.Options{Config: openapi.Config{Rules: openapi.Rules{Answers: answers}}})
				if err != nil {
					t.Fatal(err)
				}
				want := a.check
				if answers == openapi.Filter {
					want = a.filter
				}
				var v gatehouse.Verdict
				bounded(t, func() { v = answered(t, c, a.body, a.coding) })
				got := ""
				if v.Outcome == gatehouse.Deny {
					if got = v.Reason.Code; got == openapi.CodeAnswerBody {
						got = v.Details[0].Code
					}
				}
				if got != want || got != "" && v.Status != 502 || len(v.Details) > 10 || len(v.Reason.Message) > 2000 {
					t.Errorf("want %q, have %q of %d %+v", want, got, v.Status, v.Details)
				}
			})
		}
	}
}

// answered is what the control says of an answer that comes in pieces.
func answered(t *testing.T, c *openapi.Contract, body, coding string) gatehouse.Verdict {
	t.Helper()
	x := &gatehouse.Exchange{Start: time.Now(), Operation: c.Operations()[0], Principal: gatehouse.Anonymous}
	x.Request.Method = "GET"
	x.Response = gatehouse.Response{Status: 200, Header: gatehouse.Header{{Name: "Content-Type", Value: "application/json"}}}
	if coding != "" {
		x.Response.Header.Add("Content-Encoding", coding)
	}
	control := c.Response(x.Operation)
	v, err := control.(gatehouse.ResponseControl).CheckResponse(context.Background(), x)
	if err != nil || v.Outcome == gatehouse.Deny {
		return v
	}
	w, err := control.(gatehouse.StreamFilter).FilterResponse(x, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	for rest := body; rest != "" && err == nil; {
		n := min(16<<10, len(rest))
		_, err = io.WriteString(w, rest[:n])
		rest = rest[n:]
	}
	if err == nil {
		err = w.Close()
	}
	v = w.(gatehouse.VerdictWriter).Verdict()
	if (err != nil) != (v.Outcome == gatehouse.Deny) {
		t.Errorf("%v, and the verdict is %v", err, v.Outcome)
	}
	return v
}
