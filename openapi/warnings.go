package openapi

import "github.com/gatehouse/gatehouse"

// Warnings returns what of the document cannot be enforced, and why, with places:
// for gatehouse contract check.
func (c *Contract) Warnings() []*gatehouse.Error { return c.warnings }

// warn collects the warnings.
func (c *Contract) warn() {
	c.warnings = append(c.warnings, c.doc.Warnings...)
	c.warnings = append(c.warnings, c.set.Warnings()...)
}
