package events

import (
	"errors"
	"net/netip"
	"slices"
	"syscall"
)

// errAddress says that a tenant's sink is at an address that no tenant may reach through the controller.
var errAddress = errors.New("the sink's address is this machine's, its link's, a multicast group's or a cloud's metadata service")

var (
	// metadataServices are those of clouds that have them at other than link-local addresses.
	metadataServices = []netip.Addr{
		netip.MustParseAddr("fd00:ec2::254"),   // AWS
		netip.MustParseAddr("fd20:ce::254"),    // Google Cloud
		netip.MustParseAddr("168.63.129.16"),   // Azure
		netip.MustParseAddr("100.100.100.200"), // Alibaba Cloud
	}
	thisNetwork = netip.MustParsePrefix("0.0.0.0/8")
	broadcast   = netip.MustParseAddr("255.255.255.255")
	nat64       = netip.MustParsePrefix("64:ff9b::/96")
)

// refuseLocal is a net.Dialer's Control: it is asked for each address just before that is connected to, so it does not matter what
// a name resolved to earlier.
func refuseLocal(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || local(at.Addr()) {
		return errAddress
	}
	return nil
}

// local tells whether an address belongs to this machine or its surroundings rather than to the network.
func local(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if nat64.Contains(a) {
		bytes := a.As16()
		a = netip.AddrFrom4([4]byte(bytes[12:]))
	}
	return a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified() || thisNetwork.Contains(a) || a == broadcast ||
		slices.Contains(metadataServices, a)
}
