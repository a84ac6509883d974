package events

// Type of an event: what it is about, what happened, and the version of its format.
type Type string

// Types of the CDEvents vocabulary.
const (
	ServiceDeployed   Type = "dev.cdevents.service.deployed.0.3.0"
	ServiceUpgraded   Type = "dev.cdevents.service.upgraded.0.3.0"
	ServiceRolledback Type = "dev.cdevents.service.rolledback.0.3.0"
	ServiceRemoved    Type = "dev.cdevents.service.removed.0.3.0"
	IncidentDetected  Type = "dev.cdevents.incident.detected.0.3.0"
	IncidentResolved  Type = "dev.cdevents.incident.resolved.0.3.0"
)

// Types of NOPEA's own, which CDEvents allows for under dev.cdeventsx: the vocabulary has no words for syncs and drift.
const (
	SyncStarted    Type = "dev.cdeventsx.nopea-sync.started.0.1.0"
	SyncFinished   Type = "dev.cdeventsx.nopea-sync.finished.0.1.0"
	DriftDetected  Type = "dev.cdeventsx.nopea-drift.detected.0.1.0"
	DriftCorrected Type = "dev.cdeventsx.nopea-drift.corrected.0.1.0"

	// DeploymentFailed says that the cluster could not be kept as Git has it. It is no dev.cdevents type, because no released
	// version of CDEvents has a deployment subject, and consumers reject types that are not in the vocabulary.
	DeploymentFailed Type = "dev.cdeventsx.nopea-deployment.failed.0.1.0"
)
