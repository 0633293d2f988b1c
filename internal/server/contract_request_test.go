package server

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// contractProtos are the three readers of requests.
var contractProtos = []string{"h1", "strict", "h2"}

// brokenRequests are requests with one thing wrong, and the code that says so.
var brokenRequests = []struct {
	name, method, path, body string
	fields                   []string
	status                   int
	code                     string
}{
	{"a parameter beyond its bound", "GET", "/v1/orders?limit=101", "", nil, 400, "contract.parameter_range"},
	{"a parameter of another type", "GET", "/v1/orders?limit=many", "", nil, 400, "contract.parameter_type"},
	{"a parameter twice", "GET", "/v1/orders?limit=1&limit=2", "", nil, 400, "contract.parameter_repeated"},
	{"a parameter in two spellings", "GET", "/v1/orders?limit=1&%6cimit=2", "", nil, 400, "contract.parameter_repeated"},
	{"an unknown parameter", "GET", "/v1/orders?admin=1", "", nil, 400, "contract.parameter_unknown"},
	{"a cookie that is none of the values", "GET", "/v1/orders", "", []string{"Cookie", "theme=pink"}, 400, "contract.parameter_enum"},
	{"a path parameter of another type", "GET", "/v1/orders/abc", "", nil, 400, "contract.parameter_type"},
	{"a missing header field", "POST", "/v1/orders", `{"sku":"tea"}`, []string{"Content-Type", "application/json"}, 400, "contract.parameter_missing"},
	{"a body where there is none", "GET", "/v1/orders", `{}`, nil, 400, "contract.body_unexpected"},
	{"an undeclared property", "POST", "/v1/orders", `{"sku":"tea","role":"admin"}`, jsonFields, 400, "contract.unknown_property"},
	{"what is read only", "POST", "/v1/orders", `{"sku":"tea","id":1}`, jsonFields, 400, "contract.read_only"},
	{"a name twice", "POST", "/v1/orders", `{"sku":"tea","sku":"gold"}`, jsonFields, 400, "json.duplicate_name"},
	{"a missing property", "POST", "/v1/orders", `{"count":1}`, jsonFields, 400, "contract.required"},
	{"a number beyond any", "POST", "/v1/orders", `{"sku":"tea","count":1e400}`, jsonFields, 400, "json.number_range"},
	{"no body", "POST", "/v1/orders", "", jsonFields, 400, "contract.body_missing"},
	{"another media type", "POST", "/v1/orders", `<sku/>`, []string{"X-Tenant", "a", "Content-Type", "application/xml"}, 415, "contract.media_type"},
	{"no media type", "POST", "/v1/orders", `{"sku":"tea"}`, []string{"X-Tenant", "a"}, 415, "contract.content_type"},
	{"another charset", "POST", "/v1/orders", `{"sku":"tea"}`, []string{"X-Tenant", "a", "Content-Type", "application/json; charset=utf-16"}, 415, "contract.charset"},
	{"an unknown coding", "POST", "/v1/orders", `{"sku":"tea"}`, append([]string{"Content-Encoding", "compress"}, jsonFields...), 415, "contract.content_coding"},
	{"a form with an undeclared field", "POST", "/v1/orders", `sku=tea&role=admin`, []string{"X-Tenant", "a", "Content-Type", "application/x-www-form-urlencoded"}, 400, ""},
	{"an undocumented path", "GET", "/v1/admin", "", nil, 404, "match.undocumented"},
	{"an undocumented method", "DELETE", "/v1/orders", "", nil, 405, "match.method"},
}

var jsonFields = []string{"X-Tenant", "acme", "Content-Type", "application/json"}

func TestContractRefusesRequests(t *testing.T) {
	t.Parallel()
	h := newPromising(t, "      access: document\n      errors: {full: {everybody: true}}", "")
	h.says(func(http.ResponseWriter, *http.Request) { t.Error("what is refused went through") })
	for _, proto := range contractProtos {
		client := h.client(proto)
		for _, c := range brokenRequests {
			res, body, err := h.ask(client, proto, c.method, c.path, c.body, c.fields...)
			if err != nil || res.StatusCode != c.status || c.code != "" && code(body) != c.code {
				t.Errorf("%s: %s: %v %v %s, want %d %s", proto, c.name, err, res, body, c.status, c.code)
			}
			if c.status == 405 && res.Header.Get("Allow") != "GET, POST" {
				t.Errorf("%s: Allow %q", proto, res.Header.Get("Allow"))
			}
		}
	}
}

// What is lawful goes on as it came, whatever its framing and coding.
func TestContractAcceptsRequests(t *testing.T) {
	t.Parallel()
	h := newPromising(t, "      access: document", "")
	order := `{"sku":"t\u0065a", "count": 1e0, "secret": "x"}`
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = io.WriteString(z, order)
	z.Close()
	for _, proto := range contractProtos {
		client := h.client(proto)
		for _, c := range []struct {
			name, body string
			chunked    bool
			fields     []string
		}{
			{"JSON", order, false, jsonFields},
			{"JSON in chunks", order, true, jsonFields},
			{"JSON, packed", packed.String(), false, append([]string{"Content-Encoding", "gzip"}, jsonFields...)},
			{"a form", "sku=tea&count=2", false, []string{"X-Tenant", "a", "Content-Type", "application/x-www-form-urlencoded"}},
			{"JSON with a charset", order, false, []string{"X-Tenant", "a", "Content-Type", "application/JSON; charset=UTF-8"}},
		} {
			var got string
			h.says(func(w http.ResponseWriter, r *http.Request) {
				b, _ := io.ReadAll(r.Body)
				got = string(b)
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(201)
				_, _ = io.WriteString(w, `{"sku":"tea","id":7}`)
			})
			body := io.Reader(strings.NewReader(c.body))
			if c.chunked {
				body = io.MultiReader(body)
			}
			req, err := http.NewRequest("POST", h.url(proto, "/v1/orders"), body)
			if err != nil {
				t.Fatal(err)
			}
			for i := 0; i < len(c.fields); i += 2 {
				req.Header.Set(c.fields[i], c.fields[i+1])
			}
			res, err := client.Do(req)
			if err != nil {
				t.Errorf("%s: %s: %v", proto, c.name, err)
				continue
			}
			text, _ := io.ReadAll(res.Body)
			res.Body.Close()
			if res.StatusCode != 201 || got != c.body {
				t.Errorf("%s: %s: %d %s; the service got %q", proto, c.name, res.StatusCode, text, got)
			}
		}
	}
}

// In monitor everything goes on unchanged, and is recorded as what would have been
// refused; off says nothing; one operation may be in another mode than its API.
func TestContractModes(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"monitor", "off"} {
		h := newPromising(t, "      access: document\n      unknown: {query: strip}",
			"    modes: {openapi.request: "+mode+", openapi.response: "+mode+"}\n    operations:\n      - {id: createOrder, modes: {openapi.request: enforce}}")
		client := h.client("h1")
		for _, c := range brokenRequests {
			if c.status == 404 || c.status == 405 || c.method != "GET" {
				continue
			}
			var got *http.Request
			var text string
			h.says(func(w http.ResponseWriter, r *http.Request) {
				b, _ := io.ReadAll(r.Body)
				got, text = r, string(b)
				answering(200, "text/html", "<undeclared>", "ETag", `"1"`)(w, r)
			})
			res, body, err := h.ask(client, "h1", c.method, c.path, c.body, append([]string{"Range", "bytes=0-1"}, c.fields...)...)
			if err != nil || res.StatusCode != 200 || body != "<undeclared>" || res.Header.Get("ETag") == "" || got == nil || got.RequestURI != c.path || text != c.body || got.Header.Get("Accept-Encoding") != "gzip" || got.Header.Get("Range") != "bytes=0-1" {
				t.Errorf("%s: %s: %v %v %q; the service got %v %q", mode, c.name, err, res, body, got, text)
				continue
			}
			rec := h.recorded(res)
			req, resp := judgment(rec, "openapi.request"), judgment(rec, "openapi.response")
			if mode == "off" {
				if rec.WouldBlock || req.Code != "" || resp.Code != "" {
					t.Errorf("off: %s: %+v", c.name, rec.Judgments)
				}
				continue
			}
			if !rec.WouldBlock || !resp.WouldBlock || resp.Code != "contract.answer_content_type" || c.code != "contract.parameter_unknown" && (!req.WouldBlock || req.Code != c.code) {
				t.Errorf("monitor: %s: %+v", c.name, rec.Judgments)
			}
		}
		if res, body, err := h.ask(client, "h1", "POST", "/v1/orders", `{"sku":1}`, jsonFields...); err != nil || res.StatusCode != 400 || strings.Contains(body, "sku") {
			t.Errorf("%s: the operation in enforce: %v %v %s", mode, err, res, body)
		}
	}
}

// Whoever is not trusted learns that something is wrong, not where; nobody learns a
// value.
func TestContractErrors(t *testing.T) {
	t.Parallel()
	h := newPromising(t, "      access: document\n      errors: {max: 2, full: {roles: [partner]}}", "")
	client := h.client("h1")
	body := `{"sku":"hunter2-hunter2-hunter2","count":0,"a":1,"b":2,"c":3}`
	res, text, err := h.ask(client, "h1", "POST", "/v1/orders", body, jsonFields...)
	if err != nil || res.StatusCode != 400 || strings.Contains(text, "/sku") || strings.Contains(text, "hunter2") {
		t.Errorf("a stranger: %v %v %s", err, res, text)
	}
	rec := h.recorded(res)
	if j := judgment(rec, "openapi.request"); len(j.Details) == 0 || len(j.Details) > 2 || strings.Contains(fmt.Sprint(rec), "hunter2") {
		t.Errorf("the record: %+v", j)
	}
	res, text, err = h.ask(client, "h1", "POST", "/v1/orders", body, append([]string{"X-API-Key", h.key}, jsonFields...)...)
	if err != nil || res.StatusCode != 400 || !strings.Contains(text, "/sku") || strings.Contains(text, "hunter2") {
		t.Errorf("a partner: %v %v %s", err, res, text)
	}
}

// Stripping changes the query and the cookies that the service gets, and nothing
// else: what was judged is what is sent.
func TestContractStrips(t *testing.T) {
	t.Parallel()
	h := newPromising(t, "      access: document\n      answers: filter\n      fields: fields\n      unknown: {query: strip, cookies: strip}", "")
	for _, proto := range contractProtos {
		client := h.client(proto)
		for _, c := range []struct{ query, cookie, wantQuery, wantCookie string }{
			{"", "", "", ""},
			{"?limit=5", "theme=dark", "?limit=5", "theme=dark"},
			{"?utm=1&limit=5&ref=%20x", "", "?limit=5", ""},
			{"?utm=1", "", "", ""},
			{"?q=a+b%20c%26d&utm=&limit=%35", "", "?q=a+b%20c%26d&limit=%35", ""},
			{"?q=&=2&&limit=5", "", "?q=&limit=5", ""},
			{"?fields=sku&limit=5", "", "?limit=5", ""},
			{"", "a=1; theme=light; b=2; session2=x", "", "theme=light"},
			{"", "a=1", "", ""},
		} {
			var got *http.Request
			h.says(func(w http.ResponseWriter, r *http.Request) {
				got = r
				answering(200, "application/json", "[]")(w, r)
			})
			fields := []string{"X-Untouched", " a  b", "Accept-Language", "de"}
			if c.cookie != "" {
				fields = append(fields, "Cookie", c.cookie)
			}
			res, body, err := h.ask(client, proto, "GET", "/v1/orders"+c.query, "", fields...)
			if err != nil || res.StatusCode != 200 || got == nil {
				t.Errorf("%s: %q: %v %v %s", proto, c.query, err, res, body)
				continue
			}
			if got.RequestURI != "/v1/orders"+c.wantQuery || got.Header.Get("Cookie") != c.wantCookie || got.Header.Get("Accept-Language") != "de" || !strings.HasPrefix(got.Header.Get("X-Untouched"), "a  b") {
				t.Errorf("%s: %q %q: the service got %s %v", proto, c.query, c.cookie, got.RequestURI, got.Header)
			}
		}
	}
	for _, bad := range []string{"?limit=5;q=1", "?limit[]=5", "?limit=5&limi%74=7", "?limit=%zz", "?q=1&q%20=2", "?limit=5&utm=%ff&LIMIT=7x&limit="} {
		h.says(func(w http.ResponseWriter, r *http.Request) { t.Errorf("%s went through as %s", bad, r.RequestURI) })
		if res, body, err := h.ask(h.client("h1"), "h1", "GET", "/v1/orders"+bad, ""); err != nil || res.StatusCode != 400 {
			t.Errorf("%s: %v %v %s", bad, err, res, body)
		}
	}
}

// A body of which the document has only the media type streams: the service gets
// the beginning before the end is sent.
func TestContractUploadsStream(t *testing.T) {
	t.Parallel()
	h := newPromising(t, "      access: document", "    operations:\n      - {id: upload, stream: [upload]}")
	begun := make(chan string, 8)
	h.says(func(w http.ResponseWriter, r *http.Request) {
		b := make([]byte, 5)
		_, _ = io.ReadFull(r.Body, b)
		begun <- string(b)
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(204)
	})
	for _, proto := range contractProtos {
		pr, pw := io.Pipe()
		go func() {
			_, _ = io.WriteString(pw, "first")
			if got := <-begun; got != "first" {
				t.Errorf("%s: the service got %q", proto, got)
			}
			_, _ = io.WriteString(pw, "last")
			pw.Close()
		}()
		req, err := http.NewRequest("POST", h.url(proto, "/v1/uploads"), pr)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/octet-stream")
		res, err := h.client(proto).Do(req)
		if err != nil || res.StatusCode != 204 {
			t.Errorf("%s: %v %v", proto, err, res)
		}
	}
}
