package config

import (
	"log/slog"
	"path/filepath"
)

// Admin is where operators look at the gateway and command it.
type Admin struct {
	Address string `yaml:"address" jsonschema_description:"Address of /healthz, /readyz and /metrics. Default: 127.0.0.1:9901."`
	Socket  string `yaml:"socket" jsonschema_description:"Unix socket (mode 0600) for reload, revoke and drain. Default: admin.sock in data_dir."`
}

// WithDefaults returns a with its unset values filled in.
func (a Admin) WithDefaults(dataDir string) Admin {
	setDefault(&a.Address, "127.0.0.1:9901")
	setDefault(&a.Socket, filepath.Join(dataDir, "admin.sock"))
	return a
}

// Log is the gateway's own log: JSON lines on standard error.
type Log struct {
	Level string `yaml:"level" jsonschema:"enum=debug,enum=info,enum=warn,enum=error" jsonschema_description:"Least level that is written. Default: info."`
}

// WithDefaults returns l with its unset values filled in.
func (l Log) WithDefaults() Log {
	setDefault(&l.Level, "info")
	return l
}

// Slog returns the level as log/slog knows it.
func (l Log) Slog() slog.Level {
	var level slog.Level
	_ = level.UnmarshalText([]byte(l.Level)) // an unknown level was refused at load; info is the zero value
	return level
}
