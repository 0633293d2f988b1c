package openapi

import (
	"fmt"
	"slices"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/openapi/document"
	"github.com/gatehouse/gatehouse/openapi/filter"
)

// view is what some callers see.
type view struct {
	ViewConfig
	operations map[*operation]bool
	masker     *filter.Masker
}

// compileViews decides, for each view, which operations it holds: those of its tags
// and IDs, all where it names none, and of these none that x-gatehouse-view keeps
// for other views.
func (c *Contract) compileViews() error {
	for i, v := range c.opts.Views {
		w := &view{ViewConfig: v, operations: map[*operation]bool{}}
		for j, id := range v.Operations {
			if !slices.ContainsFunc(c.operations, func(op *operation) bool { return op.ID == id }) {
				return &gatehouse.Error{Code: "config.contract", Message: fmt.Sprintf("the document has no operation %q", id),
					At: gatehouse.Position{File: fmt.Sprintf("views[%d].operations[%d]", i, j)}}
			}
		}
		for _, op := range c.operations {
			all := len(v.Tags)+len(v.Operations) == 0
			tagged := slices.ContainsFunc(v.Tags, func(tag string) bool { return slices.Contains(op.doc.Tags, tag) })
			if (all || tagged || slices.Contains(v.Operations, op.ID)) && inView(op.doc.Node, v.Name) {
				w.operations[op] = true
			}
		}
		c.views = append(c.views, w)
	}
	return nil
}

// compileMasks makes the masks of every view: what it hides is removed before
// anything else is asked.
func (c *Contract) compileMasks() error {
	var err error
	if c.all.masker, err = filter.NewMasker(c.opts.Masks, c.set.Classes()); err != nil {
		return err
	}
	for _, v := range c.views {
		masks := c.opts.Masks
		if len(v.Hide) > 0 {
			masks.Rules = append([]filter.Rule{{Name: "view " + v.Name, Classes: v.Hide, Mask: filter.MaskRemove}}, masks.Rules...)
		}
		if v.masker, err = filter.NewMasker(masks, c.set.Classes()); err != nil {
			return err
		}
	}
	return nil
}

// inView reports whether x-gatehouse-view, a name or a list, lets a view see n.
// Without it everybody does.
func inView(n *document.Node, name string) bool {
	at := n.Get("x-gatehouse-view")
	switch {
	case at == nil:
		return true
	case at.Kind == document.String:
		return at.Text == name
	}
	return slices.ContainsFunc(at.Items, func(item *document.Node) bool { return item.Text == name })
}

// nothing is the view of a caller for whom there is none.
var nothing = &view{operations: map[*operation]bool{}}

// view returns what p sees: the first view that is for her; everything where no
// views are configured.
func (c *Contract) view(p *gatehouse.Principal) *view {
	if len(c.views) == 0 {
		return &c.all
	}
	for _, v := range c.views {
		if v.For.Match(p) {
			return v
		}
	}
	return nothing
}

func (v *view) has(op *operation) bool { return v.operations == nil || v.operations[op] }

// hides reports whether properties of a class are left out.
func (v *view) hides(class string) bool { return class != "" && slices.Contains(v.Hide, class) }
