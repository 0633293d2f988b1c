package server

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// FuzzSmuggling says any bytes to a running gateway. What the service behind it
// hears are messages that were said, in their order and with their bodies, as
// net/http reads them: nothing else, and nothing in part.
func FuzzSmuggling(f *testing.F) {
	var corpus smuggling
	loadHostile(f, "smuggling.json", &corpus)
	for n, c := range corpus.Requests {
		if raw := number(unfold(c.Raw...), n); len(raw) < 2<<10 {
			f.Add([]byte(raw))
		}
	}
	var mu sync.Mutex
	var got []heard
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		mu.Lock()
		got = append(got, heard{method: r.Method, target: r.RequestURI, body: string(body), whole: err == nil})
		mu.Unlock()
		fmt.Fprint(w, "ok")
	}))
	f.Cleanup(up.Close)
	address := startForFuzz(f, up.URL)
	f.Fuzz(func(t *testing.T, data []byte) {
		converseToEnd(t, address, data)
		// An exchange may end for the client before the service has heard all of it.
		asked := ask(t, address)
		mu.Lock()
		defer mu.Unlock()
		said := spoken(data)
		for _, h := range got {
			if h.target == asked || !h.whole {
				continue
			}
			i := 0
			for i < len(said) && !said[i].same(h) {
				i++
			}
			if i == len(said) {
				t.Errorf("the service heard %+v of %q", h, data)
				break
			}
			said = said[i+1:]
		}
		got = got[:0]
	})
}

// spoken are the messages that net/http finds in data.
func spoken(data []byte) (list []heard) {
	r := bufio.NewReaderSize(bytes.NewReader(data), 64<<10)
	for {
		if b, _ := r.Peek(2); string(b) == "\r\n" {
			_, _ = r.Discard(2)
		}
		req, err := http.ReadRequest(r)
		if err != nil {
			return list
		}
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return list
		}
		list = append(list, heard{method: req.Method, target: req.URL.RequestURI(), body: string(body)})
	}
}

// same compares what was said with what was heard. The gateway spells paths in
// its own way.
func (h heard) same(of heard) bool {
	a, err := url.ParseRequestURI(h.target)
	if err != nil {
		return false
	}
	b, err := url.ParseRequestURI(of.target)
	return err == nil && h.method == of.method && h.body == of.body && a.Path == b.Path
}

// converseToEnd says data and waits for the connection's end.
func converseToEnd(t *testing.T, address string, data []byte) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = c.Write(data)
	_ = c.(*net.TCPConn).CloseWrite()
	if _, err := io.Copy(io.Discard, c); err != nil {
		if e, ok := err.(net.Error); ok && e.Timeout() {
			t.Errorf("no end of the connection after %q", data)
		}
	}
}

// ask asks for something as another client, and returns what.
func ask(t *testing.T, address string) string {
	const path = "/any/another"
	res, err := http.Get("http://" + address + path)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, err := io.ReadAll(res.Body); err != nil || res.StatusCode != 200 || string(body) != "ok" {
		t.Errorf("another client got %d %q %v", res.StatusCode, body, err)
	}
	return path
}

func startForFuzz(f *testing.F, upstream string) string {
	dir := f.TempDir()
	for name, text := range map[string]string{"jwks.json": `{"keys": []}`, "shop.cedar": "permit(principal, action, resource);",
		"gatehouse.yaml": fmt.Sprintf(doorConfig, "  - {name: plain, address: 127.0.0.1:0, http1: strict}", "", "", upstream, "auto", "main", "", "")} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			f.Fatal(err)
		}
	}
	s, err := Start(context.Background(), Options{ConfigPath: filepath.Join(dir, "gatehouse.yaml"), Log: slog.New(slog.DiscardHandler), Drain: time.Second})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(s.Stop)
	return s.Addr("plain")
}
