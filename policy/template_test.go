package policy

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Templates with literals and several parameters in a segment.
func TestMixedTemplates(t *testing.T) {
	if d := cmp.Diff([]string{"base", "ext", "id", "rest"}, pathParams("/a/{id}:cancel/{base}.{ext}/{rest...}")); d != "" {
		t.Error(d)
	}
	for _, c := range []struct {
		template, path string
		want           bool
	}{
		{"/a/{id}:cancel", "/a/1:cancel", true}, {"/a/{id}:cancel", "/a/:cancel", false}, {"/a/{id}:cancel", "/a/1", false},
		{"/{base}.{ext}", "/a.b.c", true}, {"/{base}.{ext}", "/a.", false}, {"/x-{a}-{b}", "/x-1-2", true}, {"/x-{a}-{b}", "/y-1-2", false},
		{"/a/{id}", "/a/1", true}, {"/a/{id}", "/a/", false}, {"/a/", "/a/", true}, {"/a", "/a/", false}, {"/{r...}", "/a/b", true},
	} {
		if got := templateMatches(c.template, c.path); got != c.want {
			t.Errorf("%s %s: %v", c.template, c.path, got)
		}
	}
	if !(rankOf("/a/b") < rankOf("/a/{x}:b") && rankOf("/a/{x}:b") < rankOf("/a/{x}") && rankOf("/a/{x}") < rankOf("/a/{x...}")) {
		t.Error("the closer template does not come first")
	}
}
