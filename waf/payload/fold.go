package payload

import "unicode/utf8"

func unhex(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c | 0x20
	}
	return c
}

// percentByte reads %XX at s[i].
func percentByte[S string | []byte](s S, i int) (byte, bool) {
	if i+2 >= len(s) {
		return 0, false
	}
	hi, ok1 := unhex(s[i+1])
	lo, ok2 := unhex(s[i+2])
	return hi<<4 | lo, ok1 && ok2
}

// appendUnpercented appends s with %XX and the %uXXXX of old scripts decoded once.
// dst may be s[:0]: what is written never overtakes what is read.
func appendUnpercented[S string | []byte](dst []byte, s S) []byte {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '%' {
			if b, ok := percentByte(s, i); ok {
				dst = append(dst, b)
				i += 2
				continue
			}
			if i+5 < len(s) && s[i+1]|0x20 == 'u' {
				hi, ok1 := percentByte(s, i+1)
				lo, ok2 := percentByte(s, i+3)
				if ok1 && ok2 {
					dst = utf8.AppendRune(dst, rune(hi)<<8|rune(lo))
					i += 5
					continue
				}
			}
		}
		dst = append(dst, c)
	}
	return dst
}

// appendForm appends a name or value of application/x-www-form-urlencoded, decoded.
func appendForm(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '+' {
			c = ' '
		} else if b, ok := percentByte(s, i); c == '%' && ok {
			c = b
			i += 2
		}
		dst = append(dst, c)
	}
	return dst
}

// asciiOf reads the rune at s[i] as careless decoders would: overlong sequences are
// ASCII (RFC 3629, section 10, warns of them), and so are the compatibility forms
// that resolvers map by UTS #46. It returns the ASCII text, how many bytes were
// read, and whether there is such a reading; "" drops the rune.
func asciiOf[S string | []byte](s S, i int) (text string, size int, ok bool) {
	at := func(n int) byte {
		if i+n < len(s) {
			return s[i+n]
		}
		return 0
	}
	switch c := s[i]; {
	case c < 0x80:
		return "", 1, false
	case c == 0xC0 || c == 0xC1: // never valid; some decoders take any byte behind it
		if i+1 < len(s) {
			return ascii[c<<6|at(1)&0x3f:][:1], 2, true
		}
		return "", 1, false
	case c == 0xE0 && at(1)&0xFE == 0x80 && at(2) >= 0x80:
		return ascii[at(1)<<6&0x40|at(2)&0x3f:][:1], 3, true
	case c == 0xF0 && at(1) == 0x80 && at(2)&0xFE == 0x80 && at(3) >= 0x80:
		return ascii[at(2)<<6&0x40|at(3)&0x3f:][:1], 4, true
	case c < 0xC0:
		return "", 1, false
	}
	var buf [utf8.UTFMax]byte
	n := copy(buf[:], s[i:min(i+utf8.UTFMax, len(s))])
	r, size := utf8.DecodeRune(buf[:n])
	text, ok = compatible(r)
	return text, size, ok
}

// ascii holds every ASCII character at its own index.
var ascii = func() string {
	var b [128]byte
	for i := range b {
		b[i] = byte(i)
	}
	return string(b[:])
}()

const numbers = "1234567891011121314151617181920"

// number returns 1 to 20 as text.
func number(n rune) string {
	if n < 10 {
		return numbers[n-1 : n]
	}
	return numbers[9+2*(n-10):][:2]
}

// compatible returns the ASCII text that r stands for in a host or path.
func compatible(r rune) (string, bool) {
	one := func(n rune) (string, bool) { return ascii[n : n+1], true }
	switch {
	case r >= 0xFF01 && r <= 0xFF5E: // full width
		return one(r - 0xFEE0)
	case r >= 0x2460 && r <= 0x2473: // ① to ⑳
		return number(r - 0x245F), true
	case r >= 0x2776 && r <= 0x277F, r >= 0x2780 && r <= 0x2789, r >= 0x278A && r <= 0x2793: // ❶ ➀ ➊
		return number((r-0x2776)%10 + 1), true
	case r >= 0x24F5 && r <= 0x24FE: // ⓵ to ⓾
		return number(r - 0x24F4), true
	case r == 0x24EA || r == 0x24FF: // ⓪ ⓿
		return one('0')
	case r >= 0x24B6 && r <= 0x24CF: // Ⓐ
		return one(r - 0x24B6 + 'a')
	case r >= 0x24D0 && r <= 0x24E9: // ⓐ
		return one(r - 0x24D0 + 'a')
	case r >= 0x1D400 && r <= 0x1D6A3: // mathematical letters, 13 alphabets
		if n := (r - 0x1D400) % 52; n < 26 {
			return one(n + 'a')
		} else {
			return one(n - 26 + 'a')
		}
	case r >= 0x1D7CE && r <= 0x1D7FF: // mathematical digits
		return one((r-0x1D7CE)%10 + '0')
	case r == 0x2070 || r >= 0x2074 && r <= 0x2079: // superscript
		return one(r - 0x2070 + '0')
	case r >= 0x2080 && r <= 0x2089: // subscript
		return one(r - 0x2080 + '0')
	case r == 0xB2 || r == 0xB3:
		return one(r - 0xB0 + '0')
	}
	switch r {
	case 0xB9:
		return "1", true
	case 0x3002, 0xFF61, 0x2024, 0xFE52: // 。 ｡ ․ ﹒
		return ".", true
	case 0x2025: // ‥
		return "..", true
	case 0x2215, 0x2044, 0x29F8: // ∕ ⁄ ⧸
		return "/", true
	case 0x2216, 0xFE68, 0x29F5, 0x29F9: // ∖ ﹨ ⧵ ⧹
		return `\`, true
	case 0xFE55:
		return ":", true
	case 0xFE6B:
		return "@", true
	case 0x2488, 0x2489, 0x248A, 0x248B, 0x248C, 0x248D, 0x248E, 0x248F, 0x2490: // ⒈ to ⒐
		return "1.2.3.4.5.6.7.8.9."[2*(r-0x2488):][:2], true
	case 0x2100:
		return "a/c", true
	case 0x017F:
		return "s", true
	case 0x212A:
		return "k", true
	case 0xAD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, 0x034F, 0x180E: // ignored in hosts
		return "", true
	}
	if r >= 0xFE00 && r <= 0xFE0F {
		return "", true
	}
	return "", false
}

// appendASCII appends s with every rune that has an ASCII reading replaced by it.
// dst may be s[:0].
func appendASCII[S string | []byte](dst []byte, s S) []byte {
	for i := 0; i < len(s); {
		if s[i] < 0x80 {
			dst = append(dst, s[i])
			i++
			continue
		}
		text, n, ok := asciiOf(s, i)
		if ok {
			dst = append(dst, text...)
		} else {
			dst = append(dst, s[i:i+n]...)
		}
		i += n
	}
	return dst
}

// appendHost appends an authority as the most obliging parser reads it: percent
// signs decoded twice, compatibility forms mapped, lower-case.
func appendHost(dst []byte, s string) []byte {
	from := len(dst)
	dst = appendUnpercented(dst, s)
	rest := dst[from:]
	dst = append(dst[:from], appendUnpercented(rest[:0], rest)...)
	rest = dst[from:]
	dst = append(dst[:from], appendASCII(rest[:0], rest)...)
	rest = dst[from:]
	for i := range rest {
		rest[i] = lower(rest[i])
	}
	return dst
}
