package openapi

import (
	"context"

	"github.com/gatehouse/gatehouse/openapi/document"
)

// Load reads a document and all the files it refers to. The error is a
// [*document.Problems]: everything that is wrong, each with its place.
func Load(ctx context.Context, source document.Source) (*document.Document, error) {
	return document.Load(ctx, source)
}

// Source returns where the contract's document is, for Load.
func (c *Config) Source() document.Source {
	return document.Source{Path: c.File, Folders: c.Folders, URLs: c.URLs}
}
