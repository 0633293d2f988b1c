package body_test

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/openapi/body"
	"github.com/gatehouse/gatehouse/openapi/schema"
)

const profile = `{multipart/form-data: {schema: {type: object, required: [id], additionalProperties: false, properties: {
	id: {type: integer}, note: {type: string, maxLength: 5}, tags: {type: array, items: {type: string}, maxItems: 2}, address: {type: object, required: [city]},
	photo: {type: string, format: binary, maxLength: 8}, doc: {}, either: {type: [integer, string]}, files: {type: array, items: {type: string, format: binary}}, lines: {type: array, items: {type: object, required: [n]}},
	_charset_: {type: string}}},
	encoding: {photo: {contentType: 'image/png, image/jpeg', headers: {X-Rate: {required: true, schema: {type: integer}}}}, doc: {contentType: application/json}}}}`

// parts writes a multipart body with the boundary b; each part is its header lines
// and content, an empty line between them.
func parts(list ...string) string {
	var b strings.Builder
	for _, p := range list {
		b.WriteString("--b\r\n")
		if head, content, ok := strings.Cut(p, "\n\n"); ok {
			b.WriteString(strings.ReplaceAll(head, "\n", "\r\n") + "\r\n\r\n" + content)
		} else {
			b.WriteString(p)
		}
		b.WriteString("\r\n")
	}
	return b.String() + "--b--\r\n"
}

func field(name, value string) string {
	return fmt.Sprintf("Content-Disposition: form-data; name=%q\n\n%s", name, value)
}

func TestMultipart(t *testing.T) {
	rd := reader(t, body.Options{}, profile)
	id := field("id", "1")
	photo := "Content-Disposition: form-data; name=photo; filename=\"a.png\"\nContent-Type: image/png\nX-Rate: 3\n\n"
	for what, c := range map[string]struct{ text, want string }{
		"one":                    {parts(id), ""},
		"quoted and not":         {parts("content-disposition: Form-Data;name=id\n\n1"), ""},
		"no parts":               {"--b--\r\n", "contract.required /id"},
		"no last line end":       {strings.TrimSuffix(parts(id), "\r\n"), ""},
		"text":                   {parts(id, field("note", "a\r\nb")), ""},
		"long text":              {parts(id, field("note", "abcdef")), "contract.length /note"},
		"number that is none":    {parts(field("id", "x")), "contract.multipart_value /id"},
		"either":                 {parts(id, field("either", "17")), ""},
		"unknown":                {parts(id, field("role", "admin")), "contract.unknown_property /role"},
		"a name twice":           {parts(id, id), "contract.multipart_repeated /id"},
		"an unknown name twice":  {parts(id, field("x", "1"), field("x", "2")), "contract.multipart_repeated /x"},
		"a list":                 {parts(id, field("tags", "a"), field("tags", "b")), ""},
		"a list of one":          {parts(id, field("tags", "a")), ""},
		"a long list":            {parts(id, field("tags", "a"), field("tags", "b"), field("tags", "c")), "contract.items /tags"},
		"a list as JSON":         {parts(id, "Content-Disposition: form-data; name=tags\nContent-Type: application/json\n\n[\"a\"]"), ""},
		"an object":              {parts(id, field("address", `{"city":"Rom"}`)), ""},
		"an object, typed":       {parts(id, "Content-Disposition: form-data; name=address\nContent-Type: application/json\n\n{}"), "contract.required /address/city"},
		"an object that ends":    {parts(id, field("address", `{"city":"Rom"},"note":"x"`)), "400 json.trailing_data"},
		"objects":                {parts(id, field("lines", `{"n":1}`), field("lines", `{"n":2}`)), ""},
		"objects, one is wrong":  {parts(id, field("lines", `{"n":1}`), field("lines", `{}`)), "contract.required /lines/1/n"},
		"a file":                 {parts(id, photo+"\x89PNG\x00\xff\r\n"), ""},
		"a file too large":       {parts(id, photo+"\x89PNG12345"), "contract.length /photo"},
		"a file of another type": {parts(id, strings.Replace(photo, "image/png", "image/gif", 1)+"x"), "415 contract.multipart_content_type"},
		"a file of no type":      {parts(id, field("photo", "x")), "415 contract.multipart_content_type"},
		"a header missing":       {parts(id, strings.Replace(photo, "X-Rate: 3\n", "", 1)+"x"), "contract.parameter_missing /photo"},
		"a header wrong":         {parts(id, strings.Replace(photo, "X-Rate: 3", "X-Rate: x", 1)+"x"), "contract.parameter_type /photo"},
		"files":                  {parts(id, "Content-Disposition: form-data; name=files; filename=a\nContent-Type: application/octet-stream\n\n\x00", "Content-Disposition: form-data; name=files; filename=b\n\n\xff"), ""},
		"a number as a file":     {parts("Content-Disposition: form-data; name=id; filename=a\n\n1"), "contract.type /id"},
		"JSON":                   {parts(id, "Content-Disposition: form-data; name=doc\nContent-Type: application/json\n\n[1,{}]"), ""},
		"JSON, wrong":            {parts(id, "Content-Disposition: form-data; name=doc\nContent-Type: application/json\n\n{\"a\":1,\"a\":2}"), "400 json.duplicate_name"},
		"charset of a part":      {parts(id, "Content-Disposition: form-data; name=note\nContent-Type: text/plain; charset=utf-16\n\nab"), "415 contract.charset"},
		"no UTF-8":               {parts(id, field("note", "\xff")), "400 contract.text_encoding"},
		"_charset_":              {parts(id, field("_charset_", "UTF-8")), ""},
		"_charset_, other":       {parts(id, field("_charset_", "utf-7")), "415 contract.charset"},

		"empty":                   {"", "400 contract.body_missing"},
		"preamble":                {"hello\r\n" + parts(id), "400 contract.multipart_syntax"},
		"line end before":         {"\r\n" + parts(id), "400 contract.multipart_syntax"},
		"epilogue":                {parts(id) + "x", "400 contract.multipart_syntax"},
		"a second body behind":    {parts(id) + parts(id), "400 contract.multipart_syntax"},
		"line feeds":              {strings.ReplaceAll(parts(id), "\r\n", "\n"), "400 contract.multipart_syntax"},
		"no closing delimiter":    {strings.TrimSuffix(parts(id), "--b--\r\n"), "400 contract.multipart_unterminated"},
		"half a delimiter":        {strings.TrimSuffix(parts(id), "--\r\n"), "400 contract.multipart_syntax"},
		"padding":                 {strings.Replace(parts(id), "--b\r\n", "--b \r\n", 1), "400 contract.multipart_syntax"},
		"another boundary":        {strings.ReplaceAll(parts(id), "--b", "--c"), "400 contract.multipart_syntax"},
		"a longer boundary":       {strings.ReplaceAll(parts(id), "--b", "--bb"), "400 contract.multipart_syntax"},
		"no disposition":          {parts("Content-Type: text/plain\n\n1"), "400 contract.multipart_header"},
		"attachment":              {parts("Content-Disposition: attachment; name=id\n\n1"), "400 contract.multipart_header"},
		"no name":                 {parts("Content-Disposition: form-data; filename=a\n\n1"), "400 contract.multipart_name"},
		"an empty name":           {parts("Content-Disposition: form-data; name=\"\"\n\n1"), "400 contract.multipart_name"},
		"two names":               {parts("Content-Disposition: form-data; name=id; name=role\n\n1"), "400 contract.multipart_name"},
		"name*":                   {parts("Content-Disposition: form-data; name=id; name*=utf-8''role\n\n1"), "400 contract.multipart_header"},
		"two dispositions":        {parts("Content-Disposition: form-data; name=id\nContent-Disposition: form-data; name=role\n\n1"), "400 contract.multipart_header"},
		"two types":               {parts("Content-Disposition: form-data; name=id\nContent-Type: text/plain\ncontent-type: text/html\n\n1"), "400 contract.multipart_header"},
		"folded":                  {parts("Content-Disposition: form-data;\n name=id\n\n1"), "400 contract.multipart_header"},
		"an escaped quote":        {parts("Content-Disposition: form-data; name=\"id\\\"; filename=\\\"x\"\n\n1"), "400 contract.multipart_header"},
		"an open quote":           {parts("Content-Disposition: form-data; name=\"id\n\n1"), "400 contract.multipart_header"},
		"a line feed in a header": {"--b\r\nContent-Disposition: form-data; name=id\nX: y\r\n\r\n1\r\n--b--", "400 contract.multipart_header"},
		"a NUL in a name":         {parts("Content-Disposition: form-data; name=\"i\x00d\"\n\n1"), "400 contract.multipart_header"},
		"no header":               {"--b\r\n\r\n1\r\n--b--", "400 contract.multipart_header"},
		"header without end":      {"--b\r\nContent-Disposition: form-data; name=id\r\n--b--", "400 contract.multipart_header"},
		"filename*":               {parts("Content-Disposition: form-data; name=files; filename*=utf-8''a\n\n1"), "400 contract.multipart_header"},
		"a path up":               {parts("Content-Disposition: form-data; name=files; filename=\"../../etc/passwd\"\n\n1"), "400 contract.multipart_filename"},
		"a Windows path":          {parts("Content-Disposition: form-data; name=files; filename=C:\\a\n\n1"), "400 contract.multipart_header"},
		"dots":                    {parts("Content-Disposition: form-data; name=files; filename=\"..\"\n\n1"), "400 contract.multipart_filename"},
		"two file names":          {parts("Content-Disposition: form-data; name=files; filename=a; filename=b\n\n1"), "400 contract.multipart_filename"},
		"nested":                  {parts("Content-Disposition: form-data; name=doc2\nContent-Type: multipart/mixed; boundary=c\n\n--c--"), "400 contract.multipart_nested"},
		"base64":                  {parts("Content-Disposition: form-data; name=id\nContent-Transfer-Encoding: base64\n\nMQ=="), "400 contract.multipart_header"},
		"8bit":                    {parts("Content-Disposition: form-data; name=id\nContent-Transfer-Encoding: 8bit\n\n1"), ""},
		"a coding":                {parts("Content-Disposition: form-data; name=id\nContent-Encoding: gzip\n\n1"), "400 contract.multipart_header"},
		"a long header":           {parts("Content-Disposition: form-data; name=id\nX: " + strings.Repeat("x", 10_000) + "\n\n1"), "400 contract.multipart_header"},
		"many fields":             {parts("Content-Disposition: form-data; name=id\n" + strings.Repeat("X: y\n", 100) + "\n1"), "400 contract.multipart_header"},
		"many parts":              {parts(strings.Split(strings.Repeat(field("tags", "a")+"|", 1001), "|")...), "413 contract.multipart_parts"},
	} {
		if got := check(rd, `multipart/form-data; boundary=b`, "", c.text); what != "empty" && got != c.want {
			t.Errorf("%s: %q, want %q", what, got, c.want)
		}
	}
	for _, boundary := range []string{"", "; boundary=\"\"", "; boundary=\"b \"", "; boundary=" + strings.Repeat("b", 71), "; boundary=\"a\x00b\"", "; boundary=\"a{b\"", "; boundary=\"\xc3\xa9\""} {
		if got := check(rd, "multipart/form-data"+boundary, "", parts(id)); got != "400 contract.multipart_boundary" && got != "415 contract.content_type" {
			t.Errorf("%q: %q", boundary, got)
		}
	}
}

func TestMultipartBounds(t *testing.T) {
	rd := reader(t, body.Options{}, `{multipart/form-data: {}}`)
	start := time.Now()
	for _, text := range []string{
		strings.Repeat("--b\r\n", 1e6), "--b\r\n" + strings.Repeat("\r\n--", 1e6), "--b\r\nContent-Disposition: form-data; name=a\r\n\r\n" + strings.Repeat("\r\n--", 1e6),
	} {
		if got := check(rd, "multipart/form-data; boundary=b", "", text); !strings.HasPrefix(got, "4") {
			t.Errorf("%.20q: %q", text, got)
		}
	}
	if took := time.Since(start); took > slow {
		t.Errorf("took %v", took)
	}
}

// What is taken is read alike by mime/multipart.
func FuzzMultipart(f *testing.F) {
	f.Add(parts(field("id", "1"), field("tags", "a"), field("tags", "b")))
	f.Add(parts("Content-Disposition: form-data; name=photo; filename=\"a.png\"\nContent-Type: image/png\nX-Rate: 1\n\n\x89PNG"))
	f.Add(parts(field("id", "1")) + "--b--")
	f.Add("--b\r\nContent-Disposition: form-data; name=id\r\n\r\n\r\n--b\r\n--b--")
	rd := reader(f, body.Options{}, `{multipart/form-data: {schema: {type: object, properties: {id: {type: integer}, tags: {type: array, items: {type: string}}}}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		r := schema.Report{Max: 1}
		ok, err := rd.Check("multipart/form-data; boundary=b", "", []byte(text), &r)
		if err != nil || !ok || text == "" {
			return
		}
		peer := multipart.NewReader(strings.NewReader(text), "b")
		ids := 0
		for {
			p, err := peer.NextRawPart()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%q: mime/multipart says %v", text, err)
			}
			if p.FormName() == "" {
				t.Errorf("%q: mime/multipart finds a part without a name", text)
			}
			content, err := io.ReadAll(p)
			if err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			if p.FormName() == "id" {
				ids++
				if len(bytes.Trim(content, "-0123456789")) > 0 {
					t.Errorf("%q: id is %q", text, content)
				}
			}
		}
		if ids > 1 {
			t.Errorf("%q: %d ids", text, ids)
		}
	})
}
