package config

// rooms lets every engine judge its own section.
func (k *checker) rooms() {
	k.room("decisions", k.c.Decisions.Validate())
	if k.c.Decisions.Off {
		k.warnAt("decisions.off", "config.unrecorded", "no decision is recorded: nobody can tell afterwards who asked for what, and why it was answered so",
			"leave it out; a log costs little, see docs/performance.md")
	}
	k.room("telemetry", k.c.Telemetry.Validate())
	k.room("authn", k.c.Authn.Validate())
	k.room("policies", k.c.Policies.Validate())
	k.room("limits", k.c.Limits.Validate())
	k.waf()
	names := map[string]int{}
	for i := range k.c.Upstreams {
		u, path := &k.c.Upstreams[i], item("upstreams", i)
		if u.Name != "" { // Validate says so
			k.uniqueName(path, u.Name, names, i)
		}
		k.room(path, u.Config.Validate())
		if u.Concurrency != nil {
			k.room(path+".concurrency", u.Concurrency.Validate())
		}
	}
}
