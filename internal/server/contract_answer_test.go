package server

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"
)

// pack returns text in gzip.
func pack(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, text)
	z.Close()
	return b.String()
}

// Answers that break the contract are refused, in both ways to treat them, except
// for what can be cut out; none of their text comes through.
func TestContractJudgesAnswers(t *testing.T) {
	t.Parallel()
	const good, leak = `[{"sku":"tea","id":7}]`, "hunter2"
	for _, answers := range []string{"check", "filter"} {
		h := newPromising(t, "      access: document\n      answers: "+answers, "")
		for _, c := range []struct {
			name   string
			answer http.HandlerFunc
			// code of the refusal; "" where want is the answer
			code, want string
		}{
			{"good", answering(200, "application/json", good), "", good},
			{"good, with a charset", answering(200, "application/json; charset=utf-8", good), "", good},
			{"good header", answering(200, "application/json", good, "X-Total", "3"), "", good},
			{"bad header", answering(200, "application/json", good, "X-Total", leak), "contract.answer_header", ""},
			{"another status", answering(202, "application/json", good), "contract.answer_status", ""},
			{"another media type", answering(200, "text/html", leak), "contract.answer_content_type", ""},
			{"no media type", answering(200, "", good, "Content-Type", ""), "contract.answer_content_type", ""},
			{"two media types", answering(200, "", good, "Content-Type", "application/json", "Content-Type", "text/html"), "", ""},
			{"a missing property", answering(200, "application/json", `[{"id":7}]`), "contract.answer_body", ""},
			{"another type", answering(200, "application/json", `[{"sku":7}]`), "contract.answer_body", ""},
			{"a name twice", answering(200, "application/json", `[{"sku":"tea","sku":"`+leak+`"}]`), "contract.answer_body", ""},
			{"no JSON", answering(200, "application/json", leak), "contract.answer_body", ""},
			{"cut off", answering(200, "application/json", `[{"sku":"tea"}`), "contract.answer_body", ""},
			{"more behind", answering(200, "application/json", good+leak), "contract.answer_body", ""},
			{"a body where there is none", answering(204, "", ""), "", ""},
			{"an error of its own", answering(404, "application/problem+json", `{"title":"none"}`), "", `{"title":"none"}`},
		} {
			if c.name == "two media types" {
				c.code = "contract.content_type_repeated"
			}
			for _, proto := range contractProtos {
				h.says(c.answer)
				res, body, err := h.ask(h.client(proto), proto, "GET", "/v1/orders", "")
				switch {
				case err != nil:
					t.Errorf("%s: %s: %s: %v", answers, proto, c.name, err)
				case c.code == "" && (res.StatusCode == 502 || body != c.want):
					t.Errorf("%s: %s: %s: %d %s", answers, proto, c.name, res.StatusCode, body)
				case c.code != "" && (res.StatusCode != 502 || strings.Contains(body, leak) || strings.Contains(body, "tea") || res.Header.Get("X-Total") != ""):
					t.Errorf("%s: %s: %s: %d %v %s", answers, proto, c.name, res.StatusCode, res.Header, body)
				case c.code != "" && proto == "h1":
					if rec := h.recorded(res); judgment(rec, "openapi.response").Code != c.code || strings.Contains(fmt.Sprint(rec), leak) {
						t.Errorf("%s: %s: %+v", answers, c.name, rec)
					}
				}
			}
		}
		undeclared := `[ {"sku":"tea", "id":7.0 , "password":"` + leak + `","secret":"` + leak + `"}]`
		h.says(answering(200, "application/json", undeclared, "ETag", `"1"`, "Content-MD5", "x"))
		res, body, err := h.ask(h.client("h1"), "h1", "GET", "/v1/orders", "")
		if err != nil || strings.Contains(body, leak) {
			t.Fatalf("%s: %v %s", answers, err, body)
		}
		j := judgment(h.recorded(res), "openapi.response")
		if answers == "check" && (res.StatusCode != 502 || j.Code != "contract.answer_body" || j.Outcome != "deny") {
			t.Errorf("check: %d %s %+v", res.StatusCode, body, j)
		}
		if answers == "filter" && (res.StatusCode != 200 || body != `[ {"sku":"tea", "id":7.0}]` && body != `[ {"sku":"tea", "id":7.0 }]` || j.Code != "contract.filtered" || len(j.Details) != 2 || res.Header.Get("ETag") != "" || res.Header.Get("Content-MD5") != "") {
			t.Errorf("filter: %d %q %v %+v", res.StatusCode, body, res.Header, j)
		}
	}
}

// Answers without a body, parts of answers and codings, as HTTP has them.
func TestContractAnswersWithoutBody(t *testing.T) {
	t.Parallel()
	const order = `[{"sku":"tea","password":"hunter2"}]`
	h := newPromising(t, "      access: document\n      answers: filter", "")
	for _, proto := range contractProtos {
		client := h.client(proto)
		var got *http.Request
		h.says(func(w http.ResponseWriter, r *http.Request) {
			got = r
			switch {
			case r.Header.Get("If-None-Match") != "":
				answering(304, "", "", "ETag", `"1"`)(w, r)
			case r.Header.Get("Range") != "":
				answering(206, "application/octet-stream", "bc", "Content-Range", "bytes 1-2/3")(w, r)
			case strings.HasPrefix(r.URL.Path, "/v1/files"):
				answering(200, "application/octet-stream", "abc", "Accept-Ranges", "bytes")(w, r)
			case strings.Contains(r.Header.Get("Accept-Encoding"), "gzip"):
				answering(200, "application/json", pack(order), "Content-Encoding", "gzip")(w, r)
			default:
				answering(200, "application/json", order)(w, r)
			}
		})
		for _, c := range []struct {
			name, method, path string
			fields             []string
			status             int
			body               string
		}{
			{"HEAD", "HEAD", "/v1/orders", nil, 200, ""},
			{"not modified", "GET", "/v1/orders", []string{"If-None-Match", `"1"`}, 304, ""},
			{"a coding is not asked for", "GET", "/v1/orders", []string{"Accept-Encoding", "gzip;q=1"}, 200, `[{"sku":"tea"}]`},
			{"a part of what is filtered is the whole", "GET", "/v1/orders", []string{"Range", "bytes=0-3", "If-Range", `"1"`}, 200, `[{"sku":"tea"}]`},
			{"a part of a file", "GET", "/v1/files/a", []string{"Range", "bytes=1-2"}, 206, "bc"},
			{"a file", "GET", "/v1/files/a", nil, 200, "abc"},
			{"a file's head", "HEAD", "/v1/files/a", nil, 200, ""},
		} {
			got = nil
			res, body, err := h.ask(client, proto, c.method, c.path, "", c.fields...)
			if err != nil || res.StatusCode != c.status || body != c.body || got == nil {
				t.Errorf("%s: %s: %v %v %q", proto, c.name, err, res, body)
				continue
			}
			if strings.HasPrefix(c.path, "/v1/orders") && (got.Header.Get("Range") != "" || got.Header.Get("If-Range") != "" || got.Header.Get("Accept-Encoding") != "identity") {
				t.Errorf("%s: %s: the service got %v", proto, c.name, got.Header)
			}
			if c.name == "HEAD" && res.ContentLength == int64(len(order)) {
				t.Errorf("%s: HEAD tells the length of what is not sent", proto)
			}
		}
		// A service that packs what it was not asked to pack.
		h.says(answering(200, "application/json", pack(order), "Content-Encoding", "gzip"))
		if res, body, err := h.ask(client, proto, "GET", "/v1/orders", ""); err != nil || res.StatusCode != 502 {
			t.Errorf("%s: packed: %v %v %q", proto, err, res, body)
		}
		h.says(answering(206, "application/json", order[:5], "Content-Range", "bytes 0-4/36"))
		if res, body, err := h.ask(client, proto, "GET", "/v1/orders", ""); err != nil || res.StatusCode != 502 {
			t.Errorf("%s: a part: %v %v %q", proto, err, res, body)
		}
	}
	checking := newPromising(t, "      access: document\n      answers: check", "")
	for _, c := range []struct {
		text   string
		status int
	}{{`[{"sku":"tea"}]`, 200}, {order, 502}, {"[" + strings.Repeat(" ", 11<<20) + "]", 502}} {
		packed := pack(c.text)
		checking.says(answering(200, "application/json", packed, "Content-Encoding", "gzip"))
		res, body, err := checking.ask(checking.client("h1"), "h1", "GET", "/v1/orders", "")
		if err != nil || res.StatusCode != c.status || c.status == 200 && body != packed {
			t.Errorf("checked and packed: %.40s: %v %v", c.text, err, res)
		}
	}
}

// Masks go by who asks.
func TestContractMasks(t *testing.T) {
	t.Parallel()
	h := newPromising(t, `      access: document
      answers: filter
      masks:
        rules:
          - {fields: [email], mask: redact, for: [{roles: [partner], mask: email}, {scopes: [staff], mask: none}]}
          - {classes: [internal], mask: remove, for: [{scopes: [staff], mask: none}]}
          - {detect: [card], mask: last4}`, "")
	h.says(answering(200, "application/json", `{"sku":"4111 1111 1111 1111","email":"alice@mail.example","cost":1.50}`))
	for _, c := range []struct {
		name, want string
		fields     []string
	}{
		{"a stranger", `{"sku":"***1111","email":"***"}`, nil},
		{"a partner", `{"sku":"***1111","email":"a***@mail.example"}`, []string{"X-API-Key", h.key}},
		{"staff", `{"sku":"***1111","email":"alice@mail.example","cost":1.50}`, []string{"Authorization", h.as("sue", "staff")}},
	} {
		res, body, err := h.ask(h.client("h1"), "h1", "GET", "/v1/orders/1", "", c.fields...)
		if err != nil || res.StatusCode != 200 || body != c.want {
			t.Errorf("%s: %v %v %s", c.name, err, res, body)
		}
	}
}

// An array of 50,000 objects is filtered as it comes, in memory that does not grow
// with it.
func TestContractStreamsArrays(t *testing.T) {
	const n = 50_000
	h := newPromising(t, "      access: document\n      answers: filter", "")
	element := `{"sku":"tea","password":"` + strings.Repeat("x", 400) + `"}`
	peak := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	var during uint64
	first := make(chan struct{})
	h.says(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for i := range n {
			sep := ","
			if i == 0 {
				sep = "["
			}
			_, _ = io.WriteString(w, sep+element)
			if i == n/2 { // the client has seen the beginning before the end is sent
				w.(http.Flusher).Flush()
				select {
				case <-first:
				case <-time.After(10 * time.Second):
					t.Error("nothing came before the end")
				}
			}
			if i == n*3/4 {
				during = peak()
			}
		}
		_, _ = io.WriteString(w, "]")
	})
	for _, proto := range contractProtos {
		first = make(chan struct{})
		before := peak()
		req, err := http.NewRequest("GET", h.url(proto, "/v1/orders"), nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := h.client(proto).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		dec := json.NewDecoder(res.Body)
		if _, err := dec.Token(); err != nil {
			t.Fatal(err)
		}
		count := 0
		for dec.More() {
			var order map[string]any
			if err := dec.Decode(&order); err != nil || len(order) != 1 {
				t.Fatalf("%s: element %d: %v %v", proto, count, err, order)
			}
			if count++; count == 1 {
				close(first)
			}
		}
		res.Body.Close()
		if count != n {
			t.Errorf("%s: %d elements", proto, count)
		}
		if grown := int64(during) - int64(before); grown > 8<<20 {
			t.Errorf("%s: an answer of %d MB took %d MB", proto, n*len(element)>>20, grown>>20)
		}
	}
}

// An answer whose beginning has been sent when it turns out to be invalid breaks
// off: nobody takes the half for the whole.
func TestContractBreaksOff(t *testing.T) {
	t.Parallel()
	h := newPromising(t, "      access: document\n      answers: filter", "")
	for _, bad := range []string{`{"count":1}`, `{"sku":1}`, `{"sku":"a","sku":"b"}`, `nonsense`, `{"sku":"` + strings.Repeat("x", 21) + `"}`} {
		h.says(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `[{"sku":"tea"}`+strings.Repeat(`,{"sku":"tea"}`, 50_000))
			w.(http.Flusher).Flush()
			time.Sleep(50 * time.Millisecond)
			_, _ = io.WriteString(w, ","+bad+",{\"sku\":\"after\"}]")
		})
		for _, proto := range contractProtos {
			res, body, err := h.ask(h.client(proto), proto, "GET", "/v1/orders", "")
			if res == nil || err == nil && res.StatusCode == 200 || strings.Contains(body, "after") || strings.Contains(body, bad) {
				t.Errorf("%s: %.30s: %v %v, %d bytes", proto, bad, err, res, len(body))
				continue
			}
			if rec := h.recorded(res); proto == "h1" && (judgment(rec, "openapi.response").Outcome != "deny" || res.StatusCode == 200 && !rec.Aborted) {
				t.Errorf("%.30s: %+v", bad, rec)
			}
		}
	}
}
