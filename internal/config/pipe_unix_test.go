//go:build unix

package config

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A pipe or a device in the place of a file would keep a reload waiting, or never
// end.
func TestOnlyRegularFiles(t *testing.T) {
	dir := write(t, map[string]string{"gatehouse.yaml": small, "policies/shop.cedar": ""})
	for _, name := range []string{"pipe", "part.yaml", "policies/pipe.cedar"} {
		if err := syscall.Mkfifo(filepath.Join(dir, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for extra, want := range map[string]string{
		`log: {level: "${file:pipe}"}`:      `file pipe cannot be read`,
		`log: {level: "${file:/dev/zero}"}`: `file /dev/zero cannot be read`,
		`log: {level: "${file:/dev/null}"}`: `file /dev/null cannot be read`,
		`log: {level: "${file:policies}"}`:  `file policies cannot be read`,
		`include: [part.yaml]`:              `cannot read `,
		`include: [/dev/zero]`:              `cannot read /dev/zero`,
	} {
		_, ds := Parse(filepath.Join(dir, "gatehouse.yaml"), []byte(small+extra+"\n"), Env{})
		if text := ds.String(); !ds.HasErrors() || !strings.Contains(text, want) || !strings.Contains(text, "not a regular file") {
			t.Errorf("%s:\n%s", extra, text)
		}
	}
}
