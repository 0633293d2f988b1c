package config

import (
	"time"

	"github.com/gatehouse/gatehouse"
)

// HTTPLimits bound what a connection may cost before anything is judged.
type HTTPLimits struct {
	HeaderBytes           gatehouse.Bytes `yaml:"header_bytes" jsonschema_description:"Greatest size of a request's header. Default: 64KiB."`
	HeaderFields          int             `yaml:"header_fields" jsonschema:"minimum=1" jsonschema_description:"Greatest number of header fields. Default: 100."`
	URIBytes              gatehouse.Bytes `yaml:"uri_bytes" jsonschema_description:"Greatest length of the request target. Default: 8KiB."`
	BodyBytes             gatehouse.Bytes `yaml:"body_bytes" jsonschema_description:"Greatest size of a request's body; an API or operation may say otherwise. Default: 10MiB."`
	ReadHeaderTimeout     time.Duration   `yaml:"read_header_timeout" jsonschema_description:"Time for a request's header to arrive. Default: 5s."`
	ReadTimeout           time.Duration   `yaml:"read_timeout" jsonschema_description:"Time for a request's body to arrive. Default: 60s."`
	WriteTimeout          time.Duration   `yaml:"write_timeout" jsonschema_description:"Time for an answer to be taken, streams excepted. Default: 60s."`
	IdleTimeout           time.Duration   `yaml:"idle_timeout" jsonschema_description:"Time an idle connection is kept. Default: 90s."`
	Connections           int             `yaml:"connections" jsonschema:"minimum=1" jsonschema_description:"Open connections in all. Default: 20000."`
	ConnectionsPerAddress int             `yaml:"connections_per_address" jsonschema:"minimum=1" jsonschema_description:"Open connections from one address. Default: 256."`
}

// WithDefaults returns l with its unset values filled in.
func (l HTTPLimits) WithDefaults() HTTPLimits {
	setDefault(&l.HeaderBytes, 64*gatehouse.KiB)
	setDefault(&l.HeaderFields, 100)
	setDefault(&l.URIBytes, 8*gatehouse.KiB)
	setDefault(&l.BodyBytes, 10*gatehouse.MiB)
	setDefault(&l.ReadHeaderTimeout, 5*time.Second)
	setDefault(&l.ReadTimeout, time.Minute)
	setDefault(&l.WriteTimeout, time.Minute)
	setDefault(&l.IdleTimeout, 90*time.Second)
	setDefault(&l.Connections, 20000)
	setDefault(&l.ConnectionsPerAddress, 256)
	return l
}
