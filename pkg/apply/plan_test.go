package apply

import (
	"errors"
	"fmt"
	"math/rand/v2"
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
		want      Action
		wantWords string
	}{
		"not there": {desired: true, want: Create},
		"recorded before its first write, not there": {desired: true, entry: new(entry(id, "", "", "")), want: Create},
		"as applied":                    {desired: true, entry: new(entry(id, "u1", "h1", "s1")), live: &ours, want: Unchanged},
		"manifest changed":              {desired: true, entry: new(entry(id, "u1", "h0", "s1")), live: &ours, want: Configure},
		"edited by hand":                {desired: true, entry: new(entry(id, "u1", "h1", "s0")), live: &ours, want: Configure},
		"recreated by hand":             {desired: true, entry: new(entry(id, "u0", "h1", "s1")), live: &ours, want: Configure},
		"ownership removed":             {desired: true, entry: new(entry(id, "u1", "h1", "")), live: &Live{UID: "u1", Labelled: true}, want: Configure},
		"label removed":                 {desired: true, entry: new(entry(id, "u1", "h1", "s1")), live: &Live{UID: "u1", Signature: "s1"}, want: Configure},
		"made with kubectl":             {desired: true, live: &Live{UID: "u1"}, want: Configure},
		"ours, and not in the record":   {desired: true, live: &ours, want: Verify},
		"held by another":               {desired: true, live: &Live{UID: "u1", Holder: &Holder{Description: `the Helm release "web"`}}, want: Refuse, wantWords: "Helm release"},
		"being deleted":                 {desired: true, live: &Live{UID: "u1", Deleting: true}, want: Blocked, wantWords: "being deleted"},
		"desired and unreadable":        {desired: true, entry: new(entry(id, "u1", "h1", "s1")), unknown: unreadable, want: Blocked},
		"gone from Git":                 {entry: new(entry(id, "u1", "h1", "s1")), live: &ours, want: Prune},
		"gone from Git, edited":         {entry: new(entry(id, "u1", "h1", "s0")), live: &ours, want: Prune},
		"gone, recorded before a write": {entry: new(entry(id, "", "", "")), live: &ours, want: Prune},
		"gone from Git and cluster":     {entry: new(entry(id, "u1", "h1", "s1")), want: Forget},
		"gone with its kind":            {entry: new(entry(id, "u1", "h1", "s1")), unserved: true, want: Forget},
		"gone, going already":           {entry: new(entry(id, "u1", "h1", "s1")), live: &Live{UID: "u1", Signature: "s1", Labelled: true, Deleting: true}, want: Forget},
		"gone, pruning off":             {entry: new(entry(id, "u1", "h1", "s1")), live: &ours, keep: true, want: Release, wantWords: "spec.prune"},
		"gone, a label alone":           {entry: new(entry(id, "u1", "h1", "s1")), live: &Live{UID: "u1", Labelled: true}, want: Release, wantWords: "owns none"},
		"gone, label removed":           {entry: new(entry(id, "u1", "h1", "s1")), live: &Live{UID: "u1", Signature: "s1"}, want: Release, wantWords: "labels"},
		"gone, another of that name":    {entry: new(entry(id, "u0", "h1", "s1")), live: &ours, want: Release, wantWords: "created another"},
		"gone and unreadable":           {entry: new(entry(id, "u1", "h1", "s1")), unknown: unreadable, want: Blocked},
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
			plan := NewPlan(wanted, inventory, seen, Options{Prune: !test.keep})
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

// TestPlanProperties draws random clusters and checks what must hold for every plan.
func TestPlanProperties(t *testing.T) {
	for seed := range uint64(2000) {
		random := rand.New(rand.NewPCG(seed, 1))
		var wanted []Desired
		var entries []v1alpha1.InventoryEntry
		seen := Observation{Live: map[ID]Live{}, Unknown: map[ID]error{}, Unserved: map[ID]bool{}}
		isDesired, isRecorded := map[ID]bool{}, map[ID]bool{}
		for i := range 30 {
			id := configMap(fmt.Sprint(i))
			if random.IntN(2) == 0 {
				wanted, isDesired[id] = append(wanted, desired(id, fmt.Sprint(random.IntN(2)))), true
			}
			if random.IntN(2) == 0 {
				entries, isRecorded[id] = append(entries, entry(id, types.UID(fmt.Sprint(random.IntN(2))), fmt.Sprint(random.IntN(2)), fmt.Sprint(random.IntN(2)))), true
			}
			switch random.IntN(4) {
			case 0:
				seen.Unknown[id] = errors.New("unreadable")
			case 1:
			default:
				seen.Live[id] = Live{UID: types.UID(fmt.Sprint(random.IntN(2))), Signature: []string{"", "0", "1"}[random.IntN(3)],
					Labelled: random.IntN(2) == 0, Deleting: random.IntN(5) == 0}
			}
		}
		inventory := recorded(entries...)
		plan := NewPlan(wanted, inventory, seen, Options{Prune: true})
		again := NewPlan(wanted, inventory, seen, Options{Prune: true})
		done := map[ID]bool{}
		for i, step := range plan.Steps {
			if again.Steps[i].Action != step.Action || again.Steps[i].ID != step.ID {
				t.Fatalf("seed %d: two plans of the same differ", seed)
			}
			if done[step.ID] {
				t.Fatalf("seed %d: %s stands twice", seed, step.ID)
			}
			done[step.ID] = true
			live := seen.Live[step.ID]
			switch step.Action {
			case Prune:
				if isDesired[step.ID] || !isRecorded[step.ID] || live.Signature == "" || !live.Labelled || seen.Unknown[step.ID] != nil {
					t.Fatalf("seed %d: %s is pruned without proof", seed, step.ID)
				}
			case Create, Configure:
				if !isDesired[step.ID] || seen.Unknown[step.ID] != nil {
					t.Fatalf("seed %d: %s is applied without being known", seed, step.ID)
				}
			}
			if !isDesired[step.ID] && !isRecorded[step.ID] {
				t.Fatalf("seed %d: %s is neither desired nor recorded", seed, step.ID)
			}
		}
	}
}
