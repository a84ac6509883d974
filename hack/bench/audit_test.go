package main

import (
	"testing"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/testing/localcluster"
	"nopea.io/nopea/pkg/testing/sandbox"
)

func TestCount(t *testing.T) {
	const tenant = "system:serviceaccount:team:nopea"
	events := []localcluster.Event{
		{Verb: "patch", Resource: "configmaps", User: sandbox.ControllerUser, ImpersonatedUser: tenant},
		{Verb: "list", Resource: "configmaps", User: sandbox.ControllerUser, ImpersonatedUser: tenant},
		{Verb: "patch", Resource: "configmaps", User: sandbox.ControllerUser, ImpersonatedUser: tenant},
		{Verb: "update", Group: v1alpha1.GroupName, Resource: "syncs", Subresource: "status", User: sandbox.ControllerUser},
		{Verb: "create", Group: "events.k8s.io", Resource: "events", User: sandbox.ControllerUser},
		{Verb: "get", User: sandbox.ControllerUser},
	}
	want := "tenant: 1 apply, 0.5 list; nopea.io: 0.5 update syncs/status; other: 0.5 create events, 0.5 get discovery"
	if got := count(events).per(2); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := count(nil).per(1); got != "none" {
		t.Errorf("no requests are %q", got)
	}
	if got := writes(events); len(got) != 3 {
		t.Errorf("the writes are %v", got)
	}
}
