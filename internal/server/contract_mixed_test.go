package server

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// Callers of all kinds at once, some of whose answers break off: each gets her own
// answer and no other's, masked for her.
func TestContractKeepsCallersApart(t *testing.T) {
	t.Parallel()
	h := newPromising(t, `      access: document
      answers: filter
      masks:
        rules:
          - {fields: [email], mask: redact, for: [{roles: [partner], mask: last4}, {scopes: [staff], mask: none}]}
          - {classes: [internal], mask: remove, for: [{scopes: [staff], mask: none}]}`, "")
	order := func(mark string) string {
		return `{"sku":"` + mark + `","email":"` + mark + `-mail","secret":"hunter2-` + mark + `","cost":1.5,"undeclared":"hunter2"}`
	}
	h.says(func(w http.ResponseWriter, r *http.Request) {
		mark, n := r.URL.Query().Get("q"), 0
		_, _ = fmt.Sscan(r.URL.Query().Get("limit"), &n)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, "["+strings.Repeat(order(mark)+",", n*20))
		switch n % 4 {
		case 1: // breaks the contract, at once or late
			_, _ = io.WriteString(w, `{"sku":17}]`)
		case 2: // breaks off
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		default:
			_, _ = io.WriteString(w, order(mark)+"]")
		}
	})
	kinds := []struct {
		fields []string
		tail   func(mark string) string // what an order is but for its sku
	}{
		{nil, func(string) string { return `"email":"***"` }},
		{[]string{"X-API-Key", h.key}, func(string) string { return `"email":"***mail"` }},
		{[]string{"Authorization", h.as("sue", "staff")}, func(mark string) string { return `"email":"` + mark + `-mail","cost":1.5` }},
	}
	var all sync.WaitGroup
	for worker := range 12 {
		all.Go(func() {
			proto := contractProtos[worker%len(contractProtos)]
			client, kind := h.client(proto), kinds[worker%len(kinds)]
			for i := range 24 {
				mark, n := fmt.Sprintf("w%di%dx", worker, i), 1+i%8*5
				want := `{"sku":"` + mark + `",` + kind.tail(mark) + "}"
				res, body, err := h.ask(client, proto, "GET", fmt.Sprintf("/v1/orders?q=%s&limit=%d", mark, n), "", kind.fields...)
				switch good := n%4 != 1 && n%4 != 2; {
				case good && (err != nil || res.StatusCode != 200 || body != "["+strings.Repeat(want+",", n*20)+want+"]"):
					t.Errorf("%s %s: %v %v %.300s", proto, mark, err, res, body)
				case !good && err == nil && res.StatusCode == 200:
					t.Errorf("%s %s: a broken answer looks whole: %.300s", proto, mark, body)
				case !good && res != nil && res.StatusCode == 200 && strings.Trim(strings.ReplaceAll(body, want, ""), "[,") != "":
					if rest := body[strings.LastIndexByte(body, '{'):]; strings.Trim(strings.ReplaceAll(body, want, ""), "[,") != rest || !strings.HasPrefix(want, rest) {
						t.Errorf("%s %s: %.300s", proto, mark, body)
					}
				}
			}
		})
	}
	all.Wait()
}

// What stands behind an answer's end spoils the answer: not even its last bracket
// has been sent by then.
func TestContractNothingBehindTheEnd(t *testing.T) {
	t.Parallel()
	h := newPromising(t, "      access: document\n      answers: filter", "")
	for _, behind := range []string{"[]", "{", " x", "\x00", "\ufeff"} {
		h.says(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `[{"sku":"tea"}`+strings.Repeat(`,{"sku":"tea"}`, 20_000)+"]")
			w.(http.Flusher).Flush()
			time.Sleep(30 * time.Millisecond)
			_, _ = io.WriteString(w, behind)
		})
		for _, proto := range contractProtos {
			res, body, err := h.ask(h.client(proto), proto, "GET", "/v1/orders", "")
			if res == nil || err == nil && res.StatusCode == 200 || strings.Contains(body, "]") || len(body) < 1000 {
				t.Errorf("%s: %q: %v, %d bytes, the last %.20q", proto, behind, err, len(body), body[max(0, len(body)-20):])
			}
		}
	}
}
