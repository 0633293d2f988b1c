package authn

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gatehouse/gatehouse"
)

func TestGenerateAPIKey(t *testing.T) {
	key, entry := GenerateAPIKey()
	if prefix, ok := splitKey(key); !ok || prefix != entry.Prefix || !isToken68(key) {
		t.Fatalf("%q is not a key with prefix %q", key, entry.Prefix)
	}
	if again, _ := GenerateAPIKey(); again == key {
		t.Fatal("the same key twice")
	}
	path := filepath.Join(t.TempDir(), "keys.jsonl")
	if err := AppendAPIKey(path, entry); err == nil {
		t.Fatal("an entry without a subject was written")
	}
	entry.Subject = "reports"
	if err := AppendAPIKey(path, entry); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatal(info.Mode(), err)
	}
	f := &apiKeyFile{path: path}
	if err := f.poll(jwtNow); err != nil {
		t.Fatal(err)
	}
	if p, err := f.keys.Load().find(key, jwtNow); err != nil || p.Subject != "reports" {
		t.Fatal(p, err)
	}
}

func TestAPIKeyFind(t *testing.T) {
	key, e := GenerateAPIKey()
	e.Subject, e.Client, e.Scopes, e.Roles, e.Tier = "reports", "batch", []string{"orders:read"}, []string{"reader"}, "gold"
	e.Expires, e.Attributes = jwtNow.Add(time.Hour), map[string]any{"level": 3, "team": "shop"}
	line, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := parseKeys(strings.NewReader("# comment\n\n"+string(line)+"\n"), "keys.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	p, err := keys.find(key, jwtNow)
	if err != nil {
		t.Fatal(err)
	}
	want := &gatehouse.Principal{
		Subject: "reports", Issuer: "api_keys", ClientID: "batch", Method: gatehouse.MethodAPIKey,
		Scopes: []string{"orders:read"}, Roles: []string{"reader"}, Tier: "gold", TokenID: e.Prefix, Expires: e.Expires,
		Claims: map[string]any{"level": json.Number("3"), "team": "shop"},
	}
	if diff := cmp.Diff(want, p, cmpopts.IgnoreUnexported(gatehouse.Principal{})); diff != "" {
		t.Error(diff)
	}
	other, _ := GenerateAPIKey()
	for name, bad := range map[string]string{
		"another key":     other,
		"another secret":  key[:len(key)-1] + string('a'+(key[len(key)-1]+1)%2),
		"own prefix":      key[:16] + other[16:],
		"cut":             key[:len(key)-1],
		"longer":          key + "a",
		"empty":           "",
		"prefix only":     "gk_" + e.Prefix,
		"the hash itself": e.Hash,
		"upper case":      strings.ToUpper(key),
	} {
		if bad == key {
			continue
		}
		if _, err := keys.find(bad, jwtNow); err != error(errKeyUnknown) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := keys.find(key, e.Expires); err != error(errKeyExpired) {
		t.Error("expired:", err)
	}
}

func TestAPIKeyLines(t *testing.T) {
	_, e := GenerateAPIKey()
	good := fmt.Sprintf(`{"prefix":%q,"hash":%q,"subject":"s"}`, e.Prefix, e.Hash)
	if _, _, err := parseKeyLine([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{
		`{}`, `[]`, `"x"`, `{`, good + `{}`, good + "x",
		strings.Replace(good, `"s"`, `""`, 1),
		strings.Replace(good, `"s"`, `"a\nb"`, 1),
		strings.Replace(good, `"subject"`, `"Subject"`, 1),
		strings.Replace(good, `{`, `{"subject":"t",`, 1),
		strings.Replace(good, `{`, `{"admin":true,`, 1),
		strings.Replace(good, `{`, `{"scopes":"a b",`, 1),
		strings.Replace(good, `{`, `{"scopes":["a b"],`, 1),
		strings.Replace(good, `{`, `{"scopes":["a",""],`, 1),
		strings.Replace(good, `{`, `{"expires":"tomorrow",`, 1),
		strings.Replace(good, "sha256:", "md5:", 1),
		strings.Replace(good, e.Hash, e.Hash[:20], 1),
		strings.Replace(good, e.Prefix, e.Prefix+"a", 1),
		strings.Replace(good, e.Prefix, "ABCDEFGHIJKL", 1),
	} {
		if _, _, err := parseKeyLine([]byte(bad)); err == nil {
			t.Errorf("accepted %s", bad)
		}
	}
	_, err := parseKeys(strings.NewReader(good+"\n"+good+"\n{}\n"), "keys.jsonl")
	if text := fmt.Sprint(err); !strings.Contains(text, "keys.jsonl:2") || !strings.Contains(text, "keys.jsonl:3") {
		t.Error("not all problems with their lines:", text)
	}
}

func TestAPIKeyFileKeepsLastGood(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.jsonl")
	f := &apiKeyFile{path: path}
	if err := f.poll(jwtNow); err == nil {
		t.Fatal("a missing file is no key file")
	}
	key, e := GenerateAPIKey()
	e.Subject = "s"
	if err := AppendAPIKey(path, e); err != nil {
		t.Fatal(err)
	}
	if err := f.poll(jwtNow); err != nil {
		t.Fatal(err)
	}
	kept := *f.keys.Load()
	if err := os.WriteFile(path, []byte("not a key\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := f.poll(jwtNow); err == nil {
			t.Fatal("a broken file raised no error")
		}
		if _, err := kept.find(key, jwtNow); err != nil || len(*f.keys.Load()) != 1 {
			t.Fatal("the last good keys are gone")
		}
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := f.poll(jwtNow); err != nil {
		t.Fatal(err)
	}
	if _, err := f.keys.Load().find(key, jwtNow); err == nil {
		t.Fatal("a removed key is still good")
	}
}

func FuzzAPIKeyLine(f *testing.F) {
	_, e := GenerateAPIKey()
	f.Add(fmt.Sprintf(`{"prefix":%q,"hash":%q,"subject":"s","roles":["a"],"attributes":{"x":1}}`, e.Prefix, e.Hash))
	f.Add(`{"prefix":"a","prefix":"b"}`)
	f.Fuzz(func(t *testing.T, line string) {
		prefix, k, err := parseKeyLine([]byte(line))
		if err != nil {
			return
		}
		if p := k.principal; len(prefix) != prefixLen || p.Subject == "" || p.ClientID == "" || p.Method != gatehouse.MethodAPIKey || p.Claims == nil {
			t.Fatalf("accepted %q as %+v", line, k)
		}
	})
}
