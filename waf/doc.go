// Package waf judges requests and answers by the OWASP Core Rule Set: the verdict
// is always Coraza's, and a sound screen in front of it spares benign traffic the
// cost of reaching it.
package waf
