package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/authn"
)

func newKeys(a *app) *cobra.Command {
	return group("keys", "API keys", newKeysNew(a))
}

// newKeysNew makes an API key: the key to standard output, its hash to the file.
func newKeysNew(a *app) *cobra.Command {
	var file, expires string
	var who authn.APIKey
	cmd := &cobra.Command{
		Use:   "new",
		Short: "Make an API key",
		Long: "Make an API key, print it once, and write its hash to the file of authn.api_keys.\n" +
			"A running gateway accepts it as soon as it sees the file change.",
		Args: cobra.NoArgs,
		RunE: runs(func(context.Context, []string) error {
			if who.Subject == "" {
				return usage("--subject is missing: who will the key be?")
			}
			until, err := moment(expires, time.Now(), 1)
			if err != nil {
				return err
			}
			if file == "" {
				c, err := a.setting("authn.api_keys")
				if err != nil {
					return err
				}
				if c.Authn.APIKeys == nil {
					return usage("the configuration has no authn.api_keys; add it, or name a --file")
				}
				file = c.Authn.APIKeys.File
			}
			key, entry := authn.GenerateAPIKey()
			who.Prefix, who.Hash, who.Expires = entry.Prefix, entry.Hash, until
			if err := authn.AppendAPIKey(file, who); err != nil {
				return err
			}
			a.tell("%s was written to %s; the key itself is shown only here", who.Prefix, file)
			if a.json() {
				return a.writeJSON(map[string]string{"key": key, "prefix": who.Prefix, "subject": who.Subject, "file": file})
			}
			_, err = fmt.Fprintln(a.stdout, key)
			return err
		}),
	}
	f := cmd.Flags()
	f.StringVar(&who.Subject, "subject", "", "who the key is")
	f.StringVar(&who.Client, "client", "", "the client it belongs to; default the subject")
	f.StringSliceVar(&who.Scopes, "scope", nil, "scopes it has")
	f.StringSliceVar(&who.Roles, "role", nil, "roles it has")
	f.StringVar(&who.Tier, "tier", "", "tier of limits")
	f.StringVar(&expires, "expires", "", "until when it is good: 720h, or 2026-12-31; default always")
	f.StringVar(&file, "file", "", "the key file; default: that of the configuration")
	return cmd
}
