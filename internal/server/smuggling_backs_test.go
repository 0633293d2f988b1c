package server

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A back is what stands behind the gateway: an origin that keeps what it read,
// and, where it has one, a proxy in front of it that keeps a log of its own.
type back struct {
	origin *origin
	url    string // where the gateway sends requests
	// log returns the proxy's lines so far: the status it answered with and the
	// request line it read. nil where there is no proxy.
	log func() []logged
}

type logged struct {
	status  int
	request string
}

// path is that of the request line, without the query.
func (l logged) path() string {
	_, rest, _ := strings.Cut(l.request, " ")
	target, _, _ := strings.Cut(rest, " ")
	path, _, _ := strings.Cut(target, "?")
	return path
}

// origin is a net/http server that answers with what it understood.
type origin struct {
	server *httptest.Server

	mu       sync.Mutex
	requests []heard
}

func newOrigin(t *testing.T) *origin {
	o := &origin{}
	o.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		o.mu.Lock()
		o.requests = append(o.requests, heard{r.Method, r.RequestURI, r.Host, r.Header, string(body), err == nil})
		o.mu.Unlock()
		fmt.Fprintf(w, "%s %s %d", r.Method, r.RequestURI, len(body))
	}))
	t.Cleanup(o.server.Close)
	return o
}

func (o *origin) address() string { return o.server.Listener.Addr().String() }

// take returns what was heard since the last time, and forgets it.
func (o *origin) take() []heard {
	o.mu.Lock()
	defer o.mu.Unlock()
	rs := o.requests
	o.requests = nil
	return rs
}

func directBack(t *testing.T) *back {
	o := newOrigin(t)
	return &back{origin: o, url: o.server.URL}
}

// freePort is one that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// program starts a server in the foreground and ends it with the test.
func program(t *testing.T, stdout io.Writer, port, name string, args ...string) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		path = "/usr/sbin/" + name // Debian has it there, for root alone
	}
	var complaints bytes.Buffer
	cmd := exec.Command(path, args...)
	cmd.Stdout, cmd.Stderr = stdout, &complaints
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v (scripts/install-test-parts installs it)", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if c, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			c.Close()
			return
		}
	}
	t.Fatalf("%s does not listen: %s", name, complaints.String())
}

const nginxConfig = `daemon off;
master_process off;
pid {dir}/nginx.pid;
error_log {dir}/error.log;
events { worker_connections 512; }
http {
	log_format seen '$status "$request"';
	access_log {dir}/access.log seen;
	client_body_temp_path {dir}/body;
	proxy_temp_path {dir}/proxy;
	fastcgi_temp_path {dir}/fastcgi;
	uwsgi_temp_path {dir}/uwsgi;
	scgi_temp_path {dir}/scgi;
	large_client_header_buffers 4 80k;
	upstream origin { server {origin}; keepalive 16; }
	server {
		listen 127.0.0.1:{port};
		location / {
			proxy_pass http://origin;
			proxy_http_version 1.1;
			proxy_set_header Host $http_host;
			proxy_set_header Connection "";
			proxy_request_buffering off;
		}
	}
}
`

func nginxBack(t *testing.T) *back {
	o, dir, port := newOrigin(t), t.TempDir(), freePort(t)
	conf := filepath.Join(dir, "nginx.conf")
	writeConfig(t, conf, nginxConfig, dir, port, o)
	program(t, nil, port, "nginx", "-p", dir, "-e", filepath.Join(dir, "error.log"), "-c", conf)
	return &back{origin: o, url: "http://127.0.0.1:" + port, log: func() []logged {
		text, _ := os.ReadFile(filepath.Join(dir, "access.log"))
		return readLog(string(text))
	}}
}

const haproxyConfig = `global
	log stdout format raw local0
defaults
	mode http
	log global
	log-format "%ST %{+Q}r"
	option http-keep-alive
	timeout connect 5s
	timeout client 30s
	timeout server 30s
frontend front
	bind 127.0.0.1:{port}
	default_backend origin
backend origin
	http-reuse always
	server origin {origin}
`

func haproxyBack(t *testing.T) *back {
	o, dir, port := newOrigin(t), t.TempDir(), freePort(t)
	conf := filepath.Join(dir, "haproxy.cfg")
	writeConfig(t, conf, haproxyConfig, dir, port, o)
	out, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { out.Close() })
	program(t, out, port, "haproxy", "-db", "-f", conf)
	return &back{origin: o, url: "http://127.0.0.1:" + port, log: func() []logged {
		text, _ := os.ReadFile(out.Name())
		return readLog(string(text))
	}}
}

func writeConfig(t *testing.T, path, text, dir, port string, o *origin) {
	t.Helper()
	text = strings.NewReplacer("{dir}", dir, "{port}", port, "{origin}", o.address()).Replace(text)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

var logLine = regexp.MustCompile(`^(-?\d+) "(.*)"$`)

// readLog reads a proxy's lines. Connections on which nothing was said have no
// request.
func readLog(text string) (out []logged) {
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		m := logLine.FindStringSubmatch(lines.Text())
		if m == nil || m[2] == "" || m[2] == "<BADREQ>" && m[1] == "0" {
			continue
		}
		status, _ := strconv.Atoi(m[1])
		out = append(out, logged{status, m[2]})
	}
	return out
}

func dialPlain(address string) (net.Conn, error) {
	return net.DialTimeout("tcp", address, 10*time.Second)
}
