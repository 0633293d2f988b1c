package lab

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// naiveTranslator turns each HTTP/2 request into an HTTP/1.1 message by putting
// its strings one behind the other, for the one service it stands before.
func naiveTranslator(conn net.Conn, service string) error {
	defer conn.Close()
	if _, err := io.CopyN(io.Discard, conn, int64(len(http2.ClientPreface))); err != nil {
		return err
	}
	fr := http2.NewFramer(conn, conn)
	fr.AllowIllegalReads = true
	if err := fr.WriteSettings(); err != nil {
		return err
	}
	var fields []hpack.HeaderField
	var data bytes.Buffer
	dec := hpack.NewDecoder(4096, func(f hpack.HeaderField) { fields = append(fields, f) })
	for {
		f, err := fr.ReadFrame()
		if err != nil {
			return err
		}
		end := false
		switch f := f.(type) {
		case *http2.HeadersFrame:
			if _, err := dec.Write(f.HeaderBlockFragment()); err != nil {
				return err
			}
			end = f.StreamEnded()
		case *http2.DataFrame:
			data.Write(f.Data())
			end = f.StreamEnded()
		}
		if !end {
			continue
		}
		status := translate(service, fields, data.String())
		var block bytes.Buffer
		if err := hpack.NewEncoder(&block).WriteField(hpack.HeaderField{Name: ":status", Value: strconv.Itoa(status)}); err != nil {
			return err
		}
		return fr.WriteHeaders(http2.HeadersFrameParam{StreamID: f.Header().StreamID, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: true})
	}
}

func translate(service string, fields []hpack.HeaderField, data string) (status int) {
	pseudo, rest := map[string]string{}, ""
	for _, f := range fields {
		if strings.HasPrefix(f.Name, ":") {
			pseudo[f.Name] = f.Value
		} else {
			rest += f.Name + ": " + f.Value + "\r\n"
		}
	}
	conn, err := net.Dial("tcp", service)
	if err != nil {
		return http.StatusBadGateway
	}
	defer conn.Close()
	fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: %s\r\n%s\r\n%s", pseudo[":method"], pseudo[":path"], pseudo[":authority"], rest, data)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return http.StatusBadGateway
	}
	return resp.StatusCode
}

// TestNaiveTranslator proves the oracles of the HTTP/2 injections.
func TestNaiveTranslator(t *testing.T) {
	t.Parallel()
	shop := open(t, AllFlaws())
	target := naiveGateway(t, shop)
	l, err := tls.Listen("tcp", "127.0.0.1:0", target.tlsServer)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _ = naiveTranslator(conn, shop.Service("legacy").Addr) }()
		}
	}()
	target.HTTPS = l.Addr().String()
	var attacks []Attack
	for _, a := range http2Attacks() {
		if a.Class == API8 {
			attacks = append(attacks, a)
		}
	}
	attackAll(t, &target.Target, attacks, func(a Attack, missed bool, err error, at *attempt) {
		if err != nil || !missed {
			t.Errorf("%s: missed %v, %v; receipts %v", a.Name, missed, err, shop.Receipts(at.run))
		}
	})
}
