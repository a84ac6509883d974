package validation

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nopea.io/nopea/pkg/apis/nopea"
	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

func TestValidatePlan(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*nopea.Plan)
		wish   string
	}{
		"valid":    {func(*nopea.Plan) {}, ""},
		"action":   {func(p *nopea.Plan) { p.Objects[0].Action = "Burn" }, "objects[0].action: Unsupported"},
		"revision": {func(p *nopea.Plan) { p.Revision = &nopea.Revision{Commit: "main"} }, "revision.commit: full commit hash"},
		"fields": {func(p *nopea.Plan) { p.Objects[0].Fields = make([]nopea.FieldChange, v1alpha1.MaxPlanFields+1) },
			"objects[0].fields: Too many"},
		"bytes": {func(p *nopea.Plan) {
			p.Objects[0].Fields = []nopea.FieldChange{{Path: "a", To: strings.Repeat("x", v1alpha1.MaxPlanBytes)}}
		}, "objects: bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			plan := &nopea.Plan{
				ObjectMeta: metav1.ObjectMeta{Name: "shop-x7k2p", Namespace: "team-a"},
				Objects:    []nopea.PlannedObject{{Action: nopea.PlanActionCreate, APIVersion: "v1", Kind: "ConfigMap", Name: "a"}},
			}
			test.change(plan)
			expect(t, ValidatePlan(plan), test.wish)
		})
	}
}
