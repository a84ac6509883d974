package events

import (
	"net"
	"net/http"
	"net/netip"
	"testing"
)

func TestLocal(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1": true, "127.8.9.10": true, "::1": true, "::ffff:127.0.0.1": true,
		"169.254.169.254": true, "fe80::1": true, "fe80::1%eth0": true, "::ffff:169.254.169.254": true, "64:ff9b::a9fe:a9fe": true,
		"0.0.0.0": true, "0.1.2.3": true, "::": true,
		"224.0.0.1": true, "239.255.255.250": true, "ff02::1": true, "255.255.255.255": true,
		"fd00:ec2::254": true, "fd20:ce::254": true, "168.63.129.16": true, "100.100.100.200": true,
		"10.96.0.1": false, "192.168.1.1": false, "172.16.0.1": false, "203.0.113.7": false, "2001:db8::1": false, "fd00::1": false,
		"64:ff9b::cb00:7107": false,
	} {
		if got := local(netip.MustParseAddr(address)); got != want {
			t.Errorf("local(%s) = %t", address, got)
		}
	}
}

func TestTenantsDoNotReachThisMachine(t *testing.T) {
	private := newRecorder(t, status(http.StatusOK))
	_, port, err := net.SplitHostPort(private.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	before := newTally(t)
	d := NewDispatcher(Options{})
	run(t, d)
	hosts := []string{"127.0.0.1", "localhost", "::1", "::ffff:127.0.0.1", "0.0.0.0", "169.254.169.254"}
	for _, host := range hosts {
		d.Send(Sink{URL: "http://" + net.JoinHostPort(host, port)}, deployed(t))
	}
	eventually(t, "all are rejected", func() bool { return before.since(t, resultRejected) == len(hosts) })
	if got := len(private.got()); got != 0 {
		t.Errorf("%d requests reached this machine", got)
	}

	d.Send(Sink{URL: private.URL, Trusted: true}, deployed(t))
	eventually(t, "the installation may", func() bool { return before.since(t, resultDelivered) == 1 })
	open := NewDispatcher(Options{AllowLocal: true})
	run(t, open)
	open.Send(Sink{URL: "http://localhost:" + port}, deployed(t))
	eventually(t, "allowed by the option", func() bool { return before.since(t, resultDelivered) == 2 })
}

func TestTenantsGoThroughNoProxy(t *testing.T) {
	if transport, ok := newTenantClient(false).Transport.(*http.Transport); !ok || transport.Proxy != nil {
		t.Error("a tenant's sink would be dialled by a proxy, past the check of its address")
	}
}
