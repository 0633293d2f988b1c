//go:build soak

package server

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// serviceEnv makes this test binary a service on the address it holds, so that it
// can be killed as services are.
const serviceEnv = "GATEHOUSE_SOAK_SERVICE"

func init() {
	if address := os.Getenv(serviceEnv); address != "" {
		fmt.Fprintln(os.Stderr, http.ListenAndServe(address, http.HandlerFunc(soakService)))
		os.Exit(1)
	}
}

// soakService answers a GET with its nonce, again and again, to the size asked
// for; and a POST with its nonce and the hash of the body.
func soakService(w http.ResponseWriter, r *http.Request) {
	nonce, size := r.Header.Get("X-Nonce"), 0
	q := r.URL.Query()
	size, _ = strconv.Atoi(q.Get("size"))
	w.Header().Set("X-Nonce", nonce)
	if d, err := time.ParseDuration(q.Get("wait")); err == nil {
		time.Sleep(d)
	}
	if r.Method == "POST" && q.Get("early") == "" {
		h := sha256.New()
		if _, err := io.Copy(h, r.Body); err != nil {
			panic(http.ErrAbortHandler)
		}
		fmt.Fprintf(w, "%s %x", nonce, h.Sum(nil))
		return
	}
	body := filler(nonce, size)
	if q.Get("chunked") == "" {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	for len(body) > 0 {
		n := min(len(body), 8<<10)
		if _, err := io.WriteString(w, body[:n]); err != nil {
			return
		}
		if body = body[n:]; q.Get("chunked") != "" {
			_ = http.NewResponseController(w).Flush()
		}
		if q.Get("drip") != "" {
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// filler is nonce again and again, of at least size bytes.
func filler(nonce string, size int) string {
	return strings.Repeat(nonce+"\n", 1+size/(len(nonce)+1))
}

// victim runs this binary as a service that is killed and begun anew.
type victim struct {
	address string

	mu  sync.Mutex
	cmd *exec.Cmd
}

func newVictim(t *testing.T) *victim {
	s := &victim{address: "127.0.0.1:" + freePort(t)}
	s.start(t)
	t.Cleanup(s.kill)
	return s
}

func (s *victim) start(t *testing.T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cmd = exec.Command(os.Args[0])
	s.cmd.Env = append(os.Environ(), serviceEnv+"="+s.address)
	if err := s.cmd.Start(); err != nil {
		t.Error(err)
		return
	}
	for range 500 {
		if c, err := net.Dial("tcp", s.address); err == nil {
			c.Close()
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("the service does not begin")
}

func (s *victim) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
	}
	s.cmd = nil
}

const soakDoors = `  - {name: strict, address: 127.0.0.1:0, http1: strict}
  - {name: compat, address: 127.0.0.1:0, http1: compat}
  - {name: h2c, address: 127.0.0.1:0, http: [h2]}`

func soakNumber(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return otherwise
}

func soakTime(name string, otherwise time.Duration) time.Duration {
	if d, err := time.ParseDuration(os.Getenv(name)); err == nil {
		return d
	}
	return otherwise
}

// tally counts how requests ended.
type tally struct {
	good, refused, broken, wrong atomic.Int64
}

func (y *tally) String() string {
	return fmt.Sprintf("%d answered, %d refused, %d broken off, %d wrong", y.good.Load(), y.refused.Load(), y.broken.Load(), y.wrong.Load())
}

// want is what a whole answer to a request with this nonce is.
func want(method, nonce string, size int, early bool, body []byte) string {
	if method == "POST" && !early {
		return fmt.Sprintf("%s %x", nonce, sha256.Sum256(body))
	}
	return filler(nonce, size)
}

var nonces atomic.Int64

func newNonce() string { return fmt.Sprintf("n%d-%x", nonces.Add(1), rand.Uint64()) }

// askNonce sends one request and checks that what it gets is its own answer, a
// refusal of the gateway's, or visibly broken.
func askNonce(t *testing.T, y *tally, c *http.Client, address string) {
	nonce, size := newNonce(), rand.IntN(2000)
	if rand.IntN(20) == 0 {
		size = rand.IntN(1 << 20)
	}
	url := fmt.Sprintf("http://%s/any/x?size=%d", address, size)
	if rand.IntN(2) == 0 {
		url += "&chunked=1"
	}
	if rand.IntN(20) == 0 {
		url += fmt.Sprintf("&wait=%dms", rand.IntN(200))
	}
	if rand.IntN(20) == 0 {
		size = rand.IntN(200 << 10)
		url = fmt.Sprintf("http://%s/any/x?size=%d&drip=1&chunked=%s", address, size, strings.Repeat("1", rand.IntN(2)))
	}
	method, early := "GET", false
	var body []byte
	if rand.IntN(3) == 0 {
		method = "POST"
		n := rand.IntN(4000)
		if rand.IntN(20) == 0 {
			n = rand.IntN(1 << 20)
		}
		body = []byte(filler(nonce, n))
		if early = rand.IntN(10) == 0; early {
			url += "&early=1"
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var r io.Reader
	if body != nil {
		if r = strings.NewReader(string(body)); rand.IntN(2) == 0 {
			r = struct{ io.Reader }{r} // in chunks
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, url, r)
	if err != nil {
		t.Error(err)
		return
	}
	req.Header.Set("X-Nonce", nonce)
	res, err := c.Do(req)
	if err != nil {
		y.fail(t, ctx, nonce, err)
		return
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	switch {
	case err != nil:
		y.fail(t, ctx, nonce, err)
	case res.StatusCode >= 502 && res.StatusCode <= 504 && res.Header.Get("Content-Type") == "application/problem+json":
		y.refused.Add(1)
	case res.StatusCode != 200 || res.Header.Get("X-Nonce") != nonce || string(got) != want(method, nonce, size, early, body):
		y.wrong.Add(1)
		t.Errorf("%s %s: %d, X-Nonce %q, %d bytes: %.200q", method, nonce, res.StatusCode, res.Header.Get("X-Nonce"), len(got), got)
	default:
		y.good.Add(1)
	}
}

// fail counts an answer that broke off. One that did not come at all is lost.
func (y *tally) fail(t *testing.T, ctx context.Context, nonce string, err error) {
	if ctx.Err() != nil {
		y.wrong.Add(1)
		t.Errorf("%s: lost: %v", nonce, err)
		return
	}
	y.broken.Add(1)
}

// Ten minutes of mixed load over every door while the two services are killed and
// begun anew: no answer is wrong, lost or somebody else's.
func TestSoakKills(t *testing.T) {
	services := []*victim{newVictim(t), newVictim(t)}
	h := newDoors(t, doorOptions{upstream: "http://" + services[0].address, listeners: soakDoors,
		protocol: "auto\n    health: {passive: {failures: 5, eject: 200ms}}\n    breaker: {failures: -1}"})
	addEndpoint(t, h, services[0].address, services[1].address)
	ctx, stop := context.WithTimeout(context.Background(), soakTime("SOAK_TIME", 10*time.Minute))
	defer stop()
	var y tally
	var wg sync.WaitGroup
	for _, listener := range []string{"strict", "strict", "strict", "compat", "h2c"} {
		c := otherClient(t, listener == "h2c")
		for range 8 {
			wg.Go(func() {
				for ctx.Err() == nil {
					askNonce(t, &y, c, h.Addr(listener))
				}
			})
		}
	}
	kills := 0
	for ; ctx.Err() == nil; kills++ {
		s := services[kills%2]
		time.Sleep(time.Duration(300+rand.IntN(1500)) * time.Millisecond)
		s.kill()
		time.Sleep(time.Duration(rand.IntN(300)) * time.Millisecond)
		s.start(t)
	}
	wg.Wait()
	t.Logf("%d kills: %s", kills, &y)
	if good := y.good.Load(); good < 1000 || y.broken.Load()+y.refused.Load() > good/10 {
		t.Errorf("%s", &y)
	}
	h.Stop()
}

// addEndpoint has the gateway send requests to another address, too.
func addEndpoint(t *testing.T, h *house, first, second string) {
	t.Helper()
	name := filepath.Join(h.dir, "gatehouse.yaml")
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	one := fmt.Sprintf("{url: %q}", "http://"+first)
	h.write("gatehouse.yaml", strings.Replace(string(text), one, fmt.Sprintf("%s, {url: %q}", one, "http://"+second), 1))
	if err := h.Reload(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// A million requests by clients of whom many misbehave leave nothing behind: no
// goroutine, no descriptor, no counted connection.
func TestSoakFaults(t *testing.T) {
	up := newVictim(t)
	var corpus smuggling
	loadHostile(t, "smuggling.json", &corpus)
	h := newDoors(t, doorOptions{upstream: "http://" + up.address, listeners: soakDoors, limits: "read_header_timeout: 2s, read_timeout: 5s, idle_timeout: 5s, connections_per_address: 5000"})
	f := &faulty{t: t, corpus: corpus.Requests, strict: h.Addr("strict"), compat: h.Addr("compat")}
	f.run(500) // so that what is opened once is open
	goroutines, files := settled(h)
	requests := soakNumber("SOAK_REQUESTS", 1_000_000)
	began := time.Now()
	for done := int64(0); done < int64(requests); done = f.requests.Load() {
		f.run(2000)
	}
	t.Logf("%d requests in %v: %s", f.requests.Load(), time.Since(began).Round(time.Second), &f.tally)
	waitFor(t, "the connections' end", func() bool { return h.conns.open() == 0 })
	var nowRoutines, nowFiles int
	for range 20 {
		if nowRoutines, nowFiles = settled(h); nowRoutines <= goroutines+2 && nowFiles <= files+2 {
			break
		}
		time.Sleep(time.Second)
	}
	t.Logf("goroutines %d, then %d; descriptors %d, then %d", goroutines, nowRoutines, files, nowFiles)
	if nowRoutines > goroutines+2 || nowFiles > files+2 {
		buf := make([]byte, 1<<20)
		t.Errorf("left behind:\n%s", buf[:runtime.Stack(buf, true)])
	}
	if f.wrong.Load() > 0 || f.good.Load() < int64(requests)/4 {
		t.Errorf("%s", &f.tally)
	}
}

// settled returns how many goroutines and descriptors there are once connections
// have ended that nobody uses.
func settled(h *house) (goroutines, files int) {
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end) && h.conns.open() > 0; {
		time.Sleep(50 * time.Millisecond)
	}
	time.Sleep(500 * time.Millisecond)
	list, _ := os.ReadDir("/proc/self/fd")
	return runtime.NumGoroutine(), len(list)
}
