package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// +genclient
// +genclient:method=CreateSync,verb=create,subresource=syncs,input=nopea.io/nopea/pkg/apis/nopea/v1alpha1.Sync,result=nopea.io/nopea/pkg/apis/nopea/v1alpha1.Sync
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// GitRepository says that what a folder of a Git repository holds is to be live in the cluster, and how it gets there.
// POST a Sync to its `syncs` subresource to have it brought up to date at once.
type GitRepository struct {
	metav1.TypeMeta `json:",inline"`
	// Standard object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec says what to sync and how.
	// +optional
	Spec GitRepositorySpec `json:"spec,omitempty"`
	// status is what the controller found and did. Only the controller writes it.
	// +optional
	Status GitRepositoryStatus `json:"status,omitempty"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// GitRepositoryList is a list of GitRepositories.
type GitRepositoryList struct {
	metav1.TypeMeta `json:",inline"`
	// Standard list metadata.
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`
	// items are the GitRepositories.
	Items []GitRepository `json:"items"`
}

// DeletionPolicy says what becomes of the applied objects when their GitRepository is deleted.
// +enum
type DeletionPolicy string

const (
	// DeletionPolicyOrphan leaves the applied objects as they are.
	DeletionPolicyOrphan DeletionPolicy = "Orphan"
	// DeletionPolicyDelete deletes what the inventory holds before the GitRepository goes.
	DeletionPolicyDelete DeletionPolicy = "Delete"
)

// PruneGuard says whether a large or dangerous prune waits for a confirmation.
// +enum
type PruneGuard string

const (
	// PruneGuardConfirm holds a prune of more than ten objects that are also more than a tenth of the inventory, and of any
	// Namespace, CustomResourceDefinition, PersistentVolumeClaim or GitRepository, until a Sync confirms it by its commit.
	PruneGuardConfirm PruneGuard = "Confirm"
	// PruneGuardOff prunes without asking.
	PruneGuardOff PruneGuard = "Off"
)

// DriftPolicy says what is done about live objects that are not as Git has them.
// +enum
type DriftPolicy string

const (
	// DriftPolicyPrevent refuses, at admission, edits of what Git holds, and puts back what still gets through.
	DriftPolicyPrevent DriftPolicy = "Prevent"
	// DriftPolicyEnforce puts back at once what was edited or deleted.
	DriftPolicyEnforce DriftPolicy = "Enforce"
	// DriftPolicyWarn leaves edits alone and says what they are. A sync applies only objects whose manifest changed.
	DriftPolicyWarn DriftPolicy = "Warn"
	// DriftPolicyIgnore leaves edits alone and says nothing. A sync applies only objects whose manifest changed.
	DriftPolicyIgnore DriftPolicy = "Ignore"
)

// ExtraFields says what is done about fields that somebody added by hand to an applied object and that Git does not mention.
// +enum
type ExtraFields string

const (
	// ExtraFieldsKeep leaves them alone and says nothing.
	ExtraFieldsKeep ExtraFields = "Keep"
	// ExtraFieldsReport leaves them alone and names them in the status.
	ExtraFieldsReport ExtraFields = "Report"
	// ExtraFieldsRemove takes them away.
	ExtraFieldsRemove ExtraFields = "Remove"
)

// GitRepositorySpec is what a user asks for.
type GitRepositorySpec struct {
	// url of the Git repository: https://, http:// or ssh://, or of the form user@host:path, which is for SSH too. There are no
	// credentials in it but the user name of SSH; the others go into a Secret, see secretRef.
	URL string `json:"url"`
	// ref names the commit to sync. Left out, it is the branch that the remote's HEAD points to.
	// +optional
	Ref *GitRef `json:"ref,omitempty"`
	// path is the folder (or single file) inside the repository that holds the manifests, relative to its root.
	// Everything below it is read; a folder that holds a kustomization file is built by Kustomize. Default: the root.
	// +optional
	Path string `json:"path,omitempty"`
	// interval between two looks at the remote ref, which catch a push that nobody announced. A Go duration such as "30s"
	// or "5m", at least 1s. Default 5m. Each is spread by up to a tenth, so that repositories do not come all at once.
	// +optional
	Interval string `json:"interval,omitempty"`
	// reconcileInterval between two comparisons of the cluster with the applied commit, which find and put back edits made
	// by hand. A Go duration, at least 10s. Default 10m.
	// +optional
	ReconcileInterval string `json:"reconcileInterval,omitempty"`
	// timeout of one sync, from the look at the remote to the last object, and with wait until the last one is healthy. A Go
	// duration from 1s to 1h. Default 5m.
	// +optional
	Timeout string `json:"timeout,omitempty"`
	// wait lets a sync succeed only once everything that it applied is healthy, and fail when something is not within timeout. A
	// newer commit ends the wait. Default false: a sync succeeds when everything is applied.
	// +optional
	Wait bool `json:"wait,omitempty"`
	// dependsOn are GitRepositories that have to be Ready (with wait: and Healthy) before anything is applied for this one. What is
	// applied already is kept as it is meanwhile. At most 32.
	// +optional
	// +listType=atomic
	DependsOn []Dependency `json:"dependsOn,omitempty"`
	// secretRef names a Secret in the same namespace with the Git credentials. For HTTP: keys username and password (also type
	// kubernetes.io/basic-auth), or bearerToken, or githubAppID, githubAppInstallationID and githubAppPrivateKey (and
	// githubAppBaseURL, where it is not github.com); for TLS ca.crt, the certificates of authorities that are trusted too, and
	// tls.crt and tls.key, a client certificate. For SSH: identity (or ssh-privatekey, type kubernetes.io/ssh-auth), its password if
	// it is encrypted, and known_hosts. It is read at every sync, as the ServiceAccount named by serviceAccountName.
	// +optional
	SecretRef *LocalObjectReference `json:"secretRef,omitempty"`
	// proxySecretRef names a Secret in the same namespace with a proxy over which the repository is reached: keys address
	// (http://, https:// or socks5://) and, if the proxy asks for them, username and password. Default: over HTTP what the controller's
	// environment says (HTTPS_PROXY, HTTP_PROXY, NO_PROXY), over SSH none. It is read as secretRef is.
	// +optional
	ProxySecretRef *LocalObjectReference `json:"proxySecretRef,omitempty"`
	// verify has commits or tags applied only if they are signed with one of the keys that it names. Left out: signatures are not
	// looked at.
	// +optional
	Verify *VerifySpec `json:"verify,omitempty"`
	// decryption says with which keys files that SOPS has encrypted are decrypted. Left out: such a file is an error.
	// +optional
	Decryption *DecryptionSpec `json:"decryption,omitempty"`
	// serviceAccountName is the ServiceAccount in the same namespace as which objects are read, applied and pruned: a
	// GitRepository can do what that ServiceAccount may do, and no more. Default "nopea".
	// +optional
	ServiceAccountName string `json:"serviceAccountName,omitempty"`
	// targetNamespace is the namespace of objects whose manifest names none. Default: the GitRepository's own.
	// +optional
	TargetNamespace string `json:"targetNamespace,omitempty"`
	// ignore are patterns of files that are not read as manifests, one a line, in the syntax of a .gitignore file at the root of the
	// repository. They come after those of the files .sourceignore and .nopeaignore in Git, and so may take them back. At most 64 KiB.
	// +optional
	Ignore string `json:"ignore,omitempty"`
	// commonMetadata is put on every object, over what its manifest says.
	// +optional
	CommonMetadata *CommonMetadata `json:"commonMetadata,omitempty"`
	// substitute are variables for ${NAME} and ${NAME:=default} in the texts of manifests; $${NAME} stands for the text ${NAME}.
	// With this or substituteFrom set, a variable that is not known and has no default is an error. At most 500.
	// +optional
	Substitute map[string]string `json:"substitute,omitempty"`
	// substituteFrom are ConfigMaps and Secrets in the same namespace whose entries are such variables. Of several with the same entry
	// the last one counts, and substitute counts before all. At most 20. They are read as the ServiceAccount named by
	// serviceAccountName.
	// +optional
	// +listType=atomic
	SubstituteFrom []SubstituteReference `json:"substituteFrom,omitempty"`
	// adopt lists other owners from which objects are taken over, each as a refusal names it: "helm:NAMESPACE/RELEASE",
	// "flux:NAMESPACE/KUSTOMIZATION", "flux-helm:NAMESPACE/HELMRELEASE", "argocd:APPLICATION" or "gitrepository:NAMESPACE/NAME". An
	// object that anybody else holds is refused. At most 50.
	// +optional
	// +listType=set
	Adopt []string `json:"adopt,omitempty"`
	// prune deletes objects that NOPEA applied and that are gone from Git. Default true.
	// +optional
	Prune *bool `json:"prune,omitempty"`
	// pruneGuard holds large and dangerous prunes until they are confirmed: Confirm (default) or Off.
	// +optional
	PruneGuard PruneGuard `json:"pruneGuard,omitempty"`
	// allowEmpty allows a commit that holds no object at all to prune everything. Default false: such a commit fails.
	// +optional
	AllowEmpty bool `json:"allowEmpty,omitempty"`
	// deletionPolicy says what becomes of the applied objects when this GitRepository is deleted: Orphan (default) leaves
	// them, Delete removes them first.
	// +optional
	DeletionPolicy DeletionPolicy `json:"deletionPolicy,omitempty"`
	// driftPolicy says what is done about live objects that are not as Git has them: Enforce (default) puts them back at once,
	// Prevent also refuses such edits at admission, Warn says what they are, Ignore leaves them be. The annotation
	// nopea.io/drift on an object in Git says so for that object.
	// +optional
	DriftPolicy DriftPolicy `json:"driftPolicy,omitempty"`
	// extraFields says what is done about fields that Git does not mention and that somebody added by hand to an applied object,
	// such as a second container: Report (default) names them in the status, Keep says nothing, Remove takes them away.
	// What the controllers of Kubernetes itself set is never among them, nor are labels and annotations.
	// +optional
	ExtraFields ExtraFields `json:"extraFields,omitempty"`
	// ignoreDifferences are fields that Git holds and that are left to somebody else: they keep their live value. At most 50.
	// +optional
	// +listType=atomic
	IgnoreDifferences []IgnoreDifference `json:"ignoreDifferences,omitempty"`
	// events says where CDEvents about this GitRepository are sent, beside the sinks of the installation.
	// +optional
	Events *EventsSpec `json:"events,omitempty"`
	// webhook says whose deliveries are taken for this GitRepository. Left out: those that are signed with a secret of the Secret
	// "nopea-webhook" in the same namespace, or with one of the installation's.
	// +optional
	Webhook *WebhookSpec `json:"webhook,omitempty"`
	// suspend stops everything that NOPEA does by itself: polling, start-up and drift repair. A Sync asked for by hand still
	// runs, once. What driftPolicy Prevent refuses, it goes on refusing.
	// +optional
	Suspend bool `json:"suspend,omitempty"`
	// historyLimit is how many finished Syncs are kept. 0 to 1000, default 10.
	// +optional
	HistoryLimit *int32 `json:"historyLimit,omitempty"`
}

// CommonMetadata is put on every object: into its own metadata, not into selectors or templates.
type CommonMetadata struct {
	// labels of every object. None under nopea.io/. At most 50.
	// +optional
	Labels map[string]string `json:"labels,omitempty"`
	// annotations of every object. None under nopea.io/. At most 50.
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`
}

// SubstituteKind is the kind of an object that holds variables.
// +enum
type SubstituteKind string

const (
	// SubstituteKindConfigMap is a ConfigMap: the entries of its data are variables.
	SubstituteKindConfigMap SubstituteKind = "ConfigMap"
	// SubstituteKindSecret is a Secret: its values are put into objects and are shown nowhere else.
	SubstituteKindSecret SubstituteKind = "Secret"
)

// SubstituteReference names a ConfigMap or a Secret that holds variables.
type SubstituteReference struct {
	// kind: ConfigMap or Secret.
	Kind SubstituteKind `json:"kind"`
	// name of the object.
	Name string `json:"name"`
	// optional: that the object is not there is no error.
	// +optional
	Optional bool `json:"optional,omitempty"`
}

// IgnoreDifference names fields of some of the objects. A selector that is left out matches every object.
type IgnoreDifference struct {
	// group of the kind, such as "apps"; empty for the core group, "*" for any.
	// +optional
	Group string `json:"group,omitempty"`
	// kind of the objects, such as "Deployment"; "*" for any.
	Kind string `json:"kind"`
	// namespace of the objects. Left out: any.
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// name of the objects. Left out: any.
	// +optional
	Name string `json:"name,omitempty"`
	// jsonPointers are the fields (RFC 6901), such as "/spec/replicas"; "*" stands for every item of a list. At most 50.
	// +listType=atomic
	JSONPointers []string `json:"jsonPointers"`
}

// DecryptionSpec says with which keys files of the repository are decrypted.
type DecryptionSpec struct {
	// secretRef names a Secret in the same namespace with private keys: age identities under keys that end in ".agekey", armored
	// OpenPGP private keys without a passphrase under keys that end in ".asc". It is read at every sync, as the ServiceAccount
	// named by serviceAccountName.
	SecretRef LocalObjectReference `json:"secretRef"`
}

// EventsSpec says where CDEvents are sent.
type EventsSpec struct {
	// sink is the http:// or https:// address to which CDEvents are POSTed, as CloudEvents in binary mode. It must not be an
	// address of the controller's own machine or link, and holds no credentials.
	Sink string `json:"sink"`
}

// WebhookSpec says which deliveries of a Git provider's webhook are taken.
type WebhookSpec struct {
	// secretRef names a Secret in the same namespace. Each of its values is a secret that senders may sign with, so that a new one
	// can be added before an old one is taken out. Default "nopea-webhook"; NOPEA's API server needs a Role to read one of another
	// name.
	// +optional
	SecretRef *LocalObjectReference `json:"secretRef,omitempty"`
	// match are other URLs by which payloads may name the repository, where they are not told from spec.url: of a mirror, or of
	// a server that has several host names. At most 10.
	// +optional
	// +listType=atomic
	Match []string `json:"match,omitempty"`
}

// VerifyMode says what has to be signed.
// +enum
type VerifyMode string

const (
	// VerifyModeCommit wants the commit signed.
	VerifyModeCommit VerifyMode = "Commit"
	// VerifyModeTag wants the annotated tag signed, for the commit that it points to and under its name.
	VerifyModeTag VerifyMode = "Tag"
	// VerifyModeTagAndCommit wants both signed.
	VerifyModeTagAndCommit VerifyMode = "TagAndCommit"
)

// VerifySpec says what has to be signed, and whose signatures count.
type VerifySpec struct {
	// mode: Commit (default) wants the commit signed, Tag the annotated tag that ref names, TagAndCommit both.
	// +optional
	Mode VerifyMode `json:"mode,omitempty"`
	// secretRef names a Secret in the same namespace. Each of its values holds public keys: OpenPGP, armored or binary, or SSH, as in
	// authorized_keys or allowed_signers. It is read at every look, as the ServiceAccount named by serviceAccountName.
	SecretRef LocalObjectReference `json:"secretRef"`
}

// GitRef names a commit. Several may be set: commit comes before name, name before semver, semver before tag, tag before branch.
type GitRef struct {
	// branch, such as "main".
	// +optional
	Branch string `json:"branch,omitempty"`
	// tag, such as "v1.4.2".
	// +optional
	Tag string `json:"tag,omitempty"`
	// semver is a range of versions, such as "1.x" or ">=1.2.0 <2.0.0". The tag of the highest version in it is synced, with or without
	// a v before it. Pre-releases count only in a range that names one, such as ">=1.2.0-0".
	// +optional
	Semver string `json:"semver,omitempty"`
	// name is a full ref name, such as "refs/pull/420/head".
	// +optional
	Name string `json:"name,omitempty"`
	// commit is a full commit hash: 40 hexadecimal digits.
	// +optional
	Commit string `json:"commit,omitempty"`
}

// Dependency names a GitRepository.
type Dependency struct {
	// name of the GitRepository.
	Name string `json:"name"`
	// namespace it is in. Default: that of the GitRepository which depends on it.
	// +optional
	Namespace string `json:"namespace,omitempty"`
}

// LocalObjectReference names an object in the same namespace.
type LocalObjectReference struct {
	// name of the object.
	Name string `json:"name"`
}

// GitRepositoryStatus is what the controller found and did. Nothing in it changes while nothing happens.
type GitRepositoryStatus struct {
	// observedGeneration is the generation of the spec that this status is about.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// conditions: Ready (the cluster was brought to the commit that Git had), Reconciling (a sync is under way or will be
	// tried again), Stalled (nothing moves until somebody changes something), Drifted (live objects are not as Git has them, and
	// are not being put back), Healthy (what was applied works).
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// applied is the revision that the cluster was last brought to, wholly.
	// +optional
	Applied *Revision `json:"applied,omitempty"`
	// attempted is the revision of the newest sync that got as far as knowing one. It differs from applied while that sync
	// runs and when it failed.
	// +optional
	Attempted *Revision `json:"attempted,omitempty"`
	// resources counts the objects that Git asks for.
	// +optional
	Resources *ResourceCounts `json:"resources,omitempty"`
	// drift says what was found since that is not as Git has it, and what was done about it.
	// +optional
	Drift *DriftStatus `json:"drift,omitempty"`
	// health says how those of the applied objects fare that can fail to work: workloads, Jobs, PersistentVolumeClaims, load
	// balancers, API definitions and custom resources. Left out where there are none.
	// +optional
	Health *HealthStatus `json:"health,omitempty"`
	// lastSync sums up the newest sync that was asked for or that changed something.
	// +optional
	LastSync *SyncSummary `json:"lastSync,omitempty"`
	// lastError is why the newest sync failed. Empty after one that succeeded.
	// +optional
	LastError *SyncError `json:"lastError,omitempty"`
	// webhook is the newest delivery of a webhook for this GitRepository. The API server writes it.
	// +optional
	Webhook *WebhookStatus `json:"webhook,omitempty"`
	// pendingPrune is a prune that waits for its confirmation.
	// +optional
	PendingPrune *PendingPrune `json:"pendingPrune,omitempty"`
	// pruneConfirmed is the commit whose prune somebody confirmed.
	// +optional
	PruneConfirmed string `json:"pruneConfirmed,omitempty"`
}

// Revision is a commit and how it was named.
type Revision struct {
	// name is the ref as a user would call it: "main", "v1.4.2", "refs/pull/420/head"; of a range of versions, the tag. Empty for a bare
	// commit.
	// +optional
	Name string `json:"name,omitempty"`
	// commit is the full hash.
	Commit string `json:"commit"`
	// message is the first line of the commit message.
	// +optional
	Message string `json:"message,omitempty"`
	// author of the commit, as "Name <address>".
	// +optional
	Author string `json:"author,omitempty"`
	// time at which the commit was made.
	// +optional
	Time *metav1.Time `json:"time,omitempty"`
	// verifiedBy is the key whose signature was verified, as "OpenPGP 0x…" or "SSH SHA256:…", with the owner's name where the keys tell
	// it. Empty where spec.verify was not set.
	// +optional
	VerifiedBy string `json:"verifiedBy,omitempty"`
}

// ResourceCounts counts the objects of a GitRepository.
type ResourceCounts struct {
	// desired is how many objects Git holds.
	Desired int32 `json:"desired"`
	// applied is how many of them are live as Git has them.
	Applied int32 `json:"applied"`
}

// SyncSummary is the short record of a sync.
type SyncSummary struct {
	// name of the Sync that holds the details, while it is kept. Empty when none was stored.
	// +optional
	Name string `json:"name,omitempty"`
	// trigger that led to it.
	Trigger SyncTrigger `json:"trigger"`
	// startTime is when the sync began.
	StartTime metav1.Time `json:"startTime"`
	// completionTime is when it ended.
	CompletionTime metav1.Time `json:"completionTime"`
	// counts per action.
	Counts SyncCounts `json:"counts"`
}

// WebhookResult is what became of a delivery.
// +enum
type WebhookResult string

const (
	// WebhookResultAccepted led to a Sync.
	WebhookResultAccepted WebhookResult = "Accepted"
	// WebhookResultPinged was the provider's test, and rightly signed.
	WebhookResultPinged WebhookResult = "Pinged"
	// WebhookResultIgnored was rightly signed and calls for nothing: about another ref, or about the deletion of one.
	WebhookResultIgnored WebhookResult = "Ignored"
	// WebhookResultRefused was not taken.
	WebhookResultRefused WebhookResult = "Refused"
)

// WebhookStatus is a delivery of a webhook. Of many within a few seconds not each is shown.
type WebhookStatus struct {
	// time at which it came in.
	Time metav1.Time `json:"time"`
	// provider that sent it, such as "github".
	// +optional
	Provider string `json:"provider,omitempty"`
	// delivery is the provider's id of it, by which its own list of deliveries shows it.
	// +optional
	Delivery string `json:"delivery,omitempty"`
	// result: Accepted, Pinged, Ignored or Refused.
	Result WebhookResult `json:"result"`
	// message says which Sync it led to, or why it led to none and what to do.
	// +optional
	Message string `json:"message,omitempty"`
}

// PendingPrune is a prune that waits. To allow it, POST a Sync whose spec.confirmPrune is the commit.
type PendingPrune struct {
	// commit by which the prune is confirmed.
	Commit string `json:"commit"`
	// reason why it waits.
	Reason string `json:"reason"`
	// count of the objects that would be deleted.
	Count int32 `json:"count"`
	// objects are the first of them, as "Kind namespace/name".
	// +optional
	// +listType=atomic
	Objects []string `json:"objects,omitempty"`
}

// DriftStatus says what is not as Git has it, and what was done about it.
type DriftStatus struct {
	// drifted is how many objects are not as Git has them and were not put back: by policy, because somebody else writes them
	// again and again, or because it failed.
	Drifted int32 `json:"drifted"`
	// paused is how many objects are held by a pause.
	Paused int32 `json:"paused"`
	// extra is how many objects hold fields that somebody added by hand.
	Extra int32 `json:"extra"`
	// repaired counts what was put back since the GitRepository was made or the store was lost.
	Repaired int64 `json:"repaired"`
	// objects are some of those, the newest first: at most 20.
	// +optional
	// +listType=atomic
	Objects []DriftedObject `json:"objects,omitempty"`
	// unwatched are the kinds that cannot be watched, each with the reason. Drift in them is found every reconcileInterval.
	// +optional
	// +listType=atomic
	Unwatched []string `json:"unwatched,omitempty"`
}

// DriftState is what became of an object that was not as Git has it.
// +enum
type DriftState string

const (
	// DriftStateRepaired was put back.
	DriftStateRepaired DriftState = "Repaired"
	// DriftStateDrifted is left as it is, by driftPolicy.
	DriftStateDrifted DriftState = "Drifted"
	// DriftStateContested is written by somebody else again and again; it is put back ever more slowly.
	DriftStateContested DriftState = "Contested"
	// DriftStateFailed could not be put back.
	DriftStateFailed DriftState = "Failed"
	// DriftStatePaused is held by a pause.
	DriftStatePaused DriftState = "Paused"
	// DriftStateExtra is as Git has it, and holds fields that Git does not mention.
	DriftStateExtra DriftState = "Extra"
)

// DriftedObject is one object that is or was not as Git has it.
type DriftedObject struct {
	// state it is in.
	State DriftState `json:"state"`
	// group of the object's kind; empty for the core group.
	// +optional
	Group string `json:"group,omitempty"`
	// kind of the object.
	Kind string `json:"kind"`
	// namespace of the object; empty when cluster-scoped.
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// name of the object.
	Name string `json:"name"`
	// file that holds its manifest.
	// +optional
	File string `json:"file,omitempty"`
	// fields that differ, at most 10. Values are never shown.
	// +optional
	// +listType=atomic
	Fields []string `json:"fields,omitempty"`
	// manager is the field manager that wrote them, as the API server recorded it.
	// +optional
	Manager string `json:"manager,omitempty"`
	// time at which that was seen.
	Time metav1.Time `json:"time"`
	// message says why it is in that state, where that is not plain.
	// +optional
	Message string `json:"message,omitempty"`
}

// HealthStatus counts the objects that have a health of their own, by their state.
type HealthStatus struct {
	// healthy is how many of them work.
	Healthy int32 `json:"healthy"`
	// progressing is how many are not there yet: they roll out, start, or are missing.
	Progressing int32 `json:"progressing"`
	// unhealthy is how many failed, by what their own controllers say of them.
	Unhealthy int32 `json:"unhealthy"`
	// unknown is how many could not be read.
	// +optional
	Unknown int32 `json:"unknown,omitempty"`
	// objects are those that are not healthy, the worst first: at most 20.
	// +optional
	// +listType=atomic
	Objects []ObjectHealth `json:"objects,omitempty"`
}

// HealthState is how an object fares.
// +enum
type HealthState string

const (
	// HealthStateHealthy works.
	HealthStateHealthy HealthState = "Healthy"
	// HealthStateProgressing is not there yet.
	HealthStateProgressing HealthState = "Progressing"
	// HealthStateUnhealthy failed.
	HealthStateUnhealthy HealthState = "Unhealthy"
	// HealthStateUnknown could not be read.
	HealthStateUnknown HealthState = "Unknown"
)

// ObjectHealth is one object and how it fares.
type ObjectHealth struct {
	// state: Healthy, Progressing, Unhealthy or Unknown.
	State HealthState `json:"state"`
	// group of the object's kind; empty for the core group.
	// +optional
	Group string `json:"group,omitempty"`
	// kind of the object.
	Kind string `json:"kind"`
	// namespace of the object; empty when cluster-scoped.
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// name of the object.
	Name string `json:"name"`
	// file that holds its manifest.
	// +optional
	File string `json:"file,omitempty"`
	// message says why, in the words of its controller where there are any.
	// +optional
	Message string `json:"message,omitempty"`
}
