package config

// rooms lets every engine judge its own section.
func (k *checker) rooms() {
	k.room("decisions", k.c.Decisions.Validate())
	k.room("telemetry", k.c.Telemetry.Validate())
	k.room("authn", k.c.Authn.Validate())
	k.room("policies", k.c.Policies.Validate())
	k.room("limits", k.c.Limits.Validate())
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
