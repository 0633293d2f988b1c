package openapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/openapi"
	"github.com/gatehouse/gatehouse/openapi/filter"
)

// TestAnswers: what breaks the contract is a 502 in enforce; in monitor it is
// recorded, and the client gets it as it is.
func TestAnswers(t *testing.T) {
	j, total := "Content-Type: application/json", "X-Total: 1"
	const good = `[{"id":1,"items":[{"sku":"a","count":1}]}]`
	for _, c := range []struct {
		name, line string
		status     int
		body       string
		fields     []string
		code       string // of the judgment; "" for a pass
		filter     string // what filter makes of it; "" as check does
	}{
		{"good", "GET /v1/orders", 200, good, []string{j, total}, "", good},
		{"an undocumented status", "GET /v1/orders", 202, good, []string{j, total}, openapi.CodeAnswerStatus, ""},
		{"a class of statuses", "POST /v1/orders", 418, `{"error":"tea"}`, []string{j}, "", `{"error":"tea"}`},
		{"a class of statuses broken", "POST /v1/orders", 418, `{}`, []string{j}, openapi.CodeAnswerBody, ""},
		{"a server's failure", "GET /v1/orders", 500, `oh`, nil, "", "oh"},
		{"another media type", "GET /v1/orders", 200, "x", []string{"Content-Type: text/plain", total}, openapi.CodeAnswerContentType, ""},
		{"no media type", "GET /v1/orders", 200, good, []string{total}, openapi.CodeAnswerContentType, ""},
		{"two media types", "GET /v1/orders", 200, good, []string{j, j, total}, openapi.CodeContentTypeRepeated, ""},
		{"a required field is missing", "GET /v1/orders", 200, good, []string{j}, openapi.CodeAnswerHeader, ""},
		{"a field breaks its schema", "GET /v1/orders", 200, good, []string{j, "X-Total: many"}, openapi.CodeAnswerHeader, ""},
		{"the body breaks its schema", "GET /v1/orders", 200, `[{"id":"1","items":[{"sku":"a","count":1}]}]`, []string{j, total}, openapi.CodeAnswerBody, ""},
		{"a required property is missing", "GET /v1/orders/1", 200, `{"items":[{"sku":"a","count":1}]}`, []string{j}, openapi.CodeAnswerBody, ""},
		{"no JSON", "GET /v1/orders/1", 200, `{"id":1`, []string{j}, openapi.CodeAnswerBody, ""},
		{"a writeOnly property", "GET /v1/orders/1", 200, `{"id":1,"items":[{"sku":"a","count":1}],"secret":"x"}`, []string{j},
			openapi.CodeAnswerBody, `{"id":1,"items":[{"sku":"a","count":1}]}`},
		{"an undeclared property", "GET /v1/orders/1", 200, `{"id":1,"items":[{"sku":"a","count":1.0,"x":{}}], "y":1}`, []string{j},
			"", `{"id":1,"items":[{"sku":"a","count":1.0}]}`},
		{"a body with 204 is none", "DELETE /v1/orders/1", 204, "", nil, "", ""},
		{"text", "GET /v1/status", 200, "fine", []string{"Content-Type: text/plain"}, "", "fine"},
		{"text too long", "GET /v1/status", 200, "fine and more", []string{"Content-Type: text/plain"}, openapi.CodeAnswerBody, ""},
		{"no answer to HEAD has a body", "HEAD /v1/orders/1", 200, "", []string{j}, "", ""},
		{"a part", "GET /v1/orders/1", 206, "{", []string{j}, openapi.CodeAnswerStatus, ""},
		{"not modified", "GET /v1/orders/1", 304, "", nil, openapi.CodeAnswerStatus, ""},
		{"not modified, as asked", "GET /v1/orders/1#", 304, "", nil, "", ""},
		{"a coding asked for", "GET /v1/orders/1~", 200, "x", []string{j, "Content-Encoding: gzip"}, openapi.CodeAnswerBody, openapi.CodeAnswerCoding},
		{"a coding", "GET /v1/orders/1", 200, "x", []string{j, "Content-Encoding: gzip"}, openapi.CodeAnswerBody, openapi.CodeAnswerCoding},
	} {
		for _, mode := range []string{"check", "filter", "monitor"} {
			t.Run(c.name+", "+mode, func(t *testing.T) {
				cfg := open
				if mode == "filter" {
					cfg.Answers = openapi.Filter
				}
				h := newHouse(t, openapi.Options{Config: cfg}, mode == "monitor")
				h.principal = writer
				h.answers(c.status, c.body, c.fields...)
				var fields []string
				body := ""
				if strings.HasPrefix(c.line, "POST") {
					body, fields = order, []string{j, "X-Tenant: a"}
				}
				line, conditional := strings.CutSuffix(c.line, "#")
				line, coded := strings.CutSuffix(line, "~")
				if coded {
					fields = append(fields, "Accept-Encoding: gzip")
				}
				if conditional {
					fields = append(fields, `If-None-Match: "1"`)
				}
				status, answer, header := h.do(line, body, fields...)
				code, want := c.code, c.body
				if mode == "filter" && c.filter != "" {
					code, want = "", c.filter
					if strings.HasPrefix(c.filter, "contract.") {
						code = c.filter
					}
				}
				if mode == "monitor" {
					if status != c.status || answer != c.body || h.decision.WouldBlock != (code != "") {
						t.Fatalf("%d %q, %+v", status, answer, h.decision)
					}
				} else if code == "" {
					if status != c.status || answer != want {
						t.Fatalf("%d %q, %+v", status, answer, h.decision)
					}
				} else if status != 502 || strings.Contains(answer, "errors") {
					t.Fatalf("%d %q, %+v", status, answer, h.decision)
				}
				v := h.judged(openapi.ResponseName)
				if code != "" && v.Reason.Code != code {
					t.Errorf("judged %+v", v)
				}
				if mode == "filter" && code == "" && want != c.body && (v.Reason.Code != filter.CodeFiltered || len(v.Details) == 0 || header.Get("ETag") != "") {
					t.Errorf("judged %+v", v)
				}
			})
		}
	}
}

// The head says no more than the body: what a filter changes is not described as it
// was; what a check lets by is.
func TestAnswerFields(t *testing.T) {
	body := `{"id":1,"items":[{"sku":"a","count":1}]}`
	for _, filters := range []bool{false, true} {
		cfg := open
		if filters {
			cfg.Answers = openapi.Filter
		}
		h := newHouse(t, openapi.Options{Config: cfg}, false)
		h.principal = reader
		h.answers(200, body, "Content-Type: application/json", `ETag: "1"`, fmt.Sprintf("Content-Length: %d", len(body)))
		status, answer, header := h.do("GET /v1/orders/1", "", "Range: bytes=0-1", "If-Range: x", "Accept-Encoding: gzip")
		if status != 200 || answer != body || (header.Get("ETag") == "") != filters || (header.Get("Content-Length") == "") != filters {
			t.Errorf("filter %v: %d %q %v", filters, status, answer, header)
		}
		got := h.arrived.Header
		if got.Get("Range")+got.Get("If-Range") != "" || (got.Get("Accept-Encoding") == "identity") != filters {
			t.Errorf("filter %v: the service was asked %v", filters, got)
		}
	}
}

// In monitor nothing is asked otherwise, so what comes back is not held against the
// service.
func TestAnswersThatMonitorCannotJudge(t *testing.T) {
	for _, c := range []struct {
		status  int
		asked   string
		answers openapi.Answers
		coding  string
	}{{206, "Range: bytes=0-1", openapi.Check, ""}, {200, "Accept-Encoding: gzip", openapi.Filter, "gzip"}} {
		cfg := open
		cfg.Answers = c.answers
		h := newHouse(t, openapi.Options{Config: cfg}, true)
		h.principal = reader
		fields := []string{"Content-Type: application/json"}
		if c.coding != "" {
			fields = append(fields, "Content-Encoding: "+c.coding)
		}
		h.answers(c.status, "{x", fields...)
		status, answer, _ := h.do("GET /v1/orders/1", "", c.asked)
		if status != c.status || answer != "{x" || h.decision.WouldBlock || h.judged(openapi.ResponseName).Reason.Code != openapi.CodeAnswerUnjudged {
			t.Errorf("%d %q %+v", status, answer, h.decision)
		}
	}
}

// A body that must be small to be judged, and one where none was promised.
func TestAnswerLimits(t *testing.T) {
	cfg := open
	cfg.Limits.AnswerBytes = 50
	h := newHouse(t, openapi.Options{Config: cfg}, false)
	h.principal = writer
	h.answers(200, `{"id":1,"items":[{"sku":"`+strings.Repeat("a", 50)+`","count":1}]}`, "Content-Type: application/json")
	if status, _, _ := h.do("GET /v1/orders/1", ""); status != 502 || h.decision.Reason.Code != openapi.CodeAnswerLength {
		t.Errorf("%d %+v", status, h.decision.Reason)
	}
}

func TestMasksAndSelection(t *testing.T) {
	cfg := open
	cfg.Answers, cfg.Fields = openapi.Filter, "fields"
	cfg.Masks = filter.Config{Rules: []filter.Rule{{Classes: []string{"card"}, Mask: filter.MaskRedact,
		For: []filter.Audience{{Roles: []string{"staff"}, Mask: filter.MaskLast4}}}}}
	h := newHouse(t, openapi.Options{Config: cfg}, false)
	h.answers(200, `{"id":1,"items":[{"sku":"a","count":1}],"card":"4111111111111111","x":1}`, "Content-Type: application/json")
	for _, c := range []struct {
		who         *gatehouse.Principal
		query, want string
		status      int
	}{
		{reader, "", `{"id":1,"items":[{"sku":"a","count":1}],"card":"***"}`, 200},
		{writer, "", `{"id":1,"items":[{"sku":"a","count":1}],"card":"***1111"}`, 200},
		{writer, "?fields=id,items(sku)", `{"id":1,"items":[{"sku":"a"}]}`, 200},
		{writer, "?fields=id%2Ccard", `{"id":1,"card":"***1111"}`, 200},
		{writer, "?fields=x", `{}`, 200},
		{writer, "?fields=id((", "", 400},
		{writer, "?fields=id&fields=card", "", 400},
	} {
		h.principal = c.who
		status, answer, _ := h.do("GET /v1/orders/1"+c.query, "")
		if status != c.status || status == 200 && answer != c.want {
			t.Errorf("%s%s: %d %s", c.who.Subject, c.query, status, answer)
		}
		if status == 200 && h.arrived.URL.RawQuery != "" {
			t.Errorf("the service was asked %q", h.arrived.URL.RawQuery)
		}
	}
}

func TestLifecycle(t *testing.T) {
	for _, c := range []struct {
		sunset string
		status int
	}{{"2099-01-01", 204}, {"2026-06-01", 410}} {
		cfg := open
		own := openapi.OperationConfig{Link: "https://shop.example/changes"}
		if err := own.Sunset.UnmarshalText([]byte(c.sunset)); err != nil {
			t.Fatal(err)
		}
		cfg.Operations = map[string]openapi.OperationConfig{"cancelOrder": own}
		h := newHouse(t, openapi.Options{Config: cfg}, false)
		h.principal = writer
		status, _, header := h.do("POST /v1/orders/1:cancel", "")
		want := http.Header{"Deprecation": {"@1767225600"}, "Sunset": {own.Sunset.Format(http.TimeFormat)},
			"Link": {`<https://shop.example/changes>; rel="deprecation", <https://shop.example/changes>; rel="sunset", </v2/orders/cancel>; rel="successor-version"`}}
		if status != c.status {
			t.Errorf("sunset %s: %d", c.sunset, status)
		}
		for name := range want {
			if header.Get(name) != want.Get(name) {
				t.Errorf("%s: %q", name, header.Get(name))
			}
		}
		if status, _, header := h.do("DELETE /v1/orders/1", ""); status != 204 || header.Get("Deprecation") != "" {
			t.Errorf("another operation: %d %v", status, header)
		}
	}
}
