package apiserver

import (
	"context"

	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apiserver/pkg/authorization/authorizer"
)

// selections answers for a selection from a collection by what the caller may do with all of it, as far as that is enough.
//
// To an authorizer each selector is another question: the controller's, for the Inventories of one GitRepository, would be as many as
// there are GitRepositories, each a request to kube-apiserver. The question about the whole collection is one, and its answer is
// kept. It is about more, never less: Kubernetes itself asks it when it cannot parse a selector. Who may not have everything is asked
// about for the selection.
type selections struct {
	authorizer.Authorizer
}

// Authorize decides on a request.
func (s selections) Authorize(ctx context.Context, attributes authorizer.Attributes) (authorizer.Decision, string, error) {
	if selects(attributes) {
		if decision, reason, err := s.Authorizer.Authorize(ctx, everything{attributes}); decision == authorizer.DecisionAllow {
			return decision, reason, err
		}
	}
	return s.Authorizer.Authorize(ctx, attributes)
}

func selects(attributes authorizer.Attributes) bool {
	byField, fieldErr := attributes.GetFieldSelector()
	byLabel, labelErr := attributes.GetLabelSelector()
	return fieldErr == nil && labelErr == nil && len(byField)+len(byLabel) > 0
}

// everything is a request without its selectors.
type everything struct {
	authorizer.Attributes
}

// GetFieldSelector selects nothing.
func (everything) GetFieldSelector() (fields.Requirements, error) { return nil, nil }

// GetLabelSelector selects nothing.
func (everything) GetLabelSelector() (labels.Requirements, error) { return nil, nil }
