package audit

import (
	"regexp"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
)

func TestSensitive(t *testing.T) {
	m := NewMasker([]string{"internal_ref"})
	for name, want := range map[string]bool{
		"email": true, "E-Mail": true, "customerEmail": true, "email_address": true, "emails": true,
		"phone": true, "phoneNumber": true, "ssn": true, "SSN": true, "user_ssn": true, "address": true,
		"birthDate": true, "birth_date": true, "Birth-Date": true, "personalId": true, "personal_id": true,
		"password": true, "newPassword": true, "passwd": true, "access_token": true, "HTTPToken": true, "tokens": true,
		"clientSecret": true, "card": true, "cardNumber": true, "iban": true, "IBAN": true, "X-Api-Key": true,
		"internalRef": true, "internal_ref": true, strings.Repeat("x", 300): true,
		"id": false, "orderId": false, "cardinality": false, "className": false, "company": false,
		"discard": false, "spanish": false, "name...": false, "": false, "emailish": false, "ref": false, "path": false,
	} {
		if got := m.Sensitive(name); got != want {
			t.Errorf("Sensitive(%q) = %v", name, got)
		}
	}
}

func TestMaskText(t *testing.T) {
	m := NewMasker(nil)
	const jwtLike = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl"
	for in, want := range map[string]string{
		"policy permits the call":                   "policy permits the call",
		"orders/41 of 8080, 3.14 and 12345678":      "orders/41 of 8080, 3.14 and 12345678",
		"mail to jane.doe+x@example.co.uk.":         "mail to [email].",
		"<jane@example.com>, joe@example.org":       "<[email]>, [email]",
		"jane%40example.com":                        "[email]",
		"müller@bücher.example":                     "[email]",
		"package@1.2.3 and user@localhost":          "package@1.2.3 and user@localhost",
		"ssn 123-45-6789":                           "ssn [number]",
		"call +49 170 1234567 now":                  "call [number] now",
		"call (555) 123-4567 now":                   "call [number] now",
		"card 4111 1111 1111 1111!":                 "card [number]!",
		"card4111111111111111x":                     "card[number]x",
		"DE89370400440532013000":                    "DE[number]",
		"4111%201111%201111%201111":                 "[number]",
		"expired at 2026-11-21 18:00:05":            "expired at 2026-11-21 18:00:05",
		"expired at 2026-11-21T18:00:05.123Z":       "expired at 2026-11-21T18:00:05.123Z",
		"address 192.168.100.200 is over its limit": "address 192.168.100.200 is over its limit",
		"550e8400-e29b-41d4-a716-446655440000":      "550e8400-e29b-41d4-a716-446655440000",
		"4bf92f3577b34da6a3ce929d0e0e4736":          "4bf92f3577b34da6a3ce929d0e0e4736",
		"token " + jwtLike + " is expired":          "token [token] is expired",
		"prefix." + jwtLike:                         "[token]",
		"unexpected Bearer abc123 here":             "unexpected Bearer [token] here",
		"authorization: Basic dXNlcjpw/YXNz+w==":    "authorization: Basic [token]",
		"a bearer token is required":                "a bearer token is required",
		"reset/AbCdEf0123456789ghIJ":                "reset/[token]",
		"01JD4XQ7ZK9M2N3P4R5S6T7V8W":                "01JD4XQ7ZK9M2N3P4R5S6T7V8W",
		"key gk_abcdefghijkl_abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrst": "key [token]",
		"gk_abcdefghijkl is known":        "gk_abcdefghijkl is known",
		"password=hunter2 for bob":        "password=[masked] for bob",
		"?user=bob&access_token=abc&x=1":  "?user=bob&access_token=[masked]&x=1",
		`{"ssn":"abc","n":1,"pin": 1234}`: `{"ssn":"[masked]","n":1,"pin": [masked]}`,
		`password: "hunter 2", ok`:        `password: "[masked]", ok`,
		"token: expired":                  "token: expired",
		"email=jane@example.com":          "email=[masked]",
		"secret='a b c":                   "secret='[masked]",
		"token=":                          "token=",
		"user.email=jane":                 "user.email=[masked]",
		"getListOfAllTheCustomerOrdersByRegionAndYear is forbidden": "getListOfAllTheCustomerOrdersByRegionAndYear is forbidden",
	} {
		if got := m.Text(in); got != want {
			t.Errorf("Text(%q)\n got %q\nwant %q", in, got, want)
		}
	}
}

func TestMaskPath(t *testing.T) {
	m := NewMasker([]string{"ref"})
	api := &gatehouse.API{Name: "shop", BasePath: "/v1"}
	for _, c := range []struct{ template, path, want string }{
		{"/orders/{id}", "/v1/orders/41", "/v1/orders/41"},
		{"/orders/{id}", "/v1/orders/4111111111111111", "/v1/orders/[number]"},
		{"/users/{email}/orders/{id}", "/v1/users/jane/orders/7", "/v1/users/[masked]/orders/7"},
		{"/users/by-email/{x}", "/v1/users/by-email/jane@example.com", "/v1/users/by-email/[email]"},
		{"/patients/{patientSSN}", "/v1/patients/123", "/v1/patients/[masked]"},
		{"/files/{path...}", "/v1/files/a/b/jane@example.com/c", "/v1/files/a/b/[email]/c"},
		{"/vault/{secret...}", "/v1/vault/a/b/c", "/v1/vault/[masked]/[masked]/[masked]"},
		{"/x/{id}.{ref}", "/v1/x/1.secret", "/v1/x/[masked]"},
		{"/orders/{id}/", "/v1/orders/41/", "/v1/orders/41/"},
		{"/orders/{id}", "/v1/orders/41/extra/jane@example.com", "/v1/orders/41/extra/[email]"},
		{"/users/{email}", "/v", "/v"},
		{"/o/{id};token=x", "/v1/o/1;token=abc", "/v1/o/1;token=[masked]"},
		{"/reset-password-2026123456/{id}", "/v1/reset-password-2026123456/1", "/v1/reset-password-2026123456/1"},
	} {
		p := newPlan(&gatehouse.Operation{API: api, Path: c.template}, m)
		if got := string(p.appendPath(nil, m, c.path)); got != c.want {
			t.Errorf("%s of %s\n got %s\nwant %s", c.path, c.template, got, c.want)
		}
	}
	for path, want := range map[string]string{
		"/a/jane@example%2Ecom/b":   "/a/[email]/b",
		"/a/jane%2540example.com/b": "/a/[email]/b",
		"/%34%31%31%31111111111111": "/[number]",
		"/a/%25252534111111111":     "/a/[number]",
		"/a%2Fb/100%25":             "/a%2Fb/100%25",
		"/%zz%4":                    "/%zz%4",
	} {
		var none *plan
		if got := string(none.appendPath(nil, m, path)); got != want {
			t.Errorf("%s\n got %s\nwant %s", path, got, want)
		}
	}
	var none *plan
	if got := string(none.appendPath(nil, m, "/a/jane@example.com/b")); got != "/a/[email]/b" {
		t.Errorf("unmatched path: %s", got)
	}
}

var (
	anyEmail  = regexp.MustCompile(`[A-Za-z0-9]@[A-Za-z0-9-]+\.[A-Za-z]{2}`)
	anyNumber = regexp.MustCompile(`[0-9]{9}`)
	anyJWT    = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{7}`)
	spared    = regexp.MustCompile(`[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|[0-9a-f]{32,64}`)
)

func FuzzMaskText(f *testing.F) {
	for _, s := range []string{"jane@example.com", "+49 170 1234567", "eyJhbGciOiJFUzI1NiJ9.e30.x", "password=a", `"ssn":"x"`,
		"Bearer abc", "550e8400-e29b-41d4-a716-446655440000", "%20123%20456%20789", "2026-11-21 123456789"} {
		f.Add(s)
	}
	m := NewMasker(nil)
	f.Fuzz(func(t *testing.T, s string) {
		got := m.Text(s)
		rest := spared.ReplaceAllString(got, "")
		for _, re := range []*regexp.Regexp{anyEmail, anyNumber, anyJWT} {
			if hit := re.FindString(rest); hit != "" && re.FindString(got) != "" {
				t.Errorf("Text(%q) = %q lets %q through", s, got, hit)
			}
		}
		// What calls nothing suspicious must be right.
		if slow := string(m.appendText(nil, s)); !suspicious(s) && slow != s {
			t.Errorf("%q is called harmless, but becomes %q", s, slow)
		}
	})
}

func FuzzMaskPath(f *testing.F) {
	f.Add("/users/{email}/{id}", "/v1/users/jane/1")
	f.Add("/{rest...}", "/v1")
	m := NewMasker(nil)
	f.Fuzz(func(t *testing.T, template, path string) {
		p := newPlan(&gatehouse.Operation{API: &gatehouse.API{BasePath: "/v1"}, Path: template}, m)
		got := string(p.appendPath(nil, m, path))
		if strings.Count(got, "/") != strings.Count(path, "/") && !strings.Contains(got, "[") {
			t.Errorf("%q became %q", path, got)
		}
	})
}

func BenchmarkMaskClean(b *testing.B) {
	m := NewMasker(nil)
	b.ReportAllocs()
	for b.Loop() {
		m.Text("policy shop.orders.read permits the call for role customer")
	}
}

func BenchmarkMaskDirty(b *testing.B) {
	m := NewMasker(nil)
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = m.appendText(dst[:0], "user jane@example.com called +49 170 1234567 with Bearer abc123")
	}
}
