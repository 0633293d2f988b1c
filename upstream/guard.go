package upstream

import (
	"net"
	"net/netip"
	"slices"
	"syscall"

	"github.com/gatehouse/gatehouse"
)

// A Guard refuses addresses that must not be reached at the word of data: a URL
// in a token or a document, a redirect, a name that was looked up again (SSRF,
// OWASP API7:2023). Only addresses of the public Internet pass, and the gateway's
// own admin listener never does, whatever else is allowed.
//
// Its Control is a net.Dialer's, called with the very address that is about to be
// connected to, so that no second lookup can slip in between.
//
//	d := &net.Dialer{Control: guard.Control}
//
// The zero Guard is ready for use and knows no admin address.
type Guard struct {
	admin []netip.AddrPort
	own   []netip.Addr // this host's addresses, where admin listens on all of them
	allow []netip.Prefix
}

// NewGuard returns a Guard that refuses the admin addresses always. One that is
// unspecified (0.0.0.0 or ::) stands for every address of this host.
func NewGuard(admin ...netip.AddrPort) *Guard {
	g := &Guard{}
	for _, a := range admin {
		a = netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
		g.admin = append(g.admin, a)
		if a.Addr().IsUnspecified() && g.own == nil {
			g.own = ownAddrs()
		}
	}
	return g
}

func ownAddrs() []netip.Addr {
	var own []netip.Addr
	list, _ := net.InterfaceAddrs() // none found: loopback is still known
	for _, a := range list {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			own = append(own, p.Addr().Unmap().WithZone(""))
		}
	}
	return own
}

// Allow returns a Guard that also lets addresses within these prefixes by.
func (g *Guard) Allow(prefixes ...netip.Prefix) *Guard {
	c := *g
	c.allow = append(slices.Clone(g.allow), prefixes...)
	return &c
}

// Control implements net.Dialer's Control. address is what the connection is
// about to be made to, a literal address and port.
func (g *Guard) Control(network, address string, _ syscall.RawConn) error {
	switch network {
	case "tcp", "tcp4", "tcp6", "udp", "udp4", "udp6":
	default:
		return refused("a " + network + " connection")
	}
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return refused("an address that is not literal")
	}
	return g.Check(ap)
}

// Check returns an error of code "upstream.refused" unless ap may be reached.
func (g *Guard) Check(ap netip.AddrPort) error {
	if err := g.checkAdmin(ap); err != nil {
		return err
	}
	a := ap.Addr()
	for _, p := range g.allow {
		if p.Contains(a.WithZone("")) {
			return nil
		}
	}
	if a.Is4In6() {
		return refused("an IPv4-mapped address")
	}
	if r := reachOf(a); r != reachPublic {
		return refused(reachNames[r] + " address")
	}
	return nil
}

// checkAdmin refuses the admin listener and nothing else.
func (g *Guard) checkAdmin(ap netip.AddrPort) error {
	a := ap.Addr().Unmap().WithZone("")
	for _, admin := range g.admin {
		if admin.Port() != ap.Port() {
			continue
		}
		at := admin.Addr()
		// Connecting to the unspecified address reaches this host.
		if a == at || a.IsUnspecified() ||
			at.IsUnspecified() && (a.IsLoopback() || slices.Contains(g.own, a)) {
			return refused("the gateway's own admin address")
		}
	}
	return nil
}

func refused(what string) error {
	return &gatehouse.Error{Code: "upstream.refused", Status: 502, Message: "refused to connect to " + what}
}

// A reach says from where an address can be reached.
type reach uint8

const (
	reachPublic   reach = iota
	reachPrivate        // RFC 1918, ULA, CGNAT
	reachLoopback       // this host
	reachNever          // link-local, metadata, multicast, reserved, or another address in disguise
	reachCount
)

var reachNames = [reachCount]string{"a public", "a private", "a loopback", "a link-local, metadata or reserved"}

// Metadata services that live outside the link-local block.
var metadataAddrs = []netip.Addr{
	netip.MustParseAddr("168.63.129.16"),   // Azure
	netip.MustParseAddr("100.100.100.200"), // Alibaba
	netip.MustParseAddr("192.0.0.192"),     // Oracle
	netip.MustParseAddr("fd00:ec2::254"),   // AWS
	netip.MustParseAddr("fd20:ce::254"),    // Google
}

var (
	privateNets = prefixes("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
	// neverNets are the IANA special-purpose blocks (RFC 6890) that no service is
	// reached at, and those that carry an IPv4 address within.
	neverNets = prefixes(
		"0.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24",
		"198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
		"2001::/23",     // IETF protocol assignments, Teredo among them
		"2001:db8::/32", // documentation
		"2002::/16",     // 6to4
		"3fff::/20",     // documentation
	)
	globalUnicast6 = netip.MustParsePrefix("2000::/3")
)

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

func within(a netip.Addr, nets []netip.Prefix) bool {
	for _, p := range nets {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// reachOf classifies an address. NAT64 (64:ff9b::/96 and 64:ff9b:1::/48),
// IPv4-compatible and site-local addresses lie outside 2000::/3 and are refused
// with it; so is ISATAP by its interface identifier.
func reachOf(a netip.Addr) reach {
	if !a.IsValid() || a.Zone() != "" {
		return reachNever
	}
	a = a.Unmap()
	switch {
	case slices.Contains(metadataAddrs, a):
		return reachNever
	case a.IsLoopback():
		return reachLoopback
	case within(a, privateNets):
		return reachPrivate
	case within(a, neverNets):
		return reachNever
	case a.Is4():
		return reachPublic
	case !globalUnicast6.Contains(a):
		return reachNever
	}
	if b := a.As16(); b[8]&^2 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe { // RFC 5214, section 6.1
		return reachNever
	}
	return reachPublic
}
