package lab

import (
	"net/http"
	"slices"
	"strings"
)

// users keeps the customers' accounts.
func (s *Shop) users() *Service {
	return &Service{Name: "users", Base: "/accounts", routes: []route{
		{"GET", "/users", "listUsers", listUsers},
		{"GET", "/users/{user_id}", "getProfile", getProfile},
		{"PATCH", "/users/{user_id}", "updateProfile", updateProfile},
		{"DELETE", "/users/{user_id}", "deleteUser", deleteUser},
		{"GET", "/users/{user_id}/orders", "listUserOrders", listUserOrders},
		{"PUT", "/users/{user_id}/address", "setAddress", setAddress},
		{"GET", "/debug/vars", "", debugVars},
	}}
}

// public returns what an answer shows of u: everything, with the BOPLA flaw.
func (c *call) public(u *user) any {
	if c.Flaws.BOPLA {
		return *u
	}
	return map[string]any{"id": u.ID, "name": u.Name, "email": u.Email, "phone": u.Phone,
		"address": u.Address, "plan": u.Plan}
}

// lookupUser finds the user of the path, or answers 404. The caller holds mu.
func (c *call) lookupUser() *user {
	u := c.store.users[c.param["user_id"]]
	if u == nil && c.Flaws.Misconfiguration {
		u = c.store.users[strings.ToLower(c.param["user_id"])]
	}
	if u == nil {
		c.fail(http.StatusNotFound, "no such user")
	}
	return u
}

func listUsers(c *call) {
	if !c.mustBeAdmin() {
		return
	}
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	list := []any{}
	for _, id := range sortedKeys(c.store.users) {
		list = append(list, c.public(c.store.users[id]))
	}
	c.json(http.StatusOK, list)
}

func getProfile(c *call) {
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	if u := c.lookupUser(); u != nil && c.mayTouch(u.ID, "profile") {
		c.json(http.StatusOK, c.public(u))
	}
}

func updateProfile(c *call) {
	var patch struct {
		Name, Email, Phone *string
		Role               *string `json:"role"`
		CreditCents        *int64  `json:"credit_cents"`
		Plan               *string `json:"plan"`
	}
	if !c.decode(&patch) {
		return
	}
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	u := c.lookupUser()
	if u == nil || !c.mayTouch(u.ID, "profile") {
		return
	}
	set(&u.Name, patch.Name)
	set(&u.Email, patch.Email)
	set(&u.Phone, patch.Phone)
	if c.Flaws.BOPLA {
		if patch.Role != nil || patch.CreditCents != nil || patch.Plan != nil {
			c.effect("mass.assignment")
		}
		set(&u.Plan, patch.Plan)
		set(&u.Role, patch.Role)
		set(&u.CreditCents, patch.CreditCents)
	}
	c.json(http.StatusOK, c.public(u))
}

func set[T any](field *T, value *T) {
	if value != nil {
		*field = *value
	}
}

func deleteUser(c *call) {
	if !c.mustBeAdmin() {
		return
	}
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	if u := c.lookupUser(); u != nil {
		delete(c.store.users, u.ID)
		c.effect("user.deleted")
		c.w.WriteHeader(http.StatusNoContent)
	}
}

func listUserOrders(c *call) {
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	u := c.lookupUser()
	if u == nil || !c.mayTouch(u.ID, "orders") {
		return
	}
	list := []order{}
	for _, o := range c.store.orders {
		if o.Owner == u.ID && len(list) < 100 {
			list = append(list, *o)
		}
	}
	slices.SortFunc(list, func(a, b order) int { return strings.Compare(a.ID, b.ID) })
	c.json(http.StatusOK, list)
}

func setAddress(c *call) {
	var body struct{ Address string }
	if !c.decode(&body) {
		return
	}
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	if u := c.lookupUser(); u != nil && c.mayTouch(u.ID, "address") {
		u.Address = body.Address
		c.json(http.StatusOK, c.public(u))
	}
}

// debugVars is what a developer left behind.
func debugVars(c *call) {
	c.effect("debug.endpoint")
	c.json(http.StatusOK, map[string]string{"database": "postgres://shop:hunter2@db.internal/shop", "build": "debug"})
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
