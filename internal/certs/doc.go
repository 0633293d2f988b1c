// Package certs keeps the gateway's TLS certificates: read from files that are
// watched for changes, or made at first start by an authority of the gateway's
// own, so that HTTPS works on a laptop.
//
// A changed file is used from the next handshake on; a broken one is reported and
// the last good certificate stays.
package certs
