package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/authn"
	"github.com/gatehouse/gatehouse/internal/admin"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/lab"
	"github.com/gatehouse/gatehouse/internal/server"
)

// newDemo puts the gateway in front of the lab shop, and attacks it.
func newDemo(a *app) *cobra.Command {
	var d demo
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Guard a vulnerable shop and attack it for half a minute",
		Long: "Start a shop of many small services with every flaw of the OWASP API Top 10, a token issuer, and the\n" +
			"gateway in front, then good and bad clients. Ends with a table of what was stopped. Exit code 1 if an\n" +
			"attack of a defended class got through or a good client was refused.",
		Args: cobra.NoArgs,
		RunE: runs(func(ctx context.Context, _ []string) error { d.app = a; return d.run(ctx) }),
	}
	f := cmd.Flags()
	f.BoolVar(&d.keep, "keep", false, "leave it running afterwards, and print what to try")
	f.DurationVar(&d.duration, "duration", 30*time.Second, "how long the clients go on")
	f.Uint64Var(&d.seed, "seed", 1, "of the shop's data and the clients' choices")
	f.StringVar(&d.dir, "dir", "", "where the configuration and the logs go; default: a new temporary folder")
	return cmd
}

// A demo is one run of the lab behind a gateway.
type demo struct {
	app      *app
	keep     bool
	duration time.Duration
	seed     uint64
	dir      string

	shop   *lab.Shop
	server *server.Server
}

func (d *demo) run(ctx context.Context) error {
	if err := d.start(ctx); err != nil {
		return err
	}
	defer d.shop.Close()
	defer d.server.Stop()
	target, err := d.target()
	if err != nil {
		return err
	}
	report, err := lab.Run(ctx, target, lab.RunOptions{Duration: d.duration, Seed: d.seed, Progress: d.app.stderr})
	if err != nil {
		return err
	}
	write := report.WriteTable
	if d.app.json() {
		write = report.WriteJSON
	}
	if err := write(d.app.stdout); err != nil {
		return err
	}
	if d.keep {
		d.invite(ctx)
	}
	if report.Failed() {
		return found()
	}
	return nil
}

// start opens the shop and, in front of it, a gateway with the shop's full
// configuration.
func (d *demo) start(ctx context.Context) error {
	if d.dir == "" {
		var err error
		if d.dir, err = os.MkdirTemp("", "gatehouse-demo-"); err != nil {
			return err
		}
	}
	var err error
	if d.shop, err = lab.Open(lab.Options{Seed: d.seed, Flaws: lab.AllFlaws()}); err != nil {
		return err
	}
	public, plain, adminAddr, egress := freeAddress(), freeAddress(), freeAddress(), freeAddress()
	path, err := d.shop.WriteConfig(d.dir, lab.ConfigOptions{Public: public, Plain: plain, Admin: adminAddr, Egress: egress})
	if err != nil {
		d.shop.Close()
		return err
	}
	logFile, err := os.OpenFile(filepath.Join(d.dir, "gatehouse.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		d.shop.Close()
		return err
	}
	log, level := server.NewLog(logFile)
	d.app.tell("the shop's configuration and the logs: %s", d.dir)
	d.server, err = server.Start(context.WithoutCancel(ctx), server.Options{ConfigPath: path, Log: log, Level: level, Version: thisBuild().Version,
		Watch: time.Second, Drain: 2 * time.Second, Warn: func(ds config.Diagnostics) { d.warn(ds, d.app.stderr) }})
	if err != nil {
		d.shop.Close()
		d.app.config = path
		return d.app.notStarted(err)
	}
	d.app.config = path
	d.shop.CallThrough(d.server.Addr("egress"))
	return nil
}

func (d *demo) warn(ds config.Diagnostics, w io.Writer) {
	if ds.HasErrors() {
		_ = ds.WriteText(w, colour(w)) // where errors go there is nowhere to tell of an error
	}
}

func (d *demo) target() (lab.Target, error) {
	pem, err := os.ReadFile(filepath.Join(d.dir, "data", "internal-ca.pem"))
	if err != nil {
		return lab.Target{}, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	return lab.Target{Shop: d.shop, HTTPS: d.server.Addr("public"), HTTP: d.server.Addr("plain"), CA: pool,
		Revoke: func(ctx context.Context, kind, value string) error {
			return admin.Dial(d.server.Socket()).Revoke(ctx, authn.Revocation{Kind: kind, ID: value})
		}}, nil
}

// invite prints what to try, and waits for an interrupt.
func (d *demo) invite(ctx context.Context) {
	curl := fmt.Sprintf("curl --cacert %s --resolve %s:%s:127.0.0.1", filepath.Join(d.dir, "data", "internal-ca.pem"), lab.PublicHost, portOf(d.server.Addr("public")))
	base := "https://" + lab.PublicHost + ":" + portOf(d.server.Addr("public"))
	alice := d.shop.Issuer.Token(lab.Claims{Subject: "alice", Roles: []string{"customer"}, Life: 14 * time.Minute})
	d.app.tell(`
It goes on running. Things to try:

  # anybody may browse
  %[1]s %[2]s/catalogue/items
  # who are you?
  %[1]s -i %[2]s/accounts/users/alice
  # your own profile, and somebody else's
  TOKEN=%[3]s
  %[1]s -i -H "Authorization: Bearer $TOKEN" %[2]s/accounts/users/alice
  %[1]s -i -H "Authorization: Bearer $TOKEN" %[2]s/accounts/users/bob
  # a path that two parsers read differently
  %[1]s -i --path-as-is %[2]s/catalogue/%%2e%%2e/accounts/users
  # what the contract says, and what becomes of a request and an answer that say more
  %[1]s %[2]s/catalogue/openapi.json
  %[1]s -i -X PATCH -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d '{"role":"admin"}' %[2]s/accounts/users/alice
  %[1]s %[2]s/catalogue/items/tea; curl %[7]s/catalogue/items/tea
  # why? (the id is the answer's X-Request-Id)
  %[6]s --config %[4]s explain ID
  %[6]s --config %[4]s routes
  %[6]s --config %[4]s who-can GET /accounts/users/{user_id}
  curl http://%[5]s/metrics

Stop it with Ctrl-C.`, curl, base, alice, d.app.config, d.server.AdminAddr(), os.Args[0], d.shop.Service("catalogue").URL())
	<-ctx.Done()
}

// freeAddress returns a loopback address that was free just now. The demo needs
// to know the ports before it writes the configuration.
func freeAddress() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "127.0.0.1:0"
	}
	defer l.Close()
	return l.Addr().String()
}

func portOf(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}
