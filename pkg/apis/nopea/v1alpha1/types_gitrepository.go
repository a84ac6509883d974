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
