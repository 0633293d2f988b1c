package lab

import (
	"crypto/subtle"
	"net/http"
	"time"
)

// auth signs customers in; the tokens are the issuer's.
func (s *Shop) auth() *Service {
	return &Service{Name: "auth", Base: "/auth", routes: []route{
		{"POST", "/login", "login", login},
		{"POST", "/password-reset", "resetPassword", resetPassword},
	}}
}

// loginPatience is how many failures of one run a login with its eyes open takes.
const loginPatience = 10

func login(c *call) {
	var body struct{ Username, Password any }
	if !c.decode(&body) {
		return
	}
	name, isText := body.Username.(string)
	password, isAlsoText := body.Password.(string)
	if (!isText || !isAlsoText) && !c.Flaws.BrokenAuth {
		c.fail(http.StatusBadRequest, "the body is not the JSON expected")
		return
	}
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	if !c.Flaws.BrokenAuth && c.Effect(c.run, "login.failed") >= loginPatience {
		c.fail(http.StatusTooManyRequests, "too many attempts")
		return
	}
	u := c.store.users[name]
	// {"$ne": ""} is a query to the careless shop's database: any password but none.
	_, injected := body.Password.(map[string]any)
	if injected && u != nil {
		c.effect("login.injected")
	} else if u == nil || subtle.ConstantTimeCompare([]byte(u.password), []byte(password)) != 1 {
		c.effect("login.failed")
		c.fail(http.StatusUnauthorized, "wrong user name or password")
		return
	}
	c.effect("login.succeeded")
	token := c.Issuer.Token(Claims{Subject: u.ID, ClientID: WebClient, Roles: []string{u.Role}, Scope: userScope, Plan: u.Plan})
	http.SetCookie(c.w, &http.Cookie{Name: SessionCookie, Value: token, Path: "/", HttpOnly: true, Secure: true,
		SameSite: http.SameSiteNoneMode})
	c.json(http.StatusOK, map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": int(tokenLife / time.Second)})
}

// resetPassword mails a link. With Misconfiguration the link leads to whatever
// host the request named.
func resetPassword(c *call) {
	var body struct{ Username string }
	if !c.decode(&body) {
		return
	}
	host := PublicHost
	if c.Flaws.Misconfiguration {
		host = c.r.Host
		if h := c.r.Header.Get("X-Forwarded-Host"); h != "" {
			host = h
		}
	}
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	if c.store.users[body.Username] != nil {
		c.store.mails[body.Username] = "https://" + host + "/auth/confirm?code=1234"
	}
	c.w.WriteHeader(http.StatusAccepted)
}

// Mail returns the last mail sent to a user.
func (s *Shop) Mail(user string) string {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	return s.store.mails[user]
}
