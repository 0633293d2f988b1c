package server

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A requirement that is not enforced lets nobody in by itself.
func TestContractSecurityModesOpenNothing(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"monitor", "off"} {
		h := newPromising(t, "      access: document", "    modes: {openapi.security: "+mode+"}")
		h.says(noContent)
		for _, c := range []struct {
			name   string
			fields []string
			want   map[string]int
		}{
			{"nobody", nil, map[string]int{"monitor": 401, "off": 401}},
			{"without the scope", []string{"Authorization", h.as("alice", "x")}, map[string]int{"monitor": 403, "off": 403}},
			{"with the scope", []string{"Authorization", h.as("alice", "orders:read")}, map[string]int{"monitor": 204, "off": 403}},
			{"whom a policy permits", []string{"Authorization", h.as("root", "x")}, map[string]int{"monitor": 204, "off": 204}},
		} {
			res, body, err := h.ask(h.client("h1"), "h1", "GET", "/v1/scoped", "", c.fields...)
			if err != nil || res.StatusCode != c.want[mode] {
				t.Errorf("%s: %s: %v %v %s", mode, c.name, err, res, body)
			}
		}
	}
}

// What is too long to be judged whole is refused; an array is judged as it comes.
func TestContractAnswerTooLong(t *testing.T) {
	t.Parallel()
	for _, answers := range []string{"check", "filter"} {
		h := newPromising(t, "      access: document\n      answers: "+answers+"\n      limits: {answer_bytes: 4KiB, items: 1000}", "")
		order := `{"sku":"tea","email":"` + strings.Repeat("x", 100) + `"}`
		list := "[" + order + strings.Repeat(","+order, 99) + "]"
		for _, c := range []struct {
			name, path, body string
			status           map[string]int
		}{
			{"one that fits", "/v1/orders/1", order, map[string]int{"check": 200, "filter": 200}},
			{"one too long", "/v1/orders/1", `{"sku":"tea","email":"` + strings.Repeat("x", 5000) + `"}`, map[string]int{"check": 502, "filter": 502}},
			{"many", "/v1/orders", list, map[string]int{"check": 502, "filter": 200}},
			{"an element too long", "/v1/orders", `[{"sku":"tea","email":"` + strings.Repeat("x", 5000) + `"}]`, map[string]int{"check": 502, "filter": 502}},
			{"too many", "/v1/orders", "[" + strings.Repeat(`{"sku":"a"},`, 1000) + `{"sku":"a"}]`, map[string]int{"check": 502, "filter": 502}},
			{"deep", "/v1/orders/1", `{"sku":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`, map[string]int{"check": 502, "filter": 502}},
		} {
			for _, proto := range contractProtos {
				h.says(answering(200, "application/json", c.body))
				res, body, err := h.ask(h.client(proto), proto, "GET", c.path, "")
				if err != nil || res.StatusCode != c.status[answers] || res.StatusCode == 200 && body != c.body || res.StatusCode == 502 && strings.Contains(body, "sku") {
					t.Errorf("%s: %s: %s: %v %v %.80s", answers, proto, c.name, err, res, body)
				}
			}
		}
	}
}

// Errors of the service are no promise of the document, and show nothing; 304 is an
// answer to a condition only.
func TestContractOddAnswers(t *testing.T) {
	t.Parallel()
	for _, errors := range []string{"gateway", "upstream"} {
		api := ""
		if errors == "upstream" {
			api = "    errors: upstream"
		}
		h := newPromising(t, "      access: document\n      answers: filter", api)
		for _, c := range []struct {
			name   string
			answer http.HandlerFunc
			fields []string
			status int
			body   string // of errors: upstream
		}{
			{"500", answering(500, "text/plain", "stack"), nil, 500, "stack"},
			{"503 with JSON", answering(503, "application/json", `{"password":"x"}`), nil, 503, `{"password":"x"}`},
			{"304 to nothing", answering(304, "", ""), nil, 502, ""},
			{"304 to a condition", answering(304, "", ""), []string{"If-Modified-Since", "Sat, 21 Nov 2026 22:00:00 GMT"}, 304, ""},
			{"a redirect", answering(302, "", "", "Location", "http://evil.example/"), nil, 502, ""},
			{"401", answering(401, "application/json", `{"token":"x"}`), nil, 502, ""},
		} {
			h.says(c.answer)
			res, body, err := h.ask(h.client("h1"), "h1", "GET", "/v1/orders", "", c.fields...)
			want := c.status
			if errors == "gateway" && c.status >= 500 {
				want = max(res.StatusCode, 500)
			}
			if err != nil || res.StatusCode != want || res.Header.Get("Location") != "" || errors == "gateway" && (strings.Contains(body, "stack") || strings.Contains(body, "password")) || errors == "upstream" && c.body != "" && body != c.body {
				t.Errorf("%s: %s: %v %v %s", errors, c.name, err, res, body)
			}
		}
	}
}

// Requests on one connection each have their own judgment, whatever became of the
// one before.
func TestContractPipelined(t *testing.T) {
	t.Parallel()
	h := newPromising(t, "      access: document\n      answers: filter", "")
	h.says(func(w http.ResponseWriter, r *http.Request) {
		answering(200, "application/json", `[{"sku":"tea","limit":"`+r.URL.Query().Get("limit")+`"}]`)(w, r)
	})
	for _, door := range plainDoors {
		conn := h.dial(door)
		var all strings.Builder
		want := []int{200, 400, 200, 404, 400, 200}
		for _, target := range []string{"/v1/orders?limit=1", "/v1/orders?limit=x", "/v1/orders?limit=2", "/v1/nothing", "/v1/orders?x=1", "/v1/orders"} {
			fmt.Fprintf(&all, "GET %s HTTP/1.1\r\nHost: shop.localhost\r\n\r\n", target)
		}
		go func() { _, _ = io.WriteString(conn, all.String()) }()
		br := bufio.NewReader(conn)
		for i, status := range want {
			res, err := http.ReadResponse(br, nil)
			if err != nil {
				t.Errorf("%s: answer %d: %v", door, i, err)
				break
			}
			body, _ := io.ReadAll(res.Body)
			if res.StatusCode != status || status == 200 && string(body) != `[{"sku":"tea"}]` {
				t.Errorf("%s: answer %d: %d %s", door, i, res.StatusCode, body)
			}
		}
	}
}

// An undocumented path may be let through, to be learnt of; what is documented is
// judged as before, and a path whose method is not documented is undocumented.
func TestContractUndocumentedReport(t *testing.T) {
	t.Parallel()
	h := newPromising(t, "      access: document", "    undocumented: report")
	h.write("shop.cedar", `permit(principal, action == Action::"shop.undocumented", resource);`)
	if err := h.Reload(context.Background()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		method, path string
		status       int
	}{{"GET", "/v1/shadow?x=1", 200}, {"GET", "/v1/orders?x=1", 400}, {"DELETE", "/v1/orders", 200}, {"GET", "/v1/orders/1/more", 200}} {
		h.says(answering(200, "text/plain", "shadow"))
		res, body, err := h.ask(h.client("h1"), "h1", c.method, c.path, "")
		if err != nil || res.StatusCode != c.status && c.method != "DELETE" {
			t.Errorf("%s %s: %v %v %s", c.method, c.path, err, res, body)
		}
		if c.method == "DELETE" && res.StatusCode != 200 && res.StatusCode != 405 {
			t.Errorf("%s %s: %v %s", c.method, c.path, res, body)
		}
	}
}

// A client that goes away in the middle of a filtered answer leaves nothing behind:
// the service is let go, and others are served.
func TestContractClientLeaves(t *testing.T) {
	t.Parallel()
	h := newPromising(t, "      access: document\n      answers: filter", "")
	left := make(chan struct{}, 16)
	h.says(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `[{"sku":"tea"}`)
		for r.Context().Err() == nil {
			if _, err := io.WriteString(w, strings.Repeat(`,{"sku":"tea","x":1}`, 1000)); err != nil {
				break
			}
		}
		left <- struct{}{}
	})
	for _, proto := range contractProtos {
		ctx, cancel := context.WithCancel(context.Background())
		req, err := http.NewRequestWithContext(ctx, "GET", h.url(proto, "/v1/orders"), nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := h.client(proto).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.CopyN(io.Discard, res.Body, 1<<16)
		cancel()
		res.Body.Close()
		select {
		case <-left:
		case <-time.After(10 * time.Second):
			t.Errorf("%s: the service still writes", proto)
		}
	}
}

// In monitor answers go on as they are: what a filter would have mended is told and
// is nothing that would have been refused, and neither is what enforce would not
// have asked for.
func TestContractMonitorsFilters(t *testing.T) {
	t.Parallel()
	h := newPromising(t, "      access: document\n      answers: filter\n      masks: {rules: [{fields: [email], mask: remove}]}", "    modes: {openapi.response: monitor}")
	const order = `[{"sku":"tea","email":"a@b.example","password":"x"}]`
	for _, proto := range contractProtos {
		client := h.client(proto)
		for _, c := range []struct {
			name   string
			answer http.HandlerFunc
			fields []string
			status int
			body   string
			code   string
			block  bool
		}{
			{"what would be cut", answering(200, "application/json", order, "ETag", `"1"`), nil, 200, order, "contract.filtered", false},
			{"what would be refused", answering(200, "application/json", `[{"sku":1}]`, "ETag", `"1"`), nil, 200, `[{"sku":1}]`, "contract.answer_body", true},
			{"coded", answering(200, "application/json", pack(order), "Content-Encoding", "gzip", "ETag", `"1"`), nil, 200, pack(order), "contract.answer_unjudged", false},
			{"a part", answering(206, "application/json", order[:5], "Content-Range", "bytes 0-4/51", "ETag", `"1"`), []string{"Range", "bytes=0-4"}, 206, order[:5], "contract.answer_unjudged", false},
			{"cut off midway", func(w http.ResponseWriter, r *http.Request) {
				answering(200, "application/json", `[{"sku":"tea"},`+strings.Repeat(`{"sku":"tea"},`, 20_000)+`{"sku":`, "ETag", `"1"`)(w, r)
			}, nil, 200, `[{"sku":"tea"},` + strings.Repeat(`{"sku":"tea"},`, 20_000) + `{"sku":`, "contract.answer_body", true},
		} {
			h.says(c.answer)
			res, body, err := h.ask(client, proto, "GET", "/v1/orders", "", c.fields...)
			if err != nil || res.StatusCode != c.status || body != c.body || res.Header.Get("ETag") != `"1"` {
				t.Errorf("%s: %s: %v %v %.200s", proto, c.name, err, res, body)
				continue
			}
			rec, codes := h.recorded(res), ""
			for _, j := range rec.Judgments {
				if j.Control == "openapi.response" {
					codes += j.Code + " "
				}
			}
			if rec.WouldBlock != c.block || !strings.Contains(codes, c.code) {
				t.Errorf("%s: %s: would block %v: %s", proto, c.name, rec.WouldBlock, codes)
			}
		}
	}
}
