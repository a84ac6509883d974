package prevent

import (
	"fmt"
	"strings"
	"testing"
)

func TestPolicyWithoutBreakGlassGroup(t *testing.T) {
	spec := Policy(Options{}).Spec
	for _, condition := range spec.MatchConditions {
		if strings.Contains(*condition.Expression, "groups") {
			t.Errorf("the condition %s is about groups: %s", *condition.Name, *condition.Expression)
		}
	}
	for _, validation := range spec.Validations {
		if strings.Contains(*validation.MessageExpression, "group") {
			t.Errorf("the message speaks of a group: %s", *validation.MessageExpression)
		}
	}
}

func TestPolicyQuotesTheBreakGlassGroup(t *testing.T) {
	for group, want := range map[string]string{
		"nopea:break-glass":         `"nopea:break-glass"`,
		`a" in [] || true || "`:     `"a\" in [] || true || \""`,
		"back\\slash\tand\nline":    `"back\\slash\tand\nline"`,
		"nötig":                     `"n\u00f6tig"`,
		"bytes of no \xff encoding": `"bytes of no \ufffd encoding"`,
		"delete \x7f":               `"delete \x7f"`,
	} {
		t.Run(fmt.Sprintf("%q", group), func(t *testing.T) {
			conditions := Policy(Options{BreakGlassGroup: group}).Spec.MatchConditions
			last := conditions[len(conditions)-1]
			if *last.Name != "not-break-glass" || !strings.Contains(*last.Expression, "("+want+" in request.userInfo.groups)") {
				t.Errorf("the condition %s is %s; want the group as %s", *last.Name, *last.Expression, want)
			}
		})
	}
}
