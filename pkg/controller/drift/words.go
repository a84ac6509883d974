package drift

import (
	"fmt"
	"strings"
	"time"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/apply"
	"nopea.io/nopea/pkg/ownership"
	"nopea.io/nopea/pkg/wording"
)

// about says in a line what holds for some objects, by the newest of them.
func about(found []v1alpha1.DriftedObject, what string) string {
	one := newest(found)
	text := fmt.Sprintf("%s %s", idOf(one), what)
	if one.Manager != "" {
		text += fmt.Sprintf(", by %s", one.Manager)
	}
	if len(one.Fields) > 0 {
		text += ": " + strings.Join(one.Fields, ", ")
	}
	if one.Message != "" {
		text += ": " + one.Message
	}
	if more := len(found) - 1; more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return wording.Shorten(text, 1024)
}

func idOf(found v1alpha1.DriftedObject) apply.ID {
	return apply.ID{Group: found.Group, Kind: found.Kind, Namespace: found.Namespace, Name: found.Name}
}

// pauseCommand holds an object for an hour.
func pauseCommand(id apply.ID, now time.Time) string {
	kind := strings.ToLower(id.Kind)
	if id.Group != "" {
		kind += "." + id.Group
	}
	command := fmt.Sprintf("kubectl annotate %s %s", kind, id.Name)
	if id.Namespace != "" {
		command += " -n " + id.Namespace
	}
	return fmt.Sprintf("%s %s=%s", command, v1alpha1.AnnotationPauseUntil, now.Add(time.Hour).UTC().Format(time.RFC3339))
}

// fieldsOf names what was lost, and who has it: who took the first of them.
func fieldsOf(losses []ownership.Loss) (fields []string, manager string) {
	for _, loss := range losses {
		if len(fields) < v1alpha1.MaxDriftedFields {
			fields = append(fields, wording.Shorten(loss.Path, 256))
		}
		if manager == "" && loss.Manager != "" && loss.Manager != v1alpha1.FieldManager {
			manager = managerName(loss.Manager, loss.Subresource)
		}
	}
	return fields, manager
}

func managerName(manager, subresource string) string {
	if subresource != "" {
		return fmt.Sprintf("%s (/%s)", wording.Shorten(manager, 128), subresource)
	}
	return wording.Shorten(manager, 128)
}
