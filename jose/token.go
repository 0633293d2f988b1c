package jose

import (
	"encoding/base64"
	"strings"
	"unsafe"
)

// MaxToken is a sensible limit for [Parse], in bytes: what fits a header field.
const MaxToken = 16 << 10

// A Token is a compact JWS with claims, taken apart and not yet verified: nothing
// in it is true before [Token.Verify] returned nil.
type Token struct {
	Header Header
	Claims Claims
	// Input is what the signature covers: the first two segments with the point
	// between them.
	Input string
	// Signature is the decoded third segment.
	Signature []byte
}

// maxSignature is that of the longest RSA key, in bytes.
const maxSignature = maxRSA / 8

// strict refuses padding bits that are not zero: two spellings of one token would
// defeat caches and replay checks.
var strict = base64.RawURLEncoding.Strict()

// Parse takes a compact JWS apart. A token longer than limit bytes is refused
// before anything is decoded; a limit of 0 stands for [MaxToken]. Errors are
// *gatehouse.Error with Status 401.
func Parse(token string, limit int) (*Token, error) {
	t, err := parse(token, limit)
	if err != nil {
		return nil, err
	}
	if t.Header.hasJWK {
		return nil, errEmbeddedKey
	}
	return t, nil
}

// parse is Parse for tokens whose header may bring a key.
func parse(token string, limit int) (*Token, error) {
	if limit <= 0 {
		limit = MaxToken
	}
	if len(token) > limit {
		return nil, errTooLarge
	}
	head, rest, ok := strings.Cut(token, ".")
	body, sig, ok2 := strings.Cut(rest, ".")
	if !ok || !ok2 || head == "" || body == "" {
		return nil, errSegments
	}
	if extra := strings.Count(sig, "."); extra == 2 {
		return nil, errEncrypted
	} else if extra != 0 {
		return nil, errSegments
	}
	t := &Token{Input: token[:len(head)+1+len(body)]}
	raw, err := decode(head, 0)
	if err != nil {
		return nil, err
	}
	if err := t.Header.read(text(raw)); err != nil {
		return nil, err
	}
	if sig == "" {
		return nil, errSegments
	}
	if strict.DecodedLen(len(sig)) > maxSignature {
		return nil, errSigFormat
	}
	claims, err := decode(body, strict.DecodedLen(len(sig)))
	if err != nil {
		return nil, err
	}
	if t.Signature, err = appendDecoded(claims[len(claims):], sig); err != nil {
		return nil, err
	}
	if t.Claims, err = ParseClaims(text(claims)); err != nil {
		return nil, err
	}
	return t, nil
}

// decode reads canonical unpadded base64url into a new slice with room for more
// bytes after it.
func decode(segment string, more int) ([]byte, error) {
	return appendDecoded(make([]byte, 0, strict.DecodedLen(len(segment))+more), segment)
}

// appendDecoded is decode behind what is in b. The standard decoder skips line
// breaks, so they are looked for.
func appendDecoded(b []byte, segment string) ([]byte, error) {
	if strings.IndexByte(segment, '\n') >= 0 || strings.IndexByte(segment, '\r') >= 0 {
		return nil, errEncoding
	}
	n := len(b)
	b = b[:n+strict.DecodedLen(len(segment))]
	decoded, err := strict.Decode(b[n:], bytesOf(segment))
	if err != nil {
		return nil, errEncoding
	}
	return b[:n+decoded], nil
}

// text turns bytes that nobody writes to any more into a string without a copy.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// bytesOf is the reverse, for those who only read.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }
