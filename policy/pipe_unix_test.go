//go:build unix

package policy

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestReadOnlyRegularFiles(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe.cedar"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []Config{{Files: []string{"*.cedar"}}, {Entities: "pipe.cedar"}, {Files: []string{"/dev/zero"}}} {
		if _, _, err := c.Read(dir); err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
