package authn

import (
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
)

func fields(pairs ...string) (h gatehouse.Header) {
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

func TestExtract(t *testing.T) {
	e := extractor{keyHeader: "X-API-Key", cookie: "access_token", tokens: true}
	for _, tc := range []struct {
		name   string
		query  string
		header gatehouse.Header
		want   shown
		code   string
	}{
		{name: "nothing"},
		{name: "bearer", header: fields("Authorization", "Bearer abc"), want: shown{kind: kindToken, scheme: "Bearer", secret: "abc"}},
		{name: "any case", header: fields("AUTHORIZATION", "bEaReR abc"), want: shown{kind: kindToken, scheme: "Bearer", secret: "abc"}},
		{name: "several spaces", header: fields("Authorization", "Bearer   abc=="), want: shown{kind: kindToken, scheme: "Bearer", secret: "abc=="}},
		{name: "dpop", header: fields("Authorization", "DPoP abc", "DPoP", "p"), want: shown{kind: kindToken, scheme: "DPoP", secret: "abc", proof: "p", proofs: 1}},
		{name: "two proofs", header: fields("Authorization", "DPoP abc", "DPoP", "p", "dpop", "q"), want: shown{kind: kindToken, scheme: "DPoP", secret: "abc", proof: "q", proofs: 2}},
		{name: "api key", header: fields("x-api-key", "gk_1"), want: shown{kind: kindKey, secret: "gk_1"}},
		{name: "cookie", header: fields("Cookie", "a=1; access_token=abc; b=2"), want: shown{kind: kindToken, scheme: "Bearer", secret: "abc", cookie: true}},
		{name: "another cookie", header: fields("Cookie", "Access_Token=abc")},
		{name: "another scheme", header: fields("Authorization", "Basic YTpi"), want: shown{kind: kindOther}},
		{name: "ordinary query", query: "access=1&token=2", header: fields("Authorization", "Bearer abc"), want: shown{kind: kindToken, scheme: "Bearer", secret: "abc"}},

		{name: "two bearers", header: fields("Authorization", "Bearer a", "Authorization", "Bearer a"), code: "credential.multiple"},
		{name: "two kinds", header: fields("Authorization", "Bearer a", "X-API-Key", "k"), code: "credential.multiple"},
		{name: "basic and key", header: fields("Authorization", "Basic a", "X-API-Key", "k"), code: "credential.multiple"},
		{name: "empty and key", header: fields("Authorization", "Bearer", "X-API-Key", "k"), code: "credential.multiple"},
		{name: "bearer and cookie", header: fields("Authorization", "Bearer a", "Cookie", "access_token=b"), code: "credential.multiple"},
		{name: "two cookies", header: fields("Cookie", "access_token=a;access_token=b"), code: "credential.multiple"},
		{name: "cookies in two fields", header: fields("Cookie", "access_token=a", "Cookie", "access_token=b"), code: "credential.multiple"},
		{name: "two keys", header: fields("X-API-Key", "k", "X-API-Key", "k"), code: "credential.multiple"},
		{name: "spaces around a cookie", header: fields("Cookie", "access_token = abc ;b=2"), want: shown{kind: kindToken, scheme: "Bearer", secret: "abc", cookie: true}},
		{name: "longer scheme", header: fields("Authorization", "Bearers abc"), want: shown{kind: kindOther}},
		{name: "no scheme", header: fields("Authorization", "\tBearer abc"), want: shown{kind: kindOther}},
		{name: "spelled in two ways", header: fields("Cookie", "access_token=a; access_token =b"), code: "credential.multiple"},
		{name: "no token", header: fields("Authorization", "Bearer"), code: "credential.malformed"},
		{name: "only spaces", header: fields("Authorization", "Bearer  "), code: "credential.malformed"},
		{name: "high byte", header: fields("X-API-Key", "k\x80"), code: "credential.malformed"},
		{name: "empty cookie", header: fields("Cookie", "access_token="), code: "credential.malformed"},
		{name: "too long", header: fields("Authorization", "Bearer "+strings.Repeat("a", maxCredential+1)), code: "credential.too_large"},
		{name: "query", query: "a=1&access_token=x", code: "credential.in_query"},
		{name: "query first", query: "access_token=x", code: "credential.in_query"},
		{name: "query without value", query: "access_token", code: "credential.in_query"},
		{name: "query encoded", query: "acc%65ss%5ftoken=x", code: "credential.in_query"},
		{name: "query case", query: "ACCESS_TOKEN=x", code: "credential.in_query"},
		{name: "query semicolon", query: "a=1;access_token=x", code: "credential.in_query"},
		{name: "query and header", query: "access_token=x", header: fields("Authorization", "Bearer a"), code: "credential.in_query"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := e.extract(&gatehouse.Request{Query: tc.query, Header: tc.header})
			wantCode(t, err, tc.code)
			if err == nil && got != tc.want {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
		})
	}
}

func TestExtractOnlyWhatIsAccepted(t *testing.T) {
	none := extractor{}
	s, err := none.extract(&gatehouse.Request{Header: fields("X-API-Key", "k", "Cookie", "access_token=a")})
	if err != nil || s.kind != kindNone {
		t.Errorf("a field without a meaning is no credential: %+v, %v", s, err)
	}
	s, err = none.extract(&gatehouse.Request{Header: fields("Authorization", "Bearer a")})
	if err != nil || s.kind != kindOther {
		t.Errorf("a token that nobody accepts is of another kind: %+v, %v", s, err)
	}
}

func FuzzExtract(f *testing.F) {
	f.Add("Bearer abc", "", "", "", "a=b")
	f.Add("DPoP a.b.c", "p", "", "", "")
	f.Add("", "", "gk_a_b", "access_token=x; a=b", "access%5ftoken=1")
	e := extractor{keyHeader: "X-API-Key", cookie: "access_token", tokens: true}
	f.Fuzz(func(t *testing.T, authorization, proof, key, cookie, query string) {
		var h gatehouse.Header
		n := 0
		for _, p := range [][2]string{{"Authorization", authorization}, {"DPoP", proof}, {"X-API-Key", key}, {"Cookie", cookie}} {
			if p[1] != "" {
				h.Add(p[0], p[1])
			}
		}
		if authorization != "" {
			n++
		}
		if key != "" {
			n++
		}
		s, err := e.extract(&gatehouse.Request{Header: h, Query: query})
		if err != nil {
			return
		}
		if n > 1 {
			t.Fatal("two credentials were accepted")
		}
		if s.kind == kindToken || s.kind == kindKey {
			if s.secret == "" || s.kind == kindKey && strings.ContainsAny(s.secret, " \t\r\n,;\"") {
				t.Fatalf("accepted %q", s.secret)
			}
			if !strings.Contains(authorization+key+cookie, s.secret) {
				t.Fatal("the credential was not in the message")
			}
		}
		if strings.HasPrefix(query, "access_token=") {
			t.Fatal("a token in the query was accepted")
		}
	})
}
