package lab

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path"
	"path/filepath"
	"text/template"
)

//go:embed config
var configFiles embed.FS

// ConfigOptions are the addresses a configuration is written for, each host:port.
type ConfigOptions struct {
	// Public serves HTTPS, Plain redirects to it, Admin has health and metrics, and
	// through Egress the services call third parties.
	Public, Plain, Admin, Egress string
}

// configValues are what the template of gatehouse.yaml asks for.
type configValues struct {
	ConfigOptions
	RedirectPort, Host, App, Audience  string
	Rates, RatesHost                   string
	Issuer, OpaqueIssuer, Gate, Secret string
	Upstreams                          []configUpstream
	Keys, ClientsCA                    []byte
}

type configUpstream struct {
	Name, URL string
	H2        bool
}

// WriteConfig writes gatehouse.yaml for the running shop, with its contracts, policies,
// keys and certificates, into dir, and returns the path of gatehouse.yaml.
func (s *Shop) WriteConfig(dir string, opts ConfigOptions) (string, error) {
	v := configValues{ConfigOptions: opts, Issuer: s.Issuer.URL, OpaqueIssuer: s.Issuer.OpaqueURL, Gate: s.Issuer.Gate,
		Secret: s.Issuer.GateSecret, ClientsCA: s.PKI.CA, Rates: s.Rates.URL()}
	for _, svc := range s.services {
		v.Upstreams = append(v.Upstreams, configUpstream{svc.Name, svc.URL(), svc.h2})
	}
	for _, k := range s.keys {
		v.Keys = append(append(v.Keys, k.Line...), '\n')
	}
	return writeConfig(dir, v)
}

// writeExample writes the same configuration for fixed ports and a shop that does
// not run: examples/shop. The example's CA and key are whatever the caller has.
func writeExample(dir string, ca, keys []byte) error {
	v := configValues{ConfigOptions: ConfigOptions{Public: "127.0.0.1:8443", Plain: "127.0.0.1:8080", Admin: "127.0.0.1:9901", Egress: "127.0.0.1:9080"},
		Issuer: "http://127.0.0.1:9000", OpaqueIssuer: "http://127.0.0.1:9000/opaque", Gate: "gatehouse",
		Secret: "put the issuer's secret for this gateway here", ClientsCA: ca, Keys: keys, Rates: "http://127.0.0.1:9020"}
	shop := &Shop{}
	for i, svc := range shop.behind() {
		v.Upstreams = append(v.Upstreams, configUpstream{svc.Name, fmt.Sprintf("http://127.0.0.1:%d", 9001+i), svc.h2})
	}
	_, err := writeConfig(dir, v)
	return err
}

func writeConfig(dir string, v configValues) (string, error) {
	v.Host, v.App, v.Audience, v.RatesHost = PublicHost, AppOrigin, Audience, RatesHost
	_, port, err := net.SplitHostPort(v.Public)
	if err != nil {
		return "", err
	}
	v.RedirectPort = port
	tmpl, err := template.ParseFS(configFiles, "config/gatehouse.yaml.tmpl")
	if err != nil {
		return "", err
	}
	var main bytes.Buffer
	if err := tmpl.Execute(&main, v); err != nil {
		return "", err
	}
	files := map[string][]byte{"gatehouse.yaml": main.Bytes(), "keys.jsonl": v.Keys, "certs/clients-ca.pem": v.ClientsCA,
		"secrets/introspection": []byte(v.Secret + "\n"), "revoked.jsonl": nil}
	err = fs.WalkDir(configFiles, "config", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) == ".tmpl" {
			return err
		}
		rel, err := filepath.Rel("config", name)
		if err == nil {
			files[rel], err = configFiles.ReadFile(name)
		}
		return err
	})
	docs, docsErr := documents.ReadDir("openapi")
	err = errors.Join(err, docsErr)
	for _, d := range docs {
		text, readErr := documents.ReadFile("openapi/" + d.Name())
		files["openapi/"+d.Name()], err = text, errors.Join(err, readErr)
	}
	for name, text := range files {
		err = errors.Join(err, writeFile(filepath.Join(dir, name), text))
	}
	return filepath.Join(dir, "gatehouse.yaml"), err
}

// writeFile keeps what is secret to its owner.
func writeFile(name string, text []byte) error {
	mode, dirMode := os.FileMode(0o644), os.FileMode(0o755)
	if filepath.Base(filepath.Dir(name)) == "secrets" {
		mode, dirMode = 0o600, 0o700
	}
	if err := os.MkdirAll(filepath.Dir(name), dirMode); err != nil {
		return err
	}
	return os.WriteFile(name, text, mode)
}
