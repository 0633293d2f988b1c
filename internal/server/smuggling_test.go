package server

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/audit"
)

// smuggling is http1/testdata/smuggling.json.
type smuggling struct {
	Requests []hostileRequest
	HTTP2    []struct {
		Name, Why string
		Fields    [][2]string
		Data      string
	}
}

type hostileRequest struct {
	Name, Why, Want string
	Raw             []string
}

func loadHostile(t testing.TB, name string, v any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../http1/testdata", name))
	if err == nil {
		err = json.Unmarshal(text, v)
	}
	if err != nil {
		t.Fatal(err)
	}
}

var (
	repeated = regexp.MustCompile(`(?s)\{repeat (\d+) ([^}]*)\}`)
	numbered = regexp.MustCompile(`(?i)(x|smuggled|nowhere)000`)
)

// unfold turns the corpus's spelling into bytes.
func unfold(lines ...string) string {
	text := repeated.ReplaceAllStringFunc(strings.Join(lines, ""), func(s string) string {
		m := repeated.FindStringSubmatch(s)
		n, _ := strconv.Atoi(m[1])
		return strings.Repeat(m[2], n)
	})
	var out strings.Builder
	for _, c := range text {
		out.WriteByte(byte(c))
	}
	return out.String()
}

// number puts a case's number where the corpus has a place for it.
func number(text string, n int) string {
	return numbered.ReplaceAllString(text, fmt.Sprintf("${1}%03d", n))
}

// Every case of the corpus, through the whole gateway, in front of three servers
// with parsers of their own: whatever is said, the marker never becomes a request
// that the gateway did not judge as one, the back sees as many requests as the
// gateway let through, and nobody gets an answer that is not theirs.
func TestSmuggling(t *testing.T) {
	t.Parallel()
	var corpus smuggling
	loadHostile(t, "smuggling.json", &corpus)
	for name, start := range map[string]func(*testing.T) *back{"net-http": directBack, "nginx": nginxBack, "haproxy": haproxyBack} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := start(t)
			h := newDoors(t, doorOptions{upstream: b.url, listeners: `  - {name: strict, address: 127.0.0.1:0, http1: strict}
  - {name: compat, address: 127.0.0.1:0, http1: compat}
  - {name: h2c, address: 127.0.0.1:0, http: [h2]}`})
			logged := 0
			for _, listener := range []string{"strict", "compat"} {
				a := &attack{house: h, back: b, listener: listener, others: otherClient(t, false), logged: logged}
				work := make(chan int)
				var wg sync.WaitGroup
				for range 8 {
					wg.Go(func() {
						for n := range work {
							a.request(t, n, &corpus.Requests[n])
						}
					})
				}
				for n := range corpus.Requests {
					work <- n
				}
				close(work)
				wg.Wait()
				a.account(t, func(n int) string { return corpus.Requests[n].Name }, len(corpus.Requests))
				logged = a.logged
			}
			a := &attack{house: h, back: b, listener: "h2c", others: otherClient(t, true), logged: logged}
			for n, c := range corpus.HTTP2 {
				fields := make([]string, 0, 2*len(c.Fields))
				for _, f := range c.Fields {
					fields = append(fields, number(unfold(f[0]), n), number(unfold(f[1]), n))
				}
				a.frames(t, n, c.Name, fields, number(unfold(c.Data), n))
			}
			a.account(t, func(n int) string { return corpus.HTTP2[n].Name }, len(corpus.HTTP2))
		})
	}
}

// attack runs cases against one listener of a gateway and accounts for what came
// of them.
type attack struct {
	house    *house
	back     *back
	listener string
	others   *http.Client
	logged   int // lines of the back's log that are accounted for
}

func otherClient(t *testing.T, http2 bool) *http.Client {
	tr := &http.Transport{Protocols: new(http.Protocols), MaxIdleConnsPerHost: 8}
	tr.Protocols.SetHTTP1(!http2)
	tr.Protocols.SetUnencryptedHTTP2(http2)
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 20 * time.Second}
}

// request says a case on a connection of its own, with a request behind it whose
// answer is checked, and then asks for something as another client.
func (a *attack) request(t *testing.T, n int, c *hostileRequest) {
	raw := number(unfold(c.Raw...), n)
	said, err := converse(a.house.Addr(a.listener), raw+fmt.Sprintf("GET /any/n%03d HTTP/1.1\r\nHost: shop.localhost\r\nConnection: close\r\n\r\n", n))
	if err != nil {
		t.Errorf("%s: %v", c.Name, err)
		return
	}
	own := regexp.MustCompile(fmt.Sprintf(`^[A-Za-z]+ /(any/[xn]%03d|chat)\S* \d+$`, n))
	r := bufio.NewReader(strings.NewReader(said))
	for i := 0; ; i++ {
		res, err := http.ReadResponse(r, &http.Request{Method: methodOf(raw, i)})
		if err != nil {
			break
		}
		body, err := io.ReadAll(res.Body)
		if err == nil && res.StatusCode == 200 && methodOf(raw, i) != "HEAD" && !own.Match(body) && !a.ownMarker(string(body), n) {
			t.Errorf("%s, %s: an answer of somebody else's: %q in %.300q", a.listener, c.Name, body, said)
		}
	}
	a.victim(t, n, c.Name)
}

// ownMarker reports an answer to the marker. net/http's reader takes some messages
// for two that others take for one, and the gateway judges both: the accounts show
// whether the back did the same.
func (a *attack) ownMarker(body string, n int) bool {
	return a.listener == "compat" && strings.HasPrefix(body, fmt.Sprintf("GET /any/smuggled%03d ", n))
}

// methodOf is the method of the i-th request in raw: HEAD is answered without a
// body, and the cases have it only at their beginning.
func methodOf(raw string, i int) string {
	if i == 0 && strings.HasPrefix(raw, "HEAD ") {
		return "HEAD"
	}
	return "GET"
}

// victim is another client.
func (a *attack) victim(t *testing.T, n int, name string) {
	path := fmt.Sprintf("/any/v%03d", n)
	res, err := a.others.Get("http://" + a.house.Addr(a.listener) + path)
	if err != nil {
		t.Errorf("%s, %s: another client: %v", a.listener, name, err)
		return
	}
	defer res.Body.Close()
	if body, err := io.ReadAll(res.Body); err != nil || res.StatusCode != 200 || string(body) != "GET "+path+" 0" {
		t.Errorf("%s, %s: another client got %d %q %v", a.listener, name, res.StatusCode, body, err)
	}
}

// converse says text and returns all that comes back, until the connection ends
// or nothing more is said: a message without an end has no answer.
func converse(address, text string) (string, error) {
	c, err := dialPlain(address)
	if err != nil {
		return "", err
	}
	defer c.Close()
	go func() { _, _ = io.WriteString(c, text) }()
	var said bytes.Buffer
	buf := make([]byte, 4096)
	for quiet := 400 * time.Millisecond; ; {
		_ = c.SetReadDeadline(time.Now().Add(quiet))
		n, err := c.Read(buf)
		said.Write(buf[:n])
		if err != nil {
			return said.String(), nil
		}
	}
}

// frames sends a case by HTTP/2.
func (a *attack) frames(t *testing.T, n int, name string, fields []string, data string) {
	f := a.house.frames(a.listener)
	defer f.conn.Close()
	if err := f.open(1, data == "", fields...); err != nil {
		t.Fatal(err)
	}
	if data != "" {
		_ = f.WriteData(1, true, []byte(data))
	}
	if status, body := f.outcome(1); status == "200" && !strings.HasPrefix(body, fmt.Sprintf("%s /any/x%03d ", fields[1], n)) {
		t.Errorf("%s: an answer of somebody else's: %q", name, body)
	}
	a.victim(t, n, name)
}

// account compares what the gateway says it let through with what the back saw.
func (a *attack) account(t *testing.T, name func(n int) string, cases int) {
	t.Helper()
	through, gone := a.decisions(t, cases)
	whole, broken := a.heard(t)
	if n := len(through); n < cases+cases/50 {
		t.Errorf("%s: only %d requests passed: the test proves nothing", a.listener, n)
	}
	for path, n := range whole {
		if marked(path) && a.listener != "compat" {
			t.Errorf("%s, %s: smuggled", a.listener, a.caseOf(path, name))
		}
		if len(through[path]) != n && len(through[path])+gone[path] != n {
			t.Errorf("%s, %s: the gateway let %v through, the origin saw %d", a.listener, a.caseOf(path, name), through[path], n)
		}
	}
	for path, n := range broken {
		if n > 1 {
			t.Errorf("%s, %s: the origin saw %d broken requests", a.listener, a.caseOf(path, name), n)
		}
	}
	if a.back.log != nil {
		a.accountLog(t, through, gone, name)
		return
	}
	for path, statuses := range through {
		if whole[path] != len(statuses) {
			t.Errorf("%s, %s: the gateway let %v through, the back saw %d whole and %d broken", a.listener, a.caseOf(path, name), statuses, whole[path], broken[path])
		}
	}
}

// heard counts what the origin saw, by path, and looks for the marker where it
// must not be.
func (a *attack) heard(t *testing.T) (whole, broken map[string]int) {
	t.Helper()
	whole, broken = map[string]int{}, map[string]int{}
	for _, r := range a.back.origin.take() {
		path, _, _ := strings.Cut(r.target, "?")
		if r.whole {
			whole[path]++
		} else {
			broken[path]++
		}
		if marked(r.method) || marked(r.host) {
			t.Errorf("%s: smuggled: %+v", a.listener, r)
		}
		if via := r.header.Get("Via"); via != "1.1 gatehouse" {
			t.Errorf("%s: %s: Via: %q", a.listener, r.target, via)
		}
		for field, values := range r.header {
			if marked(field) || marked(strings.Join(values, "")) {
				t.Errorf("%s: %s: smuggled: %s: %q", a.listener, r.target, field, values)
			}
		}
	}
	return whole, broken
}

// accountLog compares what the proxy that is the back read, and answered, with
// what the gateway let through. A request that the gateway broke off is in the
// proxy's log at most once, and not as a good one.
func (a *attack) accountLog(t *testing.T, through map[string][]int, gone map[string]int, name func(n int) string) {
	t.Helper()
	want := 0
	for _, statuses := range through {
		want += len(statuses)
	}
	var lines []logged
	waitFor(t, "the back's log", func() bool {
		lines = a.back.log()[a.logged:]
		good := 0
		for _, l := range lines {
			if len(through[l.path()]) > 0 {
				good++
			}
		}
		return good >= want
	})
	seen := map[string][]int{}
	for _, l := range lines {
		seen[l.path()] = append(seen[l.path()], l.status)
	}
	for path, statuses := range seen {
		slices.Sort(statuses)
		if len(through[path]) == 0 && len(statuses) == 1 && (statuses[0] != 200 || gone[path] == 1) {
			continue
		}
		if slices.Sort(through[path]); !slices.Equal(statuses, through[path]) {
			t.Errorf("%s, %s: the gateway let %v through, the back answered %v", a.listener, a.caseOf(path, name), through[path], statuses)
		}
	}
	for path, statuses := range through {
		if len(seen[path]) == 0 {
			t.Errorf("%s, %s: the gateway let %v through, the back saw nothing", a.listener, a.caseOf(path, name), statuses)
		}
	}
	a.logged += len(lines)
}

var digits = regexp.MustCompile(`\d{3}$`)

func (a *attack) caseOf(path string, name func(n int) string) string {
	if n, err := strconv.Atoi(digits.FindString(path)); err == nil {
		return name(n) + " (" + path + ")"
	}
	return path
}

func marked(s string) bool { return strings.Contains(strings.ToLower(s), "smuggled") }

// decisions returns, by path, the statuses of what the gateway's own log says was
// answered by the back on this listener, once the last victim is in it; and how
// many were under way there when their client went or took them back.
func (a *attack) decisions(t *testing.T, cases int) (through map[string][]int, gone map[string]int) {
	t.Helper()
	waitFor(t, "the decisions", func() bool {
		text, err := os.ReadFile(filepath.Join(a.house.dir, "data", "decisions.jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		through, gone = map[string][]int{}, map[string]int{}
		victims := 0
		for line := range bytes.Lines(text) {
			var d audit.Record
			if json.Unmarshal(line, &d) != nil {
				return false // a line is being written
			}
			if d.Listener != a.listener {
				continue
			}
			if d.Result != "answered" {
				if d.By == "client" {
					gone[d.Path]++
				}
				continue
			}
			through[d.Path] = append(through[d.Path], d.Status)
			if strings.HasPrefix(d.Path, "/any/v") {
				victims++
			}
		}
		return victims >= cases
	})
	return through, gone
}
