package faults

import (
	"context"
	"fmt"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/testing/githttp"
)

const (
	// patience is how long anything may take, restarts of servers included.
	patience = 45 * time.Second
	// pause between two looks at something that is waited for.
	pause = 50 * time.Millisecond
)

// run is the whole of it.
func (s *scenario) run() {
	s.prepare()
	began := time.Now()
	held := s.hold(s.step)
	s.commits[1] = githttp.Must(commit(s.repo, s.last))(s.T)
	s.post(s.posts, s.userAPI)
	select {
	case <-held.reached:
	case <-time.After(patience):
		s.Fatalf("the step was not reached; %+v", s.state())
	}
	reached := time.Now()
	s.postWhileHeld(s.postsHeld)
	s.strike(held)
	s.waitFor("everything is as the last commit has it", s.settled)
	recovered := time.Now()
	s.invariants()
	s.Logf("reached after %s, recovered in %s", reached.Sub(began).Round(time.Millisecond), recovered.Sub(reached).Round(time.Millisecond))
}

// postWhileHeld asks for Syncs while the step is held, and waits for the answers: nothing is down yet.
func (s *scenario) postWhileHeld(count int) {
	if count == 0 {
		return
	}
	s.post(count, s.api)
	s.waitFor("the answer to a POST", func(context.Context) error {
		s.postingResult.mu.Lock()
		defer s.postingResult.mu.Unlock()
		answers := s.postingResult.lost
		for _, n := range s.postingResult.answered {
			answers += n
		}
		if want := s.posts + count; answers < want {
			return fmt.Errorf("%d of %d", answers, want)
		}
		return nil
	})
}

// strike kills the victim at the held step, checks that it was hit there, and lets go of what was held.
func (s *scenario) strike(held *gate) {
	if s.victim != controller {
		s.verifyStep() // the victim is needed to look
	}
	s.kill(s.victim)
	s.gateway(s.step).set(nil)
	var next *gate
	if s.second != nil {
		next = s.hold(*s.second)
	}
	if s.victim == controller {
		s.verifyStep()
	}
	if s.turnBack {
		s.pushBack()
	}
	s.post(s.postsDown, s.api)
	if s.waitForReturn {
		s.waitReturned()
	}
	held.release(s.drop)
	s.waitReturned()
	s.askAgain()
	if next == nil {
		return
	}
	if s.reachedBeforeSettled(next) {
		s.Logf("second kill: %s at %q", s.secondVictim, s.second.name)
		s.hits.addSecond(s.second.name, s.secondVictim)
		s.kill(s.secondVictim)
	}
	s.gateway(*s.second).set(nil)
	next.release(s.secondVictim == controller || s.drop)
	s.waitReturned()
}

// reachedBeforeSettled waits for a second step, which recovery need not have.
func (s *scenario) reachedBeforeSettled(next *gate) bool {
	ctx, cancel := context.WithTimeout(background(), patience)
	defer cancel()
	for ctx.Err() == nil {
		select {
		case <-next.reached:
			return true
		case <-time.After(pause):
		}
		if s.settled(ctx) == nil {
			return false
		}
	}
	return false
}

func (s *scenario) kill(v victim) {
	s.Helper()
	if v != controller {
		s.disturbances++
	}
	if err := s.world.kill(v); err != nil {
		s.Fatal(err)
	}
}

func (s *scenario) verifyStep() {
	if err := s.step.verify(s, s.state()); err != nil {
		s.Fatalf("the step was missed: %v", err)
	}
	s.hits.add(s.step.name, s.victim)
}

// waitReturned waits until everything answers again.
func (s *scenario) waitReturned() {
	s.Helper()
	ctx, cancel := context.WithTimeout(background(), patience)
	defer cancel()
	if err := s.sandbox.WaitReady(ctx); err != nil {
		s.Fatal(err)
	}
}

// hold sets a step's gate. Where the seed fails it is opened at the end, for the next seed's sake.
func (s *scenario) hold(at step) *gate {
	g, proxy := newGate(at.point(s), s.within(at)), s.gateway(at)
	proxy.set(g)
	s.Cleanup(func() {
		proxy.set(nil)
		g.release(true)
	})
	return g
}

func (s *scenario) gateway(of step) *proxy {
	return map[at]*proxy{atUser: s.users, atAPI: s.apiProxy, atGit: s.gitProxy}[of.at]
}

func (s *scenario) within(of step) string {
	if of.at == atGit {
		return "/" + s.namespace + ".git/"
	}
	return "/namespaces/" + s.namespace + "/"
}

// prepare has the first commit applied.
func (s *scenario) prepare() {
	ctx := background()
	s.mark = githttp.Must(s.sandbox.Cluster.AuditLog().Mark())(s.T)
	s.must(s.kube.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.namespace}}, metav1.CreateOptions{}))
	s.must(s.kube.CoreV1().ServiceAccounts(s.namespace).Create(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "nopea"}}, metav1.CreateOptions{}))
	s.must(s.kube.RbacV1().RoleBindings(s.namespace).Create(ctx, &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "nopea"},
		Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: s.namespace, Name: "nopea"}},
		RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "admin"}}, metav1.CreateOptions{}))
	s.repo = githttp.Must(s.git.CreateRepo(s.namespace))(s.T)
	s.commits[0] = githttp.Must(commit(s.repo, s.first))(s.T)
	interval := "1h"
	if s.trigger == v1alpha1.SyncTriggerPoll {
		interval = "1s"
	}
	s.must(s.api.GitRepositories(s.namespace).Create(ctx, &v1alpha1.GitRepository{
		ObjectMeta: metav1.ObjectMeta{Name: repositoryName},
		Spec: v1alpha1.GitRepositorySpec{URL: s.gitURL + "/" + s.namespace + ".git", Interval: interval, ReconcileInterval: "1h",
			HistoryLimit: new(int32(100))},
	}, metav1.CreateOptions{}))
	s.Cleanup(func() {
		// What a seed leaves behind must not go on polling.
		if err := s.api.GitRepositories(s.namespace).Delete(ctx, repositoryName, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
			s.Logf("delete the GitRepository: %v", err)
		}
	})
	s.waitFor("the first sync", func(ctx context.Context) error { return s.ready(ctx, s.firstCommit()) })
	s.initialSyncs = map[string]bool{}
	for _, sync := range githttp.Must(s.api.Syncs(s.namespace).List(ctx, metav1.ListOptions{}))(s.T).Items {
		s.initialSyncs[sync.Name] = true
	}
	s.uids = map[id]types.UID{}
	for i, live := range githttp.Must(s.live(ctx))(s.T) {
		s.uids[i] = live.GetUID()
	}
	s.bystander = githttp.Must(s.kube.CoreV1().ConfigMaps(s.namespace).Create(ctx, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "bystander",
			Labels:      map[string]string{v1alpha1.LabelRepository: repositoryName, v1alpha1.LabelNamespace: s.namespace},
			Annotations: map[string]string{v1alpha1.AnnotationOrigin: "configmap/bystander.yaml"}},
		Data: map[string]string{"mine": "yes"}}, metav1.CreateOptions{}))(s.T)
}

// post asks for Syncs, side by side, and does not wait.
func (s *scenario) post(count int, through syncPoster) {
	for range count {
		s.posting.Go(func() {
			ctx, cancel := context.WithTimeout(background(), patience)
			defer cancel()
			sync, err := through.GitRepositories(s.namespace).CreateSync(ctx, repositoryName, &v1alpha1.Sync{}, metav1.CreateOptions{})
			s.postingResult.mu.Lock()
			defer s.postingResult.mu.Unlock()
			if err != nil {
				s.postingResult.lost++
				return
			}
			s.postingResult.answered[sync.Name]++
		})
	}
}

// pushBack commits what takes back the additions, and one of the removals. What was applied meanwhile must be known to be pruned.
func (s *scenario) pushBack() {
	again := s.removed()[0]
	s.passing, s.last = s.last, maps.Clone(s.last)
	for _, i := range s.added {
		delete(s.last, i)
	}
	s.last[again] = s.first[again]
	s.commits[1] = githttp.Must(commit(s.repo, s.last))(s.T)
}

// askAgain does what whoever got no answer does: where no request was answered, none need have been stored. Whoever pushed again asks
// again, too.
func (s *scenario) askAgain() {
	s.posting.Wait()
	if s.trigger == v1alpha1.SyncTriggerManual && (s.turnBack || len(s.postingResult.answered) == 0) {
		s.post(1, s.api)
		s.posting.Wait()
	}
}

func (s *scenario) must(_ any, err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *scenario) waitFor(what string, check func(context.Context) error) {
	s.Helper()
	var last error
	err := wait.PollUntilContextTimeout(background(), pause, patience, true, func(ctx context.Context) (bool, error) {
		if err := check(ctx); ctx.Err() == nil {
			last = err
			return err == nil, nil
		}
		return false, nil
	})
	if err != nil {
		s.Fatalf("waited %s in vain for: %s: %v\n%s", patience, what, last, s.describe())
	}
}
