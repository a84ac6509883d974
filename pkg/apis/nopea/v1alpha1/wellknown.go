package v1alpha1

// Condition types of a GitRepository.
const (
	// ConditionReady is True when the cluster was brought to the commit that Git had.
	ConditionReady = "Ready"
	// ConditionReconciling is True while a sync is under way or will be tried again by itself.
	ConditionReconciling = "Reconciling"
	// ConditionStalled is True when nothing moves until somebody changes something.
	ConditionStalled = "Stalled"
	// ConditionDrifted is True when live objects are not as Git has them, and are not being put back.
	ConditionDrifted = "Drifted"
	// ConditionHealthy is True when all applied objects work, False when one has failed, and Unknown while one is not there yet.
	ConditionHealthy = "Healthy"
)

// Condition types of a Sync.
const (
	// ConditionComplete is True when the Sync succeeded.
	ConditionComplete = "Complete"
	// ConditionFailed is True when the Sync failed.
	ConditionFailed = "Failed"
	// ConditionFinished is True when the Sync ended, either way.
	ConditionFinished = "Finished"
)

// What NOPEA writes on the objects that it applies.
const (
	// FieldManager owns every field that Git holds.
	FieldManager = "nopea"
	// LabelRepository and LabelNamespace select the objects of a GitRepository. They prove nothing: controllers copy labels.
	LabelRepository = "nopea.io/repository"
	// LabelNamespace holds the GitRepository's namespace.
	LabelNamespace = "nopea.io/namespace"
	// AnnotationOrigin names the file in Git, from the repository's root.
	AnnotationOrigin = "nopea.io/origin"
	// LabelPrevent is "true" on objects whose applied fields may be changed through Git alone.
	LabelPrevent = "nopea.io/prevent"
	// HandoverManager holds fields that are left to somebody else while no one else holds them.
	HandoverManager = "nopea-handover"
	// ExtraApply is the key of the user's extra information that marks NOPEA's own writes, which arrive as the tenant's
	// ServiceAccount.
	ExtraApply = "nopea.io/apply"
)

// What users write on objects.
const (
	// AnnotationDrift, on an object in Git, is the DriftPolicy of that object.
	AnnotationDrift = "nopea.io/drift"
	// AnnotationSyncWave, on an object in Git, is the number of its wave: it is applied once everything of lower waves is healthy.
	AnnotationSyncWave = "nopea.io/sync-wave"
	// AnnotationRecreate, on an object in Git, is "disabled" where a deleted object is to come back only when its manifest changes.
	AnnotationRecreate = "nopea.io/recreate"
	// AnnotationPrune, on an object in Git or a live one, is "disabled" where it is never to be deleted.
	AnnotationPrune = "nopea.io/prune"
	// AnnotationIgnore, on an object in Git, is "true" where the object is not applied, and not pruned either.
	AnnotationIgnore = "nopea.io/ignore"
	// AnnotationCreateOnly, on an object in Git, is "true" where the object is created when it is missing, and never changed.
	AnnotationCreateOnly = "nopea.io/create-only"
	// AnnotationForce, on an object in Git, is "true" where the object may be deleted and made anew if a change of it is refused because a
	// field is immutable.
	AnnotationForce = "nopea.io/force"
	// AnnotationSubstitute, on an object in Git, is "disabled" where no variables are to be replaced.
	AnnotationSubstitute = "nopea.io/substitute"
	// AnnotationPauseUntil, on a live object or a GitRepository, holds it as it is until that time (RFC 3339).
	AnnotationPauseUntil = "nopea.io/pause-until"
)

const (
	// FinalizerCleanup is held by a GitRepository of deletionPolicy Delete, and by its Inventories, until its objects are gone.
	FinalizerCleanup = "nopea.io/cleanup"
	// MaxInventoryEntries is how many entries one Inventory holds at most: a shard of that size is about 120 KB.
	MaxInventoryEntries = 500
	// MaxRequesters is how many names spec.requestedBy of a Sync keeps.
	MaxRequesters = 16
	// MaxSyncChanges is how many changes the status of a Sync lists.
	MaxSyncChanges = 100
	// MaxSyncNotes is how many notes the status of a Sync holds.
	MaxSyncNotes = 20
	// MaxSyncFields is how many fields are named of each.
	MaxSyncFields = 10
	// MaxPlanBytes bounds a Plan: what its fields hold, and a little for each. etcd takes 1.5 MiB.
	MaxPlanBytes = 1 << 20
	// MaxPlanFields is how many changed fields a Plan lists of one object.
	MaxPlanFields = 200
	// MaxPlanValue is how many bytes of a value a Plan shows.
	MaxPlanValue = 1024
	// MaxPendingSyncs is how many Syncs of one GitRepository may wait at once.
	MaxPendingSyncs = 20
	// MaxDeliveryLength is how long the id of a webhook's delivery may be.
	MaxDeliveryLength = 128
	// DefaultWebhookSecret is the Secret that holds what senders of webhooks sign with, where spec.webhook names no other.
	DefaultWebhookSecret = "nopea-webhook"
	// MaxDriftedObjects is how many objects status.drift of a GitRepository lists.
	MaxDriftedObjects = 20
	// MaxDriftedFields is how many fields are named of each.
	MaxDriftedFields = 10
	// MaxUnhealthyObjects is how many objects status.health of a GitRepository lists.
	MaxUnhealthyObjects = 20
)
