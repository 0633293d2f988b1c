package authn

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/jose"
)

// An API key is "gk_<prefix>_<secret>": the prefix is its public name, the secret
// 256 random bits. Both are base32 in lower case, so that a double click selects
// the whole key and a secret scanner finds it.
const (
	keyMark      = "gk_"
	prefixLen    = 12
	secretLen    = 52
	keyLen       = len(keyMark) + prefixLen + 1 + secretLen
	hashMark     = "sha256:"
	maxKeys      = 200_000
	maxKeysBytes = 128 << 20
)

var keyText = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// APIKey is one line of the key file (JSON): who a key is, and the hash of the
// key. A plain hash is right here: there is nothing to guess in 256 random bits.
type APIKey struct {
	Prefix string `json:"prefix"`
	// Hash is "sha256:" and the SHA-256 of the whole key in hexadecimal.
	Hash       string         `json:"hash"`
	Subject    string         `json:"subject"`
	Client     string         `json:"client,omitempty"` // default: the subject
	Scopes     []string       `json:"scopes,omitempty"`
	Roles      []string       `json:"roles,omitempty"`
	Tier       string         `json:"tier,omitempty"`
	Expires    time.Time      `json:"expires,omitzero"`
	Attributes map[string]any `json:"attributes,omitempty"` // become claims
}

// GenerateAPIKey makes a key. It returns the key, to be shown once, and its entry
// with Prefix and Hash set; the caller fills in who it is and keeps that with
// [AppendAPIKey].
func GenerateAPIKey() (key string, entry APIKey) {
	var secret [32]byte
	var name [8]byte
	rand.Read(secret[:]) // never fails (crypto/rand)
	rand.Read(name[:])
	prefix := keyText.EncodeToString(name[:])[:prefixLen]
	key = keyMark + prefix + "_" + keyText.EncodeToString(secret[:])
	sum := hashOf(key)
	return key, APIKey{Prefix: prefix, Hash: hashMark + hex.EncodeToString(sum[:])}
}

// AppendAPIKey writes an entry to a key file and returns when it is on disk. The
// file is made when missing.
func AppendAPIKey(path string, entry APIKey) error {
	line, err := json.Marshal(entry)
	if err != nil {
		return err
	}
	if _, _, err := parseKeyLine(line); err != nil {
		return err
	}
	return appendLine(path, line)
}

// splitKey returns a key's prefix, and whether the text has the form of a key.
func splitKey(key string) (prefix string, ok bool) {
	if len(key) != keyLen || key[:len(keyMark)] != keyMark || key[len(keyMark)+prefixLen] != '_' {
		return "", false
	}
	return key[len(keyMark) : len(keyMark)+prefixLen], true
}

type storedAPIKey struct {
	hash      [sha256.Size]byte
	principal *gatehouse.Principal
}

type apiKeySet map[string]storedAPIKey // by prefix

// find returns the Principal of a key. An unknown prefix and a wrong secret are
// one answer, and take the same time.
func (s apiKeySet) find(key string, now time.Time) (*gatehouse.Principal, error) {
	prefix, ok := splitKey(key)
	if !ok {
		return nil, errKeyUnknown
	}
	sum := hashOf(key)
	k := s[prefix]
	if subtle.ConstantTimeCompare(sum[:], k.hash[:]) != 1 || k.principal == nil {
		return nil, errKeyUnknown
	}
	if !k.principal.Expires.IsZero() && !now.Before(k.principal.Expires) {
		return nil, errKeyExpired
	}
	return k.principal, nil
}

var keyMembers = []string{"prefix", "hash", "subject", "client", "scopes", "roles", "tier", "expires", "attributes"}

// parseKeyLine reads one line of a key file.
func parseKeyLine(line []byte) (prefix string, k storedAPIKey, err error) {
	// Strictly first: encoding/json lets duplicate and case-folded members by.
	members, err := jose.ParseClaims(string(line))
	if err != nil {
		return "", k, errors.New("it is not one JSON object with distinct members")
	}
	for name := range members {
		if !slices.Contains(keyMembers, name) {
			return "", k, fmt.Errorf("unknown member %q", name)
		}
	}
	var e APIKey
	if err := unmarshalStrict(line, &e); err != nil {
		return "", k, err
	}
	if len(e.Prefix) != prefixLen || strings.Trim(e.Prefix, "abcdefghijklmnopqrstuvwxyz234567") != "" {
		return "", k, errors.New("the prefix has not the form that keys have")
	}
	digest, marked := strings.CutPrefix(e.Hash, hashMark)
	sum, err := hex.DecodeString(digest)
	if !marked || err != nil || len(sum) != sha256.Size {
		return "", k, errors.New("the hash is not sha256: and 64 hexadecimal digits")
	}
	if e.Subject == "" {
		return "", k, errors.New("the subject is missing")
	}
	for _, s := range append([]string{e.Subject, e.Client, e.Tier}, slices.Concat(e.Scopes, e.Roles)...) {
		if len(s) > 1024 || strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 || r == 0x7f }) {
			return "", k, errors.New("a name is too long or holds a control character")
		}
	}
	for _, s := range e.Scopes {
		if s == "" || strings.IndexByte(s, ' ') >= 0 {
			return "", k, errors.New("a scope is empty or holds a space")
		}
	}
	def(&e.Client, e.Subject)
	attributes, _ := members["attributes"].(map[string]any) // numbers as json.Number
	claims := maps.Clone(attributes)
	if claims == nil {
		claims = map[string]any{}
	}
	p := &gatehouse.Principal{
		Subject: e.Subject, Issuer: MethodAPIKeys, ClientID: e.Client, Method: gatehouse.MethodAPIKey,
		Scopes: e.Scopes, Roles: e.Roles, Tier: e.Tier, Claims: claims,
		TokenID: e.Prefix, Expires: e.Expires,
	}
	return e.Prefix, storedAPIKey{hash: [sha256.Size]byte(sum), principal: p}, nil
}

// parseKeys reads a key file: one JSON object on each line; empty lines and lines
// that begin with # count for nothing. All problems are reported together.
func parseKeys(r io.Reader, path string) (apiKeySet, error) {
	keys := make(apiKeySet)
	var problems []error
	scan := bufio.NewScanner(io.LimitReader(r, maxKeysBytes+1))
	scan.Buffer(nil, 64<<10)
	n := 0
	bad := func(err error) {
		if len(problems) < 20 {
			problems = append(problems, &gatehouse.Error{Code: "api_keys.file", Message: "the line is not an API key",
				At: gatehouse.Position{File: path, Line: n}, Err: err})
		}
	}
	for scan.Scan() {
		n++
		line := bytes.TrimSpace(scan.Bytes())
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		prefix, k, err := parseKeyLine(line)
		if err != nil {
			bad(err)
			continue
		}
		if _, taken := keys[prefix]; taken {
			bad(fmt.Errorf("the prefix %s occurs twice", prefix))
			continue
		}
		if len(keys) == maxKeys {
			bad(fmt.Errorf("more than %d keys", maxKeys))
			break
		}
		keys[prefix] = k
	}
	if err := scan.Err(); err != nil {
		n++
		bad(err)
	}
	return keys, errors.Join(problems...)
}

// A apiKeyFile follows a key file. A version that cannot be read does not replace
// the last good one.
type apiKeyFile struct {
	path string
	keys atomic.Pointer[apiKeySet]
	info fs.FileInfo // of the one goroutine that polls
}

// poll reads the file again if it changed.
func (f *apiKeyFile) poll(time.Time) error {
	file, err := os.Open(f.path)
	if err != nil {
		return &gatehouse.Error{Code: "api_keys.file", Message: "the key file cannot be read",
			At: gatehouse.Position{File: f.path}, Err: err}
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if f.info != nil && os.SameFile(f.info, info) && f.info.Size() == info.Size() && f.info.ModTime().Equal(info.ModTime()) {
		return nil
	}
	if info.Size() > maxKeysBytes {
		return &gatehouse.Error{Code: "api_keys.file", Message: "the key file is too large", At: gatehouse.Position{File: f.path}}
	}
	keys, err := parseKeys(file, f.path)
	if err != nil {
		return err
	}
	f.info = info
	f.keys.Store(&keys)
	return nil
}
