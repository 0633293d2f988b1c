package lab

import (
	"fmt"
	"net/url"
	"strings"
)

// objectAttacks are API1: other people's objects.
func objectAttacks() []Attack {
	list := []Attack{}
	byPath := func(name, title, method, path string, effect string, opts ...option) {
		list = append(list, Attack{Name: name, Title: title, Class: API1, Room: "policy", run: func(a *attempt) (bool, error) {
			a.ask(method, strings.ReplaceAll(path, "{victim}", a.victim.ID), append(opts, bearer(a.token))...)
			return a.did(effect) || a.leaked(a.victim.Secret), nil
		}})
	}
	byPath("bola-profile", "read another user's profile by path", "GET", "/accounts/users/{victim}", "foreign.profile")
	byPath("bola-orders", "list another user's orders by path", "GET", "/accounts/users/{victim}/orders", "foreign.orders")
	byPath("bola-address", "change another user's address by path", "PUT", "/accounts/users/{victim}/address", "foreign.address", jsonBody(map[string]string{"address": "7 Evil Lane"}))
	byPath("bola-patch", "change another user's profile by path", "PATCH", "/accounts/users/{victim}", "foreign.profile", jsonBody(map[string]string{"email": "mallory@evil.example"}))
	byPath("bola-export", "export another user's data by path", "GET", "/export/users/{victim}/data", "foreign.data")
	byPath("bola-head", "probe another user's profile with HEAD", "HEAD", "/accounts/users/{victim}", "foreign.profile")

	spelled := func(name, title, room string, path func(a *attempt) string) {
		list = append(list, Attack{Name: name, Title: title, Class: API1, Room: room, run: func(a *attempt) (bool, error) {
			svc := a.shop.Service("users")
			_, err := a.raw(svc, a.head(svc, "GET "+path(a)+" HTTP/1.1", a.auth()), 1)
			return a.did("foreign.profile") || a.leaked(a.victim.Secret), err
		}})
	}
	spelled("bola-case", "the victim's id in capitals", "policy", func(a *attempt) string {
		return "/accounts/users/" + strings.ToUpper(a.victim.ID)
	})
	spelled("bola-percent", "the victim's id percent-encoded", "policy", func(a *attempt) string {
		return "/accounts/users/%76" + a.victim.ID[1:]
	})
	spelled("bola-double-encoded", "the victim's id encoded twice", "gateway", func(a *attempt) string {
		return "/accounts/users/%2576" + a.victim.ID[1:]
	})
	spelled("bola-dot-segment", "dot segments from one's own profile to the victim's", "gateway", func(a *attempt) string {
		return "/accounts/users/" + a.me.ID + "/../" + a.victim.ID
	})
	spelled("bola-encoded-dots", "encoded dot segments", "gateway", func(a *attempt) string {
		return "/accounts/users/" + a.me.ID + "/%2e%2e/" + a.victim.ID
	})
	spelled("bola-encoded-slash", "an encoded slash inside the id", "gateway", func(a *attempt) string {
		return "/accounts/users/" + a.me.ID + "%2f..%2f" + a.victim.ID
	})
	spelled("bola-semicolon", "a path parameter behind the victim's id", "gateway", func(a *attempt) string {
		return "/accounts/users/" + a.victim.ID + ";" + a.me.ID
	})

	byID := func(name, title, method string, path func(a *attempt) string, effect string, opts ...option) {
		list = append(list, Attack{Name: name, Title: title, Class: API1, Room: "objects", run: func(a *attempt) (bool, error) {
			a.ask(method, path(a), append(opts, bearer(a.token))...)
			return a.did(effect) || a.leaked(a.victim.Secret), nil
		}})
	}
	byID("bola-order-id", "read another user's order by its number", "GET", func(a *attempt) string { return "/sales/orders/" + a.victim.OrderID }, "foreign.order")
	byID("bola-order-cancel", "cancel another user's order", "POST", func(a *attempt) string { return "/sales/orders/" + a.victim.OrderID + "/cancel" }, "foreign.order")
	byID("bola-payment-id", "read another user's payment by its number", "GET", func(a *attempt) string { return "/billing/payments/" + a.victim.PaymentID }, "foreign.payment")
	byID("bola-file-id", "download another user's file by its number", "GET", func(a *attempt) string { return "/media/files/" + a.victim.FileID }, "foreign.file")
	return append(list,
		Attack{Name: "bola-body", Title: "pay another user's order, named in the body", Class: API1, Room: "objects", run: func(a *attempt) (bool, error) {
			a.ask("POST", "/billing/payments", bearer(a.token), jsonBody(map[string]string{"order_id": a.victim.OrderID, "iban": "X"}))
			return a.did("foreign.order"), nil
		}},
		Attack{Name: "bola-enumerate", Title: "count through the numbers of orders", Class: API1, Room: "objects", run: func(a *attempt) (bool, error) {
			var n int
			if _, err := fmt.Sscanf(a.victim.OrderID, "o-%d", &n); err != nil {
				return false, err
			}
			for i := n - 10; i <= n+2; i++ {
				a.ask("GET", "/sales/orders/"+url.PathEscape(fmt.Sprintf("o-%d", i)), bearer(a.token))
			}
			return a.did("foreign.order") || a.leaked(a.victim.Secret), nil
		}})
}
