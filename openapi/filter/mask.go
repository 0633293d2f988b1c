package filter

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"strconv"
	"unicode/utf8"

	"github.com/gatehouse/gatehouse/strictjson"
)

const redacted = "***"

// A hasher makes pseudonyms with a Masker's key.
type hasher struct {
	of  *Masker
	mac hash.Hash
	sum [sha256.Size]byte
}

func (h *hasher) hash(m *Masker, value []byte) []byte {
	if h.of != m {
		h.of, h.mac = m, hmac.New(sha256.New, m.key)
	}
	h.mac.Reset()
	h.mac.Write(value)
	return h.mac.Sum(h.sum[:0])
}

// appendMasked appends what mask makes of a text.
func (h *hasher) appendMasked(dst []byte, m *Masker, mask Mask, s []byte) []byte {
	switch mask {
	case MaskNone:
		return append(dst, s...)
	case MaskLast4:
		return appendLast4(dst, s)
	case MaskEmail:
		return appendEmail(dst, s)
	case MaskHash:
		return hex.AppendEncode(dst, h.hash(m, s)[:16])
	}
	return append(dst, redacted...)
}

// appendLast4 shows the last four characters of eight or more.
func appendLast4(dst, s []byte) []byte {
	from, n := len(s), 0
	for ; from > 0 && n < 4; n++ {
		_, size := utf8.DecodeLastRune(s[:from])
		from -= size
	}
	if string(s[:from]) == redacted && n == 4 {
		return append(dst, s...) // masked already
	}
	dst = append(dst, redacted...)
	if utf8.RuneCount(s[:min(from, 16)]) < 4 { // eight characters in all
		return dst
	}
	return append(dst, s[from:]...)
}

// appendEmail shows the first character and the domain of an address.
func appendEmail(dst, s []byte) []byte {
	at := bytes.IndexByte(s, '@')
	if at > 0 {
		if start, end := emailAround(s, at, 0); start == 0 && end == len(s) {
			if _, size := utf8.DecodeRune(s); size < at && s[0] != '*' {
				dst = append(dst, s[:size]...)
			}
			return append(append(dst, redacted...), s[at:]...)
		}
	}
	return append(dst, redacted...)
}

// appendSpans appends s with every span that v detects masked; nothing where there
// is none.
func (h *hasher) appendSpans(dst []byte, v *View, d detectors, s []byte) (out []byte, found bool) {
	from := 0
	for {
		at, ok := d.next(s, from)
		if !ok {
			if from > 0 {
				dst = append(dst, s[from:]...)
			}
			return dst, from > 0
		}
		dst = append(dst, s[from:at.start]...)
		dst = h.appendMasked(dst, v.m, v.masks[v.m.detects[at.detector]], s[at.start:at.end])
		from = at.end
	}
}

// settle is how often a text is looked at again after something in it was masked:
// a mask may bring together what then looks like something else.
const settle = 4

// maskSpans masks what v detects in the text s, and returns nil where there is
// nothing. The result is good until the next call.
func (c *cutter) maskSpans(s []byte) []byte {
	d := c.view.detect.plausible(s)
	if d == 0 {
		return nil
	}
	out, found := c.hasher.appendSpans(c.spans[0][:0], c.view, d, s)
	if !found {
		return nil
	}
	c.spans[0] = out
	for range settle {
		if d = c.view.detect.plausible(out); d == 0 {
			return out
		}
		c.spans[1], found = c.hasher.appendSpans(c.spans[1][:0], c.view, d, out)
		if !found || bytes.Equal(out, c.spans[1]) {
			return out
		}
		c.spans[0], c.spans[1] = c.spans[1], c.spans[0]
		out = c.spans[0]
	}
	return append(c.spans[0][:0], redacted...)
}

// masked returns what mask makes of token i, which is no container; nil where it
// stays as it is. The result is good until the next call.
func (c *cutter) masked(i int, mask Mask, asText bool) []byte {
	b := c.value[:0]
	switch c.t.Tokens[i].Kind {
	case strictjson.String:
		c.plain = c.hasher.appendMasked(c.plain[:0], c.masker(), mask, c.t.StringBytes(i))
		b = strictjson.AppendQuoted(b, c.plain)
	case strictjson.Number:
		switch raw := c.t.Raw(i); {
		case asText:
			c.plain = c.hasher.appendMasked(c.plain[:0], c.masker(), mask, raw)
			b = strictjson.AppendQuoted(b, c.plain)
		case mask == MaskHash:
			sum := binary.BigEndian.Uint64(c.hasher.hash(c.masker(), raw))
			b = strconv.AppendUint(b, sum>>11, 10)
		default:
			b = append(b, '0')
		}
	case strictjson.True:
		b = append(b, "false"...)
	default:
		return nil
	}
	c.value = b
	if bytes.Equal(b, c.t.Raw(i)) {
		return nil
	}
	return b
}

func (c *cutter) masker() *Masker {
	if c.view == nil {
		return nil
	}
	return c.view.m
}

// detected returns what the detectors make of token i, a string or a number; nil
// where it stays as it is.
func (c *cutter) detected(i int) []byte {
	if c.t.Tokens[i].Kind == strictjson.String {
		s := c.maskSpans(c.t.StringBytes(i))
		if s == nil {
			return nil
		}
		c.value = strictjson.AppendQuoted(c.value[:0], s)
		if bytes.Equal(c.value, c.t.Raw(i)) {
			return nil
		}
		return c.value
	}
	raw := c.t.Raw(i)
	d := c.view.detect.plausible(raw)
	if d == 0 {
		return nil
	}
	at, ok := d.next(raw, 0)
	if !ok {
		return nil
	}
	rule := c.view.m.detects[at.detector]
	return c.masked(i, c.view.masks[rule], c.view.m.rules[rule].AsText)
}
