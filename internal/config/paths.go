package config

import (
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
)

// filePaths are the keys whose values name files, wherever in a list they stand.
var filePaths = map[string]bool{
	"data_dir":                            true,
	"admin.socket":                        true,
	"listeners[].tls.certificates[].cert": true,
	"listeners[].tls.certificates[].key":  true,
	"listeners[].tls.client_certs.ca[]":   true,
	"decisions.file":                      true,
	"authn.issuers[].keys.file":           true,
	"authn.api_keys.file":                 true,
	"authn.revocation.file":               true,
	"authn.identity.key":                  true,
	"policies.files[]":                    true,
	"policies.entities":                   true,
	"waf.rules.before[]":                  true,
	"waf.rules.after[]":                   true,
	"upstreams[].tls.ca":                  true,
	"upstreams[].tls.ca[]":                true,
	"upstreams[].tls.cert":                true,
	"upstreams[].tls.key":                 true,
	"apis[].contract.file":                true,
	"apis[].contract.folders[]":           true,
}

var indexes = regexp.MustCompile(`\[\d+\]`)

// resolvePaths makes every relative file name relative to the folder of the
// configuration file it stands in; of a default, to the main file's. Where that
// is the current folder the name stays as it is.
func (c *Config) resolvePaths() {
	walk(reflect.ValueOf(c).Elem(), "", "", false, func(v reflect.Value, path, _ string, _ bool) {
		if v.Kind() != reflect.String || !v.CanSet() || !filePaths[indexes.ReplaceAllString(path, "[]")] || filepath.IsAbs(v.String()) {
			return
		}
		dir := c.source.main.dir
		n := c.source.exact(path)
		if n == nil { // contract: FILE
			n = c.source.exact(strings.TrimSuffix(path, ".file"))
			if n != nil && n.kind != scalar {
				n = nil
			}
		}
		if n != nil {
			dir = n.file.dir
		}
		if dir == "." {
			return
		}
		if full, err := filepath.Abs(filepath.Join(dir, v.String())); err == nil {
			v.SetString(full)
		}
	})
}
