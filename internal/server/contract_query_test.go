package server

import (
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

// Whatever a query is made of: what the service gets has the declared names alone,
// each once, in any reader's eyes, with values that the schema takes.
func TestContractQueriesProperty(t *testing.T) {
	t.Parallel()
	h := newPromising(t, "      access: document\n      unknown: {query: strip, cookies: strip}", "")
	pieces := []string{"limit", "q", "=", "=", "&", "&", "5", "101", "%6c", "imit", "LIMIT", "[", "]", "%5B0%5D", ".", "+", "%20", "_", "x", "utm", "%00", "%26", "%3D", "%", "é", "%C3%A9", "%ff", ";", "#", "limit=7", "q=tea", "&limit=7", "&q=1", "0", "-1", "1e1", " ", "%2520", ","}
	rng := rand.New(rand.NewPCG(4, 4))
	client := h.client("strict")
	accepted := 0
	for range 4000 {
		var b strings.Builder
		for range 1 + rng.IntN(8) {
			b.WriteString(pieces[rng.IntN(len(pieces))])
		}
		query := b.String()
		var raw string
		asked := false
		h.says(func(w http.ResponseWriter, r *http.Request) {
			asked, raw = true, r.URL.RawQuery
			answering(200, "application/json", "[]")(w, r)
		})
		req := &http.Request{Method: "GET", Header: http.Header{}, Host: "shop.localhost",
			URL: &url.URL{Scheme: "http", Host: h.Addr("plain-strict"), Path: "/v1/orders", RawQuery: query}}
		res, err := client.Do(req)
		if err != nil {
			continue // net/http sends no such target
		}
		res.Body.Close()
		if asked != (res.StatusCode == 200) {
			t.Errorf("%q: %d, asked %v", query, res.StatusCode, asked)
		}
		if !asked {
			continue
		}
		accepted++
		for _, pairs := range []string{raw, strings.ReplaceAll(raw, ";", "&")} {
			seen := map[string]int{}
			for pair := range strings.SplitSeq(pairs, "&") {
				k, v, _ := strings.Cut(pair, "=")
				name, err1 := url.QueryUnescape(k)
				value, err2 := url.QueryUnescape(v)
				if err1 != nil || err2 != nil {
					t.Errorf("%q: the service gets %q", query, raw)
					continue
				}
				if pair == "" {
					continue
				}
				seen[name]++
				if name != "limit" && name != "q" || seen[name] > 1 {
					t.Errorf("%q: the service gets %q", query, raw)
				}
				if n, err := strconv.Atoi(value); name == "limit" && (err != nil || n < 1 || n > 100) {
					if value != "1e1" {
						t.Errorf("%q: the service gets %q", query, raw)
					}
				}
			}
		}
		values, err := url.ParseQuery(raw)
		for name := range values {
			if err != nil || name != "limit" && name != "q" {
				t.Errorf("%q: the service reads %v, %v", query, values, err)
			}
		}
	}
	if accepted < 200 {
		t.Errorf("only %d queries were accepted", accepted)
	}
}
