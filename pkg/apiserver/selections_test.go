package apiserver

import (
	"context"
	"errors"
	"testing"

	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apiserver/pkg/authorization/authorizer"
)

func TestSelections(t *testing.T) {
	byField := fields.OneTermEqualSelector("spec.repository", "shop").Requirements()
	byLabel, _ := labels.SelectorFromSet(labels.Set{"app": "shop"}).Requirements()
	const allow, deny, noOpinion = authorizer.DecisionAllow, authorizer.DecisionDeny, authorizer.DecisionNoOpinion
	unavailable := errors.New("unavailable")
	for name, test := range map[string]struct {
		request         authorizer.AttributesRecord
		all, some       authorizer.Decision // what the authorizer says of the collection, and of the selection
		err             error
		want            authorizer.Decision
		askedAll, asked int
	}{
		"all, which is enough":   {authorizer.AttributesRecord{FieldSelectorRequirements: byField}, allow, deny, nil, allow, 1, 0},
		"only the selection":     {authorizer.AttributesRecord{LabelSelectorRequirements: byLabel}, noOpinion, allow, nil, allow, 1, 1},
		"denied all, not some":   {authorizer.AttributesRecord{LabelSelectorRequirements: byLabel}, deny, allow, nil, allow, 1, 1},
		"neither":                {authorizer.AttributesRecord{FieldSelectorRequirements: byField, LabelSelectorRequirements: byLabel}, noOpinion, noOpinion, nil, noOpinion, 1, 1},
		"neither could be asked": {authorizer.AttributesRecord{FieldSelectorRequirements: byField}, noOpinion, noOpinion, unavailable, noOpinion, 1, 1},
		"no selection":           {authorizer.AttributesRecord{}, noOpinion, allow, nil, noOpinion, 1, 0},
		"not to be understood":   {authorizer.AttributesRecord{FieldSelectorParsingErr: errors.New("bad")}, noOpinion, allow, nil, noOpinion, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			askedAll, asked := 0, 0
			test.request.Verb, test.request.Resource = "list", "inventories"
			s := selections{authorizer.AuthorizerFunc(func(_ context.Context, a authorizer.Attributes) (authorizer.Decision, string, error) {
				if a.GetVerb() != "list" || a.GetResource() != "inventories" {
					t.Errorf("asked about %s %s", a.GetVerb(), a.GetResource())
				}
				if !selects(a) {
					askedAll++
					return test.all, "", test.err
				}
				asked++
				return test.some, "", test.err
			})}
			decision, _, err := s.Authorize(t.Context(), test.request)
			if decision != test.want || !errors.Is(err, test.err) || askedAll != test.askedAll || asked != test.asked {
				t.Errorf("got %v, %v after %d+%d questions; want %v, %v after %d+%d", decision, err, askedAll, asked, test.want, test.err, test.askedAll, test.asked)
			}
		})
	}
}
