package drift

import (
	"testing"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/apply"
	"nopea.io/nopea/pkg/ownership"
)

func TestAsApplied(t *testing.T) {
	name := apply.Owner{Namespace: "team-a", Name: "shop"}
	for what, test := range map[string]struct {
		want   bool
		change func(*situation, *object)
	}{
		"as applied":            {true, func(*situation, *object) {}},
		"not in Git":            {true, func(s *situation, _ *object) { s.desired, s.exists = nil, false }},
		"gone":                  {false, func(s *situation, _ *object) { s.exists, s.live = false, ownership.Facts{} }},
		"going":                 {false, func(s *situation, _ *object) { s.live.Deleting = true }},
		"gone with a namespace": {false, func(s *situation, _ *object) { s.vanished = true }},
		"edited":                {false, func(s *situation, _ *object) { s.live.Signature = ownership.Digest{2} }},
		"was edited":            {false, func(s *situation, _ *object) { s.suspect = true }},
		"made anew":             {false, func(s *situation, _ *object) { s.live.UID = "other" }},
		"never applied":         {false, func(s *situation, _ *object) { s.uid = "" }},
		"of another label":      {false, func(s *situation, _ *object) { s.live.Repository = "other" }},
		"of another manifest":   {false, func(_ *situation, o *object) { o.entry.Hash = "other" }},
		"only created, edited": {true, func(s *situation, o *object) {
			s.desired.CreateOnly, o.entry.Hash, s.live.Signature = true, "x", ownership.Digest{2}
		}},
		"only created, gone": {false, func(s *situation, _ *object) { s.desired.CreateOnly, s.exists = true, false }},
	} {
		s := &situation{
			desired: &apply.Desired{Hash: "h"}, uid: "u", signature: ownership.Digest{1}, exists: true,
			live: ownership.Facts{UID: "u", Signature: ownership.Digest{1}, Namespace: "team-a", Repository: "shop"},
		}
		o := &object{entry: &v1alpha1.InventoryEntry{Hash: "h"}}
		test.change(s, o)
		if got := s.asApplied(o, name); got != test.want {
			t.Errorf("%s: %v", what, got)
		}
	}
}
