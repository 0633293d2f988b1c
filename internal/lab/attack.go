package lab

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"
)

// An Attack is one named case. Its oracle looks at effects: what the services
// did and received, and what of the victim's reached the attacker.
type Attack struct {
	Name, Title string
	Class       Class
	// Room is the room of the gateway that defends against it; an attack whose
	// room a Target does not have counts as open.
	Room string
	// OnlyGateway says why the attack proves nothing against the services alone:
	// it aims at something only a gateway has, or net/http refuses it itself.
	OnlyGateway string
	// slow cases wait for timeouts; they run once.
	slow bool

	run func(*attempt) (missed bool, err error)
}

// Attacks returns every case, in the order of the Top 10.
func Attacks() []Attack {
	var all []Attack
	for _, list := range [][]Attack{objectAttacks(), tokenAttacks(), boundTokenAttacks(), credentialAttacks(),
		propertyAttacks(), resourceAttacks(), functionAttacks(), pathAttacks(), flowAttacks(), requestForgeryAttacks(),
		messageAttacks(), http2Attacks(), exposureAttacks(), browserAttacks(), injectionAttacks(), inventoryAttacks(), consumptionAttacks()} {
		all = append(all, list...)
	}
	return all
}

// attempt is one run of an attack: an attacker with an account, a token and an
// address of her own, and a victim of her own.
type attempt struct {
	*client
	ctx      context.Context
	shop     *Shop
	rng      *rand.Rand
	n        int // numbers the attempts of a Run
	patience time.Duration

	me, victim Customer
	token      string // the attacker's own, lawful

	mu      sync.Mutex
	haul    bytes.Buffer // what reached the attacker, up to a bound
	cleanup []func()
}

// errInconclusive says that an attempt proved nothing.
var errInconclusive = errors.New("lab: the attack proved nothing")

const maxHaul = 8 << 20

// attackerBlock and goodBlock are second bytes of loopback addresses.
const attackerBlock, goodBlock = 64, 1

func newAttempt(ctx context.Context, t *Target, seed uint64, n int, patience time.Duration) *attempt {
	a := &attempt{client: newClient(t, sources(attackerBlock, n+2), nil, false), ctx: ctx, shop: t.Shop,
		rng: rand.New(rand.NewPCG(seed, uint64(n))), n: n, patience: patience}
	a.run = fmt.Sprintf("r%x-%d", seed, n)
	a.me = t.Shop.NewCustomer("mallory-"+a.run, "mallory-pass", "own-"+a.secret())
	a.victim = t.Shop.NewCustomer("victim-"+a.run, passwords[24+a.rng.IntN(6)], "secret-"+a.secret())
	a.token = a.tokenFor(a.me.ID)
	return a
}

func (a *attempt) secret() string { return fmt.Sprintf("%016x", a.rng.Uint64()) }

func (a *attempt) tokenFor(subject string) string {
	return a.shop.Issuer.Token(Claims{Subject: subject, Roles: []string{"customer"}, Scope: userScope, Plan: "free"})
}

func (a *attempt) close() {
	for _, f := range a.cleanup {
		f()
	}
	a.client.close()
	a.shop.Remove(a.me.ID)
	a.shop.Remove(a.victim.ID)
	a.shop.evidence.forget(a.run)
}

// ask sends a request and keeps what comes back. An error of the connection is
// an answer too: the other side may have cut it.
func (a *attempt) ask(method, path string, opts ...option) *reply {
	return a.askAs(a.client, method, path, opts...)
}

func (a *attempt) askAs(c *client, method, path string, opts ...option) *reply {
	r, err := c.do(a.ctx, method, path, opts...)
	if err != nil || r == nil {
		r = &reply{Header: http.Header{}}
	}
	a.keep(r)
	return r
}

func (a *attempt) keep(r *reply) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.haul.Len() < maxHaul {
		_ = r.Header.Write(&a.haul)
		a.haul.Write(r.Body)
	}
}

// another returns a second client of the same attacker, from another address.
func (a *attempt) another(cert *tls.Certificate, i int) *client {
	c := newClient(a.target, sources(attackerBlock+32, a.n*64+i+2), cert, false)
	c.run = a.run
	a.cleanup = append(a.cleanup, func() {
		a.sent.Add(c.sent.Load())
		a.answered.Add(c.answered.Load())
		c.close()
	})
	return c
}

// leaked reports whether the text reached the attacker.
func (a *attempt) leaked(text string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return bytes.Contains(a.haul.Bytes(), []byte(text))
}

// received reports whether a service got any request of the attempt.
func (a *attempt) received() bool { return a.shop.Received(a.run) > 0 }

// did reports whether the attempt brought about any of the effects.
func (a *attempt) did(effects ...string) bool {
	for _, e := range effects {
		if a.shop.Effect(a.run, e) > 0 {
			return true
		}
	}
	return false
}

// soon waits a little for something that happens behind the attacker's back.
func (a *attempt) soon(happened func() bool) bool {
	for range 15 {
		if happened() {
			return true
		}
		select {
		case <-a.ctx.Done():
			return false
		case <-time.After(20 * time.Millisecond):
		}
	}
	return happened()
}

// must checks what has to work before an attack can begin, such as the lawful
// call whose proof is then replayed.
func must(r *reply, status int, what string) error {
	if r.Status != status {
		return fmt.Errorf("%w: %s: %v", errInconclusive, what, r)
	}
	return nil
}

// raw sends bytes as they are and reads up to n answers. Whatever the other side
// does once the connection stands counts as an answer.
func (a *attempt) raw(svc *Service, message string, n int) ([]*reply, error) {
	conn, err := a.target.dial(a.ctx, a.from, svc, a.cert, "http/1.1")
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return a.rawOn(conn, message, n)
}

const rawPatience = 2 * time.Second

func (a *attempt) rawOn(conn net.Conn, message string, n int) ([]*reply, error) {
	a.sent.Add(1)
	_ = conn.SetDeadline(time.Now().Add(rawPatience))
	if _, err := io.WriteString(conn, message); err != nil {
		a.answered.Add(1) // it was cut while we wrote
	}
	br := bufio.NewReader(conn)
	var out []*reply
	for range n {
		resp, err := http.ReadResponse(br, nil)
		if err != nil {
			break
		}
		raw, _ := io.ReadAll(io.LimitReader(resp.Body, maxReply))
		r := &reply{resp.StatusCode, resp.Header, raw}
		a.keep(r)
		out = append(out, r)
	}
	a.answered.Add(1)
	return out, nil
}

// head is a raw message head for the service, with the run's mark, ended by an
// empty line.
func (a *attempt) head(svc *Service, requestLine string, fields ...string) string {
	all := append([]string{requestLine, "Host: " + a.host(svc), RunHeader + ": " + a.run}, fields...)
	return lines(append(all, "")...)
}

func (a *attempt) host(svc *Service) string {
	if a.target.direct() {
		return PublicHost
	}
	return a.target.authority(svc)
}

func (a *attempt) auth() string { return "Authorization: Bearer " + a.token }

// passwords are what people choose; the victim's stands somewhat down the list.
var passwords = []string{"123456", "password", "123456789", "12345678", "12345", "qwerty", "abc123", "111111",
	"1234567", "dragon", "123123", "baseball", "monkey", "letmein", "football", "shadow", "master", "666666",
	"qwertyuiop", "123321", "mustang", "1234567890", "michael", "654321", "superman", "1qaz2wsx", "7777777",
	"121212", "000000", "qazwsx", "123qwe", "killer"}
