package apply

import "strings"

// Stage is a step of a sync. All objects of a stage are applied side by side; the next stage begins when none of them failed.
type Stage int

const (
	// StageDefinitions holds what other objects need before they can be written: Namespaces, CustomResourceDefinitions and the
	// cluster-wide classes that objects name.
	StageDefinitions Stage = iota
	// StageObjects holds everything else.
	StageObjects
	stageCount
)

const (
	groupApiextensions = "apiextensions.k8s.io"
	kindCRD            = "CustomResourceDefinition"
)

// StageOf says in which stage an object is applied.
func StageOf(id ID) Stage {
	switch {
	case id.Group == "" && id.Kind == "Namespace":
		return StageDefinitions
	case id.Group == groupApiextensions && id.Kind == kindCRD:
		return StageDefinitions
	case id.Namespace == "" && strings.HasSuffix(id.Group, ".k8s.io") && strings.HasSuffix(id.Kind, "Class"):
		return StageDefinitions
	}
	return StageObjects
}
