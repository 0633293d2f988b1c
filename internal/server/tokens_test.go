package server

import (
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/authn"
)

// However a token is shown, and whatever comes of it, no log and no metric holds
// it, nor does the service behind where credentials are removed.
func TestTokensReachNoLog(t *testing.T) {
	h := newHouse(t, "")
	key, entry := authn.GenerateAPIKey()
	entry.Subject = "reports"
	if err := authn.AppendAPIKey(filepath.Join(h.dir, "keys.jsonl"), entry); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(h.dir, "gatehouse.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	h.write("gatehouse.yaml", strings.NewReplacer(
		"authn:\n", "authn:\n  api_keys: {file: keys.jsonl}\n  cookie: {name: access_token}\n",
		"authenticate: [main]", "authenticate: [main, api_keys, cookie]\n    credentials: remove",
		"upstreams:\n", "upstreams:\n  - {name: dead, endpoints: [{url: \"http://127.0.0.1:1\"}]}\n",
		"apis:\n", "apis:\n  - name: dead\n    hosts: [dead.localhost]\n    authenticate: [main]\n    upstream: dead\n    operations: [{get: /x, id: x, access: public}]\n",
	).Replace(string(text)))
	if err := h.Reload(context.Background()); err != nil {
		t.Fatalf("%v\n%s", err, h.log.String())
	}
	good, other := h.token("alice", "t1"), h.token("mallory", "t2")
	wrong := good[:len(good)-4] + "AAAA"
	basic := base64.StdEncoding.EncodeToString([]byte("alice:correct-horse-battery"))
	secrets := map[string]string{"token": signatureOf(good), "other": signatureOf(other), "changed": signatureOf(wrong),
		"key": key[16:], "basic": basic, "opaque": "0paque-Secret-Token-77"}

	base := "http://" + h.Addr("plain")
	send := func(path string, status int, header ...string) {
		t.Helper()
		req, err := http.NewRequest("GET", base+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(header); i += 2 {
			if header[i] == "Host" {
				req.Host = header[i+1]
			} else {
				req.Header[header[i]] = append(req.Header[header[i]], header[i+1])
			}
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != status {
			t.Errorf("%s %q: %d %s", path, header, res.StatusCode, body)
		}
		for name, secret := range secrets {
			if strings.Contains(string(body), secret) && !strings.Contains(path, secret) { // the service tells its path
				t.Errorf("%s: the answer shows %s", path, name)
			}
		}
	}
	send("/orders/1", 200, "Authorization", "Bearer "+good)
	send("/orders/1", 403, "Authorization", "Bearer "+other)
	send("/orders/1", 401, "Authorization", "Bearer "+wrong)
	send("/orders/1", 401, "Authorization", "Bearer "+secrets["opaque"])
	send("/orders/1", 401, "Authorization", "Bearer\t"+good)
	send("/orders/1", 401, "Authorization", "Basic "+basic)
	send("/orders/1", 401, "Authorization", "DPoP "+good, "Dpop", wrong)
	send("/orders/1", 200, "Cookie", "access_token="+good)
	send("/orders/1", 400, "Cookie", "access_token="+good+"; access_token ="+other)
	send("/orders/1", 400, "Authorization", "Bearer "+good, "Authorization", "Bearer "+other)
	send("/orders/1", 400, "Authorization", "Bearer "+good, "X-Api-Key", key)
	send("/orders/1", 403, "X-Api-Key", key)
	send("/orders/1", 401, "X-Api-Key", key[:len(key)-8]+"aaaaaaaa")
	send("/orders/1?access_token="+good, 400)
	send("/orders/1?"+url.QueryEscape(good)+"=1", 401)
	send("/orders/"+good, 200, "Authorization", "Bearer "+good)
	send("/orders/"+key, 401)
	send("/nowhere/"+good, 404)
	send("/nowhere/%2567k_"+key[3:], 400)
	send("/public", 200, "X-Gatehouse-Identity", good, "X-Jwt-Assertion", good)
	send("/x", 502, "Host", "dead.localhost", "Authorization", "Bearer "+good)

	view, err := http.Get("http://" + h.AdminAddr() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	metrics, _ := io.ReadAll(view.Body)
	view.Body.Close()
	h.Stop()
	decisions, err := os.ReadFile(filepath.Join(h.dir, "data", "decisions.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(decisions), "\n"); n < 20 {
		t.Errorf("only %d decisions", n)
	}
	for where, text := range map[string]string{"decision log": string(decisions), "process log": h.log.String(), "metrics": string(metrics)} {
		for name, secret := range secrets {
			for line := range strings.Lines(text) {
				if strings.Contains(line, secret) {
					t.Errorf("the %s holds %s: %s", where, name, line)
				}
			}
		}
	}
}

// signatureOf is the part of a token that nobody may learn from a log.
func signatureOf(token string) string { return token[strings.LastIndexByte(token, '.')+1:] }
