package jose

import (
	"bytes"
	"encoding/json"
	"io"
	"reflect"
	"strings"
	"testing"
)

// secondOpinion reads what we accepted with encoding/json and wants the same
// values, and nothing after them.
func secondOpinion(t *testing.T, data string, ours map[string]any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(data))
	d.UseNumber()
	var theirs map[string]any
	if err := d.Decode(&theirs); err != nil {
		t.Fatalf("encoding/json refuses %q: %v", data, err)
	}
	if _, err := d.Token(); err != io.EOF {
		t.Fatalf("something follows in %q", data)
	}
	if !reflect.DeepEqual(theirs, ours) {
		t.Fatalf("%q: encoding/json reads %#v, we %#v", data, theirs, ours)
	}
	// A reader that matches names without case sees the same registered claims.
	var folding struct {
		Sub any `json:"sub"`
		Exp any `json:"exp"`
	}
	if json.Unmarshal([]byte(data), &folding) == nil {
		if s, ok := folding.Sub.(string); ok && s != ours["sub"] {
			t.Fatalf("%q has a twin of sub", data)
		}
		if folding.Exp != nil && ours["exp"] == nil {
			t.Fatalf("%q has a twin of exp", data)
		}
	}
}

func FuzzClaims(f *testing.F) {
	for _, s := range []string{`{}`, `{"sub":"a","exp":1.5e3,"x":[true,false,null,{"y":"\ud83d\ude00\n"}]}`,
		`{"a":"\ud800"}`, `{"a":1,"a":2}`, `{"EXP":1}`, "{\"\u212aid\":0}", `{"a":-0.0E-1} `, `{"a":"` + "\x00" + `"}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, data string) {
		c, err := ParseClaims(data)
		if (err == nil) != (c != nil) {
			t.Fatalf("%v beside %v", c, err)
		}
		if err == nil {
			secondOpinion(t, data, c)
		}
		agree(t, data)
	})
}

func FuzzParse(f *testing.F) {
	f.Add(compact(`{"alg":"ES256","kid":"a","typ":"at+jwt"}`, `{"sub":"a"}`))
	f.Add(compact(`{"alg":"ES256","jwk":{`+ecJW+`},"typ":"dpop+jwt"}`, `{"htm":"GET"}`))
	f.Add("eyJhbGciOiJSUzI1NiJ9." + rfc7515Payload + ".AAAA")
	f.Add("a.b.c.d.e")
	k, err := ParseKey("{" + ecJW + "}")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		token, err := Parse(raw, 4096)
		if proof, key, err := ParseProof(raw, 4096); err == nil {
			if !key.Fits(proof.Header.Algorithm) {
				t.Fatal("the key does not fit")
			}
			proof.Verify(key)
		}
		if err != nil {
			return
		}
		segments := strings.Split(raw, ".")
		if len(segments) != 3 || token.Input != segments[0]+"."+segments[1] {
			t.Fatalf("%q taken apart as %q", raw, token.Input)
		}
		for i, s := range segments {
			b, err := decode(s, 0)
			if err != nil || b64(b) != s {
				t.Fatalf("segment %d of %q has another spelling", i, raw)
			}
			switch i {
			case 0:
				m, _, err := readObject(string(b))
				if err != nil {
					t.Fatalf("the readers of %q disagree: %v", b, err)
				}
				secondOpinion(t, string(b), m)
				kid, _ := m["kid"].(string)
				typ, _ := m["typ"].(string)
				if h := token.Header; m["alg"] != string(h.Algorithm) || kid != h.KeyID || typ != h.Type {
					t.Fatalf("%q read as %+v", b, h)
				}
			case 1:
				secondOpinion(t, string(b), token.Claims)
			case 2:
				if !bytes.Equal(b, token.Signature) {
					t.Fatal("another signature")
				}
			}
		}
		if token.Verify(k) == nil {
			t.Fatal("a forged signature")
		}
	})
}

func FuzzKeySet(f *testing.F) {
	f.Add(`{"keys":[{` + ecJW + `},{` + edJW + `,"kid":"a"}]}`)
	f.Add(`{"keys":[{"kty":"RSA","e":"AQAB","n":"` + modulus(2048) + `"}]}`)
	f.Add(`{"x":"]}\"","keys":["a",{"b":[1]}]}`)
	f.Fuzz(func(t *testing.T, jwks string) {
		set, err := ParseKeySet(jwks)
		if err != nil {
			return
		}
		for k := range set.Keys() {
			if k.Fits(HS256) || k.secret != nil {
				t.Fatal("a secret in a key set")
			}
			b, err := k.MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			again, err := ParseKey(string(b))
			if err != nil || again.Thumbprint() != k.Thumbprint() || again.ID() != k.ID() {
				t.Fatalf("%s came back as %+v, %v", b, again, err)
			}
		}
		// Whatever splits the set, encoding/json finds as many keys where it can
		// read the document.
		var theirs struct {
			Keys []json.RawMessage `json:"keys"`
		}
		if json.Unmarshal([]byte(jwks), &theirs) == nil && len(theirs.Keys) < set.Len() {
			t.Fatalf("%d keys in %q", set.Len(), jwks)
		}
	})
}
