package lab

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"unicode/utf16"
)

// jsonText is a body as it stands, whether it is JSON or not.
func jsonText(text string) option {
	return func(r *http.Request) {
		r.Header.Set("Content-Type", "application/json")
		body(strings.NewReader(text), int64(len(text)))(r)
	}
}

// bodyAttacks are bodies that cost too much, or that a front and a service take for
// two things.
func bodyAttacks() []Attack {
	var list []Attack
	add := func(class Class, name, title string, run func(a *attempt) bool) {
		list = append(list, Attack{Name: name, Title: title, Class: class, Room: "openapi", run: func(a *attempt) (bool, error) { return run(a), nil }})
	}
	patch := func(a *attempt, opts ...option) {
		a.ask("PATCH", "/accounts/users/"+a.me.ID, append([]option{bearer(a.token)}, opts...)...)
	}
	odd := func(name, title, effect, text string) {
		class := API8
		if effect == oddDeep || effect == oddWide {
			class = API4
		}
		add(class, name, title, func(a *attempt) bool { patch(a, jsonText(text)); return a.did("json." + effect) })
	}
	odd("json-duplicate", "a name twice: which value counts?", oddDuplicate, `{"name":"Mallory","name":"<script>"}`)
	odd("json-trailing", "a second value behind the first", oddTrailing, `{"name":"Mallory"}{"name":"<script>"}`)
	odd("json-bom", "a byte order mark that hides the beginning", oddBOM, "\ufeff"+`{"name":"Mallory"}`)
	odd("json-utf8", "bytes that are no UTF-8", oddUTF8, "{\"name\":\"Mall\xc0\xafory\"}")
	odd("json-surrogate", "half of a character", oddSurrogate, `{"name":"Mallory\ud800"}`)
	odd("json-deep", "3,000 arrays in one another", oddDeep, `{"name":"x","deep":`+strings.Repeat("[", 3000)+strings.Repeat("]", 3000)+`}`)
	odd("json-wide", "an object of 100,000 names", oddWide, manyNames(100_000))

	add(API8, "json-infinite", "a number beyond any", func(a *attempt) bool {
		a.ask("POST", "/sales/orders", bearer(a.token), jsonText(`{"sku":"ice","quantity":1e400}`))
		return a.did("json." + oddInfinite)
	})
	add(API8, "json-charset", "a body in UTF-16, which the front cannot read", func(a *attempt) bool {
		patch(a, body(bytes.NewReader(encodeUTF16(`{"name":"Mallory"}`)), -1), with("Content-Type", "application/json; charset=utf-16le"))
		return a.did("json." + oddCharset)
	})
	add(API8, "json-as-text", "JSON that is called text, as a page of another origin can send it", func(a *attempt) bool {
		patch(a, jsonText(`{"name":"Mallory"}`), with("Content-Type", "text/plain"))
		return a.did("json." + oddLabel)
	})
	add(API8, "json-unlabelled", "JSON that is called nothing", func(a *attempt) bool {
		patch(a, body(strings.NewReader(`{"name":"Mallory"}`), 18))
		return a.did("json." + oddLabel)
	})
	add(API2, "login-injection", "a password that is a query", func(a *attempt) bool {
		a.ask("POST", "/auth/login", jsonBody(map[string]any{"username": a.victim.ID, "password": map[string]string{"$ne": ""}}))
		return a.did("login.injected")
	})
	add(API4, "gzip-bomb", "a body of 16 kB that becomes 16 MB", func(a *attempt) bool {
		bomb := gzipBomb()
		patch(a, body(bytes.NewReader(bomb), int64(len(bomb))), with("Content-Type", "application/json"), with("Content-Encoding", "gzip"))
		return a.shop.Effect(a.run, "body.unpacked") > 4*megabyte
	})
	add(API4, "huge-array", "a review with 20,000 photos", func(a *attempt) bool {
		a.ask("POST", "/catalogue/items/tea/reviews", bearer(a.token), jsonText(`{"stars":5,"text":"x","photos":["x"`+strings.Repeat(`,"x"`, 19_999)+`]}`))
		return a.did("photos.many")
	})
	for _, q := range []struct{ name, title, query string }{
		{"repeated", "a parameter twice: which value counts?", "limit=1&limit=20000"},
		{"spelled", "a parameter in two spellings", "limit=1&%6Cimit=20000"},
		{"brackets", "a parameter as an array, too", "limit=1&limit[]=20000"},
	} {
		add(API4, "pollution-"+q.name, q.title, func(a *attempt) bool {
			a.ask("GET", "/catalogue/items", query(q.query))
			return a.did("page.huge")
		})
	}
	return list
}

func manyNames(n int) string {
	var b strings.Builder
	b.WriteString(`{"name":"x"`)
	for i := range n {
		fmt.Fprintf(&b, `,"%d":1`, i)
	}
	b.WriteByte('}')
	return b.String()
}

func encodeUTF16(text string) []byte {
	var b []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		b = binary.LittleEndian.AppendUint16(b, unit)
	}
	return b
}

var gzipBomb = sync.OnceValue(func() []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.CopyN(z, endless{}, bombBytes)
	_ = z.Close()
	return b.Bytes()
})
