package faults

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"

	apimeta "k8s.io/apimachinery/pkg/api/meta"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

// kind of a request.
type kind string

const (
	other kind = "other"
	// To nopea-apiserver.
	postSync        kind = "post a Sync"
	takeSync        kind = "mark a Sync as Running"
	finishSync      kind = "finish a Sync"
	writeInventory  kind = "write an Inventory"
	writeStatus     kind = "write a GitRepository's status"
	writeProgress   kind = "show progress"
	listInventories kind = "list Inventories"
	// To kube-apiserver, about the tenant's objects.
	applyObject  kind = "apply an object"
	deleteObject kind = "delete an object"
	// To Git.
	lsRefs kind = "ls-refs"
	fetch  kind = "fetch"
)

func classifyGit(_ *http.Request, body []byte) kind {
	switch {
	case bytes.Contains(body, []byte("command=ls-refs")):
		return lsRefs
	case bytes.Contains(body, []byte("command=fetch")):
		return fetch
	}
	return other
}

// statuses classifies writes of GitRepositories' statuses by what they tell beside how the objects fare: that is told whenever it changes,
// and is no step of a sync.
type statuses struct {
	mu   sync.Mutex
	told map[string]string
}

func (s *statuses) classify(req *http.Request, body []byte) kind {
	kind := classifyAPI(req, body)
	if kind != writeStatus {
		return kind
	}
	var written v1alpha1.GitRepository
	if json.Unmarshal(body, &written) != nil {
		return kind
	}
	status := &written.Status
	status.Health = nil
	apimeta.RemoveStatusCondition(&status.Conditions, v1alpha1.ConditionHealthy)
	told, err := json.Marshal(status)
	if err != nil {
		return kind
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.told[req.URL.Path] == string(told) {
		return other
	}
	if s.told == nil {
		s.told = map[string]string{}
	}
	s.told[req.URL.Path] = string(told)
	if bytes.Contains(told, []byte(`"Progressing"`)) {
		return writeProgress
	}
	return kind
}

func classifyAPI(req *http.Request, body []byte) kind {
	path := req.URL.Path
	if req.URL.Query().Get("watch") != "" || !strings.Contains(path, "/namespaces/") || strings.Contains(path, "/namespaces/nopea-system/") {
		return other
	}
	if !strings.HasPrefix(path, "/apis/"+v1alpha1.GroupName+"/") {
		return classifyObject(req.Method, path)
	}
	is := func(method, resource, subresource string) bool {
		return req.Method == method && strings.Contains(path, "/"+resource) && strings.HasSuffix(path, subresource)
	}
	switch {
	case is(http.MethodPost, "", "/syncs"):
		return postSync
	case is(http.MethodPut, "syncs/", "/status") && bytes.Contains(body, []byte(v1alpha1.SyncPhaseRunning)):
		return takeSync
	case is(http.MethodPut, "syncs/", "/status"):
		return finishSync
	case is(http.MethodPut, "gitrepositories/", "/status"):
		return writeStatus
	case is(http.MethodPost, "inventories", ""), is(http.MethodPut, "inventories/", ""):
		return writeInventory
	case is(http.MethodGet, "inventories", "/inventories"):
		return listInventories
	}
	return other
}

func classifyObject(method, path string) kind {
	for _, resource := range []string{"configmaps", "secrets", "deployments"} {
		if !strings.Contains(path, "/"+resource) {
			continue
		}
		switch method {
		case http.MethodPatch:
			return applyObject
		case http.MethodDelete:
			return deleteObject
		}
	}
	return other
}

// at is the proxy where a step is held.
type at string

const (
	atUser at = "user" // what users post
	atAPI  at = "api"  // what the controller asks of the API server
	atGit  at = "git"  // what the controller asks of Git
)

// step of a sync.
type step struct {
	name  string
	at    at
	point func(*scenario) point
	// trigger that has this step, if not both.
	trigger v1alpha1.SyncTrigger
	// verify says why a state is not the one of this step.
	verify func(*scenario, state) error
}

func fixed(k kind, h hold, count int) func(*scenario) point {
	return func(*scenario) point { return point{k, h, count} }
}

// steps of a sync, in their order.
var steps = []step{
	{name: "POST half sent", at: atUser, point: fixed(postSync, during, 0), trigger: v1alpha1.SyncTriggerManual, verify: noSync},
	{name: "POST stored, answer lost", at: atUser, point: fixed(postSync, after, 1), trigger: v1alpha1.SyncTriggerManual, verify: someSync},
	{name: "poll announced", at: atAPI, point: fixed(postSync, after, 1), trigger: v1alpha1.SyncTriggerPoll, verify: all(running, nothingApplied)},
	{name: "Sync pending", at: atAPI, point: fixed(takeSync, before, 0), trigger: v1alpha1.SyncTriggerManual, verify: all(pending, nothingApplied)},
	{name: "Sync running", at: atAPI, point: fixed(takeSync, after, 1), trigger: v1alpha1.SyncTriggerManual, verify: all(running, nothingApplied)},
	{name: "ls-refs arrived", at: atGit, point: fixed(lsRefs, before, 0), verify: all(takenIfPosted, nothingApplied)},
	{name: "fetch arrived", at: atGit, point: fixed(fetch, before, 0), verify: all(takenIfPosted, nothingApplied)},
	{name: "fetch half answered", at: atGit, point: fixed(fetch, half, 0), verify: all(takenIfPosted, nothingApplied)},
	{name: "inventory read", at: atAPI, point: fixed(listInventories, after, 1), verify: all(takenIfPosted, nothingApplied)},
	{name: "plan made, nothing recorded", at: atAPI, point: fixed(writeInventory, before, 0), verify: all(running, nothingApplied, recorded(0))},
	{name: "new objects recorded", at: atAPI, point: fixed(writeInventory, after, 1), verify: all(running, nothingApplied, recordedNew)},
	{name: "first apply half sent", at: atAPI, point: fixed(applyObject, during, 0), verify: all(running, nothingApplied, recordedNew)},
	{name: "first object applied", at: atAPI, point: fixed(applyObject, after, 1), verify: all(running, applied(func(*scenario) int { return 1 }), recordedNew)},
	{name: "half of the objects applied", at: atAPI,
		point:  func(s *scenario) point { return point{applyObject, after, s.writes() / 2} },
		verify: all(running, applied(func(s *scenario) int { return s.writes() / 2 }), recordedNew)},
	{name: "all objects applied", at: atAPI,
		point:  func(s *scenario) point { return point{applyObject, after, s.writes()} },
		verify: all(running, applied((*scenario).writes), pruned(func(*scenario) int { return 0 }), recordedNew)},
	{name: "first object pruned", at: atAPI, point: fixed(deleteObject, after, 1),
		verify: all(running, applied((*scenario).writes), pruned(func(*scenario) int { return 1 }), recordedNew)},
	{name: "all pruned, not recorded", at: atAPI, point: fixed(writeInventory, before, 1),
		verify: all(running, applied((*scenario).writes), pruned((*scenario).removals), recordedNew)},
	{name: "inventory finished", at: atAPI, point: fixed(writeInventory, after, 2),
		verify: all(running, applied((*scenario).writes), pruned((*scenario).removals), recorded(0), statusAt((*scenario).firstCommit))},
	{name: "status written, Sync running", at: atAPI, point: fixed(writeStatus, after, 1), verify: all(running, recorded(0), statusAt((*scenario).lastCommit))},
	{name: "Sync finished", at: atAPI, point: fixed(finishSync, after, 1), verify: all(finished, recorded(0), statusAt((*scenario).lastCommit))},
}

// state is what the sync under test has come to. Counts are of that sync, not of the first one.
type state struct {
	syncs map[v1alpha1.SyncPhase]int
	// written objects are as the last commit has them and not as the first one; gone ones are removed from Git and from the cluster.
	written, gone int
	// blank inventory entries are recorded and not applied.
	blank  int
	commit string // that status.applied names
}

type verdict = func(*scenario, state) error

func all(verdicts ...verdict) verdict {
	return func(s *scenario, now state) error {
		for _, verdict := range verdicts {
			if err := verdict(s, now); err != nil {
				return err
			}
		}
		return nil
	}
}

func noSync(_ *scenario, now state) error {
	if len(now.syncs) > 0 {
		return fmt.Errorf("there are Syncs: %v", now.syncs)
	}
	return nil
}

func someSync(_ *scenario, now state) error {
	if len(now.syncs) == 0 {
		return fmt.Errorf("there is no Sync")
	}
	return nil
}

func pending(_ *scenario, now state) error { return has(now, v1alpha1.SyncPhasePending) }
func running(_ *scenario, now state) error { return has(now, v1alpha1.SyncPhaseRunning) }
func finished(_ *scenario, now state) error {
	return has(now, v1alpha1.SyncPhaseSucceeded)
}

func has(now state, phase v1alpha1.SyncPhase) error {
	if now.syncs[phase] == 0 {
		return fmt.Errorf("no Sync is %s: %v", phase, now.syncs)
	}
	return nil
}

// takenIfPosted: a poll stores its Sync only when it has something to apply.
func takenIfPosted(s *scenario, now state) error {
	if s.trigger != v1alpha1.SyncTriggerPoll {
		return running(s, now)
	}
	if stored := now.syncs[v1alpha1.SyncPhasePending]; now.syncs[v1alpha1.SyncPhaseRunning] > 0 || stored > s.postsHeld {
		return fmt.Errorf("there are Syncs although the poll has not read everything: %v", now.syncs)
	}
	return nil
}

func nothingApplied(_ *scenario, now state) error {
	if now.written > 0 || now.gone > 0 {
		return fmt.Errorf("%d objects are written and %d gone", now.written, now.gone)
	}
	return nil
}

func applied(count func(*scenario) int) verdict {
	return func(s *scenario, now state) error {
		if want := count(s); now.written != want {
			return fmt.Errorf("%d objects are written, want %d", now.written, want)
		}
		return nil
	}
}

func pruned(count func(*scenario) int) verdict {
	return func(s *scenario, now state) error {
		if want := count(s); now.gone != want {
			return fmt.Errorf("%d objects are gone, want %d", now.gone, want)
		}
		return nil
	}
}

func recorded(blank int) verdict {
	return func(_ *scenario, now state) error {
		if now.blank != blank {
			return fmt.Errorf("%d inventory entries are blank, want %d", now.blank, blank)
		}
		return nil
	}
}

func recordedNew(s *scenario, now state) error { return recorded(len(s.added))(s, now) }

func statusAt(commit func(*scenario) string) verdict {
	return func(s *scenario, now state) error {
		if want := commit(s); now.commit != want {
			return fmt.Errorf("the status says %s, want %s", now.commit, want)
		}
		return nil
	}
}
