package lab

import "net/http"

// mayTouch decides whether the caller may have an object of owner's, and answers
// where not. With BOLA it lets everybody, and notes the effect.
func (c *call) mayTouch(owner, kind string) bool {
	if c.who.admin() || owner == c.who.Subject && owner != "" {
		return true
	}
	if c.Flaws.BOLA {
		c.effect("foreign." + kind)
		return true
	}
	c.fail(http.StatusForbidden, "not yours")
	return false
}

// mustBeAdmin decides whether the caller may call an administrator's function,
// and answers where not. With BFLA it lets everybody, and notes the effect.
func (c *call) mustBeAdmin() bool {
	if c.who.admin() && !c.who.Internal {
		return true
	}
	if c.Flaws.BFLA {
		c.effect("admin.function")
		return true
	}
	c.fail(http.StatusForbidden, "administrators only")
	return false
}

// mustBeKnown answers 401 where nobody called and the service looks at all.
func (c *call) mustBeKnown() bool {
	if c.who.Subject != "" || c.Flaws.BrokenAuth {
		return true
	}
	c.fail(http.StatusUnauthorized, "sign in first")
	return false
}
