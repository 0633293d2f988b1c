package main

import (
	"context"

	"github.com/spf13/cobra"
)

// newSchema prints the JSON Schema of the configuration.
func newSchema(a *app, schema func() []byte) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of the configuration, for editors",
		Long: "Print the JSON Schema of the configuration. An editor with the YAML language server uses it for completion:\n\n" +
			"  gatehouse schema > gatehouse.schema.json\n\n" +
			"and as the first line of gatehouse.yaml:\n\n  # yaml-language-server: $schema=gatehouse.schema.json",
		Args: cobra.NoArgs,
		RunE: runs(func(context.Context, []string) error {
			_, err := a.stdout.Write(schema())
			return err
		}),
	}
}
