package apply

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

// scene is a cluster, what Git holds and what is recorded, all drawn at random.
type scene struct {
	wanted   []Desired
	recorded *Inventory
	seen     Observation
	options  Options
	// outside are live objects that neither Git nor the record knows.
	outside map[ID]bool
}

func drawScene(seed uint64) *scene {
	random := rand.New(rand.NewPCG(seed, 1))
	some := func(n int) string { return fmt.Sprint(random.IntN(n)) }
	s := &scene{seen: Observation{Live: map[ID]Live{}, Unknown: map[ID]error{}, Unserved: map[ID]bool{}}, outside: map[ID]bool{},
		options: Options{Prune: random.IntN(4) > 0, Claimed: map[ID]string{}}}
	var entries []v1alpha1.InventoryEntry
	for i := range 30 {
		id := configMap(fmt.Sprint(i))
		isDesired, isRecorded := random.IntN(2) == 0, random.IntN(2) == 0
		if isDesired {
			s.wanted = append(s.wanted, desired(id, some(2)))
		}
		if isRecorded {
			entries = append(entries, entry(id, types.UID(some(2)), some(2), some(2)))
		}
		if random.IntN(4) == 0 {
			s.options.Claimed[id] = "another has it"
		}
		switch random.IntN(4) {
		case 0:
			s.seen.Unknown[id] = errors.New("unreadable")
		case 1:
		default:
			live := Live{UID: types.UID(some(2)), Signature: []string{"", "0", "1"}[random.IntN(3)],
				Labelled: random.IntN(2) == 0, Deleting: random.IntN(5) == 0}
			if !live.ours() {
				live.Inherits = random.IntN(2) == 0
				if random.IntN(2) == 0 {
					live.Former = []string{"the Helm release"}
				}
				if random.IntN(3) == 0 {
					live.Holder = &Holder{Description: "somebody", Key: "argocd:some"}
				}
			}
			s.seen.Live[id] = live
			s.outside[id] = !isDesired && !isRecorded
		}
	}
	s.recorded = recorded(entries...)
	return s
}

func (s *scene) plan() Plan { return NewPlan(s.wanted, s.recorded, s.seen, s.options) }

// carryOut does to the scene what a plan does to a cluster whose API server takes everything.
func (s *scene) carryOut(plan *Plan) {
	next := s.recorded.Clone()
	for i := range plan.Steps {
		step := &plan.Steps[i]
		switch step.Action {
		case Create, Configure, Adopt, Verify:
			live := Live{UID: step.UID, Signature: "applied " + step.Desired.Hash, Labelled: true}
			if step.Action == Create {
				live.UID = "new"
			}
			s.seen.Live[step.ID] = live
			next.Set(entry(step.ID, live.UID, step.Desired.Hash, live.Signature))
		case Prune:
			delete(s.seen.Live, step.ID)
			next.Delete(step.ID)
		case Release, Forget, Refuse:
			next.Delete(step.ID)
		}
	}
	s.recorded = next
}

// TestPlanProperties draws random clusters and checks what must hold for every plan.
func TestPlanProperties(t *testing.T) {
	for seed := range uint64(2000) {
		s := drawScene(seed)
		plan, again := s.plan(), s.plan()
		isDesired, done := map[ID]bool{}, map[ID]bool{}
		for i := range s.wanted {
			isDesired[s.wanted[i].ID] = true
		}
		for i, step := range plan.Steps {
			if again.Steps[i].Action != step.Action || again.Steps[i].ID != step.ID {
				t.Fatalf("seed %d: two plans of the same differ", seed)
			}
			if done[step.ID] {
				t.Fatalf("seed %d: %s stands twice", seed, step.ID)
			}
			done[step.ID] = true
			if s.outside[step.ID] {
				t.Fatalf("seed %d: %s is neither desired nor recorded", seed, step.ID)
			}
			live, claimed := s.seen.Live[step.ID], s.options.Claimed[step.ID] != ""
			switch step.Action {
			case Prune:
				if isDesired[step.ID] || s.recorded.Entry(step.ID) == nil || !live.ours() || live.Holder != nil || claimed || !s.options.Prune || s.seen.Unknown[step.ID] != nil {
					t.Fatalf("seed %d: %s is pruned without proof", seed, step.ID)
				}
			case Create, Configure, Adopt, Verify:
				if !isDesired[step.ID] || live.Holder != nil || s.seen.Unknown[step.ID] != nil {
					t.Fatalf("seed %d: %s is applied without being known", seed, step.ID)
				}
			}
		}
		for id := range isDesired {
			if !done[id] {
				t.Fatalf("seed %d: %s is forgotten", seed, id)
			}
		}
	}
}

// TestPlanTwice: once a plan is carried out, there is nothing left to do but what could not be done.
func TestPlanTwice(t *testing.T) {
	for seed := range uint64(2000) {
		s := drawScene(seed)
		first := s.plan()
		s.carryOut(&first)
		second := s.plan()
		for _, step := range second.Steps {
			switch step.Action {
			case Unchanged, Refuse, Blocked, HandOver:
			default:
				t.Fatalf("seed %d: %s: action %d, the second time", seed, step.ID, step.Action)
			}
		}
		for id, outside := range s.outside {
			if _, there := s.seen.Live[id]; outside && !there {
				t.Fatalf("seed %d: %s was nobody's business, and is gone", seed, id)
			}
		}
	}
}

// TestPlanOfWhatIsLive is empty.
func TestPlanOfWhatIsLive(t *testing.T) {
	for seed := range uint64(500) {
		s := drawScene(seed)
		s.recorded = recorded()
		s.seen = Observation{Live: map[ID]Live{}, Unknown: map[ID]error{}, Unserved: map[ID]bool{}}
		for _, d := range s.wanted {
			s.seen.Live[d.ID] = Live{UID: "u", Signature: "s", Labelled: true}
			s.recorded.Set(entry(d.ID, "u", d.Hash, "s"))
		}
		if plan := s.plan(); !plan.Idle() || len(plan.Steps) != len(s.wanted) {
			t.Fatalf("seed %d: %+v", seed, plan.Steps)
		}
	}
}
