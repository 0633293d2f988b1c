package payload

import (
	"net/netip"
	"strings"
)

// localNames are hosts, and domains with all below them, that are not public:
// RFC 6761, RFC 6762, RFC 8375, ICANN's .internal, Kubernetes' services, and public
// names that are known to point at the loopback.
var localNames = set(`localhost localdomain localhost6 localhost4 local internal intranet lan corp private home.arpa
	svc ip6-localhost ip6-loopback kubernetes.default kubernetes
	localtest.me lvh.me vcap.me lacolhost.com localho.st 127-0-0-1.org.uk`)

// metadataNames are the names of metadata services.
var metadataNames = set(`metadata metadata.google.internal metadata.goog instance-data instance-data.ec2.internal
	metadata.tencentyun.com metadata.packet.net metadata.platformequinix.com rancher-metadata`)

// embeddingDomains answer with the address that the name below them spells.
var embeddingDomains = set(`nip.io sslip.io xip.io xip.name xip.lhjmmc.cn ipq.co traefik.me backname.io
	local-ip.co local-ip.sh my.local-ip.co rbndr.us 1u.ms`)

func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}

// readHost reads what may be a host with a port behind it, folded by appendHost.
// With url it is known to be a host, so that loose spellings count.
func readHost(s string, url bool) reading {
	if s == "" || len(s) > maxHost {
		return reading{}
	}
	if s[0] == '[' {
		inner, _, ok := strings.Cut(s[1:], "]")
		if !ok && !url {
			return reading{}
		}
		if r := readIPv6(inner); r.reach != reachUnknown {
			return r
		}
		s = inner // [127.0.0.1] and its like
	}
	if i := strings.LastIndexByte(s, ':'); i >= 0 {
		if r := readIPv6(s); r.reach != reachUnknown {
			return r
		}
		// In a URL whatever follows the host's colon is a port, or a mistake that some
		// parser forgives.
		if !digits(s[i+1:]) && !url {
			return reading{}
		}
		s = s[:strings.IndexByte(s, ':')]
	}
	if r, ok := readIPv4(s, url); ok {
		return r
	}
	return readName(s)
}

const maxHost = 512 // longer than any name (RFC 1035, section 2.3.4) with a port

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// readName reads a domain name, lower-case.
func readName(s string) reading {
	s = strings.Trim(s, ".")
	if metadataNames[s] {
		return reading{reach: reachMetadata}
	}
	// The last four labels are enough for every name in the tables.
	for i, labels := len(s)-1, 0; i >= 0 && labels < 4; i-- {
		if i > 0 && s[i-1] != '.' {
			continue
		}
		labels++
		switch domain := s[i:]; {
		case localNames[domain]:
			return reading{reach: reachPrivate}
		case embeddingDomains[domain] && i > 0:
			if r := readEmbedded(s[:i-1]); r.reach > reachPublic {
				return reading{reach: r.reach} // a name still: allowed by name only
			}
			return reading{}
		}
	}
	return reading{}
}

// readEmbedded reads the address spelled in a name: 10.0.0.1, app-10-0-0-1,
// 7f000001, or --1 for ::1. Of several the worst counts.
func readEmbedded(s string) (r reading) {
	for label := range strings.SplitSeq(s, ".") {
		if len(label) == 8 && isHex(label[0]) {
			if p, _, ok := readPart("0x"+label, 0); ok {
				a := fromUint32(uint32(p.c))
				r = r.worse(reading{reach: reachOf(a), addr: a})
			}
		}
		if strings.Count(label, "-") >= 2 && len(label) <= 45 {
			r = r.worse(readIPv6(strings.ReplaceAll(label, "-", ":")))
		}
	}
	return r.worse(readQuads(s))
}

// readQuads finds four numbers, parted by dots or dashes, in s.
func readQuads(s string) (r reading) {
	var quad [4]byte
	for i, n := 0, 0; i < len(s); {
		j, v := i, 0
		for j < len(s) && j-i < 3 && '0' <= s[j] && s[j] <= '9' {
			v = v*10 + int(s[j]-'0')
			j++
		}
		if j == i || v > 255 || j < len(s) && '0' <= s[j] && s[j] <= '9' {
			n = 0
			i = max(j, i+1)
			continue
		}
		copy(quad[:], quad[1:])
		quad[3] = byte(v)
		n++
		if n >= 4 {
			a := netip.AddrFrom4(quad)
			r = r.worse(reading{reach: reachOf(a), addr: a})
		}
		if j < len(s) && s[j] != '.' && s[j] != '-' {
			n = 0
		}
		i = j + 1
	}
	return r
}
