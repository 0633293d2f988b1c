package lab

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"strings"
)

// An APIKey is a key somebody was given: its text, and the line that stands for
// it in the gateway's key file.
type APIKey struct {
	Key, Prefix, Subject string
	Roles                []string
	Line                 []byte
}

// newAPIKey makes a key as package authn describes them: "gk_", a public prefix
// of 12, "_", a secret of 52, all in lower-case base32; the file keeps its hash.
func newAPIKey(subject, tier string, roles ...string) (APIKey, error) {
	var secret [32]byte
	var name [8]byte
	rand.Read(secret[:]) // never fails (crypto/rand)
	rand.Read(name[:])
	text := base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)
	k := APIKey{Prefix: text.EncodeToString(name[:])[:12], Subject: subject, Roles: roles}
	k.Key = "gk_" + k.Prefix + "_" + text.EncodeToString(secret[:])
	sum := sha256.Sum256([]byte(k.Key))
	var err error
	k.Line, err = json.Marshal(map[string]any{"prefix": k.Prefix, "hash": "sha256:" + hex.EncodeToString(sum[:]),
		"subject": subject, "roles": roles, "tier": tier})
	return k, err
}

// PartnerKey is the API key of the partner acme.
func (s *Shop) PartnerKey() string { return s.keys[0].Key }

// keyOwner finds whose an API key is. With BrokenAuth its public first half is
// enough.
func (s *Shop) keyOwner(key string) caller {
	for _, k := range s.keys {
		known := key == k.Key
		if s.Flaws.BrokenAuth {
			known = strings.HasPrefix(key, "gk_"+k.Prefix)
		}
		if known {
			return caller{Subject: k.Subject, Roles: k.Roles}
		}
	}
	return caller{}
}
