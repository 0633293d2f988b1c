package server

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/waf"
)

// crsAnswer is what the tests' backend answers.
type crsAnswer struct {
	status int
	header gatehouse.Header
	body   []byte
}

// crsReflect is the tests' backend, albedo: it answers as a request to /reflect asks
// for, and says nothing otherwise.
func crsReflect(method, target string, body []byte) crsAnswer {
	a := crsAnswer{status: 200}
	if path, _, _ := strings.Cut(target, "?"); method != "POST" || path != "/reflect" {
		return a
	}
	var spec struct {
		Status      int
		Headers     map[string]string
		Body        string
		EncodedBody string
	}
	if err := json.Unmarshal(body, &spec); err != nil {
		a.status = 400
		return a
	}
	a.header.Add("Content-Type", "text/plain")
	for name, value := range spec.Headers {
		a.header.Add(name, value)
	}
	if spec.Status != 0 {
		a.status = spec.Status
	}
	a.body = []byte(spec.Body)
	if spec.Body == "" {
		a.body, _ = base64.StdEncoding.DecodeString(spec.EncodedBody)
	}
	return a
}

// crsBackend serves crsReflect. It reads requests with the least fuss there is: what
// the gateway lets pass is to be answered.
func crsBackend(t *testing.T) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	serve := func(c net.Conn) {
		defer c.Close()
		for r := bufio.NewReader(c); ; {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			body, err := io.ReadAll(req.Body)
			if err != nil {
				return
			}
			a := crsReflect(req.Method, req.RequestURI, body)
			fmt.Fprintf(c, "HTTP/1.1 %d %s\r\n", a.status, http.StatusText(a.status))
			for _, f := range a.header {
				fmt.Fprintf(c, "%s: %s\r\n", f.Name, f.Value)
			}
			fmt.Fprintf(c, "Content-Length: %d\r\n\r\n", len(a.body))
			if req.Method != "HEAD" {
				c.Write(a.body)
			}
		}
	}
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go serve(c)
		}
	}()
	return "http://" + ln.Addr().String()
}

// crsSay says the bytes of a request on a connection of its own, and returns the id
// of its record. A request that promises more than it says is ended.
func crsSay(address string, raw []byte) (id string, err error) {
	c, err := dialPlain(address)
	if err != nil {
		return "", err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	go func() { _, _ = c.Write(raw) }()
	end := time.AfterFunc(2*time.Second, func() { _ = c.(*net.TCPConn).CloseWrite() })
	defer end.Stop()
	method, _, _ := strings.Cut(string(raw[:min(len(raw), 20)]), " ")
	res, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	if err != nil {
		return "", err
	}
	_, err = io.Copy(io.Discard, res.Body)
	return res.Header.Get("X-Request-Id"), err
}

var errReset = errors.New("the stream was reset")

// crsFrames says a message in HTTP/2's frames and returns the id of its record.
func crsFrames(address string, m *waf.Message) (id string, err error) {
	f := &frames{}
	if f.conn, err = dialPlain(address); err != nil {
		return "", err
	}
	defer f.conn.Close()
	_ = f.conn.SetDeadline(time.Now().Add(time.Minute))
	if err := f.start(); err != nil {
		return "", err
	}
	fields := []string{":method", m.Method, ":scheme", "http", ":authority", m.Header.Get("Host"), ":path", m.Target}
	for _, h := range m.Header[1:] {
		fields = append(fields, h.Name, h.Value)
	}
	body := m.Body
	if err := f.open(1, len(body) == 0, fields...); err != nil {
		return "", err
	}
	stream, conn := 65535, 65535 // what the two windows have room for
	for {
		for len(body) > 0 && min(stream, conn) > 0 {
			n := min(len(body), stream, conn, 16384)
			if err := f.WriteData(1, n == len(body), body[:n]); err != nil {
				return id, err
			}
			body, stream, conn = body[n:], stream-n, conn-n
		}
		fr, err := f.ReadFrame()
		if err != nil {
			return id, err
		}
		switch fr := fr.(type) {
		case *http2.MetaHeadersFrame:
			for _, h := range fr.Fields {
				if h.Name == "x-request-id" {
					id = h.Value
				}
			}
		case *http2.WindowUpdateFrame:
			if fr.StreamID == 1 {
				stream += int(fr.Increment)
			} else {
				conn += int(fr.Increment)
			}
		case *http2.RSTStreamFrame, *http2.GoAwayFrame:
			return id, errReset
		}
		if fr.Header().StreamID == 1 && fr.Header().Flags.Has(http2.FlagDataEndStream) && fr.Header().Type <= http2.FrameHeaders {
			return id, nil
		}
	}
}
