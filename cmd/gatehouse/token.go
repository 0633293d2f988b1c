package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/authn"
	"github.com/gatehouse/gatehouse/internal/admin"
)

func newToken(a *app) *cobra.Command {
	return group("token", "Tokens", newRevoke(a))
}

// newRevoke ends credentials: durably in the revocation file, at once in the
// running gateway.
func newRevoke(a *app) *cobra.Command {
	var r authn.Revocation
	var before, until string
	kinds := map[string]*string{}
	cmd := &cobra.Command{
		Use:   "revoke",
		Short: "Refuse a token, session, grant or subject from now on",
		Long: "Write a revocation to the file of authn.revocation and tell the running gateway over its socket.\n" +
			"Without such a file only the running gateway learns of it, and forgets it when it stops.",
		Args: cobra.NoArgs,
		RunE: runs(func(ctx context.Context, _ []string) (err error) {
			for kind, id := range kinds {
				if *id != "" {
					r.Kind, r.ID = kind, *id
				}
			}
			now := time.Now()
			if r.IssuedBefore, err = moment(before, now, -1); err != nil {
				return err
			}
			if r.Expires, err = moment(until, now, 1); err != nil {
				return err
			}
			return a.revoke(ctx, r)
		}),
	}
	f := cmd.Flags()
	var names []string
	for _, k := range []struct{ kind, what string }{
		{authn.RevokeToken, "the token with this jti"}, {authn.RevokeSubject, "every token of this subject"},
		{authn.RevokeSession, "every token of this session (sid)"}, {authn.RevokeGrant, "every token of this grant"},
	} {
		kinds[k.kind] = f.String(k.kind, "", k.what)
		names = append(names, k.kind)
	}
	cmd.MarkFlagsOneRequired(names...)
	cmd.MarkFlagsMutuallyExclusive(names...)
	f.StringVar(&r.Issuer, "issuer", "", "only of this issuer")
	f.StringVar(&before, "issued-before", "", "spare what was issued later: 0s for now, or 2026-01-31T00:00:00Z")
	f.StringVar(&until, "forget-after", "", "when it may be forgotten, as all it names has expired: 24h, or 2026-01-31T00:00:00Z; default never")
	f.StringVar(&r.Reason, "reason", "", "for people")
	return cmd
}

func (a *app) revoke(ctx context.Context, r authn.Revocation) error {
	c, err := a.setting("authn.revocation")
	if err != nil {
		return err
	}
	file := c.Authn.Revocation.File
	if file != "" {
		if err := authn.AppendRevocation(file, r); err != nil {
			return err
		}
		a.tell("written to %s", file)
	}
	err = admin.Dial(c.Admin.Socket).Revoke(ctx, r)
	switch {
	case err == nil:
		a.tell("the gateway knows")
	case file == "":
		return err
	default:
		a.tell("the gateway was not told and reads the file by itself: %v", err)
	}
	return nil
}
