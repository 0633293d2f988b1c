package server

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/audit"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/jose"
)

// shopDocument promises a little of everything.
const shopDocument = `openapi: 3.1.0
info: {title: Shop, version: "1"}
servers: [{url: "https://shop.example/v1"}]
security: []
paths:
  /orders:
    get:
      operationId: listOrders
      parameters:
        - {name: limit, in: query, schema: {type: integer, minimum: 1, maximum: 100}}
        - {name: q, in: query, schema: {type: string}}
        - {name: theme, in: cookie, schema: {type: string, enum: [dark, light]}}
      responses:
        "200":
          description: a list
          headers: {X-Total: {schema: {type: integer}}}
          content: {application/json: {schema: {type: array, items: {$ref: "#/components/schemas/Order"}}}}
        "204": {description: none}
        "404":
          description: none
          content: {application/problem+json: {schema: {type: object}}}
    post:
      operationId: createOrder
      parameters: [{name: X-Tenant, in: header, required: true, schema: {type: string, pattern: "^[a-z]+$"}}]
      requestBody:
        required: true
        content:
          application/json: {schema: {$ref: "#/components/schemas/Order"}}
          application/x-www-form-urlencoded: {schema: {type: object, required: [sku], properties: {sku: {type: string}, count: {type: integer}}, additionalProperties: false}}
      responses:
        "201":
          description: made
          content: {application/json: {schema: {$ref: "#/components/schemas/Order"}}}
  /orders/{id}:
    get:
      operationId: getOrder
      parameters: [{name: id, in: path, required: true, schema: {type: integer}}]
      responses:
        "200":
          description: one
          content: {application/json: {schema: {$ref: "#/components/schemas/Order"}}}
  /files/{name}:
    get:
      operationId: getFile
      parameters: [{name: name, in: path, required: true, schema: {type: string}}]
      responses:
        "200": {description: octets, content: {application/octet-stream: {}}}
        "206": {description: some, content: {application/octet-stream: {}}}
        "416": {description: none}
  /uploads:
    post:
      operationId: upload
      requestBody: {required: true, content: {application/octet-stream: {}}}
      responses: {"204": {description: kept}}
  /staff:
    get:
      operationId: staff
      tags: [staff]
      security: [{oauth: [staff]}]
      responses: {"204": {description: here}}
  /scoped:
    get:
      operationId: scoped
      security: [{oauth: ["orders:read"]}, {key: []}]
      responses: {"204": {description: in}}
  /unscoped:
    get:
      operationId: unscoped
      security: [{oauth: ["orders:write"]}, {key: []}]
      responses: {"204": {description: in}}
  /gone:
    get:
      operationId: gone
      deprecated: true
      x-deprecated-at: 2020-01-01
      x-sunset: 2021-01-01
      x-deprecation-link: https://shop.example/changes
      responses: {"204": {description: there}}
  /going:
    get:
      operationId: going
      deprecated: true
      x-deprecated-at: 2020-01-01
      x-successor: /v2/going
      responses: {"204": {description: there}}
components:
  securitySchemes:
    key: {type: apiKey, in: header, name: X-API-Key}
    oauth:
      type: oauth2
      flows: {clientCredentials: {tokenUrl: "https://id.example/token", scopes: {"orders:read": r, "orders:write": w, staff: s}}}
  schemas:
    Order:
      type: object
      required: [sku]
      properties:
        id: {type: integer, readOnly: true}
        sku: {type: string, maxLength: 20}
        count: {type: integer, minimum: 1, maximum: 1000}
        email: {type: string}
        cost: {type: number, x-gatehouse-class: internal}
        secret: {type: string, writeOnly: true}
      additionalProperties: false
`

const shopHouse = `version: 1
listeners:
%s
admin: {address: 127.0.0.1:0}
decisions: {file: data/decisions.jsonl}
authn:
  issuers:
    - {name: main, issuer: https://id.example, audience: [https://shop.example], algorithms: [ES256], keys: {file: jwks.json}, claims: {roles: roles}}
  api_keys: {file: keys.jsonl}
  cookie: {name: session}
policies: {files: [shop.cedar]}
limits:
  levels: [{name: address, key: [address], rate: 10000000/min}]
  failures: {rate: 10000000/min}
upstreams: [{name: shop, endpoints: [{url: %q}]}]
apis:
  - name: shop
    base_path: /v1
    upstream: shop
    authenticate: [main, api_keys, cookie]
    contract:
      file: shop.yaml
%s
%s
`

// promising is a gateway in front of a service that is held to shopDocument.
type promising struct {
	*house
	*partner // the service
	key      string
}

// newPromising starts one. contract has more of the contract's members, api more of
// the API's, both whole lines.
func newPromising(t *testing.T, contract, api string) *promising {
	t.Helper()
	h := &promising{house: &house{t: t, dir: t.TempDir()}, partner: &partner{}, key: "gk_abcdefghijkl_" + strings.Repeat("m", 52)}
	h.partner.Server = httptest.NewServer(h.partner)
	t.Cleanup(func() { h.partner.CloseClientConnections(); h.partner.Close() })
	h.says(answering(200, "application/json", `[]`))
	var err error
	if h.house.key, err = jose.GenerateKey("k1", jose.ES256); err != nil {
		t.Fatal(err)
	}
	set, err := jose.NewKeySet(h.house.key.Public()).MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(h.key))
	h.write("jwks.json", string(set))
	h.write("keys.jsonl", fmt.Sprintf(`{"prefix":"abcdefghijkl","hash":"sha256:%s","subject":"acme","roles":["partner"]}`+"\n", hex.EncodeToString(sum[:])))
	h.write("shop.cedar", `permit(principal is User, action, resource) when { principal.subject == "root" };`)
	h.write("shop.yaml", shopDocument)
	h.write("gatehouse.yaml", fmt.Sprintf(shopHouse, allDoors, h.partner.URL, contract, api))
	h.house.Server, err = Start(context.Background(), Options{ConfigPath: filepath.Join(h.dir, "gatehouse.yaml"), Log: slog.New(slog.NewTextHandler(&h.log, nil)), Drain: 5 * time.Second})
	if err != nil {
		t.Fatalf("%v\n%s", err, config.Explain(err, h.dir))
	}
	t.Cleanup(h.house.Stop)
	return h
}

// answering answers whatever it is asked, with a body of known length. Pairs are
// more fields.
func answering(status int, contentType, body string, pairs ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		for i := 0; i < len(pairs); i += 2 {
			w.Header().Add(pairs[i], pairs[i+1])
		}
		if contentType != "" {
			w.Header().Set("Content-Type", contentType)
		}
		if status != 304 {
			w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// as makes a token of a subject's with scopes and roles.
func (h *promising) as(subject, scope string, roles ...string) string {
	h.t.Helper()
	now := time.Now().Unix()
	claims := map[string]any{"iss": "https://id.example", "sub": subject, "aud": "https://shop.example", "exp": now + 300, "iat": now,
		"jti": subject + scope, "client_id": "app", "scope": scope}
	if len(roles) > 0 {
		claims["roles"] = roles
	}
	token, err := jose.Sign(h.house.key, map[string]any{"typ": "at+jwt"}, claims)
	if err != nil {
		h.t.Fatal(err)
	}
	return "Bearer " + token
}

// ask sends a request over a protocol's connection. Pairs are header fields.
func (h *promising) ask(c *http.Client, proto, method, path, body string, pairs ...string) (*http.Response, string, error) {
	h.t.Helper()
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	req, err := http.NewRequest(method, h.url(proto, path), r)
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", "gzip") // and read as it comes
	for i := 0; i < len(pairs); i += 2 {
		req.Header.Add(pairs[i], pairs[i+1])
	}
	res, err := c.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return res, string(text), err
}

// recorded waits for the record of an answer.
func (h *promising) recorded(res *http.Response) audit.Record {
	h.t.Helper()
	var rec audit.Record
	id := res.Header.Get("X-Request-Id")
	waitFor(h.t, "the record of "+id, func() bool {
		text, err := os.ReadFile(filepath.Join(h.dir, "data", "decisions.jsonl"))
		if err != nil {
			return false
		}
		for line := range strings.Lines(string(text)) {
			if strings.Contains(line, id) && strings.HasSuffix(line, "\n") {
				return json.Unmarshal([]byte(line), &rec) == nil
			}
		}
		return false
	})
	return rec
}

// judgment returns what a control said, its last word.
func judgment(rec audit.Record, control string) audit.Judgment {
	var j audit.Judgment
	for _, have := range rec.Judgments {
		if have.Control == control {
			j = have
		}
	}
	return j
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
