package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// plainConfig is the gateway as a proxy that judges nothing: what the path itself
// costs. Metrics stay on. There is no decision log, since its peers write no access
// log either; what the log costs is in the protected rows.
const plainConfig = `version: 1
listeners:
  - {name: public, address: "%[1]s"%[4]s}
data_dir: data
admin: {address: "%[2]s", socket: admin.sock}
decisions: {off: true}
limits_http: {connections: 20000, connections_per_address: 20000}
mode: "off"
upstreams:
  - {name: origin, endpoints: [{url: "http://%[3]s"}]}
apis:
  - name: plain
    hosts: ["*"]
    upstream: origin
    operations: [{any: "/{path...}", id: any, access: public, body_bytes: 10MiB}]
`

// newPlainSite configures a gateway in front of origin; over TLS where certs says
// so.
func newPlainSite(b *bench, origin, certs string) (*site, error) {
	dir, err := os.MkdirTemp(b.dir, "plain-")
	if err != nil {
		return nil, err
	}
	s := &site{dir: dir, socket: filepath.Join(dir, "admin.sock")}
	if s.address, err = freeAddress(); err != nil {
		return nil, err
	}
	if s.admin, err = freeAddress(); err != nil {
		return nil, err
	}
	tls := ""
	if certs != "" {
		tls = fmt.Sprintf(", http: [http/1.1], tls: {certificates: [{cert: %q, key: %q}]}", certs+".pem", certs+".key")
	}
	return s, s.configure(fmt.Sprintf(plainConfig, s.address, s.admin, origin, tls))
}

func (s *site) launch(ctx context.Context, b *bench) error {
	var err error
	if s.process, err = start(b.cpus.server, "gatehouse", b.gatehouse, "run", "--config", filepath.Join(s.dir, "gatehouse.yaml")); err != nil {
		return err
	}
	return s.process.await(ctx, "http://"+s.admin+"/readyz", 200)
}

// plainScript writes a wrk script: one request again and again.
func plainScript(b *bench, method, path string, body int) (string, error) {
	dir, err := os.MkdirTemp(b.dir, "load-")
	if err != nil {
		return "", err
	}
	var s strings.Builder
	fmt.Fprintf(&s, "wrk.method = %q\nwrk.path = %q\nwrk.headers[\"Host\"] = %q\n", method, path, host)
	for _, f := range clientFields {
		fmt.Fprintf(&s, "wrk.headers[%q] = %q\n", f.Name, f.Value)
	}
	if body > 0 {
		fmt.Fprintf(&s, "wrk.headers[\"Content-Type\"] = \"application/json\"\nwrk.body = %q\n", strings.Repeat("x", body))
	}
	name := filepath.Join(dir, "load.lua")
	return name, os.WriteFile(name, []byte(s.String()), 0o600)
}

// A peer is a proxy beside which the gateway is put.
type peer func(ctx context.Context, b *bench, origin, certs string) (*process, string, error)

// versusPeer compares the plain gateway to a peer under one load.
func versusPeer(to peer, name, method, path string, body int, tls bool) func(context.Context, *bench) (result, error) {
	return func(ctx context.Context, b *bench) (result, error) {
		s, err := newSides(ctx, b, to, tls)
		if err != nil {
			return result{}, err
		}
		defer s.stop()
		script, err := plainScript(b, method, path, body)
		if err != nil {
			return result{}, err
		}
		l := load{script: script, connections: 64, tls: tls, heavy: path == "/big"}
		pairs, notes, err := b.versus(ctx, s.ours(l), s.theirs(name, l))
		if err != nil {
			return result{}, err
		}
		return cost(pairs, notes, func(ours, theirs float64) float64 { return theirs / ours }), nil
	}
}

// protectedToNginx compares the gateway with everything on to a plain nginx.
func protectedToNginx(ctx context.Context, b *bench) (result, error) {
	origin, address, err := startOrigin(ctx, b)
	if err != nil {
		return result{}, err
	}
	defer origin.stop()
	s, err := newSite(b, address, protectedAPI, protectedPolicies)
	if err != nil {
		return result{}, err
	}
	defer s.stop()
	if err := s.run(ctx, b, "/orders/1001"); err != nil {
		return result{}, err
	}
	script, err := s.script("/orders/")
	if err != nil {
		return result{}, err
	}
	p, listen, err := nginxProxy(ctx, b, address, "")
	if err != nil {
		return result{}, err
	}
	defer p.stop()
	l := load{script: script, connections: 64}
	pairs, notes, err := b.versus(ctx, contender{"gatehouse", s.process, s.address, l}, contender{"nginx", p, listen, l})
	if err != nil {
		return result{}, err
	}
	return cost(pairs, notes, func(ours, theirs float64) float64 { return theirs / ours }), nil
}

// nginxProxy is a plain proxying nginx with one worker.
func nginxProxy(ctx context.Context, b *bench, origin, certs string) (*process, string, error) {
	return startNginxProxy(ctx, b, origin, certs, "master_process off;\nworker_processes 1;")
}

// nginxWorkers is one with two workers.
func nginxWorkers(ctx context.Context, b *bench, origin, certs string) (*process, string, error) {
	return startNginxProxy(ctx, b, origin, certs, "worker_processes 2;")
}

func startNginxProxy(ctx context.Context, b *bench, origin, certs, workers string) (*process, string, error) {
	nginx, err := program("nginx")
	if err != nil {
		return nil, "", err
	}
	dir, err := os.MkdirTemp(b.dir, "proxy-")
	if err != nil {
		return nil, "", err
	}
	listen, err := freeAddress()
	if err != nil {
		return nil, "", err
	}
	tls, scheme := "", "http"
	if certs != "" {
		scheme = "https"
		// NumTickets, for OpenSSL sends tickets that name a session where it may send no
		// others, even to a client that has not asked for any.
		tls = fmt.Sprintf("ssl_certificate %s.pem; ssl_certificate_key %s.key; ssl_protocols TLSv1.3; "+
			"ssl_session_tickets off; ssl_session_cache off; ssl_conf_command NumTickets 0;", certs, certs)
	}
	bind := listen
	if certs != "" {
		bind += " ssl"
	}
	conf := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(conf, []byte(fmt.Sprintf(proxyConf, dir, bind, origin, tls, workers)), 0o600); err != nil {
		return nil, "", err
	}
	p, err := start(b.cpus.server, "nginx", nginx, "-p", dir, "-c", conf, "-e", filepath.Join(dir, "error.log"))
	if err != nil {
		return nil, "", err
	}
	return p, listen, p.listens(ctx, scheme, listen)
}

const proxyConf = `daemon off;
%[5]s
pid %[1]s/nginx.pid;
error_log %[1]s/error.log crit;
events { worker_connections 16384; }
http {
	access_log off;
	client_body_temp_path %[1]s/body;
	proxy_temp_path %[1]s/proxy;
	fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi;
	scgi_temp_path %[1]s/scgi;
	keepalive_requests 1000000000;
	keepalive_timeout 600s;
	upstream origin { server %[3]s; keepalive 256; keepalive_requests 1000000000; keepalive_timeout 600s; }
	server {
		listen %[2]s;
		%[4]s
		proxy_http_version 1.1;
		proxy_set_header Connection "";
		proxy_set_header Host $host;
		proxy_set_header X-Forwarded-For $remote_addr;
		location / { proxy_pass http://origin; }
		# With nginx's own sizes a large answer costs three times as much.
		location = /big {
			proxy_pass http://origin;
			proxy_max_temp_file_size 0;
			proxy_buffer_size 16k;
			proxy_buffers 8 64k;
			proxy_busy_buffers_size 128k;
		}
	}
}
`

// haproxyProxy is a plain haproxy with one thread.
func haproxyProxy(ctx context.Context, b *bench, origin, _ string) (*process, string, error) {
	haproxy, err := program("haproxy")
	if err != nil {
		return nil, "", err
	}
	dir, err := os.MkdirTemp(b.dir, "haproxy-")
	if err != nil {
		return nil, "", err
	}
	listen, err := freeAddress()
	if err != nil {
		return nil, "", err
	}
	conf := filepath.Join(dir, "haproxy.cfg")
	if err := os.WriteFile(conf, []byte(fmt.Sprintf(haproxyConf, listen, origin)), 0o600); err != nil {
		return nil, "", err
	}
	p, err := start(b.cpus.server, "haproxy", haproxy, "-f", conf)
	if err != nil {
		return nil, "", err
	}
	return p, listen, p.listens(ctx, "http", listen)
}

const haproxyConf = `global
	nbthread 1
	maxconn 4096
defaults
	mode http
	timeout connect 5s
	timeout client 600s
	timeout server 600s
	option forwardfor
	option http-keep-alive
	http-reuse always
frontend in
	bind %[1]s
	default_backend out
backend out
	server origin %[2]s
`

func reverseProxyPeer(ctx context.Context, b *bench, origin, _ string) (*process, string, error) {
	return startReverseProxy(ctx, b, origin)
}

// listens waits until somebody accepts connections at address.
func (p *process) listens(ctx context.Context, _, address string) error {
	for range 500 {
		if c, err := net.DialTimeout("tcp", address, time.Second); err == nil {
			return c.Close()
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended: %s", p.name, p.said.String())
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
	p.stop()
	return fmt.Errorf("%s does not listen at %s: %s", p.name, address, p.said.String())
}

// idleConnections is how many are kept open while memory is read.
const idleConnections = 8000

// idleMemory opens connections that each make one request and then stay, and sees
// what the gateway's memory grew by.
func idleMemory(ctx context.Context, b *bench) (result, error) {
	origin, address, err := startOrigin(ctx, b)
	if err != nil {
		return result{}, err
	}
	defer origin.stop()
	s, err := newPlainSite(b, address, "")
	if err != nil {
		return result{}, err
	}
	defer s.stop()
	if err := s.launch(ctx, b); err != nil {
		return result{}, err
	}
	r := result{oursUnit: "bytes"}
	before, err := resident(s.process)
	if err != nil {
		return result{}, err
	}
	var open []net.Conn
	defer func() {
		for _, c := range open {
			c.Close()
		}
	}()
	buf := make([]byte, 4096)
	for range idleConnections {
		c, err := net.Dial("tcp", s.address)
		if err != nil {
			return result{}, err
		}
		open = append(open, c)
		fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", host)
		if n, err := c.Read(buf); err != nil || !strings.HasPrefix(string(buf[:n]), "HTTP/1.1 200") {
			return result{}, fmt.Errorf("an idle connection got %q, %w", buf[:n], errors.Join(err))
		}
	}
	for range 5 {
		select {
		case <-ctx.Done():
			return result{}, ctx.Err()
		case <-time.After(3 * time.Second):
		}
		after, err := resident(s.process)
		if err != nil {
			return result{}, err
		}
		r.runs = append(r.runs, float64(after-before)/idleConnections)
	}
	r.value = median(r.runs)
	r.ours = r.value
	r.notes = []string{fmt.Sprintf("%d connections, resident memory of the whole process", idleConnections)}
	return r, nil
}

// resident is the resident memory of a process, in bytes.
func resident(p *process) (int64, error) { return statusOf(p.pid(), "VmRSS:") }

// statusOf reads one size of proc(5)'s status, in bytes.
func statusOf(pid int, name string) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kb << 10, err
		}
	}
	return 0, fmt.Errorf("no %s", name)
}
