package lab

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"regexp"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// What a body may hold that two readers of JSON take for two things, or that costs
// more than it should. A careless service acts on it all the same, and the effect
// "json." with the name says so; a careful one refuses.
const (
	oddDuplicate = "duplicate" // a name twice: which one counts?
	oddTrailing  = "trailing"  // something behind the value
	oddBOM       = "bom"
	oddUTF8      = "utf8"      // bytes that are no UTF-8
	oddSurrogate = "surrogate" // half of a character
	oddInfinite  = "infinite"  // a number beyond any
	oddDeep      = "deep"
	oddWide      = "wide"
	oddCharset   = "charset" // another charset than UTF-8
	oddLabel     = "label"   // a Content-Type that is none of JSON
)

const (
	fairDepth   = 64
	fairMembers = 10_000
	// bombBytes is how much of a compressed body the careless shop unpacks, at the most.
	bombBytes = 16 << 20
)

var (
	bom           = []byte("\xef\xbb\xbf")
	infiniteValue = regexp.MustCompile(`([:,\[]\s*-?[0-9.]+)e400`)
	surrogate     = regexp.MustCompile(`\\u[dD][89abAB][0-9a-fA-F]{2}(\\u[dD][c-fC-F])?|\\u[dD][c-fC-F]`)
)

var errOdd = errors.New("lab: a careful reader refuses this")

// readJSON reads a body into v as the shop reads JSON: carelessly with
// Misconfiguration, when it makes the best of everything and tells what was odd.
func (c *call) readJSON(raw []byte, v any) (odd []string, err error) {
	note := func(name string, is bool) {
		if is {
			odd = append(odd, name)
		}
	}
	t, params, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	note(oddLabel, t != "application/json")
	if cs := params["charset"]; cs != "" && !strings.EqualFold(cs, "utf-8") {
		note(oddCharset, true)
		raw = decodeUTF16(raw)
	}
	note(oddBOM, bytes.HasPrefix(raw, bom))
	raw = bytes.TrimPrefix(raw, bom)
	note(oddUTF8, !utf8.Valid(raw))
	if bytes.Contains(raw, []byte("e400")) { // the pattern is dear
		note(oddInfinite, infiniteValue.Match(raw))
		raw = infiniteValue.ReplaceAll(raw, []byte("${1}000"))
	}
	if bytes.Contains(raw, []byte(`\u`)) {
		for _, m := range surrogate.FindAllSubmatch(raw, -1) {
			if len(m[1]) == 0 {
				note(oddSurrogate, true)
				break
			}
		}
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	if err = dec.Decode(v); err != nil {
		return nil, err
	}
	note(oddTrailing, len(bytes.TrimSpace(raw[dec.InputOffset():])) > 0)
	odd = append(odd, shapeOf(raw)...)
	if len(odd) > 0 && !c.Flaws.Misconfiguration {
		return odd, errOdd
	}
	return odd, nil
}

// shapeOf looks at the nesting and the names of the value in raw, which is JSON.
func shapeOf(raw []byte) (odd []string) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var names []map[string]bool // one for each open object, nil for an array
	var isName []bool
	deepest, widest, twice := 0, 0, false
	for {
		token, err := dec.Token()
		if err != nil {
			break
		}
		switch token {
		case json.Delim('{'):
			names, isName = append(names, map[string]bool{}), append(isName, true)
			deepest = max(deepest, len(names))
			continue
		case json.Delim('['):
			names, isName = append(names, nil), append(isName, false)
			deepest = max(deepest, len(names))
			continue
		case json.Delim('}'), json.Delim(']'):
			names, isName = names[:len(names)-1], isName[:len(isName)-1]
		default:
			if n := len(names); n > 0 && isName[n-1] {
				name, _ := token.(string)
				twice = twice || names[n-1][name]
				names[n-1][name] = true
				widest = max(widest, len(names[n-1]))
				isName[n-1] = false
				continue
			}
		}
		n := len(names)
		if n == 0 {
			break // the value has ended
		}
		isName[n-1] = names[n-1] != nil
	}
	for name, is := range map[string]bool{oddDuplicate: twice, oddDeep: deepest > fairDepth, oddWide: widest > fairMembers} {
		if is {
			odd = append(odd, name)
		}
	}
	return odd
}

// decodeUTF16 is what a helpful framework does with another charset.
func decodeUTF16(raw []byte) []byte {
	units := make([]uint16, len(raw)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(raw[2*i:])
	}
	return []byte(string(utf16.Decode(units)))
}

// unpacked returns the body without its content coding. The careless shop counts
// what it unpacks, and never asks how much it will be.
func (c *call) unpacked(body io.Reader) (io.Reader, error) {
	switch coding := c.r.Header.Get("Content-Encoding"); {
	case coding == "":
		return body, nil
	case coding != "gzip" || !c.Flaws.ResourceConsumption:
		return nil, http.ErrNotSupported
	}
	z, err := gzip.NewReader(body)
	if err != nil {
		return nil, err
	}
	return io.LimitReader(&unpacking{z, c}, bombBytes), nil
}

type unpacking struct {
	io.Reader
	c *call
}

func (u *unpacking) Read(p []byte) (int, error) {
	n, err := u.Reader.Read(p)
	u.c.effectN("body.unpacked", int64(n))
	return n, err
}
