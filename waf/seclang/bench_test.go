package seclang_test

import (
	"testing"

	"github.com/corazawaf/coraza-coreruleset/v4"

	"github.com/gatehouse/gatehouse/waf/seclang"
)

func BenchmarkReadCoreRules(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := seclang.Read(coreruleset.FS, coreRules); err != nil {
			b.Fatal(err)
		}
	}
}
