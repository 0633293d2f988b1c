// Package admin is the gateway's management surface.
//
// What only looks (health, readiness, metrics, the identity key set) is served on
// a TCP address, loopback by default. What changes anything (reload, revoke,
// drain) goes over a Unix socket of mode 0600: who may connect is whom the file
// system lets.
package admin
