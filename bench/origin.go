package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// originBody is the answer of every origin: 990 bytes of JSON.
var originBody = func() string {
	const size = 990
	item := `{"id":17,"sku":"A-1042","title":"Fountain pen, extra fine","quantity":2,"price":"39.00"}`
	body := `{"order":17,"items":[` + item
	for len(body)+len(item)+4 < size {
		body += "," + item
	}
	return body + strings.Repeat(" ", size-len(body)-2) + "]}"
}()

// startOrigin runs an nginx that gives the same small answer to everything but
// /big, which is 1 MiB.
func startOrigin(ctx context.Context, b *bench) (p *process, address string, err error) {
	nginx, err := program("nginx")
	if err != nil {
		return nil, "", err
	}
	dir, err := os.MkdirTemp(b.dir, "nginx-")
	if err != nil {
		return nil, "", err
	}
	if address, err = freeAddress(); err != nil {
		return nil, "", err
	}
	if err := os.WriteFile(filepath.Join(dir, "big"), make([]byte, 1<<20), 0o644); err != nil {
		return nil, "", err
	}
	conf := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(conf, []byte(fmt.Sprintf(originConf, dir, address, originBody)), 0o600); err != nil {
		return nil, "", err
	}
	if p, err = start(b.cpus.load, "nginx", nginx, "-p", dir, "-c", conf, "-e", filepath.Join(dir, "error.log")); err != nil {
		return nil, "", err
	}
	if err := p.await(ctx, "http://"+address+"/", 200); err != nil {
		p.stop()
		return nil, "", err
	}
	return p, address, nil
}

const originConf = `daemon off;
master_process off;
worker_processes 1;
pid %[1]s/nginx.pid;
error_log %[1]s/error.log crit;
events { worker_connections 4096; }
http {
	access_log off;
	client_body_temp_path %[1]s/body;
	proxy_temp_path %[1]s/proxy;
	fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi;
	scgi_temp_path %[1]s/scgi;
	keepalive_requests 1000000000;
	keepalive_timeout 600s;
	server {
		listen %[2]s;
		location = /big { root %[1]s; }
		location / {
			default_type application/json;
			return 200 '%[3]s';
		}
	}
}
`
