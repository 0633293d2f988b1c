package waf

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
)

// Arguments behind the engine's limit are dropped: nothing of such a request has been
// read, and it must not pass.
func TestArgumentsBehindTheLimit(t *testing.T) {
	request, _ := controls(t, Policy{})
	for _, n := range []int{1001, 12_000} {
		const json, form = "application/json", "application/x-www-form-urlencoded"
		for name, x := range map[string]*gatehouse.Exchange{
			"query": exchange(t, "GET", "/items?"+strings.Repeat("a&", n)+"q="+injection, ""),
			"form":  exchange(t, "POST", "/items", strings.Repeat("a&", n)+"q="+injection, "Content-Type", form),
			"json":  exchange(t, "POST", "/items", "["+strings.Repeat("1,", n)+`"1' OR '1'='1"]`, "Content-Type", json),
		} {
			if v := check(t, request, x); v.Outcome != gatehouse.Deny {
				t.Errorf("%s behind %d arguments: %v", name, n, v.Outcome)
			}
		}
	}
	x := exchange(t, "POST", "/series", "["+strings.Repeat("1,", 5000)+"1]", "Content-Type", "application/json")
	if v := check(t, request, x); v.Outcome != gatehouse.Pass {
		t.Errorf("a list of 5000 numbers: %v %+v", v.Outcome, v.Reason)
	}
}

// What costs the engine more than in proportion is refused before it is done.
func TestBurdens(t *testing.T) {
	request, _ := controls(t, Policy{})
	const json, form = "application/json", "application/x-www-form-urlencoded"
	part := func(i int, file string) string {
		return fmt.Sprintf("--b\r\nContent-Disposition: form-data; name=\"a%d\"%s\r\n\r\nfilename\r\ncontent-disposition: x; filename=y\r\n--bb\r\n", i, file)
	}
	parts := func(n int, file string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(part(i, file))
		}
		return b.String() + "--b--\r\n"
	}
	for name, c := range map[string]struct {
		body, contentType, code string
	}{
		"quotes":                 {`{"a":"` + strings.Repeat("'", 900_000) + `"}`, json, CodeQuotes},
		"escaped quotes":         {`{"a":"` + strings.Repeat(`\\\"`, 220_000) + `"}`, json, CodeQuotes},
		"encoded twice":          {"a=" + strings.Repeat("%2527", 200_000), form, CodeQuotes},
		"many long values":       {strings.Repeat("a="+strings.Repeat("'", 60_000)+"&", 15), form, CodeQuotes},
		"a long document":        {`{"a":"` + strings.Repeat("Nobody&quot;s business. ", 30_000) + `"}`, json, ""},
		"101 files":              {parts(101, `; filename="x"`), "Multipart/form-data; boundary=b", CodeFiles},
		"101 files, odd names":   {parts(101, `; filename*=utf-8''x`), "multipart/form-data; boundary=b", CodeFiles},
		"10,001 parts":           {strings.Repeat("--b\r\n\r\n\r\n", 10_001) + "--b--\r\n", "multipart/form-data; boundary=b", CodeFiles},
		"100 files":              {parts(100, `; filename="x"`), "multipart/form-data; boundary=b", ""},
		"fields that look alike": {parts(200, ""), "multipart/form-data; boundary=b", ""},
	} {
		start := time.Now()
		v := check(t, request, exchange(t, "POST", "/x", c.body, "Content-Type", c.contentType))
		if took := time.Since(start); v.Reason.Code != c.code || c.code != "" && (v.Status != 413 || took > 2*time.Second) {
			t.Errorf("%s: %v %d %+v in %v", name, v.Outcome, v.Status, v.Reason, took)
		}
	}
}

// Of fields whose names differ in case only the engine forgets all but one.
func TestFieldsThatDifferInCase(t *testing.T) {
	request, _ := controls(t, Policy{})
	const form = "application/x-www-form-urlencoded"
	for body, code := range map[string]string{
		"note=" + injection + "&Note=&nOte=&NOTE=&noTe=":             CodeAmbiguous,
		"note=" + injection + "&%4eote=ok":                           CodeAmbiguous,
		"K=" + injection + "&%E2%84%AA=":                             CodeAmbiguous,
		"note=a&note=b&other=c&&=&x":                                 "",
		`{"note":"a","Note":"b"}`:                                    "",
		"a&A=" + strings.Repeat("&b", 12_000) + "&Z=&q=" + injection: CodeBlocked,
	} {
		for range 5 {
			if v := check(t, request, exchange(t, "POST", "/x", body, "Content-Type", form)); v.Reason.Code != code {
				t.Errorf("%.60s: %v %+v", body, v.Outcome, v.Reason)
			}
		}
	}
}
