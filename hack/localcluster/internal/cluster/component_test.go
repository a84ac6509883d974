package cluster

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestCommandLine(t *testing.T) {
	layout, ports := testLayout(t), Ports{1, 2, 3, 4, 5, 6}
	assets := t.TempDir()
	if err := os.WriteFile(filepath.Join(assets, Etcd), nil, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(assets, APIServer), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, component string
		options         Options
		wantPath        string
		wantFirst       string // arguments that come first
		want            string
	}{
		{"own", Etcd, Options{Self: "/self"}, "/self", SelfCommand, "--listen-client-urls=https://127.0.0.1:1"},
		{"asset", Etcd, Options{Self: "/self", AssetsDir: assets}, filepath.Join(assets, Etcd), "--name=localcluster", "--client-cert-auth"},
		{"asset not executable", APIServer, Options{Self: "/self", AssetsDir: assets}, "/self", SelfCommand, "--secure-port=3"},
		{"asset missing", ControllerManager, Options{Self: "/self", AssetsDir: assets}, "/self", SelfCommand, "--secure-port=4"},
		{"scheduler", Scheduler, Options{Self: "/self"}, "/self", SelfCommand, "--secure-port=5"},
		{"kwok", Kwok, Options{Self: "/self"}, "/self", SelfCommand, "--server-address=127.0.0.1:6"},
		{"no fsync", Etcd, Options{Self: "/self", UnsafeNoFsync: true}, "/self", SelfCommand, "--unsafe-no-fsync"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path, args, err := CommandLine(layout, ports, test.component, test.options)
			if err != nil {
				t.Fatal(err)
			}
			if path != test.wantPath || args[0] != test.wantFirst || !slices.Contains(args, test.want) {
				t.Errorf("CommandLine = %s %q, want %s %s … %s", path, args, test.wantPath, test.wantFirst, test.want)
			}
		})
	}
	if _, _, err := CommandLine(layout, ports, "kubelet", Options{}); err == nil {
		t.Error("CommandLine knows a kubelet")
	}
	if slices.Contains(etcdArgs(layout, ports, false), "--unsafe-no-fsync") {
		t.Error("etcd does without fsync unasked")
	}
}
