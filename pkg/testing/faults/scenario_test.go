package faults

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/testing/githttp"
	"nopea.io/nopea/pkg/testing/localcluster"
)

const repositoryName = "shop"

// scenario is one seed.
type scenario struct {
	*testing.T
	*world
	random *rand.Rand

	// What the seed decides.
	step          step
	victim        victim
	trigger       v1alpha1.SyncTrigger
	posts         int  // at first
	postsHeld     int  // while the step is held
	postsDown     int  // just after the kill
	drop          bool // what was held, rather than let it go on
	waitForReturn bool // before what was held goes on
	turnBack      bool // to push, while the victim is away, a commit that takes back what the last one added
	second        *step
	secondVictim  victim

	namespace     string
	repo          *githttp.Repo
	first, last   content
	passing       content // what was last before the repository turned back
	added         []id
	commits       [2]string
	mark          localcluster.Mark
	initialSyncs  map[string]bool
	uids          map[id]types.UID
	bystander     *corev1.ConfigMap
	disturbances  int // kills of anything but the controller
	posting       sync.WaitGroup
	postingResult posted
}

// posted is what became of the requests for a Sync.
type posted struct {
	mu       sync.Mutex
	answered map[string]int // requests per Sync
	lost     int
}

// victims of the first kill. A seed takes the next step, and after each round of steps the next victim for it.
var victims = []victim{controller, nopeaAPIServer, kubeAPIServer, etcd}

func newScenario(t *testing.T, w *world, seed int) *scenario {
	s := &scenario{T: t, world: w, random: rand.New(rand.NewPCG(uint64(seed), 0)), namespace: fmt.Sprintf("seed-%d", seed)}
	n := seed - 1
	s.step = steps[n%len(steps)]
	s.victim = victims[(n+n/len(steps))%len(victims)]
	s.trigger = s.step.trigger
	chance := func(percent int) bool { return s.random.IntN(100) < percent }
	if poll := chance(35); s.trigger == "" {
		s.trigger = v1alpha1.SyncTriggerManual
		if poll {
			s.trigger = v1alpha1.SyncTriggerPoll
		}
	}
	if s.trigger == v1alpha1.SyncTriggerManual {
		s.posts = 1
		if s.step.at != atUser {
			s.posts += s.random.IntN(3)
		}
	}
	if s.step.at != atUser && chance(30) {
		s.postsHeld = 1
	}
	if chance(25) {
		s.postsDown = 1 + s.random.IntN(2)
	}
	// What a dead process has sent no further is lost; from a living one it may still arrive.
	s.drop = s.victim == controller || chance(50)
	s.waitForReturn = chance(50)
	s.turnBack = chance(30)
	if chance(30) {
		second := secondSteps[s.random.IntN(len(secondSteps))]
		s.second = &second
		s.secondVictim = victims[s.random.IntN(len(victims))]
	}
	s.first, s.last = choose(s.random)
	for i := range s.last {
		if s.first[i] == 0 {
			s.added = append(s.added, i)
		}
	}
	s.postingResult.answered = map[string]int{}
	return s
}

// secondSteps are those that a recovery is likely to have.
var secondSteps = []step{
	{name: "Sync running", at: atAPI, point: fixed(takeSync, after, 1)},
	{name: "inventories listed", at: atAPI, point: fixed(listInventories, after, 1)},
	{name: "first object applied", at: atAPI, point: fixed(applyObject, after, 1)},
	{name: "inventory written", at: atAPI, point: fixed(writeInventory, after, 1)},
	{name: "status written", at: atAPI, point: fixed(writeStatus, after, 1)},
	{name: "Sync finished", at: atAPI, point: fixed(finishSync, after, 1)},
}

func (s *scenario) String() string {
	text := fmt.Sprintf("kill %s at %q; trigger %s, %d+%d+%d posts", s.victim, s.step.name, s.trigger, s.posts, s.postsHeld, s.postsDown)
	if s.drop {
		text += "; what is held is dropped"
	}
	if s.waitForReturn {
		text += "; held until it is back"
	}
	if s.turnBack {
		text += "; Git turns back meanwhile"
	}
	if s.second != nil {
		text += fmt.Sprintf("; then %s at %q", s.secondVictim, s.second.name)
	}
	return text
}

// mayGo tells whether some commit after the first one lacks an object, so that it may be deleted, whatever became of it later.
func (s *scenario) mayGo(i id) bool {
	return s.last[i] == 0 || s.passing != nil && s.passing[i] == 0
}

func (s *scenario) writes() int {
	count := 0
	for i, version := range s.last {
		if s.first[i] != version {
			count++
		}
	}
	return count
}

func (s *scenario) removed() []id {
	return slices.DeleteFunc(slices.SortedFunc(maps.Keys(s.first), compareIDs), func(i id) bool { return s.last[i] != 0 })
}

func (s *scenario) removals() int       { return len(s.removed()) }
func (s *scenario) firstCommit() string { return s.commits[0] }
func (s *scenario) lastCommit() string  { return s.commits[1] }
