package main

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"net"
)

// A client makes TLS 1.3 handshakes (RFC 8446) with TLS_AES_128_GCM_SHA256 and
// X25519, for a fraction of what they cost the server: it looks at no certificate,
// and says the same hello every time, with the same key. What it offers leaves the
// server one choice. It is good for load, and for nothing that is secret.
type client struct {
	key   *ecdh.PrivateKey
	hello []byte // as a message
}

func newClient(name string) (*client, error) {
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	random := make([]byte, 32)
	_, _ = rand.Read(random) // never fails
	share := key.PublicKey().Bytes()
	u16 := func(parts ...[]byte) []byte { // a vector with a length of two bytes
		b := bytes.Join(parts, nil)
		return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)
	}
	extension := func(id byte, body []byte) []byte { return append([]byte{0, id}, u16(body)...) }
	body := bytes.Join([][]byte{{3, 3}, random, {0}, u16([]byte{0x13, 0x01}), {1, 0}, u16(
		extension(0, u16([]byte{0}, u16([]byte(name)))),  // server_name
		extension(10, u16([]byte{0, byte(tls.X25519)})),  // supported_groups
		extension(13, u16([]byte{4, 3})),                 // signature_algorithms: ecdsa_secp256r1_sha256
		extension(43, []byte{2, 3, 4}),                   // supported_versions: TLS 1.3
		extension(51, u16([]byte{0, 0x1d}, u16(share)))), // key_share
	}, nil)
	return &client{key: key, hello: append([]byte{1, 0, byte(len(body) >> 8), byte(len(body))}, body...)}, nil
}

// An exchange is one handshake under way.
type exchange struct {
	conn       io.ReadWriter
	transcript hash.Hash
	in         *direction // what the server says; nil while it is not encrypted
	records    []byte     // read and not yet looked at
	messages   []byte     // of the handshake, decrypted and not yet looked at
	buf        [4096]byte
}

// handshake makes a whole one, says goodbye, and waits for the server to end, with
// a goodbye or without: then it has checked the client's part, or there would be
// an alert. A ticket to resume the session is an error: making it is work that the
// other server may not do.
func (c *client) handshake(conn net.Conn) error {
	e := &exchange{conn: conn, transcript: sha256.New()}
	e.transcript.Write(c.hello)
	if _, err := conn.Write(append(record(22, len(c.hello)), c.hello...)); err != nil {
		return err
	}
	hello, err := e.message(2)
	if err != nil {
		return err
	}
	share, err := keyShare(hello)
	if err != nil {
		return err
	}
	theirs, err := ecdh.X25519().NewPublicKey(share)
	if err != nil {
		return err
	}
	shared, err := c.key.ECDH(theirs)
	if err != nil {
		return err
	}
	zero := make([]byte, 32)
	nothing := sha256.Sum256(nil)
	early := extract(zero, nil)
	secret := extract(shared, expand(early, "derived", nothing[:], 32))
	soFar := e.transcript.Sum(nil)
	clientSecret, serverSecret := expand(secret, "c hs traffic", soFar, 32), expand(secret, "s hs traffic", soFar, 32)
	e.in = newDirection(serverSecret)
	for _, kind := range []byte{8, 11, 15} { // EncryptedExtensions, Certificate, CertificateVerify
		if _, err := e.message(kind); err != nil {
			return err
		}
	}
	want := finished(serverSecret, e.transcript.Sum(nil))
	if got, err := e.message(20); err != nil || !hmac.Equal(got[4:], want) {
		return errors.Join(errors.New("the server's Finished is wrong"), err)
	}
	master := extract(zero, expand(secret, "derived", nothing[:], 32))
	soFar = e.transcript.Sum(nil)
	out := newDirection(clientSecret).seal(22, append([]byte{20, 0, 0, 32}, finished(clientSecret, soFar)...))
	out = append(out, newDirection(expand(master, "c ap traffic", soFar, 32)).seal(21, []byte{1, 0})...)
	if _, err := conn.Write(out); err != nil {
		return err
	}
	e.in = newDirection(expand(master, "s ap traffic", soFar, 32))
	kind, said, err := e.record()
	if err == io.EOF || err == nil && kind == 21 && bytes.Equal(said, []byte{1, 0}) {
		return nil
	}
	return errors.Join(fmt.Errorf("no end, but a record of kind %d, %x", kind, said), err)
}

// keyShare finds the server's half in its hello.
func keyShare(hello []byte) ([]byte, error) {
	const extensions = 4 + 2 + 32 + 1 + 2 + 1 + 2 // behind an empty session
	if len(hello) < extensions || hello[38] != 0 || hello[39] != 0x13 || hello[40] != 0x01 {
		return nil, errors.New("the server chose something that was not offered")
	}
	for rest := hello[extensions:]; len(rest) >= 4; {
		id, n := binary.BigEndian.Uint16(rest), int(binary.BigEndian.Uint16(rest[2:]))
		if rest = rest[4:]; n > len(rest) {
			break
		}
		if id == 51 && n == 36 && binary.BigEndian.Uint16(rest) == uint16(tls.X25519) {
			return rest[4:36], nil
		}
		rest = rest[n:]
	}
	return nil, errors.New("the server has no X25519")
}

// message returns the next message of the handshake, its head included.
func (e *exchange) message(want byte) ([]byte, error) {
	for len(e.messages) < 4 || len(e.messages) < e.length() {
		kind, body, err := e.record()
		if err != nil {
			return nil, err
		}
		if kind != 22 {
			return nil, fmt.Errorf("a record of kind %d, %x, for message %d", kind, body, want)
		}
		e.messages = append(e.messages, body...)
	}
	m := e.messages[:e.length()]
	e.messages = e.messages[len(m):]
	if m[0] != want {
		return nil, fmt.Errorf("message %d for message %d", m[0], want)
	}
	e.transcript.Write(m)
	return m, nil
}

func (e *exchange) length() int {
	return 4 + int(e.messages[1])<<16 + int(e.messages[2])<<8 + int(e.messages[3])
}

// record returns the next record, decrypted, leaving out the empty gesture of
// ChangeCipherSpec.
func (e *exchange) record() (kind byte, body []byte, err error) {
	for {
		for len(e.records) < 5 || len(e.records) < 5+int(binary.BigEndian.Uint16(e.records[3:])) {
			n, err := e.conn.Read(e.buf[:])
			e.records = append(e.records, e.buf[:n]...)
			if err != nil && n == 0 {
				return 0, nil, err
			}
		}
		n := 5 + int(binary.BigEndian.Uint16(e.records[3:]))
		r := e.records[:n]
		e.records = e.records[n:]
		if r[0] == 20 {
			continue
		}
		if e.in == nil || r[0] != 23 {
			return r[0], r[5:], nil
		}
		return e.in.open(r)
	}
}

// A direction protects what one side says (RFC 8446, 5.2).
type direction struct {
	aead cipher.AEAD
	iv   []byte
	next uint64
}

func newDirection(secret []byte) *direction {
	block, err := aes.NewCipher(expand(secret, "key", nil, 16))
	if err != nil {
		panic(err) // 16 bytes are a key
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return &direction{aead: aead, iv: expand(secret, "iv", nil, 12)}
}

func (d *direction) nonce() []byte {
	n := bytes.Clone(d.iv)
	binary.BigEndian.PutUint64(n[4:], binary.BigEndian.Uint64(n[4:])^d.next)
	d.next++
	return n
}

func (d *direction) seal(kind byte, body []byte) []byte {
	head := record(23, len(body)+1+d.aead.Overhead())
	return d.aead.Seal(head, d.nonce(), append(bytes.Clone(body), kind), head)
}

func (d *direction) open(r []byte) (kind byte, body []byte, err error) {
	text, err := d.aead.Open(r[5:5], d.nonce(), r[5:], r[:5])
	if err != nil {
		return 0, nil, err
	}
	if text = bytes.TrimRight(text, "\x00"); len(text) == 0 {
		return 0, nil, errors.New("a record of padding")
	}
	return text[len(text)-1], text[:len(text)-1], nil
}

func record(kind byte, length int) []byte {
	return []byte{kind, 3, 3, byte(length >> 8), byte(length)}
}

func extract(key, salt []byte) []byte {
	secret, err := hkdf.Extract(sha256.New, key, salt)
	if err != nil {
		panic(err) // sha256 is good enough for it
	}
	return secret
}

// expand is HKDF-Expand-Label (RFC 8446, 7.1).
func expand(secret []byte, label string, context []byte, length int) []byte {
	label = "tls13 " + label
	info := string([]byte{0, byte(length), byte(len(label))}) + label + string([]byte{byte(len(context))}) + string(context)
	out, err := hkdf.Expand(sha256.New, secret, info, length)
	if err != nil {
		panic(err)
	}
	return out
}

func finished(secret, transcript []byte) []byte {
	mac := hmac.New(sha256.New, expand(secret, "finished", nil, 32))
	mac.Write(transcript)
	return mac.Sum(nil)
}
