package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/server"
	"github.com/gatehouse/gatehouse/openapi/document"
)

func newContract(a *app) *cobra.Command {
	return group("contract", "Try OpenAPI documents", newContractCheck(a), newContractExplain(a))
}

// references are the flags that say where a document's references may lead.
func references(cmd *cobra.Command, s *document.Source) {
	cmd.Flags().StringArrayVar(&s.Folders, "folder", nil, "a folder in which files of references may lie; default: that of FILE")
	cmd.Flags().StringArrayVar(&s.URLs, "url", nil, "a remote reference that may be followed")
	_ = cmd.MarkFlagDirname("folder") // the flag was defined above
}

// newContractCheck says what of a document can be enforced.
func newContractCheck(a *app) *cobra.Command {
	var source document.Source
	var strict bool
	cmd := &cobra.Command{
		Use:   "check FILE",
		Short: "Show what of an OpenAPI document cannot be used or enforced, and why",
		Long: "Show what is wrong with an OpenAPI document (3.0, 3.1, 3.2, Swagger 2.0), and what in it is not enforced and why,\n" +
			"each with file, line and column.\n" +
			"Exit code 2 if it cannot be used, else 1 if there are warnings and --strict is set, else 0.",
		Args: cobra.ExactArgs(1),
		RunE: runs(func(ctx context.Context, args []string) error {
			source.Path = args[0]
			_, sum, ds := server.CheckDocument(ctx, source)
			if sum.Version != "" {
				a.tell("%s: OpenAPI %s, %s, %s, %s, read in %s", args[0], sum.Version, count(sum.Operations, "operation"),
					count(sum.Schemas, "schema"), count(sum.Files, "file"), sum.Took.Round(100*time.Microsecond))
			}
			return a.validated(args[0], ds, strict)
		}),
	}
	cmd.Flags().BoolVar(&strict, "strict", false, "let warnings fail, too")
	references(cmd, &source)
	return cmd
}

// newContractExplain says what a document makes of a request.
func newContractExplain(a *app) *cobra.Command {
	var source document.Source
	var fields []string
	var data, jsonData string
	cmd := &cobra.Command{
		Use:   "explain FILE METHOD URL",
		Short: "Show which operation a request matches, and which part of the document it breaks",
		Long: "Show which operation a request matches, and which part of the document it breaks. The flags are curl's; nothing\n" +
			"is sent, and no credential is asked for. The rules are the defaults of a contract, whatever gatehouse.yaml says.\n" +
			"Exit code 1 if the request would be refused.",
		Example: "  gatehouse contract explain shop.yaml POST '/v1/orders?dry=1' -H 'X-Tenant: acme' --json '{\"items\": []}'",
		Args:    cobra.ExactArgs(3),
		RunE: runs(func(ctx context.Context, args []string) error {
			r := server.Request{Method: strings.ToUpper(args[1]), URL: args[2], Header: http.Header{}}
			for _, f := range fields {
				name, value, ok := strings.Cut(f, ":")
				if !ok || name == "" {
					return usage("-H %q is no header field: it reads Name: value", f)
				}
				r.Header.Add(name, strings.Trim(value, " \t"))
			}
			if err := a.body(&r, data, jsonData); err != nil {
				return err
			}
			source.Path = args[0]
			c, _, ds := server.CheckDocument(ctx, source)
			if c == nil {
				_ = ds.WriteText(a.stderr, colour(a.stderr)) // where errors go there is nowhere to tell of an error
				return &failure{exitUsage, nil}
			}
			e, err := server.ExplainRequest(ctx, c, r)
			if err != nil {
				return &failure{exitUsage, err}
			}
			return a.explained(e)
		}),
	}
	flags := cmd.Flags()
	flags.StringArrayVarP(&fields, "header", "H", nil, "a header field, 'Name: value'")
	flags.StringVarP(&data, "data", "d", "", "the body, @FILE for that of a file, @- for standard input; without a Content-Type it is a form")
	flags.StringVar(&jsonData, "json", "", "as --data, with Content-Type: application/json")
	cmd.MarkFlagsMutuallyExclusive("data", "json")
	references(cmd, &source)
	return cmd
}

// body reads the body, and gives it the media type that curl would.
func (a *app) body(r *server.Request, data, jsonData string) error {
	mediaType := "application/x-www-form-urlencoded"
	if jsonData != "" {
		data, mediaType = jsonData, "application/json"
	}
	if data == "" {
		return nil
	}
	if r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", mediaType)
	}
	r.Body = []byte(data)
	var err error
	switch name, file := strings.CutPrefix(data, "@"); {
	case file && name == "-":
		r.Body, err = io.ReadAll(a.stdin)
	case file:
		r.Body, err = os.ReadFile(name)
	}
	if err != nil {
		return usage("cannot read the body: %w", err)
	}
	return nil
}

func (a *app) explained(e server.Explanation) error {
	if err := a.writeExplained(e); err != nil {
		return err
	}
	if !e.Accepted {
		return found()
	}
	return nil
}

func (a *app) writeExplained(e server.Explanation) error {
	if a.json() {
		return a.writeJSON(struct {
			server.Explanation
			Violations []config.Object `json:"violations"`
		}{e, e.Violations.Objects()})
	}
	w := a.stdout
	if e.Operation != "" {
		fmt.Fprintf(w, "%s: %s (%s)\n", e.At, e.Operation, e.Endpoint)
	}
	if err := e.Violations.WriteText(w, colour(w)); err != nil {
		return err
	}
	if e.Security != "" {
		fmt.Fprintf(w, "needs %s: not judged here\n", e.Security)
	}
	if e.Accepted {
		_, err := fmt.Fprintln(w, "accepted")
		return err
	}
	_, err := fmt.Fprintf(w, "refused with %d\n", e.Status)
	return err
}
