package jose

import (
	"strings"
	"testing"
)

func TestParseKeySet(t *testing.T) {
	other := testKey(t, "b", ES256)
	otherJWK, err := other.Public().MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	good := `{"kid":"a",` + ecJW + `}`
	for _, tt := range []struct {
		name, jwks string
		code       string
		usable     int
		skipped    int
	}{
		{"empty", `{"keys":[]}`, "", 0, 0},
		{"one", `{"keys":[` + good + `]}`, "", 1, 0},
		{"white space and more members", " {\n\"x\" : [ {\"a\":\"]}\\\"\"} , 1.5e3, null ] ,\t\"keys\" : [ " + good + " , " + string(otherJWK) + " ] } ", "", 2, 0},
		{"the same key twice", `{"keys":[` + good + `,` + good + `]}`, "", 1, 0},
		{"unknown type beside", `{"keys":[{"kty":"AKP","kid":"pq"},` + good + `]}`, "", 1, 1},
		{"weak beside", `{"keys":[{"kty":"RSA","e":"AQAB","n":"AQAB"},` + good + `]}`, "", 1, 1},
		{"secret beside", `{"keys":[{"kty":"oct","k":"AAAA","kid":"a"},` + good + `]}`, "", 1, 1},
		{"duplicate member beside", `{"keys":[{"kty":"EC","kty":"oct"},` + good + `]}`, "", 1, 1},
		{"bad number beside", `{"keys":[{"kty":01},` + good + `]}`, "", 1, 1},
		{"bad UTF-8 beside", "{\"keys\":[{\"kty\":\"\xff\"}," + good + `]}`, "", 1, 1},
		{"no object beside", `{"keys":["EC",7,null,[],` + good + `]}`, "", 1, 4},

		{"no keys", `{}`, "keys.malformed", 0, 0},
		{"keys twice", `{"keys":[],"keys":[]}`, "keys.malformed", 0, 0},
		{"keys escaped twice", `{"keys":[],"\u006beys":[]}`, "keys.malformed", 0, 0},
		{"KEYS", `{"keys":[],"KEYS":[]}`, "keys.malformed", 0, 0},
		{"keys object", `{"keys":{}}`, "keys.malformed", 0, 0},
		{"array", `[` + good + `]`, "keys.malformed", 0, 0},
		{"nothing", ``, "keys.malformed", 0, 0},
		{"a page", `<html>`, "keys.malformed", 0, 0},
		{"trailing", `{"keys":[]}x`, "keys.malformed", 0, 0},
		{"cut off", `{"keys":[` + good, "keys.malformed", 0, 0},
		{"cut off in a text", `{"keys":[{"kty":"E`, "keys.malformed", 0, 0},
		{"comma too many", `{"keys":[` + good + `,]}`, "keys.malformed", 0, 0},
		{"too many", `{"keys":[` + strings.Repeat("{},", 256) + `{}]}`, "keys.too_many", 0, 0},
		{"too large", `{"keys":[]` + strings.Repeat(" ", MaxKeySet) + `}`, "keys.too_large", 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			set, err := ParseKeySet(tt.jwks)
			wantCode(t, err, tt.code)
			if err != nil {
				return
			}
			if set.Len() != tt.usable || len(set.Skipped()) != tt.skipped {
				t.Errorf("%d usable, skipped %v", set.Len(), set.Skipped())
			}
		})
	}
}

func TestFind(t *testing.T) {
	ec1, ec2 := `{"kid":"a",`+ecJW+`}`, ""
	other := testKey(t, "a", ES256)
	if b, err := other.Public().MarshalJSON(); err != nil {
		t.Fatal(err)
	} else {
		ec2 = string(b)
	}
	ed := `{"kid":"a",` + edJW + `}`
	rsaRS := `{"kty":"RSA","kid":"r","alg":"RS256","e":"AQAB","n":"` + modulus(2048) + `"}`
	rsaPS := strings.Replace(rsaRS, "RS256", "PS256", 1)
	anonymous := `{` + edJW + `}`

	for _, tt := range []struct {
		name string
		keys []string
		h    Header
		code string
	}{
		{"by kid", []string{ec1}, Header{Algorithm: ES256, KeyID: "a"}, ""},
		{"kid is opaque", []string{ec1}, Header{Algorithm: ES256, KeyID: "A"}, "token.key_unknown"},
		{"kid of a key that does not fit", []string{ec1}, Header{Algorithm: EdDSA, KeyID: "a"}, "token.key_unfit"},
		{"never another key of the right type", []string{ec1, strings.Replace(ed, `"a"`, `"b"`, 1)}, Header{Algorithm: EdDSA, KeyID: "a"}, "token.key_unfit"},
		{"two of one kid, two types", []string{ec1, ed}, Header{Algorithm: EdDSA, KeyID: "a"}, ""},
		{"two of one kid, one type", []string{ec1, ec2}, Header{Algorithm: ES256, KeyID: "a"}, "token.key_ambiguous"},
		{"one material for two algorithms", []string{rsaRS, rsaPS}, Header{Algorithm: PS256, KeyID: "r"}, ""},
		{"alg of the key binds", []string{rsaRS}, Header{Algorithm: PS256, KeyID: "r"}, "token.key_unfit"},
		{"no kid, one fits", []string{ec1, rsaRS}, Header{Algorithm: ES256}, ""},
		{"no kid, two fit", []string{ec1, ec2}, Header{Algorithm: ES256}, "token.key_ambiguous"},
		{"no kid, none fits", []string{rsaRS}, Header{Algorithm: ES256}, "token.key_unknown"},
		{"kid, and a key without one", []string{anonymous}, Header{Algorithm: EdDSA, KeyID: "a"}, "token.key_unknown"},
		{"nothing there", nil, Header{Algorithm: EdDSA, KeyID: "a"}, "token.key_unknown"},
		{"HMAC", []string{rsaRS}, Header{Algorithm: HS256, KeyID: "r"}, "token.key_unfit"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			set, err := ParseKeySet(`{"keys":[` + strings.Join(tt.keys, ",") + `]}`)
			if err != nil || len(set.Skipped()) > 0 {
				t.Fatal(err, set.Skipped())
			}
			k, err := set.Find(&tt.h)
			wantCode(t, err, tt.code)
			if err == nil && !k.Fits(tt.h.Algorithm) {
				t.Error("the key does not fit")
			}
		})
	}
}
