package payload

import (
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTraversal(t *testing.T) {
	i := inspector(t)
	parts := append([]string{"graphql"}, bodies...)
	for _, c := range []struct{ rule, value string }{
		{"traversal.path", "../../etc/passwd"},
		{"traversal.path", "../secret"},
		{"traversal.path", "/../x"},
		{"traversal.path", `..\..\windows\win.ini`},
		{"traversal.path", `..\/..\/x`},
		{"traversal.path", "a/../../b"},
		{"traversal.path", "/var/www/images/../../../etc/passwd"},
		{"traversal.path", "./../../x"},
		{"traversal.path", ".././../x"},
		{"traversal.path", "a//..//..//b"},
		{"traversal.path", "..;/..;/manager"},
		{"traversal.path", "..;x=1/admin"},
		{"traversal.path", "/a/..;/..;/b"},
		{"traversal.path", "....//....//etc/passwd"},
		{"traversal.path", `....\\....\\boot.ini`},
		{"traversal.path", "..././..././etc/passwd"},
		{"traversal.path", "file=../../x"},
		{"traversal.path", "page.php?f=../x"},
		{"traversal.path", "https://cdn.example.com/a/../../x"},
		{"traversal.path", `C:\app\..\..\x y`},
		{"traversal.path", "../My Documents/x.doc"},
		{"traversal.path", "cat ../../../etc/passwd"},
		{"traversal.path", `"../../../../.ssh/id_rsa"`},
		{"traversal.encoded", "%2e%2e%2fetc%2fpasswd"},
		{"traversal.encoded", "..%2f..%2fx"},
		{"traversal.encoded", "%2e%2e/x"},
		{"traversal.encoded", ".%2e/x"},
		{"traversal.encoded", "%252e%252e%252fx"},
		{"traversal.encoded", "%25252e%25252e%25252fx"},
		{"traversal.encoded", "..%255c..%255cx"},
		{"traversal.encoded", "%c0%ae%c0%ae%c0%afx"},
		{"traversal.encoded", "%c0%ae%c0%ae/x"},
		{"traversal.encoded", "..%c0%afx"},
		{"traversal.encoded", "..%c1%9cx"},
		{"traversal.encoded", "..%c0%2fx"},
		{"traversal.encoded", "%e0%80%ae%e0%80%ae/x"},
		{"traversal.encoded", "%f0%80%80%ae%f0%80%80%ae/x"},
		{"traversal.encoded", "%u002e%u002e%u002fx"},
		{"traversal.encoded", "..%u2215x"},
		{"traversal.encoded", "．．／x"},
		{"traversal.encoded", "‥/x"},
		{"traversal.encoded", "․․∕x"},
		{"traversal.encoded", "..％２ｆx/../..／y"},
		{"traversal.encoded", "see %2e%2e%2f there"},
		{"traversal.null_byte", "report.php\x00.png"},
		{"traversal.null_byte", "report.php%00.png"},
		{"traversal.null_byte", "/etc/passwd\x00"},

		{"", "..."},
		{"", "Wait... what?"},
		{"", "and so on ..."},
		{"", "1..2"},
		{"", "0..10/2"},
		{"", "a..b/c"},
		{"", ".."},
		{"", "v1.0...v2.0"},
		{"", "main..feature/login"},
		{"", "a/../b"},
		{"", "/a/b/../c"},
		{"", "/docs/..hidden/x"},
		{"", "./src/x"},
		{"", ".../x"},
		{"", "../ is the folder above"},
		{"", "go to the folder above (../) and look"},
		{"", `import x from "../lib/x"`},
		{"", "import { a } from '../../lib/a';\nimport b from '../b';"},
		{"", "see [the guide](../docs/guide.md)"},
		{"", "https://example.com/a/b/../c"},
		{"", "https://example.com/a..b/c...d"},
		{"", "50% off... and 100%/day"},
		{"", "%2e is a dot"},
		{"", "100%25 sure"},
		{"", "a%2Fb%2Fc"},
		{"", "そして…"},
		{"", "第１．２節／付録"},
		{"", "price\x00"},
		{"", "loading../done"},
		{"", "ratio 3../4"},
		{"", "2026/11/21"},
		{"", "x/.."},
		{"", "..;"},
	} {
		expect(t, i, c.rule, "f", c.value, parts...)
	}
}

// The path and raw bytes that only a query can hold.
func TestTraversalOnTheWire(t *testing.T) {
	i := inspector(t)
	for _, c := range []struct {
		in   Input
		want []string
	}{
		{Input{Path: "/a/..;/b/..;/..;/c"}, []string{"traversal.path path"}},
		{Input{Path: "/static/%2e%2e/%2e%2e/x"}, []string{"traversal.encoded path"}},
		{Input{Path: "/static/\xc0\xae\xc0\xae/x"}, []string{"traversal.encoded path"}},
		{Input{Path: "/static/x\x00.png"}, []string{"traversal.null_byte path"}},
		{Input{Path: "/v1.2/files/a..b/report...pdf"}, nil},
		{Input{Query: "f=%c0%ae%c0%ae%c0%afx"}, []string{"traversal.encoded query:f"}},
		{Input{Query: "f=%2e%2e%2fx"}, []string{"traversal.path query:f"}},
		{Input{Query: "f=..%00/x"}, []string{"traversal.path query:f", "traversal.null_byte query:f"}},
	} {
		if d := cmp.Diff(c.want, findings(i, &c.in)); d != "" {
			t.Errorf("%+v: %s", c.in, d)
		}
	}
}

func TestNames(t *testing.T) {
	i := inspector(t)
	query := func(name string) *Input { return &Input{Query: url.QueryEscape(name) + "=1"} }
	object := func(text string) *Input {
		return &Input{ContentType: "application/json", Body: []byte(text)}
	}
	for _, c := range []struct {
		rule string
		in   *Input
	}{
		{"nosql.operator", query("user[$ne]")},
		{"nosql.operator", query("user[$gt]")},
		{"nosql.operator", query("user[name][$regex]")},
		{"nosql.operator", query("a[$in][]")},
		{"nosql.operator", query("$or[0][a]")},
		{"nosql.operator", query("filter.$exists")},
		{"nosql.operator", &Input{Query: "user[$ne]=x"}},
		{"nosql.operator", &Input{Query: "user%5B%24ne%5D=x"}},
		{"nosql.operator", &Input{Query: "user[%24nin][]=x"}},
		{"nosql.code", query("$where")},
		{"nosql.code", query("a[$where]")},
		{"nosql.operator", &Input{ContentType: "application/x-www-form-urlencoded", Body: []byte("user=a&password[$ne]=")}},
		{"nosql.operator", object(`{"user":"a","password":{"$ne":null}}`)},
		{"nosql.operator", object(`{"user":{"$gt":""}}`)},
		{"nosql.operator", object(`{"user":{"\u0024regex":".*"}}`)},
		{"nosql.operator", object(`{"$or":[{},{"a":1}]}`)},
		{"nosql.operator", object(`[[{"x":{"$nin":[1]}}]]`)},
		{"nosql.operator", object(`{"a.$elemMatch":1}`)},
		{"nosql.operator", object(`[{"$lookup":{"from":"users"}}]`)},
		{"nosql.operator", query("a[$not][$size]")},
		{"nosql.operator", &Input{Query: `q={"a":{"$ne":1}}`}},
		{"nosql.code", object(`{"$where":"this.a == 1 || sleep(5000)"}`)},
		{"nosql.code", object(`{"a":{"$function":{"body":"function(){}"}}}`)},
		{"nosql.code", object(`{"a":{"$accumulator":{}}}`)},
		{"nosql.code", object(`{"filter":"{\"$where\":\"1\"}"}`)},
		{"", query("$filter")}, // OData
		{"", query("$top")},
		{"", query("$select")},
		{"", query("$orderby")},
		{"", query("price")},
		{"", query("a[0][b]")},
		{"", query("user[name]")},
		{"", query("cost$in")},
		{"", query("US$")},
		{"", object(`{"$schema":"https://json-schema.org/draft/2020-12/schema","$id":"x","$defs":{},"$ref":"#/$defs/a","$comment":"c"}`)},
		{"", object(`{"event":"login","properties":{"$browser":"Firefox","$set":{"plan":"gold"},"$lib":"web"}}`)},
		{"", object(`{"$type":"order","$value":5,"$":1,"$$":2}`)},
		{"", object(`{"price":"$10","note":"$ne and $gt are operators","v":["$gt"]}`)},
		{"", object(`{"ne":1,"gt":2,"where":"x","$NE":1}`)},
		{"", object(`{"note":"{\"a\":{\"b\":1}}","code":"db.users.find({$gt: 1})"}`)},

		{"prototype.key", query("__proto__[admin]")},
		{"prototype.key", query("__proto__.admin")},
		{"prototype.key", query("a[__proto__][b]")},
		{"prototype.key", query("constructor[prototype][admin]")},
		{"prototype.key", query("a.constructor.prototype.b")},
		{"prototype.key", query("a[constructor].prototype")},
		{"prototype.key", query("x.__defineGetter__")},
		{"prototype.key", object(`{"__proto__":{"admin":true}}`)},
		{"prototype.key", object(`{"a":[{"__proto__":1}]}`)},
		{"prototype.key", object(`{"__pro\u0074o__":1}`)},
		{"prototype.key", object(`{"constructor":{"prototype":{"admin":true}}}`)},
		{"prototype.key", object(`{"constructor.prototype.admin":true}`)},
		{"prototype.key", object(`{"text":"{\"__proto__\":{\"a\":1}}"}`)},
		{"prototype.path", object(`[{"op":"add","path":"/__proto__/admin","value":true}]`)},
		{"prototype.path", object(`[{"op":"add","path":"/constructor/prototype/admin","value":true}]`)},
		{"prototype.path", object(`{"field":"__proto__.admin"}`)},
		{"prototype.path", object(`{"key":"a[constructor][prototype]"}`)},
		{"", query("proto")},
		{"", query("__typename")},
		{"", query("_proto_")},
		{"", query("constructor")},
		{"", query("prototype")},
		{"", query("prototype.constructor")},
		{"", query("constructors[0][prototype]")},
		{"", object(`{"constructor":"Ferrari","prototype":true}`)},
		{"", object(`{"constructor":{"name":"Ferrari"},"prototypes":[1]}`)},
		{"", object(`{"__v":0,"__typename":"Order","_id":"5","__meta__":{}}`)},
		{"", object(`{"note":"never touch __proto__ or constructor.prototype"}`)},
		{"", object(`{"name":"Foo.prototype.constructor"}`)},
		{"", object(`{"code":"Object.setPrototypeOf(a, b.__proto__)"}`)},
		{"", object(`{"path":"/team/prototype/car"}`)},
	} {
		got := rules(i, c.in)
		if c.rule == "" && got != nil || c.rule != "" && !cmp.Equal(got, []string{c.rule}) {
			t.Errorf("%s %s: %v, want %q", c.in.Query, c.in.Body, got, c.rule)
		}
	}
}

func TestTargetNames(t *testing.T) {
	i := inspector(t)
	for name, want := range map[string]bool{
		"url": true, "imageUrl": true, "image_url": true, "callbackurl": true, "X-Callback-URL": true, "URLPath": true,
		"data[0][target]": true, "host_name": true, "srcSet": true, "feedURI": true, "webhook2": true,
		"": false, "curly": false, "hosting": false, "resource": false, "target_version": false, "urlId": false,
		"hosts_count": false, "destinationType": false, "name": false, "ip": false, "sorted": false, "id": false,
	} {
		if got := i.targetName(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}
