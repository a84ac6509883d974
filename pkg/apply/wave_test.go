package apply

import (
	"fmt"
	"testing"
)

func TestWaves(t *testing.T) {
	plan := Plan{}
	add := func(kind, name string, wave int, action Action) {
		plan.Steps = append(plan.Steps, Step{Action: action, ID: ID{Kind: kind, Name: name}, Desired: &Desired{Wave: wave}})
	}
	add("ConfigMap", "late", 5, Create)
	add("ConfigMap", "there", 3, Unchanged)
	add("ConfigMap", "usual", 0, Configure)
	add("Namespace", "usual", 0, Create)
	add("ConfigMap", "first", -2, Verify)
	plan.Steps = append(plan.Steps, Step{Action: Prune, ID: ID{Kind: "ConfigMap", Name: "old"}})
	got := ""
	for _, wave := range plan.waves() {
		got += fmt.Sprint(wave.number, ":")
		for stage := range stageCount {
			for _, step := range wave.stage(stage) {
				got += " " + step.ID.String()
			}
		}
		got += "; "
	}
	if want := "-2: ConfigMap first; 0: Namespace usual ConfigMap usual; 5: ConfigMap late; "; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
