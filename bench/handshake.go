package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// tlsHandshakes compares full TLS 1.3 handshakes: X25519, an ECDSA P-256
// certificate, TLS_AES_128_GCM_SHA256, nothing resumed, no request behind. A
// round's requests are handshakes.
func tlsHandshakes(ctx context.Context, b *bench) (result, error) {
	handshaker, err := build(ctx, b.dir, "./handshaker")
	if err != nil {
		return result{}, err
	}
	s, err := newSides(ctx, b, nginxProxy, true)
	if err != nil {
		return result{}, err
	}
	defer s.stop()
	for _, address := range []string{s.site.address, s.listen} {
		if err := agreesOn(address, tls.X25519, tls.TLS_AES_128_GCM_SHA256); err != nil {
			return result{}, err
		}
	}
	l := load{tls: true, drive: func(ctx context.Context, b *bench, address string, length time.Duration) (round, error) {
		return handshakes(ctx, b, handshaker, address, length)
	}}
	pairs, notes, err := b.versus(ctx, s.ours(l), s.theirs("nginx", l))
	if err != nil {
		return result{}, err
	}
	return cost(pairs, notes, func(ours, theirs float64) float64 { return theirs / ours }), nil
}

// agreesOn checks by Go's own client, which verifies the server's signature, what
// a server agrees on with one that offers a single key exchange.
func agreesOn(address string, group tls.CurveID, suite uint16) error {
	c, err := tls.Dial("tcp", address, &tls.Config{ServerName: host, MinVersion: tls.VersionTLS13,
		CurvePreferences: []tls.CurveID{group}, InsecureSkipVerify: true}) // the certificate is the bench's own
	if err != nil {
		return err
	}
	defer c.Close()
	if got := c.ConnectionState(); got.CurveID != group || got.CipherSuite != suite {
		return fmt.Errorf("%s agrees on %v and %s", address, got.CurveID, tls.CipherSuiteName(got.CipherSuite))
	}
	return nil
}

// handshakes runs the load of a round.
func handshakes(ctx context.Context, b *bench, handshaker, address string, length time.Duration) (round, error) {
	ctx, cancel := context.WithTimeout(ctx, length+15*time.Second)
	defer cancel()
	text, err := exec.CommandContext(ctx, "taskset", "-c", b.cpus.load, handshaker, "-to", address, "-name", host, "-for", length.String()).Output()
	if err != nil {
		if e, ok := errors.AsType[*exec.ExitError](err); ok {
			first, _, _ := strings.Cut(string(e.Stderr), "\n")
			err = errors.New(first)
		}
		return round{}, err
	}
	var said struct{ Handshakes, Seconds float64 }
	if err := json.Unmarshal(text, &said); err != nil || said.Handshakes == 0 {
		return round{}, fmt.Errorf("handshaker said %q, %w", text, err)
	}
	return round{requests: said.Handshakes, rate: said.Handshakes / said.Seconds}, nil
}
