package openapi_test

import (
	"bytes"
	"compress/gzip"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/openapi"
)

// Hostile bodies are refused with a reason of their own, soon.
func TestHostileBodies(t *testing.T) {
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	for range 64 {
		_, _ = z.Write(bytes.Repeat([]byte(" "), 1<<20))
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	var members strings.Builder
	for range 200_000 {
		members.WriteString(`"a":1,`)
	}
	j := "Content-Type: application/json"
	for _, c := range []struct {
		name, body string
		fields     []string
		status     int
		code       string
	}{
		{"nested deeply", strings.Repeat(`{"a":`, 100_000), []string{j}, 413, "json.depth"},
		{"arrays nested deeply", strings.Repeat(`[`, 1_000_000), []string{j}, 413, "json.depth"},
		{"a member many times", "{" + members.String() + `"b":1}`, []string{j}, 413, "json.members"},
		{"a member twice", `{"note":"a","\u006eote":"b","items":[]}`, []string{j}, 400, "json.duplicate_name"},
		{"a great number is one", `{"items":[{"sku":"a","count":1e300}]}`, []string{j}, 204, ""}, // the schema sets no bound
		{"a number beyond a double", `{"items":[{"sku":"a","count":1e400}]}`, []string{j}, 400, "json.number_range"},
		{"a number without end", `{"items":[{"sku":"a","count":1` + strings.Repeat("0", 5000) + `}]}`, []string{j}, 413, "json.number_length"},
		{"a lone surrogate", `{"items":[{"sku":"\ud800","count":1}]}`, []string{j}, 400, "json.lone_surrogate"},
		{"a byte order mark", "\ufeff" + order, []string{j}, 400, "json.byte_order_mark"},
		{"invalid UTF-8", "{\"note\":\"\xff\",\"items\":[]}", []string{j}, 400, "json.utf8"},
		{"data behind", order + "{}", []string{j}, 400, "json.trailing_data"},
		{"a bomb", bomb.String(), []string{j, "Content-Encoding: gzip"}, 413, "contract.decompression_limit"},
		{"a coding that is none", order, []string{j, "Content-Encoding: gzip"}, 400, "contract.content_coding_invalid"},
		{"another charset", order, []string{"Content-Type: application/json; charset=utf-7"}, 415, "contract.charset"},
		{"a query of a thousand names", order, []string{j, "?" + strings.Repeat("a&", 2000)}, 400, "contract.parameter_count"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t, openapi.Options{Config: open}, false)
			h.principal = writer
			target, fields := "POST /v1/orders", append([]string{"X-Tenant: a"}, c.fields...)
			if query, ok := strings.CutPrefix(fields[len(fields)-1], "?"); ok {
				target, fields = target+"?"+query, fields[:len(fields)-1]
			}
			began := time.Now()
			status, answer, _ := h.do(target, c.body, fields...)
			if status != c.status || h.decision.Reason.Code != c.code {
				t.Errorf("%d %+v %s", status, h.decision.Reason, answer)
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}
