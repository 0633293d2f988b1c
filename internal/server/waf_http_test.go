package server

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"github.com/gatehouse/gatehouse/internal/audit"
	"github.com/gatehouse/gatehouse/waf"
)

// sqlMark is in every value of these tests' attacks; it must never be in a log. Paths
// and the names of arguments are there, but for what looks like a token.
const sqlMark = "zq7secret"

const (
	sqlAttack  = "1' OR '1'='1' UNION SELECT " + sqlMark + " FROM users-- "
	htmlAttack = "<script>alert('" + sqlMark + "')</script>"
	phpLeak    = "<?php $db = mysql_connect('db', 'root', $_POST['" + sqlMark + "']); fopen('x', 'r');"
)

func nameless(attack string) string { return strings.ReplaceAll(attack, sqlMark, "1") }

// wafOperations have each a policy of its own.
const wafOperations = `      - {any: "/watched/{path...}", id: watched, access: public, modes: {waf.request: monitor, waf.response: monitor}}
      - {any: "/second/{path...}", id: second, access: public, waf: {paranoia: 2}}
      - {any: "/profile/{path...}", id: profile, access: public, waf: {exclusions: [{fields: [bio, "orders.*.note"], allow: [html]}]}}
`

// ruledService is a service whose answers the path asks for.
type ruledService struct {
	seen    atomic.Int64 // requests
	patient atomic.Bool  // wait for resume between parts
	resume  chan struct{}
}

func (a *ruledService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.seen.Add(1)
	body, _ := io.ReadAll(r.Body)
	say := func(contentType string, parts ...string) {
		w.Header().Set("Content-Type", contentType)
		for i, p := range parts {
			if i > 0 {
				w.(http.Flusher).Flush()
				if a.patient.Load() {
					select {
					case <-a.resume:
					case <-r.Context().Done():
					}
				}
			}
			io.WriteString(w, p)
		}
	}
	switch path := r.URL.Path; {
	case strings.HasSuffix(path, "/sql"):
		say("text/html", sqlLeak)
	case strings.HasSuffix(path, "/php"):
		say("text/html; charset=utf-8", "<html>", phpLeak)
	case strings.HasSuffix(path, "/late"):
		say("text/html", "<html>"+strings.Repeat("fine ", 2000), sqlLeak)
	case strings.HasSuffix(path, "/json"):
		say("application/json", `{"first":1,`, `"second":2}`)
	case strings.HasSuffix(path, "/events"):
		say("text/event-stream", "data: 1\n\n", "data: 2\n\n")
	default:
		fmt.Fprintf(w, "%s %d", r.Method, len(body))
	}
}

// unbounded lets replays cost what they may on a machine that is busy.
const unbounded = "  replay: {budget: 1m, burst: 10m, wait: 30s}\n"

// inspected starts a gateway whose rules judge requests and answers.
func inspected(t *testing.T, section string) (*house, *ruledService) {
	t.Helper()
	a := &ruledService{resume: make(chan struct{})}
	up := service(t, a.ServeHTTP)
	return newDoors(t, doorOptions{upstream: up.URL, authn: "waf:\n  rules: {responses: true}\n" + section, operations: wafOperations}), a
}

// A wafRequest is what a client asks for.
type wafRequest struct {
	method, path string
	body         string
	fields       []string
	chunked      bool // the body's length is not said beforehand
}

func (q wafRequest) with(fields ...string) wafRequest {
	q.fields = append(slices.Clone(q.fields), fields...)
	return q
}

// ask sends a request as a browser would.
func (h *house) ask(t *testing.T, c *http.Client, proto string, q wafRequest) (*http.Response, string) {
	t.Helper()
	res, body, err := h.try(c, proto, q)
	if err != nil {
		t.Fatalf("%s %s: %v", proto, q.path, err)
	}
	return res, body
}

// try is ask for any goroutine.
func (h *house) try(c *http.Client, proto string, q wafRequest) (*http.Response, string, error) {
	var body io.Reader
	if q.body != "" {
		body = strings.NewReader(q.body)
		if q.chunked {
			body = io.MultiReader(body)
		}
	}
	req, err := http.NewRequest(q.method, h.url(proto, q.path), body)
	if err != nil {
		return nil, "", err
	}
	req.Host = "shop.localhost"
	req.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0")
	req.Header.Set("Accept", "application/json")
	for i := 0; i < len(q.fields); i += 2 {
		req.Header.Set(q.fields[i], q.fields[i+1])
	}
	res, err := c.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return res, string(text), err
}

func jsonBody(path, body string) wafRequest {
	return wafRequest{method: "POST", path: path, body: body, fields: []string{"Content-Type", "application/json"}}
}

func formBody(path string, pairs ...string) wafRequest {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return wafRequest{method: "POST", path: path, body: v.Encode(), fields: []string{"Content-Type", "application/x-www-form-urlencoded"}}
}

func multipartBody(path, name, value string) wafRequest {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	_ = w.WriteField("page", "2")
	_ = w.WriteField(name, value)
	w.Close()
	return wafRequest{method: "POST", path: path, body: b.String(), fields: []string{"Content-Type", w.FormDataContentType()}}
}

func query(path string, pairs ...string) wafRequest {
	q := formBody(path, pairs...)
	return wafRequest{method: "GET", path: path + "?" + q.body}
}

// coded puts content codings around a body, the first one innermost.
func coded(t *testing.T, q wafRequest, names ...string) wafRequest {
	t.Helper()
	for _, name := range names {
		var b bytes.Buffer
		var w io.WriteCloser
		switch name {
		case "gzip":
			w = gzip.NewWriter(&b)
		case "deflate":
			w = zlib.NewWriter(&b)
		case "br":
			w = brotli.NewWriter(&b)
		case "zstd":
			w, _ = zstd.NewWriter(&b)
		}
		io.WriteString(w, q.body)
		w.Close()
		q.body = b.String()
	}
	return q.with("Content-Encoding", strings.Join(names, ", "))
}

// wafProtos are one client for each reader of messages.
var wafProtos = []string{"h1", "strict", "h2"}

// Whatever an attack is wrapped in, and wherever it stands, it is refused before the
// service sees it, and nothing of its value is in the log.
func TestWAFAttacksEverywhere(t *testing.T) {
	t.Parallel()
	h, up := inspected(t, "  shadow: 100\n"+unbounded)
	script := jsonBody("/any/x", `{"name":"a","bio":"`+htmlAttack+`"}`)
	sql := fmt.Sprintf("%q", sqlAttack)
	chunked := func(q wafRequest) wafRequest { q.chunked = true; return q }
	blocked := map[string]wafRequest{
		"query":                   query("/any/x", "page", "1", "q", sqlAttack),
		"the name of a parameter": query("/any/x", nameless(sqlAttack), "1"),
		"JSON":                    jsonBody("/any/x", `{"page":1,"q":`+sql+`}`),
		"nested JSON":             jsonBody("/any/x", `{"a":[{"b":{"c":[1,2,`+sql+`]}}]}`),
		"form":                    formBody("/any/x", "page", "1", "q", sqlAttack),
		"multipart":               multipartBody("/any/x", "q", sqlAttack),
		"header":                  query("/any/x").with("Referer", "https://a.example/?q="+sqlAttack),
		"user agent":              query("/any/x").with("User-Agent", sqlAttack),
		"cookie":                  query("/any/x").with("Cookie", "theme=dark; q="+sqlAttack),
		"path, script":            query("/any/" + url.PathEscape("<img src=x onerror=alert(1)>")),
		"path, SQL at level 2":    query("/second/" + url.PathEscape(nameless(sqlAttack))),
		"JSON, no type":           jsonBody("/any/x", `{"q":`+sql+`}`).with("Content-Type", ""),
		"JSON in chunks":          chunked(script),
		"form in chunks":          chunked(formBody("/any/x", "q", sqlAttack)),
		"JSON, gzip":              coded(t, script, "gzip"),
		"JSON, deflate":           coded(t, script, "deflate"),
		"JSON, br":                coded(t, script, "br"),
		"JSON, zstd":              coded(t, script, "zstd"),
		"JSON, gzip in br":        coded(t, script, "gzip", "br"),
		"JSON, gzip in chunks":    chunked(coded(t, script, "gzip")),
		"form, zstd":              coded(t, formBody("/any/x", "q", sqlAttack), "zstd"),
		"multipart, br in chunks": chunked(coded(t, multipartBody("/any/x", "q", sqlAttack), "br")),
	}
	for _, proto := range wafProtos {
		client := h.client(proto)
		for name, q := range blocked {
			before := up.seen.Load()
			res, body := h.ask(t, client, proto, q)
			if res.StatusCode != 403 || code(body) != waf.CodeBlocked || up.seen.Load() != before {
				t.Errorf("%s, %s: %d %s", proto, name, res.StatusCode, body)
			}
			if strings.Contains(body, sqlMark) {
				t.Errorf("%s, %s: the client is shown the attack: %s", proto, name, body)
			}
		}
		for name, c := range map[string]struct {
			q      wafRequest
			status int
			code   string
		}{
			"unknown coding":        {script.with("Content-Encoding", "rot13"), 415, waf.CodeCoding},
			"unknown behind a good": {coded(t, script, "gzip").with("Content-Encoding", "gzip, compress"), 415, waf.CodeCoding},
			"three codings":         {coded(t, script, "gzip", "gzip", "gzip"), 415, waf.CodeCoding},
			"cut off":               {wafRequest{"POST", "/any/x", coded(t, script, "gzip").body[:20], []string{"Content-Type", "application/json", "Content-Encoding", "gzip"}, false}, 400, waf.CodeCodingInvalid},
			"a bomb":                {coded(t, jsonBody("/any/x", `{"a":"`+strings.Repeat("a", 1<<21)+`"}`), "zstd"), 413, waf.CodeDecompression},
		} {
			if res, body := h.ask(t, client, proto, c.q); res.StatusCode != c.status || code(body) != c.code {
				t.Errorf("%s, %s: %d %s", proto, name, res.StatusCode, body)
			}
		}
		for name, q := range map[string]wafRequest{
			"query": query("/any/x", "page", "2", "sort", "name"), "form": formBody("/any/x", "name", "Ada Lovelace"), "multipart": multipartBody("/any/x", "name", "Ada"),
			"gzip": coded(t, jsonBody("/any/x", `{"name":"Ada"}`), "gzip"), "chunks": chunked(jsonBody("/any/x", `{"name":"Ada"}`)),
		} {
			if res, body := h.ask(t, client, proto, q); res.StatusCode != 200 || body != fmt.Sprintf("%s %d", q.method, len(q.body)) && q.method == "POST" {
				t.Errorf("%s, benign %s: %d %s", proto, name, res.StatusCode, body)
			}
		}
		res, body := h.ask(t, client, proto, query("/watched/x", "q", sqlAttack))
		if res.StatusCode != 200 {
			t.Errorf("%s, monitor: %d %s", proto, res.StatusCode, body)
		}
		if rec := h.decision(res); !rec.WouldBlock || rec.Result != "answered" || !wouldBlock(rec, waf.RequestName) {
			t.Errorf("%s, monitor: %+v", proto, rec)
		}
	}
	h.ends(t)
}

func wouldBlock(rec audit.Record, control string) bool {
	for _, j := range rec.Judgments {
		if j.Control == control {
			return j.WouldBlock && j.Code == waf.CodeBlocked && len(j.Details) > 0
		}
	}
	return false
}

// ends stops the gateway and looks at what is left of it: no proof was wrong, and the
// log holds nothing of what an attack said.
func (h *house) ends(t *testing.T) {
	t.Helper()
	waitFor(t, "shadow samples", func() bool { return h.state.rules.counts().Shadowed > 0 })
	if n := h.state.rules.counts().Mismatches; n != 0 {
		t.Errorf("%d proofs were wrong", n)
	}
	h.Stop()
	text, err := os.ReadFile(filepath.Join(h.dir, "data", "decisions.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Count(text, []byte("\n")) < 3 {
		t.Error("hardly anything is recorded")
	}
	for line := range bytes.Lines(text) {
		if bytes.Contains(bytes.ToLower(line), []byte(sqlMark)) {
			t.Errorf("the log holds a value: %s", line)
		}
	}
}

// Requests one behind the other on one connection are judged each by itself, and a
// connection goes on after one that was refused.
func TestWAFPipelined(t *testing.T) {
	t.Parallel()
	h, up := inspected(t, unbounded)
	post := func(body string) string {
		return fmt.Sprintf("POST /any/x HTTP/1.1\r\nHost: shop.localhost\r\nUser-Agent: Mozilla/5.0 Firefox/128.0\r\nAccept: */*\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	}
	chunked := func(body string) string {
		return fmt.Sprintf("POST /any/x HTTP/1.1\r\nHost: shop.localhost\r\nUser-Agent: Mozilla/5.0 Firefox/128.0\r\nAccept: */*\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n",
			9, body[:9], len(body)-9, body[9:])
	}
	good, bad := `{"name":"Ada Lovelace"}`, `{"bio":"`+htmlAttack+`"}`
	for _, listener := range plainDoors {
		before := up.seen.Load()
		c := h.dial(listener)
		texts := []string{post(good), post(bad), post(good), chunked(bad), chunked(good), post(bad)}
		go io.WriteString(c, strings.Join(texts, ""))
		r := bufio.NewReader(c)
		for i := range texts {
			res, err := http.ReadResponse(r, &http.Request{Method: "POST"})
			if err != nil {
				t.Fatalf("%s, answer %d: %v", listener, i, err)
			}
			body, err := io.ReadAll(res.Body)
			if want := []int{200, 403}[i%2]; err != nil || res.StatusCode != want {
				t.Errorf("%s, answer %d: %d %s %v", listener, i, res.StatusCode, body, err)
			}
		}
		if n := up.seen.Load() - before; n != 3 {
			t.Errorf("%s: the service saw %d requests", listener, n)
		}
	}
}

// A field may hold what the configuration says, wherever arguments come from, and
// nothing else may.
func TestWAFExclusions(t *testing.T) {
	t.Parallel()
	h, _ := inspected(t, "  shadow: 100\n"+unbounded)
	nested := func(key, value string) string {
		return fmt.Sprintf(`{"orders":[{"id":1,%q:"fine"},{"id":2,%q:%q}]}`, key, key, value)
	}
	sql := fmt.Sprintf("%q", sqlAttack)
	for _, proto := range wafProtos {
		client := h.client(proto)
		for name, c := range map[string]struct {
			q      wafRequest
			status int
		}{
			"query":                 {query("/profile/x", "bio", htmlAttack), 200},
			"form":                  {formBody("/profile/x", "name", "Ada", "bio", htmlAttack), 200},
			"multipart":             {multipartBody("/profile/x", "bio", htmlAttack), 200},
			"JSON":                  {jsonBody("/profile/x", `{"name":"Ada","bio":"`+htmlAttack+`"}`), 200},
			"JSON, gzip":            {coded(t, jsonBody("/profile/x", `{"bio":"`+htmlAttack+`"}`), "gzip"), 200},
			"nested JSON":           {jsonBody("/profile/x", nested("note", htmlAttack)), 200},
			"both":                  {jsonBody("/profile/x?bio="+url.QueryEscape(htmlAttack), nested("note", htmlAttack)), 200},
			"another field":         {query("/profile/x", "name", htmlAttack), 403},
			"a longer name":         {query("/profile/x", "biography", htmlAttack), 403},
			"a name ending so":      {query("/profile/x", "x.bio", htmlAttack), 403},
			"another form field":    {formBody("/profile/x", "bio", htmlAttack, "name", htmlAttack), 403},
			"another part":          {multipartBody("/profile/x", "name", htmlAttack), 403},
			"another JSON field":    {jsonBody("/profile/x", `{"bio":"<b>x</b>","name":"`+htmlAttack+`"}`), 403},
			"bio, but deeper":       {jsonBody("/profile/x", `{"a":{"bio":"`+htmlAttack+`"}}`), 403},
			"another nested field":  {jsonBody("/profile/x", nested("memo", htmlAttack)), 403},
			"note, at the top":      {jsonBody("/profile/x", `{"note":"`+htmlAttack+`"}`), 403},
			"note, too deep":        {jsonBody("/profile/x", `{"orders":[{"a":{"note":"`+htmlAttack+`"}}]}`), 403},
			"SQL in the query":      {query("/profile/x", "bio", sqlAttack), 403},
			"SQL in a form":         {formBody("/profile/x", "bio", sqlAttack), 403},
			"SQL in JSON":           {jsonBody("/profile/x", `{"bio":`+sql+`}`), 403},
			"SQL in nested JSON":    {jsonBody("/profile/x", nested("note", "1' OR '1'='1")), 403},
			"a cookie":              {query("/profile/x").with("Cookie", "bio="+htmlAttack), 403},
			"a header":              {query("/profile/x").with("Referer", "https://a.example/?bio="+htmlAttack), 403},
			"another operation":     {query("/any/x", "bio", htmlAttack), 403},
			"another operation too": {jsonBody("/any/x", `{"bio":"`+htmlAttack+`"}`), 403},
		} {
			if res, body := h.ask(t, client, proto, c.q); res.StatusCode != c.status || c.status == 403 && code(body) != waf.CodeBlocked {
				t.Errorf("%s, %s: %d %s, want %d", proto, name, res.StatusCode, body, c.status)
			}
		}
	}
	h.ends(t)
}

// Answers that give something away do not leave the house, not even their beginning;
// others are not held up.
func TestWAFAnswers(t *testing.T) {
	t.Parallel()
	h, up := inspected(t, unbounded)
	for _, proto := range wafProtos {
		client := h.client(proto)
		for path, c := range map[string]struct {
			status int
			secret string // none of which may be seen
		}{
			"/any/sql": {502, "SQL syntax"}, "/any/php": {502, sqlMark}, "/any/late": {502, "fine"}, "/any/fine": {200, "\x00"},
		} {
			res, body := h.ask(t, client, proto, query(path))
			if res.StatusCode != c.status || strings.Contains(body, c.secret) || c.status == 502 && code(body) != waf.CodeAnswerBlocked {
				t.Errorf("%s %s: %d %.300s", proto, path, res.StatusCode, body)
			}
		}
		res, body := h.ask(t, client, proto, query("/watched/sql"))
		if rec := h.decision(res); res.StatusCode != 200 || body != sqlLeak || !rec.WouldBlock {
			t.Errorf("%s, monitor: %d %.300s %+v", proto, res.StatusCode, body, rec)
		}
		h.streamed(t, client, up, proto, "/any/json", `{"first":1,`, `"second":2}`)
		h.streamed(t, client, up, proto, "/events", "data: 1\n\n", "data: 2\n\n")
	}
}

// streamed reads an answer of which the service says the second part only when the
// client has got the first.
func (h *house) streamed(t *testing.T, c *http.Client, up *ruledService, proto, path, first, second string) {
	t.Helper()
	up.patient.Store(true)
	defer up.patient.Store(false)
	req, err := http.NewRequest("GET", h.url(proto, path), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "shop.localhost"
	req.Header.Set("User-Agent", "Mozilla/5.0 Firefox/128.0")
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	got := make([]byte, len(first))
	if _, err := io.ReadFull(res.Body, got); err != nil || string(got) != first {
		t.Errorf("%s %s: %d %q %v before the service goes on", proto, path, res.StatusCode, got, err)
		return
	}
	select {
	case up.resume <- struct{}{}:
	case <-time.After(10 * time.Second):
		t.Errorf("%s %s: the service has gone on by itself", proto, path)
	}
	if rest, err := io.ReadAll(res.Body); err != nil || string(rest) != second {
		t.Errorf("%s %s: %q %v", proto, path, rest, err)
	}
}

// What a reload says of the rules holds from the next request on, none of those under
// way fails, and rules that cannot be read change nothing.
func TestWAFReloadsUnderLoad(t *testing.T) {
	t.Parallel()
	up := service(t, func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body); io.WriteString(w, "ok") })
	h := newDoors(t, doorOptions{upstream: up.URL, authn: "waf:\n  rules: {before: [own.conf]}\n  paranoia: 1\n" + unbounded,
		files: map[string]string{"own.conf": fmt.Sprintf(ownRule, "bad")}})
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var served atomic.Int64
	for _, proto := range wafProtos {
		client := h.client(proto)
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(2 * time.Millisecond):
				}
				if res, body, err := h.try(client, proto, jsonBody("/any/x?page=2", `{"name":"Ada"}`)); err != nil || res.StatusCode != 200 || body != "ok" {
					t.Errorf("%s: %v %s %v", proto, res, body, err)
					return
				}
				served.Add(1)
			}
		})
	}
	defer wg.Wait()
	defer close(stop)
	client := h.client("h1")
	status := func(q wafRequest) int {
		res, _ := h.ask(t, client, "h1", q)
		return res.StatusCode
	}
	// Rule 942432 counts special characters at level 4, and 941100 is of level 1.
	second, script := query("/any/x", "q", "a-b (c) [d] {e} 'f'"), query("/any/x", "bio", htmlAttack)
	expect := func(when string, atSecond, atScript, atBad, atWorse int) {
		t.Helper()
		before := served.Load()
		for what, c := range map[string]struct {
			q    wafRequest
			want int
		}{"level 4": {second, atSecond}, "script": {script, atScript}, "bad": {query("/any/x", "q", "bad"), atBad}, "worse": {query("/any/x", "q", "worse"), atWorse}} {
			if got := status(c.q); got != c.want {
				t.Errorf("%s, %s: %d, want %d", when, what, got, c.want)
			}
		}
		waitFor(t, "other requests", func() bool { return served.Load() > before || t.Failed() })
	}
	reload := func(good bool) {
		t.Helper()
		if err := h.Reload(context.Background()); (err == nil) != good {
			t.Fatalf("reload: %v", err)
		}
	}
	expect("at first", 200, 403, 403, 200)
	h.change(t, "paranoia: 1", "paranoia: 4\n  inbound: 3")
	h.write("own.conf", fmt.Sprintf(ownRule, "worse"))
	reload(true)
	expect("at level 4", 403, 403, 200, 403)
	h.write("own.conf", fmt.Sprintf(ownRule, "bad")+"SecRule ARGS \"@rx (\" \"id:7,phase:1,deny\"\n")
	reload(false)
	expect("after broken rules", 403, 403, 200, 403)
	if err := os.Remove(filepath.Join(h.dir, "own.conf")); err != nil {
		t.Fatal(err)
	}
	reload(false)
	expect("without the file", 403, 403, 200, 403)
	h.write("own.conf", fmt.Sprintf(ownRule, "bad"))
	h.change(t, "paranoia: 4\n  inbound: 3", "paranoia: 1\n  exclusions: [{fields: [bio], allow: [html]}]")
	reload(true)
	expect("with an exclusion", 200, 200, 403, 200)
}

// Who floods the gateway with what cannot be proven harmless is told to come again
// later; others are judged meanwhile.
func TestWAFBudget(t *testing.T) {
	t.Parallel()
	h, up := inspected(t, "  replay: {workers: 1, budget: 1ms, burst: 20ms}\n")
	from := func(address string) *http.Client {
		c := h.client("h1")
		c.Transport.(*http.Transport).DialContext = (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}).DialContext
		return c
	}
	flood, other := from("127.0.0.2"), from("127.0.0.3")
	attack := jsonBody("/any/x", `{"a":[`+strings.Repeat(`"1' OR '1'='1",`, 40)+`1]}`)
	blocked, refused := 0, 0
	for range 60 {
		res, body := h.ask(t, flood, "h1", attack)
		switch after, _ := strconv.Atoi(res.Header.Get("Retry-After")); {
		case res.StatusCode == 403 && code(body) == waf.CodeBlocked:
			blocked++
		case res.StatusCode == 429 && code(body) == waf.CodeBudget && after > 0:
			refused++
		default:
			t.Fatalf("%d %s, Retry-After %d", res.StatusCode, body, after)
		}
	}
	if blocked == 0 || refused < 20 {
		t.Errorf("%d blocked, %d refused", blocked, refused)
	}
	if n := up.seen.Load(); n != 0 {
		t.Errorf("the service saw %d requests", n)
	}
	if res, body := h.ask(t, other, "h1", query("/any/x", "q", sqlAttack)); res.StatusCode != 403 {
		t.Errorf("an attack from elsewhere: %d %s", res.StatusCode, body)
	}
	for name, c := range map[string]*http.Client{"the flood's address": flood, "another address": other} {
		if res, body := h.ask(t, c, "h1", query("/any/x", "page", "2")); res.StatusCode != 200 {
			t.Errorf("a good request from %s: %d %s", name, res.StatusCode, body)
		}
	}
	if st := h.state.rules.counts(); st.Refused != int64(refused) {
		t.Errorf("%d refused by count, want %d", st.Refused, refused)
	}
}

// The counts of proofs that were wrong are among the metrics, at zero.
func TestWAFMetrics(t *testing.T) {
	t.Parallel()
	h, _ := inspected(t, "  shadow: 100\n"+unbounded)
	client := h.client("h1")
	for i := range 3 {
		h.ask(t, client, "h1", query("/any/x", "page", strconv.Itoa(i)))
	}
	waitFor(t, "shadow samples", func() bool { return h.state.rules.counts().Shadowed == 3 })
	res, err := http.Get("http://" + h.AdminAddr() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	for _, want := range []string{"gatehouse_waf_mismatches_total 0\n", "gatehouse_waf_shadowed_total 3\n", "gatehouse_waf_proven_total 3\n"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in the metrics", want)
		}
	}
}
