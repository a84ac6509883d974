// Package inventory stores the record of what was applied for a GitRepository as Inventory objects. What the record means is
// pkg/apply's business.
package inventory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/apply"
	nopeaclient "nopea.io/nopea/pkg/generated/clientset/versioned/typed/nopea/v1alpha1"
)

// Record is the inventory of one GitRepository as it is stored.
type Record struct {
	// Contents that are stored. Change a clone, and Save it.
	Contents *apply.Inventory
	// Strays are held shards of an earlier GitRepository of the same name. They are not part of the record.
	Strays []v1alpha1.Inventory

	repository *v1alpha1.GitRepository
	shards     []*v1alpha1.Inventory // nil where the object is gone or not yet made
}

// Store reads and writes Records.
type Store struct {
	Client nopeaclient.NopeaV1alpha1Interface
}

// Load reads the record of a GitRepository, as fresh as the API server has it. Shards that belonged to an earlier GitRepository of
// the same name are left out: that one's deletion orphaned its objects, and the garbage collector removes them.
func (s *Store) Load(ctx context.Context, repository *v1alpha1.GitRepository) (*Record, error) {
	list, err := s.Client.Inventories(repository.Namespace).List(ctx, metav1.ListOptions{
		FieldSelector: fields.OneTermEqualSelector("spec.repository", repository.Name).String(),
	})
	if err != nil {
		return nil, fmt.Errorf("list the inventories of GitRepository %s/%s: %w", repository.Namespace, repository.Name, err)
	}
	return Sort(repository, list.Items), nil
}

// All reads the shards of all GitRepositories.
func (s *Store) All(ctx context.Context) ([]v1alpha1.Inventory, error) {
	var shards []v1alpha1.Inventory
	options := metav1.ListOptions{Limit: 200}
	for {
		list, err := s.Client.Inventories(metav1.NamespaceAll).List(ctx, options)
		if err != nil {
			return nil, fmt.Errorf("list inventories: %w", err)
		}
		for i := range list.Items {
			list.Items[i].ManagedFields = nil // large, and an update that names none leaves them as they are
			shards = append(shards, list.Items[i])
		}
		if options.Continue = list.Continue; options.Continue == "" {
			return shards, nil
		}
	}
}

// Sort makes a GitRepository's record of the shards that bear its name.
func Sort(repository *v1alpha1.GitRepository, shards []v1alpha1.Inventory) *Record {
	var own, strays []v1alpha1.Inventory
	for _, shard := range shards {
		if metav1.IsControlledBy(&shard, repository) {
			own = append(own, shard)
		} else if slices.Contains(shard.Finalizers, v1alpha1.FinalizerCleanup) {
			strays = append(strays, shard)
		}
	}
	record := RecordOf(repository, own)
	record.Strays = strays
	return record
}

// RecordOf is the record that the given shards make up.
func RecordOf(repository *v1alpha1.GitRepository, shards []v1alpha1.Inventory) *Record {
	record := &Record{repository: repository}
	var contents [][]v1alpha1.InventoryEntry
	slices.SortFunc(shards, func(a, b v1alpha1.Inventory) int { return strings.Compare(a.Name, b.Name) })
	for i := range shards {
		record.shards = append(record.shards, &shards[i])
		contents = append(contents, shards[i].Spec.Entries)
	}
	record.Contents = apply.NewInventory(contents)
	return record
}

// Held lists the shards that hold NOPEA's finalizer: of one GitRepository, or in a namespace (all of them, where that is empty).
func (s *Store) Held(ctx context.Context, namespace, repository string) ([]v1alpha1.Inventory, error) {
	options := metav1.ListOptions{}
	if repository != "" {
		options.FieldSelector = fields.OneTermEqualSelector("spec.repository", repository).String()
	}
	list, err := s.Client.Inventories(namespace).List(ctx, options)
	if err != nil {
		return nil, fmt.Errorf("list inventories: %w", err)
	}
	return slices.DeleteFunc(list.Items, func(shard v1alpha1.Inventory) bool {
		return !slices.Contains(shard.Finalizers, v1alpha1.FinalizerCleanup)
	}), nil
}

// Save stores new contents: only the shards that differ are written. A shard that somebody else wrote meanwhile is an error, after
// which the record has to be loaded again.
func (s *Store) Save(ctx context.Context, record *Record, contents *apply.Inventory) error {
	for len(record.shards) < contents.Shards() {
		record.shards = append(record.shards, nil)
	}
	dirty := contents.Changed(record.Contents)
	for i, shard := range record.shards {
		if shard != nil && !slices.Contains(dirty, i) && !record.upToDate(shard) {
			dirty = append(dirty, i)
		}
	}
	var mu sync.Mutex
	var errs []error
	apply.Each(ctx, dirty, func(ctx context.Context, i int) {
		stored, err := s.saveShard(ctx, record, i, contents.Shard(i))
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			errs = append(errs, err)
			return
		}
		record.shards[i] = stored
	})
	if ctx.Err() != nil {
		errs = append(errs, context.Cause(ctx))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("record the inventory of GitRepository %s/%s: %w", record.repository.Namespace, record.repository.Name, err)
	}
	record.Contents = contents.Clone()
	return nil
}

func (s *Store) saveShard(ctx context.Context, record *Record, i int, entries []v1alpha1.InventoryEntry) (*v1alpha1.Inventory, error) {
	client := s.Client.Inventories(record.repository.Namespace)
	old := record.shards[i]
	if old == nil {
		return client.Create(ctx, record.newShard(entries), metav1.CreateOptions{})
	}
	shard := old.DeepCopy()
	shard.Spec.Entries = entries
	shard.Spec.ServiceAccountName = record.repository.Spec.ServiceAccountName
	shard.Finalizers = record.finalizers(shard.Finalizers)
	stored, err := client.Update(ctx, shard, metav1.UpdateOptions{})
	if apierrors.IsNotFound(err) {
		return client.Create(ctx, record.newShard(entries), metav1.CreateOptions{})
	}
	return stored, err
}

func (r *Record) newShard(entries []v1alpha1.InventoryEntry) *v1alpha1.Inventory {
	return &v1alpha1.Inventory{
		ObjectMeta: metav1.ObjectMeta{
			Namespace:    r.repository.Namespace,
			GenerateName: r.repository.Name + "-",
			Labels:       map[string]string{v1alpha1.LabelRepository: r.repository.Name},
			Finalizers:   r.finalizers(nil),
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: v1alpha1.SchemeGroupVersion.String(), Kind: "GitRepository",
				Name: r.repository.Name, UID: r.repository.UID, Controller: new(true),
			}},
		},
		Spec: v1alpha1.InventorySpec{
			Repository:         r.repository.Name,
			ServiceAccountName: r.repository.Spec.ServiceAccountName,
			Entries:            entries,
		},
	}
}

// upToDate tells whether a shard says what the GitRepository's spec asks for, apart from its entries.
func (r *Record) upToDate(shard *v1alpha1.Inventory) bool {
	return shard.Spec.ServiceAccountName == r.repository.Spec.ServiceAccountName &&
		slices.Equal(shard.Finalizers, r.finalizers(shard.Finalizers))
}

// finalizers holds a shard back while its GitRepository's deletionPolicy is Delete: namespace deletion goes through the kinds in no
// order, and without the record nothing can be cleaned up.
func (r *Record) finalizers(current []string) []string {
	others := v1alpha1.WithoutCleanup(current)
	if r.repository.Spec.DeletionPolicy == v1alpha1.DeletionPolicyDelete {
		return append(others, v1alpha1.FinalizerCleanup)
	}
	return others
}

// Release lets all shards of a GitRepository go: the finalizer is taken off, and the garbage collector or the namespace's deletion
// does the rest.
func (s *Store) Release(ctx context.Context, record *Record) error {
	for _, shard := range record.shards {
		if shard == nil {
			continue
		}
		if err := s.release(ctx, shard); err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("release Inventory %s/%s: %w", shard.Namespace, shard.Name, err)
		}
	}
	return nil
}

// release takes the finalizer off one shard, which the deletion of its namespace may change meanwhile.
func (s *Store) release(ctx context.Context, shard *v1alpha1.Inventory) error {
	for slices.Contains(shard.Finalizers, v1alpha1.FinalizerCleanup) {
		free := shard.DeepCopy()
		free.Finalizers = v1alpha1.WithoutCleanup(free.Finalizers)
		_, err := s.Client.Inventories(shard.Namespace).Update(ctx, free, metav1.UpdateOptions{})
		if !apierrors.IsConflict(err) {
			return err
		}
		fresh, err := s.Client.Inventories(shard.Namespace).Get(ctx, shard.Name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if fresh.UID != shard.UID {
			return nil
		}
		shard = fresh
	}
	return nil
}
