package config

import "net/netip"

// A Listener is an address on which clients connect.
type Listener struct {
	Name    string `yaml:"name" jsonschema:"required" jsonschema_description:"Name in logs and metrics."`
	Address string `yaml:"address" jsonschema:"required" jsonschema_description:"Address and port: 127.0.0.1:8443, [::1]:8443, or :8443 for every address."`

	TLS           *TLS           `yaml:"tls" jsonschema_description:"Serve HTTPS. Without it the listener is plain."`
	HTTP          []string       `yaml:"http" jsonschema:"enum=http/1.1,enum=h2" jsonschema_description:"Protocols offered. Default both; on a plain listener h2 means h2c."`
	HTTP1         string         `yaml:"http1" jsonschema:"enum=strict,enum=compat" jsonschema_description:"Who reads HTTP/1.1: strict is Gatehouse's own reader, compat that of Go's net/http. Default: strict."`
	ProxyProtocol *ProxyProtocol `yaml:"proxy_protocol" jsonschema_description:"Believe a PROXY protocol v2 header."`
	Egress        bool           `yaml:"egress" jsonschema_description:"Serve the APIs with egress, and no others: the door through which one's own services call third parties."`
	RedirectHTTPS int            `yaml:"redirect_https" jsonschema:"minimum=0,maximum=65535" jsonschema_description:"Answer everything with 308 to HTTPS on this port."`
}

// WithDefaults returns l with its unset values filled in.
func (l Listener) WithDefaults() Listener {
	if len(l.HTTP) == 0 {
		l.HTTP = []string{"http/1.1", "h2"}
	}
	setDefault(&l.HTTP1, "strict")
	if l.TLS != nil {
		t := *l.TLS
		setDefault(&t.MinVersion, "1.2")
		setDefault(&t.ClientCerts.Mode, "none")
		if len(t.Certificates) == 0 {
			t.Certificates = []Certificate{{Internal: true}}
		}
		l.TLS = &t
	}
	return l
}

// TLS is how a listener speaks TLS. Cipher suites and groups are not for
// choosing: forward secrecy and authenticated encryption, X25519MLKEM768 first.
type TLS struct {
	Certificates []Certificate `yaml:"certificates" jsonschema_description:"Certificates, picked by server name. Default: an internal one."`
	MinVersion   string        `yaml:"min_version" jsonschema:"enum=1.2,enum=1.3" jsonschema_description:"Least version accepted. Default: 1.2."`
	ClientCerts  ClientCerts   `yaml:"client_certs" jsonschema_description:"Certificates of clients (mTLS)."`
}

// A Certificate is a pair of PEM files, or one that the gateway makes itself.
type Certificate struct {
	Internal bool   `yaml:"internal" jsonschema_description:"Make a certificate at first start, for development; kept in data_dir."`
	Cert     string `yaml:"cert" jsonschema_description:"PEM file with the certificate chain; watched for changes."`
	Key      string `yaml:"key" jsonschema_description:"PEM file with the private key."`
}

// ClientCerts says whether clients show a certificate, and who may have issued it.
type ClientCerts struct {
	Mode string   `yaml:"mode" jsonschema:"enum=none,enum=request,enum=require" jsonschema_description:"none, request (verified where shown) or require. Default: none."`
	CA   []string `yaml:"ca" jsonschema_description:"PEM files of the authorities whose certificates are accepted."`
}

// ProxyProtocol says who may send a PROXY protocol v2 header. From anybody else
// it is a broken request.
type ProxyProtocol struct {
	From []netip.Prefix `yaml:"from" jsonschema:"required" jsonschema_description:"Networks of the load balancers."`
}
