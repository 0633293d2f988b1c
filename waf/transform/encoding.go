package transform

import (
	"crypto/fips140"
	"crypto/md5"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"
)

const base64Alphabet = upper + lower + digits + "+/"

// base64Value is the value of a byte of the alphabet, -1 for any other.
var base64Value = func() (table [256]int8) {
	for i := range table {
		table[i] = -1
	}
	for i := 0; i < len(base64Alphabet); i++ {
		table[base64Alphabet[i]] = int8(i)
	}
	return table
}()

// base64Decode skips line ends and stops at the first other byte that is not of the
// alphabet, with what it has: "" for most text. It always claims a change.
func base64Decode(s string) (string, bool) {
	var g sextets
	g.out.Grow(len(s)/4*3 + 3)
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '\r' || c == '\n' {
			continue
		}
		v := base64Value[c]
		if v < 0 {
			break
		}
		g.add(v)
	}
	return g.text(), true
}

// base64DecodeExt skips whatever is not of the alphabet (that of base64url included) up
// to the first "=".
func base64DecodeExt(s string) (string, bool) {
	var g sextets
	g.out.Grow(len(s)/4*3 + 3)
	for i := 0; i < len(s) && s[i] != '='; i++ {
		c := s[i]
		switch c {
		case '-':
			c = '+'
		case '_':
			c = '/'
		}
		if v := base64Value[c]; v >= 0 {
			g.add(v)
		}
	}
	return g.text(), true
}

// sextets gathers four values of six bits to three bytes.
type sextets struct {
	out  strings.Builder
	bits uint32
	n    int
}

func (g *sextets) add(v int8) {
	g.bits = g.bits<<6 | uint32(v)
	if g.n++; g.n == 4 {
		g.out.WriteByte(byte(g.bits >> 16))
		g.out.WriteByte(byte(g.bits >> 8))
		g.out.WriteByte(byte(g.bits))
		g.n, g.bits = 0, 0
	}
}

// text ends the group; one value alone is dropped.
func (g *sextets) text() string {
	switch g.n {
	case 2:
		g.out.WriteByte(byte(g.bits >> 4))
	case 3:
		g.out.WriteByte(byte(g.bits >> 10))
		g.out.WriteByte(byte(g.bits >> 2))
	}
	return g.out.String()
}

func base64Encode(s string) (string, bool) {
	return base64.StdEncoding.EncodeToString([]byte(s)), true
}

// hexDecode leaves alone what is not pairs of hexadecimal digits throughout.
func hexDecode(s string) (string, bool) {
	if len(s)%2 != 0 {
		return s, false
	}
	for i := 0; i < len(s); i++ {
		if nibble(s[i]) < 0 {
			return s, false
		}
	}
	var out strings.Builder
	out.Grow(len(s) / 2)
	for i := 0; i < len(s); i += 2 {
		out.WriteByte(byte(nibble(s[i])<<4 | nibble(s[i+1])))
	}
	return out.String(), true
}

func hexEncode(s string) (string, bool) { return hex.EncodeToString([]byte(s)), true }

func length(s string) (string, bool) { return strconv.Itoa(len(s)), true }

// md5Sum and sha1Sum are the sixteen and twenty bytes of the digest; nothing in FIPS
// 140-3 mode, where Coraza refuses them.
func md5Sum(s string) (string, bool) {
	if fips140.Enabled() {
		return s, false
	}
	sum := md5.Sum([]byte(s))
	return string(sum[:]), true
}

func sha1Sum(s string) (string, bool) {
	if fips140.Enabled() {
		return s, false
	}
	sum := sha1.Sum([]byte(s))
	return string(sum[:]), true
}
