package gitrepository

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/controller/queue"
	"nopea.io/nopea/pkg/git"
	"nopea.io/nopea/pkg/testing/githttp"
)

func TestYields(t *testing.T) {
	server := githttp.New(t)
	repo := githttp.Must(server.CreateRepo("mono"))(t)
	first := githttp.Must(repo.Commit(map[string]string{"a/x.yaml": "1", "b/x.yaml": "1"}))(t)
	second := githttp.Must(repo.Commit(map[string]string{"b/x.yaml": "2"}))(t)
	sources := githttp.Must(git.NewCache(git.CacheOptions{Dir: t.TempDir()}))(t)
	t.Cleanup(sources.Close)
	source := githttp.Must(sources.Source(repo.URL, git.Credentials{}))(t)
	readsOf := func(folder string) *git.Reads {
		reads := &git.Reads{}
		snapshot := githttp.Must(source.Fetch(t.Context(), git.Revision{Hash: first}))(t)
		githttp.Must(snapshot.Noting(reads).Files(t.Context(), folder, func(string) bool { return true }))(t)
		return reads
	}
	untouched, touched := readsOf("a"), readsOf("b")
	githttp.Must(source.Fetch(t.Context(), git.Revision{Hash: second}))(t)

	c := &Controller{queue: queue.New[types.NamespacedName](clock.RealClock{})}
	requested := func(commit, uid string) []*v1alpha1.Sync {
		return []*v1alpha1.Sync{{ObjectMeta: metav1.ObjectMeta{UID: types.UID(uid)}, Spec: v1alpha1.SyncSpec{
			Trigger: v1alpha1.SyncTriggerWebhook, Push: &v1alpha1.Push{Ref: "refs/heads/main", Commit: commit}}}}
	}
	remembered := &memory{past: past{source: source, settled: &settled{generation: 3, reads: untouched}}}
	if c.yields(t.Context(), settledRepository(), remembered, requested(second, "0")) {
		t.Error("it yields while nobody else waits")
	}
	c.queue.Add(types.NamespacedName{Name: "other"}, queue.Urgent)
	for _, test := range []struct {
		name   string
		want   bool
		commit string
		uid    string
		change func(*memory, []*v1alpha1.Sync)
	}{
		{"what the push changes", false, second, "1", func(m *memory, _ []*v1alpha1.Sync) { m.settled.reads = touched }},
		{"a commit that is not here", false, "1234567812345678123456781234567812345678", "1", nil},
		{"no commit", false, "x", "1", nil},
		{"nothing is settled", false, second, "1", func(m *memory, _ []*v1alpha1.Sync) { m.settled = nil }},
		{"something is to be tried again", false, second, "1", func(m *memory, _ []*v1alpha1.Sync) { m.cadence.retry = time.Unix(1, 0) }},
		{"somebody asked", false, second, "1", func(_ *memory, s []*v1alpha1.Sync) { s[0].Spec.Trigger = v1alpha1.SyncTriggerManual }},
		{"what the push does not change", true, second, "1", nil},
		{"the second time", false, second, "1", func(m *memory, _ []*v1alpha1.Sync) { m.yielded = "1" }},
	} {
		remembered := &memory{past: past{source: source, settled: &settled{generation: 3, reads: untouched}}}
		syncs := requested(test.commit, test.uid)
		if test.change != nil {
			test.change(remembered, syncs)
		}
		if got := c.yields(t.Context(), settledRepository(), remembered, syncs); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
		if test.want && remembered.yielded != "1" {
			t.Error("it is not remembered")
		}
	}
}

func TestToldAgain(t *testing.T) {
	now := time.Now()
	push := git.Revision{Ref: "refs/heads/main", Hash: "a"}
	newest := told{push: push, at: now}
	if until := newest.waits(push, now.Add(toldAgainAfter-1)); !until.Equal(now.Add(toldAgainAfter)) {
		t.Errorf("told again, it waits until %s", until)
	}
	if until := newest.waits(push, now.Add(toldAgainAfter)); !until.IsZero() {
		t.Errorf("it waits for good: until %s", until)
	}
	if until := newest.waits(git.Revision{Ref: push.Ref, Hash: "b"}, now); !until.IsZero() {
		t.Errorf("another commit waits until %s", until)
	}
	for _, wait := range []time.Duration{2, 4, 8, 8} {
		newest = newest.then(push, now)
		if until := newest.waits(push, now); !until.Equal(now.Add(wait * time.Second)) {
			t.Errorf("told again by a run, it waits until %s, not for %d s", until, wait)
		}
	}
	if late := newest.then(push, now.Add(time.Hour)); late.before != 0 {
		t.Errorf("told again after an hour, it counts as the %d. time", late.before)
	}
	if other := newest.then(git.Revision{Ref: push.Ref, Hash: "b"}, now); other.before != 0 {
		t.Errorf("another push counts as the %d. time", other.before)
	}
	if until := (told{at: now}).waits(git.Revision{}, now); !until.IsZero() {
		t.Errorf("a push of nobody knows what waits until %s", until)
	}
}
