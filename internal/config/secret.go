package config

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// maxSecretBytes bounds a file named by ${file:…}.
const maxSecretBytes = 64 << 10

// expand replaces the references in every scalar below n, which stands at path.
func (l *loader) expand(n *node, path string) {
	if n.kind == scalar && strings.Contains(n.text, "${") && !l.seen[n] { // a merged value stands at several places
		l.seen[n] = true
		l.expandScalar(n, path)
	}
	for i := range n.members {
		l.expand(n.members[i].value, join(path, n.members[i].key.text))
	}
	for i := range n.items {
		l.expand(n.items[i], item(path, i))
	}
}

// expandScalar replaces ${env:NAME} and ${file:PATH}; $${ stands for ${ itself.
func (l *loader) expandScalar(n *node, path string) {
	var out strings.Builder
	rest := n.text
	for {
		before, after, found := strings.Cut(rest, "${")
		if !found {
			out.WriteString(rest)
			break
		}
		if escaped, ok := strings.CutSuffix(before, "$"); ok {
			out.WriteString(escaped + "${")
			rest = after
			continue
		}
		out.WriteString(before)
		reference, tail, closed := strings.Cut(after, "}")
		if !closed {
			l.report.failed(n, path, "config.reference", "a reference ${ without its }", "write $${ for a literal ${")
			return
		}
		value, message, hint := l.lookup(n, reference)
		if message != "" {
			l.report.failed(n, path, "config.reference", message, hint)
			l.unresolved = append(l.unresolved, n)
		}
		n.expanded = true
		out.WriteString(value)
		rest = tail
	}
	n.raw, n.text = n.text, out.String()
	if n.expanded && !n.quoted {
		n.plain = text
	}
}

// lookup resolves one reference, or says why it cannot.
func (l *loader) lookup(n *node, reference string) (value, message, hint string) {
	scheme, name, _ := strings.Cut(reference, ":")
	switch {
	case scheme == "env" && name != "":
		v, ok := l.env.lookupEnv(name)
		if !ok {
			return "", fmt.Sprintf("environment variable %s is not set", name), ""
		}
		return v, "", ""
	case scheme == "file" && name != "":
		path := name
		if !filepath.IsAbs(path) {
			path = filepath.Join(n.file.dir, path)
		}
		b, err := l.env.readRegular(path, maxSecretBytes)
		if err != nil {
			return "", fmt.Sprintf("file %s cannot be read", name), cause(err)
		}
		l.remember(path)
		v := strings.TrimSuffix(string(b), "\n")
		return strings.TrimSuffix(v, "\r"), "", ""
	}
	return "", fmt.Sprintf("unknown reference ${%s}", reference), "${env:NAME} or ${file:PATH}"
}

// secretKey matches the names of keys whose values are secrets.
var secretKey = regexp.MustCompile(`(?i)(^|[_-])(secret|password|passwd|passphrase|token)$`)

// isSecretPath reports whether the value at a configuration path is a secret by
// the name of its key.
func isSecretPath(path string) bool {
	if strings.HasPrefix(path, "policies.") || strings.Contains(path, ".claims.") {
		return false // names of claims and their types
	}
	return secretKey.MatchString(path[strings.LastIndexByte(path, '.')+1:]) || secretHeader.MatchString(path) || strings.HasSuffix(path, ".credential.value") || strings.HasSuffix(path, ".masks.hash_key")
}

// secretHeader matches header rules whose values are credentials.
var secretHeader = regexp.MustCompile(`(?i)\.headers\.(request|response)\.(set|add)\.(proxy-authorization|authorization|cookie|set-cookie|(.*-)?api-?key)$`)

// userinfo matches a password in a URL.
var userinfo = regexp.MustCompile(`^[a-z][a-z0-9+.-]*://[^/?#@]*:[^/?#@]+@`)

// checkSecrets warns about secrets that stand in the file itself.
func (l *loader) checkSecrets(n *node, path string) {
	switch n.kind {
	case scalar:
		if n.expanded || n.text == "" || n.plain == boolean || strings.HasPrefix(n.text, "{") {
			return
		}
		if isSecretPath(path) || userinfo.MatchString(n.text) {
			l.report.nodeAt(n, path, Warning, "config.literal_secret", "a secret stands in the configuration itself",
				"use ${env:NAME} or ${file:PATH}")
		}
	case sequence:
		for i, v := range n.items {
			l.checkSecrets(v, item(path, i))
		}
	case mapping:
		for _, m := range n.members {
			l.checkSecrets(m.value, join(path, m.key.text))
		}
	}
}

// password finds the password of a URL within a text.
var password = regexp.MustCompile(`(://[^/?#@\s:"]*:)[^/?#@\s"]+@`)

func maskUserinfo(s string) string { return password.ReplaceAllString(s, "${1}***@") }

// conceal takes what a reference stood for out of a message about the node.
func (n *node) conceal(message string) string {
	if n == nil || !n.expanded || n.text == "" {
		return message
	}
	quoted := strconv.Quote(n.text)
	message = strings.ReplaceAll(message, n.text, n.raw)
	message = strings.ReplaceAll(message, quoted[1:len(quoted)-1], n.raw)
	if r := []rune(n.text); len(r) > 20 && strings.Contains(message, string(r[:20])) { // cut short
		return "what " + n.raw + " stands for is not valid here"
	}
	return message
}
