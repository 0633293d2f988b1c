package operator

import (
	"io/fs"
	"strings"
)

// anyPath takes absolute paths, as Coraza's own file systems do.
type anyPath struct{ fs.FS }

func (f anyPath) Open(name string) (fs.File, error) {
	return f.FS.Open(strings.TrimPrefix(name, "/"))
}
