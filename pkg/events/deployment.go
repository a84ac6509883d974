package events

import (
	"cmp"
	"net/url"
	"path"
	"time"

	"nopea.io/nopea/pkg/wording"
)

// Deployment is a GitRepository and the commit that an event is about. CDEvents calls it a service.
type Deployment struct {
	// Cluster is the name that the installation gives its cluster.
	Cluster string
	// Namespace and Name of the GitRepository.
	Namespace, Name string
	// TargetNamespace of objects that name none. Left out: Namespace.
	TargetNamespace string
	// RepositoryURL as the spec has it. Credentials and a query in it are left out of events.
	RepositoryURL string
	// Path inside the repository.
	Path string
	// Ref as a user would call it, such as "main".
	Ref string
	// Commit is the full hash; empty when it is not known, which only a failure or a removal may leave open.
	Commit string
}

// source is the producer of the events, a URI reference.
func (d *Deployment) source() string {
	return path.Join("/nopea", url.PathEscape(d.Cluster))
}

func (d *Deployment) serviceID() string {
	return d.Namespace + "/" + d.Name
}

// content is what the subjects of a deployment's events have in common.
func (d *Deployment) content() Content {
	return Content{
		Environment: &Reference{ID: path.Join(d.Cluster, cmp.Or(d.TargetNamespace, d.Namespace))},
		ArtifactID:  artifactID(d.RepositoryURL, d.Commit),
	}
}

// service is the deployment as a subject.
func (d *Deployment) service() Subject {
	return Subject{ID: d.serviceID(), Content: d.content()}
}

// incident is an episode of trouble with the deployment as a subject.
func (d *Deployment) incident(kind string, since time.Time, description string) Subject {
	content := d.content()
	content.Service = &Reference{ID: d.serviceID()}
	content.Description = wording.Shorten(description, maxMessage)
	return Subject{ID: path.Join(d.serviceID(), kind, since.UTC().Format(time.RFC3339)), Content: content}
}

// details are those that all of a deployment's events have.
func (d *Deployment) details() Details {
	return Details{Repository: publicURL(d.RepositoryURL), Path: d.Path, Ref: d.Ref, Revision: d.Commit}
}
