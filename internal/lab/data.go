package lab

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
)

type user struct {
	ID           string `json:"id"`
	Name         string `json:"name"`
	Email        string `json:"email"`
	Phone        string `json:"phone"`
	Address      string `json:"address"`
	Role         string `json:"role"`
	Plan         string `json:"plan"`
	SSN          string `json:"ssn"`
	BirthDate    string `json:"birth_date"`
	PasswordHash string `json:"password_hash,omitempty"`
	CreditCents  int64  `json:"credit_cents"`
	password     string
}

type order struct {
	ID         string `json:"id"`
	Owner      string `json:"owner"`
	SKU        string `json:"sku"`
	Quantity   int    `json:"quantity"`
	TotalCents int64  `json:"total_cents"`
	Currency   string `json:"currency"`
	Status     string `json:"status"`
	Note       string `json:"note"`
}

type payment struct {
	ID          string `json:"id"`
	OrderID     string `json:"order_id"`
	Owner       string `json:"owner"`
	AmountCents int64  `json:"amount_cents"`
	IBAN        string `json:"iban"`
	Status      string `json:"status"`
}

type item struct {
	SKU        string `json:"sku"`
	Name       string `json:"name"`
	PriceCents int64  `json:"price_cents"`
	Stock      int    `json:"stock"`
	CostCents  int64  `json:"cost_cents"`
}

type file struct {
	ID    string `json:"id"`
	Owner string `json:"owner"`
	Name  string `json:"name"`
	Size  int64  `json:"size"`
	SHA   string `json:"sha256"`
	head  []byte // the first bytes, enough for a download
}

// store is the shop's data, shared by its services.
type store struct {
	mu       sync.Mutex
	users    map[string]*user
	orders   map[string]*order
	payments map[string]*payment
	items    map[string]*item
	skus     []string
	files    map[string]*file
	mails    map[string]string // the last mail to a user
	next     int
}

// maxObjects bounds each map of the store.
const maxObjects = 100_000

// id returns the next of the shop's ids, which are easy to guess.
func (st *store) id(prefix string) string {
	st.next++
	return fmt.Sprintf("%s-%d", prefix, st.next)
}

// Seeded people. Everybody's password is their id with "-pass".
var people = []struct{ id, name, role, plan string }{
	{"alice", "Alice Archer", "customer", "gold"},
	{"bob", "Bob Baker", "customer", "free"},
	{"carol", "Carol O'Brien", "customer", "free"},
	{"dave", "Dave Núñez", "customer", "gold"},
	{"admin", "Ada Min", "admin", "gold"},
}

var goods = []string{"apple", "bread", "cheese", "date", "egg", "fig", "grape", "honey", "ice", "jam",
	"kale", "lemon", "mango", "nut", "olive", "pear", "quince", "rice", "salt", "tea", "café"}

func newStore(seed uint64) *store {
	rng := rand.New(rand.NewPCG(seed, 0x5e0b))
	st := &store{users: map[string]*user{}, orders: map[string]*order{}, payments: map[string]*payment{},
		items: map[string]*item{}, files: map[string]*file{}, mails: map[string]string{}, next: 1000}
	for _, name := range goods {
		price := 50 + rng.Int64N(2000)
		st.items[name] = &item{SKU: name, Name: strings.ToUpper(name[:1]) + name[1:], PriceCents: price,
			Stock: 1_000_000, CostCents: price / 3}
		st.skus = append(st.skus, name)
	}
	for _, p := range people {
		u := st.addUser(p.id, p.id+"-pass", fmt.Sprintf("078-05-%04d", rng.IntN(10000)))
		u.Name, u.Role, u.Plan = p.name, p.role, p.plan
	}
	return st
}

// addUser makes a customer with an order, a payment and a file. secret stands in
// everything that nobody else may read. The caller holds mu or owns the store.
func (st *store) addUser(id, password, secret string) *user {
	u := &user{ID: id, Name: id, Email: id + "@mail.example", Phone: "+1-555-0100", Address: "1 Main Street",
		Role: "customer", Plan: "free", SSN: secret, BirthDate: "1984-05-06",
		PasswordHash: "$2b$12$" + secret, password: password}
	st.users[id] = u
	o := &order{ID: st.id("o"), Owner: id, SKU: "tea", Quantity: 1, TotalCents: 700, Currency: "USD",
		Status: "paid", Note: secret}
	st.orders[o.ID] = o
	p := &payment{ID: st.id("p"), OrderID: o.ID, Owner: id, AmountCents: 700, IBAN: secret, Status: "authorized"}
	st.payments[p.ID] = p
	f := &file{ID: st.id("f"), Owner: id, Name: "passport.png", Size: int64(len(secret)), head: []byte(secret)}
	st.files[f.ID] = f
	return u
}

// removeUser forgets a customer and everything of hers.
func (st *store) removeUser(id string) {
	st.mu.Lock()
	defer st.mu.Unlock()
	delete(st.users, id)
	delete(st.mails, id)
	for k, o := range st.orders {
		if o.Owner == id {
			delete(st.orders, k)
		}
	}
	for k, p := range st.payments {
		if p.Owner == id {
			delete(st.payments, k)
		}
	}
	for k, f := range st.files {
		if f.Owner == id {
			delete(st.files, k)
		}
	}
}

// A Customer is somebody made for one attempt: a victim, or the attacker with an
// account of her own.
type Customer struct {
	ID, Password               string
	Secret                     string // stands in everything only the customer may read
	OrderID, PaymentID, FileID string
}

// NewCustomer makes a customer; Remove forgets one.
func (s *Shop) NewCustomer(id, password, secret string) Customer {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	s.store.addUser(id, password, secret)
	n := s.store.next
	return Customer{ID: id, Password: password, Secret: secret, OrderID: fmt.Sprintf("o-%d", n-2),
		PaymentID: fmt.Sprintf("p-%d", n-1), FileID: fmt.Sprintf("f-%d", n)}
}

// Remove forgets a customer and everything of hers.
func (s *Shop) Remove(id string) { s.store.removeUser(id) }
