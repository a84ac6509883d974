package cluster

import (
	"os"
	"testing"
)

func testLayout(t *testing.T) Layout {
	t.Helper()
	layout, err := NewLayout(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := layout.Claim(); err != nil {
		t.Fatal(err)
	}
	return layout
}

func TestChoosePorts(t *testing.T) {
	kept := Ports{EtcdClient: 1, EtcdPeer: 2, APIServer: 3, ControllerManager: 4, Scheduler: 5, Kwok: 6}
	tests := []struct {
		name  string
		ports Ports
		taken map[int]bool
		want  Ports
	}{
		{"first start", Ports{}, nil, Ports{101, 102, 103, 104, 105, 106}},
		{"all free", kept, nil, kept},
		{"one taken", kept, map[int]bool{3: true}, Ports{1, 2, 101, 4, 5, 6}},
		{"candidate taken", Ports{}, map[int]bool{101: true, 103: true}, Ports{102, 104, 105, 106, 107, 108}},
		{"twice the same", Ports{1, 1, 3, 4, 5, 6}, nil, Ports{1, 101, 3, 4, 5, 6}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			next := 100
			got, err := ChoosePorts(test.ports, func(port int) bool { return !test.taken[port] }, func() int { next++; return next })
			if err != nil || got != test.want {
				t.Errorf("ChoosePorts = %v, %v, want %v", got, err, test.want)
			}
		})
	}
	if _, err := ChoosePorts(kept, func(int) bool { return false }, RandomPort); err == nil {
		t.Error("ChoosePorts found a port where none is free")
	}
}

func TestRandomPortStaysInRange(t *testing.T) {
	for range 1000 {
		if port := RandomPort(); port < firstPort || port > lastPort {
			t.Fatalf("port %d is not between %d and %d", port, firstPort, lastPort)
		}
	}
}

func TestStateSurvives(t *testing.T) {
	layout := testLayout(t)
	if state, err := LoadState(layout); err != nil || state != (State{}) {
		t.Errorf("LoadState before the first start = %v, %v", state, err)
	}
	want := State{Ports: Ports{1, 2, 3, 4, 5, 6}, Nodes: 2}
	if err := want.Save(layout); err != nil {
		t.Fatal(err)
	}
	if got, err := LoadState(layout); err != nil || got != want {
		t.Errorf("LoadState = %v, %v, want %v", got, err, want)
	}
	if err := os.WriteFile(layout.stateFile(), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadState(layout); err == nil {
		t.Error("LoadState accepts a damaged file")
	}
}
