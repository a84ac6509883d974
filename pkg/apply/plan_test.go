package apply

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

func configMap(name string) ID { return ID{Kind: "ConfigMap", Namespace: "shop", Name: name} }

func desired(id ID, hash string) Desired {
	return Desired{ID: id, Version: "v1", Hash: hash, File: "app.yaml", Document: 1}
}

func entry(id ID, uid types.UID, hash, signature string) v1alpha1.InventoryEntry {
	return v1alpha1.InventoryEntry{Group: id.Group, Version: "v1", Kind: id.Kind, Namespace: id.Namespace, Name: id.Name,
		UID: uid, Hash: hash, Signature: signature, File: "app.yaml"}
}

func recorded(entries ...v1alpha1.InventoryEntry) *Inventory {
	return NewInventory([][]v1alpha1.InventoryEntry{entries})
}

func TestPlanOfOneObject(t *testing.T) {
	id := configMap("settings")
	ours := Live{UID: "u1", Signature: "s1", Labelled: true}
	unreadable := errors.New("connection refused")
	for name, test := range map[string]struct {
		desired   bool
		entry     *v1alpha1.InventoryEntry
		live      *Live
		unknown   error
		unserved  bool
		keep      bool // spec.prune false
		claimed   bool
		want      Action
		wantWords string
	}{
		"not there": {desired: true, want: Create},
		"recorded before its first write, not there": {desired: true, entry: new(entry(id, "", "", "")), want: Create},
		"as applied":                     {desired: true, entry: new(entry(id, "u1", "h1", "s1")), live: &ours, want: Unchanged},
		"manifest changed":               {desired: true, entry: new(entry(id, "u1", "h0", "s1")), live: &ours, want: Configure},
		"edited by hand":                 {desired: true, entry: new(entry(id, "u1", "h1", "s0")), live: &ours, want: Configure},
		"recreated by hand":              {desired: true, entry: new(entry(id, "u0", "h1", "s1")), live: &ours, want: Configure},
		"ownership removed":              {desired: true, entry: new(entry(id, "u1", "h1", "")), live: &Live{UID: "u1", Labelled: true}, want: Configure},
		"label removed":                  {desired: true, entry: new(entry(id, "u1", "h1", "s1")), live: &Live{UID: "u1", Signature: "s1"}, want: Configure},
		"made with kubectl":              {desired: true, live: &Live{UID: "u1"}, want: Configure},
		"ours, and not in the record":    {desired: true, live: &ours, want: Verify},
		"held by another":                {desired: true, live: &Live{UID: "u1", Holder: &Holder{Description: `the Helm release "web"`, Key: "helm:shop/web"}}, want: Refuse, wantWords: `add "helm:shop/web"`},
		"held by another, and adopted":   {desired: true, live: &Live{UID: "u1", Former: []string{`the Helm release "web"`}}, want: Adopt, wantWords: "from the Helm release"},
		"adopted from one of two":        {desired: true, live: &Live{UID: "u1", Former: []string{"a", "b"}, Holder: &Holder{Description: "b"}}, want: Refuse, wantWords: "held by b"},
		"applied with kubectl":           {desired: true, live: &Live{UID: "u1", Inherits: true}, want: Adopt},
		"ours, applied with kubectl":     {desired: true, entry: new(entry(id, "u1", "h1", "s1")), live: &Live{UID: "u1", Signature: "s1", Labelled: true, Inherits: true}, want: Unchanged},
		"taken by another GitRepository": {entry: new(entry(id, "u1", "h1", "s1")), live: &Live{UID: "u1", Signature: "s2", Holder: &Holder{Description: "the GitRepository b/b"}}, want: Release, wantWords: "GitRepository b/b"},
		"gone from Git, claimed":         {entry: new(entry(id, "u1", "h1", "s1")), live: &ours, claimed: true, want: HandOver, wantWords: "GitRepository team-b/shop"},
		"claimed, pruning off":           {entry: new(entry(id, "u1", "h1", "s1")), live: &ours, claimed: true, keep: true, want: Release, wantWords: "spec.prune"},
		"claimed, another of that name":  {entry: new(entry(id, "u0", "h1", "s1")), live: &ours, claimed: true, want: Release, wantWords: "created another"},
		"claimed and gone":               {entry: new(entry(id, "u1", "h1", "s1")), claimed: true, want: Forget},
		"claimed and desired":            {desired: true, entry: new(entry(id, "u1", "h1", "s1")), live: &ours, claimed: true, want: Unchanged},
		"being deleted":                  {desired: true, live: &Live{UID: "u1", Deleting: true}, want: Blocked, wantWords: "being deleted"},
		"desired and unreadable":         {desired: true, entry: new(entry(id, "u1", "h1", "s1")), unknown: unreadable, want: Blocked},
		"gone from Git":                  {entry: new(entry(id, "u1", "h1", "s1")), live: &ours, want: Prune},
		"gone from Git, edited":          {entry: new(entry(id, "u1", "h1", "s0")), live: &ours, want: Prune},
		"gone, recorded before a write":  {entry: new(entry(id, "", "", "")), live: &ours, want: Prune},
		"gone from Git and cluster":      {entry: new(entry(id, "u1", "h1", "s1")), want: Forget},
		"gone with its kind":             {entry: new(entry(id, "u1", "h1", "s1")), unserved: true, want: Forget},
		"gone, going already":            {entry: new(entry(id, "u1", "h1", "s1")), live: &Live{UID: "u1", Signature: "s1", Labelled: true, Deleting: true}, want: Forget},
		"gone, pruning off":              {entry: new(entry(id, "u1", "h1", "s1")), live: &ours, keep: true, want: Release, wantWords: "spec.prune"},
		"gone, a label alone":            {entry: new(entry(id, "u1", "h1", "s1")), live: &Live{UID: "u1", Labelled: true}, want: Release, wantWords: "owns none"},
		"gone, label removed":            {entry: new(entry(id, "u1", "h1", "s1")), live: &Live{UID: "u1", Signature: "s1"}, want: Release, wantWords: "labels"},
		"gone, another of that name":     {entry: new(entry(id, "u0", "h1", "s1")), live: &ours, want: Release, wantWords: "created another"},
		"gone and unreadable":            {entry: new(entry(id, "u1", "h1", "s1")), unknown: unreadable, want: Blocked},
	} {
		t.Run(name, func(t *testing.T) {
			var wanted []Desired
			if test.desired {
				wanted = append(wanted, desired(id, "h1"))
			}
			inventory := recorded()
			if test.entry != nil {
				inventory = recorded(*test.entry)
			}
			seen := Observation{Live: map[ID]Live{}, Unknown: map[ID]error{}, Unserved: map[ID]bool{}}
			if test.live != nil {
				seen.Live[id] = *test.live
			}
			if test.unknown != nil {
				seen.Unknown[id] = test.unknown
			}
			seen.Unserved[id] = test.unserved
			options := Options{Prune: !test.keep}
			if test.claimed {
				options.Claimed = map[ID]string{id: "GitRepository team-b/shop has it"}
			}
			plan := NewPlan(wanted, inventory, seen, options)
			if len(plan.Steps) != 1 {
				t.Fatalf("%d steps, want one", len(plan.Steps))
			}
			step := plan.Steps[0]
			if step.Action != test.want || !strings.Contains(step.Reason, test.wantWords) {
				t.Fatalf("action %d, reason %q; want %d and %q", step.Action, step.Reason, test.want, test.wantWords)
			}
			if plan.Idle() != (test.want == Unchanged) {
				t.Fatalf("idle is %v for action %d", plan.Idle(), step.Action)
			}
		})
	}
}

func TestGuard(t *testing.T) {
	many := func(n int) (ids []ID) {
		for i := range n {
			ids = append(ids, configMap(fmt.Sprint(i)))
		}
		return ids
	}
	for name, test := range map[string]struct {
		prune []ID
		known int
		held  bool
	}{
		"nothing":                   {nil, 0, false},
		"ten of ten":                {many(10), 10, false},
		"eleven of eleven":          {many(11), 11, true},
		"eleven of 110, a tenth":    {many(11), 110, false},
		"eleven of 109":             {many(11), 109, true},
		"a Namespace":               {[]ID{{Kind: "Namespace", Name: "shop"}}, 1000, true},
		"a claim":                   {[]ID{{Kind: "PersistentVolumeClaim", Namespace: "shop", Name: "data"}}, 1000, true},
		"a definition":              {[]ID{{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition", Name: "x"}}, 1000, true},
		"a GitRepository":           {[]ID{{Group: "nopea.io", Kind: "GitRepository", Namespace: "shop", Name: "x"}}, 1000, true},
		"Flux's GitRepository":      {[]ID{{Group: "source.toolkit.fluxcd.io", Kind: "GitRepository", Namespace: "shop", Name: "x"}}, 1000, false},
		"a kind of the same letter": {[]ID{{Group: "example.com", Kind: "Namespace", Name: "x"}}, 1000, false},
	} {
		if got := Guard(test.prune, test.known); (got != "") != test.held {
			t.Errorf("%s: guard says %q", name, got)
		}
	}
}
