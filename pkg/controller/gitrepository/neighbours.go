package gitrepository

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/klog/v2"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/apply"
	"nopea.io/nopea/pkg/git"
)

// neighbours are the other GitRepositories that follow the same ref of the same Git repository. One commit says what each of them holds, so
// that an object which a push moves from one to another is handed over, whichever runs first: the one that has lost it does not delete
// what the commit holds for another, and that one takes what the commit holds no more for the first.
type neighbours struct {
	*Controller
	repository *v1alpha1.GitRepository
	snapshot   *git.Snapshot
	asOf       time.Time

	mu sync.Mutex
	// rendered is what the commit holds for those that were asked about.
	rendered map[apply.Owner]holdings
}

// holdings are the objects that a commit holds for a GitRepository, or why that cannot be told.
type holdings struct {
	objects map[apply.ID]bool
	err     error
}

func (r *run) neighboursAt(snapshot *git.Snapshot) *neighbours {
	return &neighbours{Controller: r.Controller, repository: r.repository, snapshot: snapshot, asOf: r.began, rendered: make(map[apply.Owner]holdings)}
}

// are tells whether another GitRepository is one of the neighbours.
func (n *neighbours) are(other *v1alpha1.GitRepository) bool {
	return ownerOf(other) != ownerOf(n.repository) && sameURL(other.Spec.URL, n.repository.Spec.URL) && refOf(other) == refOf(n.repository) &&
		other.DeletionTimestamp.IsZero()
}

func sameURL(a, b string) bool {
	trim := func(url string) string { return strings.TrimSuffix(strings.TrimRight(url, "/"), ".git") }
	return trim(a) == trim(b)
}

// rival is Rival of a Cluster: a neighbour has let go of an object that the commit does not hold for it. One that is suspended or paused
// keeps what it has.
func (n *neighbours) rival(ctx context.Context, other apply.Owner, id apply.ID) (apply.Rival, error) {
	rival, repository, err := n.Controller.rival(ctx, ownerOf(n.repository), other)
	if err != nil || !rival.Holds || !n.are(repository) || repository.Spec.Suspend || n.pauseOf(repository).Holds(n.asOf) {
		return rival, err
	}
	held := n.holdings(ctx, repository)
	if held.err != nil {
		klog.FromContext(ctx).V(2).Info("What the commit holds for a neighbour cannot be told: it keeps what it has", "neighbour", other.String(), "err", held.err)
	}
	rival.Holds = held.err != nil || held.objects[id]
	return rival, ctx.Err()
}

// claims tells which objects, about to be deleted, the commit holds for a neighbour that may write them, and for which. Where it cannot
// be told what it holds for a neighbour, what may be among that counts.
func (n *neighbours) claims(ctx context.Context, prune []*apply.Step) (map[apply.ID]string, error) {
	all, err := n.repositories.List(labels.Everything())
	if err != nil {
		return nil, fmt.Errorf("list GitRepositories from the cache: %w", err)
	}
	all = slices.DeleteFunc(slices.Clone(all), func(other *v1alpha1.GitRepository) bool { return !n.are(other) })
	slices.SortFunc(all, func(a, b *v1alpha1.GitRepository) int {
		return strings.Compare(klog.KObj(a).String(), klog.KObj(b).String())
	})
	claimed := make(map[apply.ID]string)
	for _, other := range all {
		wants, why, err := n.wants(ctx, other)
		if err != nil {
			return nil, err
		}
		for _, step := range prune {
			if _, taken := claimed[step.ID]; taken || !wants(step.ID) {
				continue
			}
			may, err := n.mayWrite(ctx, other, step)
			if err != nil {
				return nil, err
			}
			if may {
				claimed[step.ID] = fmt.Sprintf(why, klog.KObj(other))
			}
		}
	}
	return claimed, nil
}

// wants tells which objects a neighbour may want of the commit, and with what certainty.
func (n *neighbours) wants(ctx context.Context, other *v1alpha1.GitRepository) (wants func(apply.ID) bool, why string, err error) {
	held := n.holdings(ctx, other)
	if held.err == nil {
		return func(id apply.ID) bool { return held.objects[id] }, "Git holds it for the GitRepository %s now, which takes it over", nil
	}
	files, err := n.snapshot.Files(ctx, other.Spec.Path, wanted)
	if ctx.Err() != nil {
		return nil, "", fmt.Errorf("look at what the commit holds for GitRepository %s: %w", klog.KObj(other), context.Cause(ctx))
	}
	nothing := git.CodeOf(err) == git.PathNotFound
	// What is built, or holds variables, may be called by names that stand in no file.
	everything := !nothing && (err != nil || len(kustomizationsAmong(files)) > 0 || len(other.Spec.Substitute)+len(other.Spec.SubstituteFrom) > 0)
	return func(id apply.ID) bool {
		return everything || slices.ContainsFunc(files, func(file git.File) bool { return bytes.Contains(file.Data, []byte(id.Name)) })
	}, "it may have moved to the GitRepository %s, whose manifests cannot be read at this commit", nil
}

// holdings renders what the commit holds for a neighbour, as its own ServiceAccount, once.
func (n *neighbours) holdings(ctx context.Context, other *v1alpha1.GitRepository) holdings {
	n.mu.Lock()
	defer n.mu.Unlock()
	owner := ownerOf(other)
	if held, ok := n.rendered[owner]; ok {
		return held
	}
	held := holdings{objects: make(map[apply.ID]bool)}
	held.err = guard(ctx, func() error {
		acting, err := n.identify(ctx, other.Namespace, other.Spec.ServiceAccountName)
		if err != nil {
			return err
		}
		read, err := acting.inputs(ctx, other)
		if err != nil {
			return err
		}
		result, err := n.render(ctx, other, n.snapshot, &read, n.asOf)
		if err != nil {
			return err
		}
		for i := range result.desired {
			held.objects[result.desired[i].ID] = true
		}
		return nil
	})
	n.rendered[owner] = held
	return held
}

// mayWrite tells whether a neighbour's ServiceAccount may write an object: nobody is kept from deleting what only those want who could
// never apply it.
func (n *neighbours) mayWrite(ctx context.Context, other *v1alpha1.GitRepository, step *apply.Step) (bool, error) {
	acting, err := n.identify(ctx, other.Namespace, other.Spec.ServiceAccountName)
	if err == nil {
		err = n.clusterAs(acting, other).MayWrite(ctx, step, n.asOf)
	}
	if apierrors.IsForbidden(err) || apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look whether GitRepository %s may take over %s: %w", klog.KObj(other), step.ID, err)
	}
	return true, nil
}

// rival tells how a GitRepository stands to the objects that carry its labels, from the point of view of another one.
func (c *Controller) rival(ctx context.Context, asks, other apply.Owner) (apply.Rival, *v1alpha1.GitRepository, error) {
	repository, err := c.API.GitRepositories(other.Namespace).Get(ctx, other.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return apply.Rival{}, nil, nil
	}
	if err != nil {
		return apply.Rival{}, nil, err
	}
	return apply.Rival{Holds: true, Returns: c.leadsTo(repository, asks)}, repository, nil
}

// leadsTo tells whether a GitRepository adopts from another one, or from one that does, and so on.
func (c *Controller) leadsTo(repository *v1alpha1.GitRepository, to apply.Owner) bool {
	seen := map[string]bool{}
	next := repository.Spec.Adopt
	for len(next) > 0 {
		key := next[0]
		next = next[1:]
		owner, ok := strings.CutPrefix(key, "gitrepository:")
		if !ok || seen[owner] {
			continue
		}
		seen[owner] = true
		if owner == to.String() {
			return true
		}
		namespace, name, _ := strings.Cut(owner, "/")
		if further, err := c.repositories.GitRepositories(namespace).Get(name); err == nil {
			next = slices.Concat(next, further.Spec.Adopt)
		}
	}
	return false
}
